"""The fit of the quickstart, alone and beside other work on the same machine."""

import ast
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median

from common.processes import run_in_new_process

from .declaration import speed_row

N_BUSY = 2
# The Makefile sets these for the quickstart.
ONE_CORE_PER_THREAD = {"OMP_PROC_BIND": "true", "OMP_PLACES": "cores"}
QUICKSTART = Path(__file__).parents[2] / "examples" / "plot_quickstart.py"
FIT = """
import ast
import sys
import time
from skblood import BloodCNNClassifier, load_bloodmnist_sample

train = load_bloodmnist_sample("train", labels="names")
test = load_bloodmnist_sample("test", labels="names")
classifier = BloodCNNClassifier(**ast.literal_eval(sys.argv[1]))
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
    fits = [_fit(seed, ONE_CORE_PER_THREAD) for seed in range(n_repeats)]
    seconds, accuracies = zip(*fits, strict=True)
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
    """Fit as ``make quickstart`` does, and with threads that may change their core."""
    figures = {"ratio_is": "ours / reference"}
    for prefix, environment in (("", ONE_CORE_PER_THREAD), ("unbound_", {})):
        alone, beside = [], []
        for _ in range(n_pairs):
            alone.append(_fit(environment=environment)[0])
            with _busy_processes():
                beside.append(_fit(environment=environment)[0])
        figures |= {
            f"{prefix}ours_seconds": beside,
            f"{prefix}reference_seconds": alone,
            f"{prefix}ratio": median(b / a for a, b in zip(alone, beside, strict=True)),
        }
    return figures


def _fit(seed=0, environment=None):
    """Return the seconds of the fit, and the accuracy."""
    parameters = {**_quickstart_parameters(), "random_state": seed}
    printed = run_in_new_process(FIT, parameters, environment=environment)
    seconds, accuracy = map(float, printed.split())
    return seconds, accuracy


def _quickstart_parameters():
    """Return the parameters that the example passes as literals."""
    calls = [
        node
        for node in ast.walk(ast.parse(QUICKSTART.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "BloodCNNClassifier"
    ]
    return {
        keyword.arg: keyword.value.value
        for keyword in calls[0].keywords
        if isinstance(keyword.value, ast.Constant)
    }


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
