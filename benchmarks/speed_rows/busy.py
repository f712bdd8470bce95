"""The fit of the quickstart, alone and beside other work on the same machine."""

import subprocess
import sys
from contextlib import contextmanager
from statistics import mean, median

from common.processes import run_in_new_process

from .declaration import speed_row

N_BUSY = 2
# The parameters are those of examples/plot_quickstart.py. The seed is an argument.
FIT = """
import sys
import time
from skblood import BloodCNNClassifier, load_bloodmnist_sample

train = load_bloodmnist_sample("train", labels="names")
test = load_bloodmnist_sample("test", labels="names")
classifier = BloodCNNClassifier(
    max_epochs=13, stochastic_depth=0.0, random_state=int(sys.argv[1])
)
start = time.perf_counter()
classifier.fit(train.images, train.target)
print(time.perf_counter() - start, classifier.score(test.images, test.target))
"""


@speed_row(
    "quickstart",
    "fit of the quickstart, s",
    figure="median_seconds",
    at_most=20,
    n_pairs=5,
)
def fit_quickstart(n_repeats):
    """Fit with several seeds. The example has the first one."""
    seconds, accuracies = zip(*map(_fit, range(n_repeats)), strict=True)
    return {
        "ours_seconds": seconds,
        "median_seconds": median(seconds),
        "accuracies": accuracies,
        "mean_accuracy": mean(accuracies),
    }


@speed_row(
    "busy",
    "fit of the quickstart: beside two busy processes / alone",
    at_most=3,
    n_pairs=3,
)
def fit_beside_busy_processes(n_pairs):
    alone, beside = [], []
    for _ in range(n_pairs):
        alone.append(_fit()[0])
        with _busy_processes():
            beside.append(_fit()[0])
    return {
        "ours_seconds": beside,
        "reference_seconds": alone,
        "ratio_is": "ours / reference",
        "ratio": median(b / a for a, b in zip(alone, beside, strict=True)),
    }


def _fit(seed=0):
    """Return the seconds of the fit, and the accuracy."""
    seconds, accuracy = map(float, run_in_new_process(FIT, seed).split())
    return seconds, accuracy


@contextmanager
def _busy_processes():
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(N_BUSY)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
