"""The fit of the quickstart, alone and beside other work on the same machine."""

import subprocess
import sys
from contextlib import contextmanager
from statistics import mean, median

from common.quickstart import ONE_CORE_PER_THREAD, fit_quickstart

from .declaration import speed_row

N_BUSY = 2


@speed_row(
    "quickstart",
    "fit of the quickstart, s",
    figure="median_seconds",
    at_most=20,
    n_pairs=5,
)
def fit_quickstart_alone(n_repeats):
    """Fit with several seeds. The example has the first one."""
    fits = [fit_quickstart(seed, ONE_CORE_PER_THREAD) for seed in range(n_repeats)]
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
            alone.append(fit_quickstart(environment=environment)[0])
            with _busy_processes():
                beside.append(fit_quickstart(environment=environment)[0])
        figures |= {
            f"{prefix}ours_seconds": beside,
            f"{prefix}reference_seconds": alone,
            f"{prefix}ratio": median(b / a for a, b in zip(alone, beside, strict=True)),
        }
    return figures


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
