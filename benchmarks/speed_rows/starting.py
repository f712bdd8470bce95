"""What users wait for before the work begins: imports, and loading the data."""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from common.processes import run_in_new_process
from common.timing import seconds_of
from PIL import Image

from skblood import load_bloodmnist, load_bloodmnist_sample

from .declaration import speed_row

SAMPLE = """
import sys
from skblood import load_bloodmnist_sample
load_bloodmnist_sample()
print(int("torch" in sys.modules))
"""


@speed_row(
    "sample",
    "load_bloodmnist_sample() in a new process imports torch (0 = no, 1 = yes)",
    figure="imports_torch",
    at_most=0,
    short=True,
)
def sample_without_torch(n_repeats):
    seconds, imports_torch = [], []
    for _ in range(n_repeats):
        start = time.perf_counter()
        imports_torch.append(int(run_in_new_process(SAMPLE)))
        seconds.append(time.perf_counter() - start)
    return {
        "seconds": seconds,
        "median_seconds": median(seconds),
        "imports_torch": max(imports_torch),
    }


@speed_row(
    "read",
    "load_bloodmnist() of a file that was loaded before, s",
    figure="median_seconds",
    at_most=0.15,
    n_pairs=9,
    short=True,
)
def load_again(n_repeats):
    load_bloodmnist()
    seconds = [seconds_of(load_bloodmnist) for _ in range(n_repeats)]
    return {"seconds": seconds, "median_seconds": median(seconds)}


@speed_row(
    "terminal",
    "the command `skblood predict` on 400 images, slowest of five runs, s",
    figure="most_seconds",
    at_most=3,
    short=True,
)
def predict_from_terminal(n_repeats):
    """Time the command on a folder of images, in a new process each time."""
    with TemporaryDirectory() as folder:
        for i, cell in enumerate(load_bloodmnist_sample("test").images):
            Image.fromarray(cell).save(Path(folder, f"cell{i}.png"))
        command = [sys.executable, "-m", "skblood", "predict", folder]
        run = partial(subprocess.run, command, check=True, capture_output=True)
        seconds = [seconds_of(run) for _ in range(n_repeats)]
        n_images = len(list(Path(folder).iterdir()))
    return {"n_images": n_images, "seconds": seconds, "most_seconds": max(seconds)}
