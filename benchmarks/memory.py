"""Measure whether memory grows with the number of images, if they stay on the disk.

    python benchmarks/memory.py [--folder FOLDER]

The images are memory-mapped. Files with 3,000 and 12,000 images of 224×224 pixels (0.45
and 1.8 GB) are written to FOLDER, and removed at the end. This takes about ten minutes.

The figure is the peak of the process's own memory (RssAnon) during `fit` or
`predict_proba`, minus the memory before the call. It does not include the pages of the
mapped file: the system keeps as many of them in memory as it has room for, and drops
them when the memory is needed.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from common.command_line import make_parser
from common.processes import run_in_new_process
from common.recording import write_results
from numpy.lib.format import open_memmap

SIDE = 224
N_IMAGES = [3_000, 12_000]
WORK = """
import json, sys, threading
import numpy as np
from common.processes import memory_in_bytes
from skblood import BloodCNNClassifier

def peak_during(work):
    done, sizes = threading.Event(), [before]
    def watch():
        while not done.wait(0.01):
            sizes.append(memory_in_bytes("RssAnon"))
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return (max(sizes) - before) / 1e6

X = np.load(sys.argv[1], mmap_mode="r")
y = np.arange(len(X)) % 8
clf = BloodCNNClassifier(max_epochs=1, random_state=0)
before = memory_in_bytes("RssAnon")
figures = {"fit": peak_during(lambda: clf.fit(X, y))}
figures["predict_proba"] = peak_during(lambda: clf.predict_proba(X))
print(json.dumps({**figures, "before": before / 1e6}))
"""


def write_random_images(path, n_images):
    """Write images of random pixels, 500 at a time to save memory."""
    images = open_memmap(path, "w+", np.uint8, (n_images, SIDE, SIDE, 3))
    rng = np.random.default_rng(0)
    for start in range(0, n_images, 500):
        block = images[start : start + 500]
        block[:] = rng.integers(0, 256, block.shape, dtype=np.uint8)
    images.flush()


def main():
    parser = make_parser(__doc__)
    parser.add_argument(
        "--folder",
        help="folder for the images, with 2 GB of free space (default: a temporary "
        "folder)",
    )
    options = parser.parse_args()
    figures = {}
    with TemporaryDirectory(dir=options.folder) as folder:
        for n_images in N_IMAGES:
            path = Path(folder, "images.npy")
            write_random_images(path, n_images)
            figures[str(n_images)] = json.loads(run_in_new_process(WORK, path))
            print(f"{n_images} images, MB: {figures[str(n_images)]}", flush=True)
            path.unlink()
    write_results("memory", {"side": SIDE, "megabytes": figures})


if __name__ == "__main__":
    main()
