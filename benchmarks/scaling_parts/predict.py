"""Images per second of `predict` on a dask array, with one worker and with two.

The images are random pixels that the workers make themselves, so that neither a disk
nor a network limits the speed. "predict" is the speed of `predict` without dask, with
one thread, on as many images as a block has.
"""

import json
from statistics import median

from common.processes import run_in_new_process

N_RUNS = 3
WORK = """
import json, sys
import numpy as np
import torch
import dask.array as da
from common.timing import seconds_of
from distributed import Client
from skblood import load_pretrained

torch.set_num_threads(1)
n_runs, n_blocks, block_size = map(int, sys.argv[1:])
n_images = n_blocks * block_size

def predict(images, clf):
    return clf.predict(images)

if __name__ == "__main__":
    clf = load_pretrained()
    shape = (28, 28, 3)
    block = np.random.default_rng(0).integers(
        0, 256, (block_size, *shape), dtype=np.uint8
    )
    clf.predict(block)
    rates = {"predict": [], "1": [], "2": []}
    for _ in range(n_runs):
        rates["predict"].append(block_size / seconds_of(lambda: clf.predict(block)))
        for n_workers in (1, 2):
            options = {"threads_per_worker": 1, "dashboard_address": None}
            with Client(n_workers=n_workers, **options) as client:
                model = client.scatter(clf, broadcast=True, hash=False)

                def labels(n):
                    images = da.random.default_rng(0).integers(
                        0, 256, (n, *shape), dtype=np.uint8, chunks=(block_size, *shape)
                    )
                    return da.map_blocks(
                        predict, images, model, drop_axis=(1, 2, 3), dtype=int
                    )

                # The first block in a worker includes the imports of torch.
                labels(2 * n_workers * block_size).compute()
                seconds = seconds_of(lambda: labels(n_images).compute())
            rates[str(n_workers)].append(n_images / seconds)
    print(json.dumps({"n_images": n_images, "block_size": block_size, "runs": rates}))
"""


def measure(short=False):
    """Return the images per second of each number of workers."""
    arguments = (1, 4, 100) if short else (N_RUNS, 40, 1_000)
    figures = json.loads(run_in_new_process(WORK, *arguments).splitlines()[-1])
    rates = figures["runs"]
    return {
        "threads_of_a_worker": 1,
        **figures,
        "images_per_s": {name: median(runs) for name, runs in rates.items()},
    }
