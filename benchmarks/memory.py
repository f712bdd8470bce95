"""Does memory grow with the data? Training from images that stay on the disk.

    python benchmarks/memory.py [--folder FOLDER]

Makes files of 3,000 and 12,000 images of 224×224 pixels, .45 and 1.8 GB, in FOLDER (by
default a temporary one), and removes them. Takes about ten minutes.

What is measured is the memory that a process owns (RssAnon), the most of it while `fit`
or `predict_proba` runs, above what it owned before. Pages of the mapped file are not in
it: the system keeps as many as it has room for, and takes them back when it needs them.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.lib.format import open_memmap
from recording import write_results

SIDE = 224
N_IMAGES = [3_000, 12_000]
WORK = """
import json, sys, threading
import numpy as np
from pathlib import Path
from skblood import BloodCNNClassifier

def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) * 1024

def most_while(work):
    done, most = threading.Event(), [before]
    def watch():
        while not done.wait(0.01):
            most.append(status("RssAnon:"))
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return (max(most) - before) / 1e6

X = np.load(sys.argv[1], mmap_mode="r")
y = np.arange(len(X)) % 8
clf = BloodCNNClassifier(max_epochs=1, random_state=0)
before = status("RssAnon:")
figures = {"fit": most_while(lambda: clf.fit(X, y))}
figures["predict_proba"] = most_while(lambda: clf.predict_proba(X))
print(json.dumps({**figures, "before": before / 1e6}))
"""


def make_images(path, n_images):
    """Write noise, a block at a time."""
    images = open_memmap(path, "w+", np.uint8, (n_images, SIDE, SIDE, 3))
    rng = np.random.default_rng(0)
    for start in range(0, n_images, 500):
        block = images[start : start + 500]
        block[:] = rng.integers(0, 256, block.shape, dtype=np.uint8)
    images.flush()


def measure(path):
    command = [sys.executable, "-c", WORK, str(path)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", help="where there is room for two gigabytes")
    options = parser.parse_args()
    figures = {}
    with TemporaryDirectory(dir=options.folder) as folder:
        for n_images in N_IMAGES:
            path = Path(folder, "images.npy")
            make_images(path, n_images)
            figures[str(n_images)] = measure(path)
            print(f"{n_images} images, MB: {figures[str(n_images)]}", flush=True)
            path.unlink()
    write_results("memory", {"side": SIDE, "megabytes": figures})


if __name__ == "__main__":
    main()
