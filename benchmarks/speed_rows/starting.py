"""What one waits for before anything begins: imports, and reading the data."""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from PIL import Image
from timing import seconds_of

from skblood import load_bloodmnist, load_bloodmnist_sample

SAMPLE = """
import sys
from skblood import load_bloodmnist_sample
load_bloodmnist_sample()
print(int("torch" in sys.modules))
"""


def import_time(n_pairs):
    """Time ``import skblood`` beside ``import numpy``, each in a new process."""
    with_us, without = [], []
    for _ in range(n_pairs):
        without.append(_seconds_of_process("import numpy"))
        with_us.append(_seconds_of_process("import numpy, skblood"))
    differences = [a - b for a, b in zip(with_us, without, strict=True)]
    return {
        "with_skblood_seconds": with_us,
        "numpy_alone_seconds": without,
        "seconds_more": median(differences),
    }


def sample_without_torch(n_pairs):
    """Read the sample in a new process, time it, and see whether torch came along."""
    seconds, imports_torch = [], []
    for _ in range(n_pairs):
        start = time.perf_counter()
        imports_torch.append(int(_output_of_process(SAMPLE)))
        seconds.append(time.perf_counter() - start)
    return {
        "seconds": seconds,
        "median_seconds": median(seconds),
        "imports_torch": max(imports_torch),
    }


def read_again(n_pairs):
    """Time reading the train split when it has been read before."""
    load_bloodmnist()
    seconds = [seconds_of(load_bloodmnist) for _ in range(n_pairs)]
    return {"seconds": seconds, "median_seconds": median(seconds)}


def predict_from_terminal(n_pairs):
    """Time ``skblood predict`` on a folder of cells, each time a new process."""
    with TemporaryDirectory() as folder:
        for i, cell in enumerate(load_bloodmnist_sample("test").images):
            Image.fromarray(cell).save(Path(folder, f"cell{i}.png"))
        command = [sys.executable, "-m", "skblood", "predict", folder]
        run = partial(subprocess.run, command, check=True, capture_output=True)
        seconds = [seconds_of(run) for _ in range(n_pairs)]
        n_images = len(list(Path(folder).iterdir()))
    return {"n_images": n_images, "seconds": seconds, "most_seconds": max(seconds)}


def _seconds_of_process(code):
    return seconds_of(lambda: _output_of_process(code))


def _output_of_process(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
