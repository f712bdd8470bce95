"""The peak memory of `fit`, without the memory of torch and of the images."""

from common.processes import run_in_new_process

from .declaration import speed_row

# Writing 5 to clear_refs resets the peak memory (VmHWM), which would otherwise include
# the imports and the loading of the data. One epoch is enough, because later epochs
# need the same memory.
FIT = """
from pathlib import Path

import torch
from common.processes import memory_in_bytes
from skblood import BloodCNNClassifier, load_bloodmnist

X, y = load_bloodmnist(return_X_y=True)
classifier = BloodCNNClassifier(max_epochs=1, random_state=0)
Path("/proc/self/clear_refs").write_text("5")
before = memory_in_bytes("VmRSS")
classifier.fit(X, y)
print(before, memory_in_bytes("VmHWM"), X.nbytes)
"""


@speed_row(
    "memory",
    "peak memory of fit without torch and X, MB",
    figure="most_megabytes",
    at_most=237,
    n_pairs=3,
    short=True,
)
def peak_memory_of_fit(n_repeats):
    """Measure the default classifier on the train split, in a new process each time."""
    peaks = []
    for _ in range(n_repeats):
        before, peak, n_bytes = map(int, run_in_new_process(FIT).split())
        peaks.append((peak - before) / 1e6)
    return {
        "megabytes_above_torch_and_X": peaks,
        "megabytes_of_X": n_bytes / 1e6,
        "megabytes_before_fit": before / 1e6,
        "most_megabytes": max(peaks),
    }
