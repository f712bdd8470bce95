"""The most memory that `fit` takes beyond torch and the images themselves."""

import subprocess
import sys

# The kernel's high-water mark is set back once everything is loaded. One epoch: the
# others do the same again.
FIT = """
from pathlib import Path

import torch
from skblood import BloodCNNClassifier, load_bloodmnist

def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) * 1024

X, y = load_bloodmnist(return_X_y=True)
classifier = BloodCNNClassifier(max_epochs=1, random_state=0)
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS:")
classifier.fit(X, y)
print(before, status("VmHWM:"), X.nbytes)
"""


def peak_of_fit(n_pairs):
    """Measure the default on the train split; `n_pairs` fits, each in a process."""
    command = [sys.executable, "-c", FIT]
    peaks = []
    for _ in range(n_pairs):
        output = subprocess.run(command, check=True, capture_output=True, text=True)
        before, peak, n_bytes = map(int, output.stdout.split())
        peaks.append((peak - before) / 1e6)
    return {
        "megabytes_above_torch_and_X": peaks,
        "megabytes_of_X": n_bytes / 1e6,
        "megabytes_before_fit": before / 1e6,
        "most_megabytes": max(peaks),
    }
