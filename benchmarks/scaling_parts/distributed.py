"""Images per second of one training by one and by two processes, and an estimate.

Each process has one thread. The estimate for n processes, each with a processor core of
its own, adds up

- the measured time of a step in one process;
- what a second process was measured to add to it, for the program's part of summing the
  gradients. In a ring, each process sends 2 (n - 1) / n times their size: this part
  grows from 1 to 2 times that of two processes;
- the time on a network, of which the two processes on one machine need nothing: the
  same size, and 2 (n - 1) messages.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from common.processes import BENCHMARKS

PROCESSES = (1, 2)
ESTIMATED = (8, 64)
# Stated assumptions of the estimate: an Ethernet of 10 Gbit/s, and its usual latency.
NETWORK_BYTES_PER_S = 10e9 / 8
LATENCY_S = 50e-6
WORK = """
import json, sys, time
import torch
import torch.distributed as dist
from skblood import BloodCNNClassifier, BloodFNNClassifier, load_bloodmnist_sample

torch.set_num_threads(1)
dist.init_process_group("gloo")
X, y = load_bloodmnist_sample("train", return_X_y=True)
n_processes = dist.get_world_size()
batch_size = int(sys.argv[2])
figures = {}
options = {
    "max_epochs": int(sys.argv[3]), "batch_size": batch_size * n_processes,
    "device": "cpu", "random_state": 0,
}
classifiers = {
    "cnn": BloodCNNClassifier(precision="float32", **options),
    "fnn": BloodFNNClassifier(**options),
}
for name, clf in classifiers.items():
    clf.fit(X, y)
    # The first epoch includes the imports of torch.
    seconds = sorted(epoch["dur"] for epoch in clf.history_[1:])
    weights = [p for p in clf.net_.module_.parameters()]
    gradients = torch.zeros(sum(p.numel() for p in weights))
    sums = []
    for _ in range(20):
        dist.barrier()
        start = time.perf_counter()
        dist.all_reduce(gradients)
        sums.append(time.perf_counter() - start)
    figures[name] = {
        "images_per_s": len(X) / seconds[len(seconds) // 2],
        "seconds_a_step": seconds[len(seconds) // 2]
        / clf.history_[-1]["train_batch_count"],
        "gradient_bytes": gradients.nbytes,
        "all_reduce_s": sorted(sums)[10],
    }
X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)
accuracies = []
for seed in range(int(sys.argv[4])):
    clf = BloodCNNClassifier(
        width=8, max_epochs=10, precision="float32", device="cpu", random_state=seed
    ).fit(X, y)
    accuracies.append(clf.score(X_test, y_test))
figures["accuracy_of_a_small_cnn"] = accuracies
if dist.get_rank() == 0:
    open(sys.argv[1], "w").write(json.dumps(figures))
# A thread of torch may still release the last tensor. If Python ends meanwhile, torch
# aborts the process.
time.sleep(1)
dist.destroy_process_group()
"""


def measure(short=False):
    """Return images per second, measured and estimated, and accuracies.

    For the speed, each process has 64 images of a batch, so the batch grows with the
    number of processes. The accuracies are those of the same batch size: one for each
    seed.
    """
    n_epochs, n_seeds = (2, 1) if short else (6, 5)
    measured = {str(n): _train(n, n_epochs, n_seeds) for n in PROCESSES}
    return {
        "images_of_a_batch_in_each_process": 64,
        "processes": measured,
        "estimate": {
            "network_bytes_per_s": NETWORK_BYTES_PER_S,
            "latency_s": LATENCY_S,
            "images_per_s": estimate(measured),
        },
    }


def _train(n_processes, n_epochs, n_seeds):
    with TemporaryDirectory() as folder:
        script, result = Path(folder, "work.py"), Path(folder, "result.json")
        script.write_text(WORK)
        torchrun = ["torch.distributed.run", "--standalone"]
        subprocess.run(
            [
                sys.executable,
                "-m",
                *torchrun,
                f"--nproc-per-node={n_processes}",
                *map(str, (script, result, 64, n_epochs, n_seeds)),
            ],
            check=True,
            cwd=BENCHMARKS,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        return json.loads(result.read_text())


def estimate(measured):
    """Return the estimated images per second for larger numbers of processes."""
    return {
        str(n): {
            name: _estimate(measured["1"][name], measured["2"][name], n)
            for name in ("cnn", "fnn")
        }
        for n in ESTIMATED
    }


def _estimate(one, two, n):
    size = 2 * (n - 1) / n
    added = two["seconds_a_step"] - one["seconds_a_step"]
    network = 2 * (n - 1) * LATENCY_S
    network += size * one["gradient_bytes"] / NETWORK_BYTES_PER_S
    return 64 * n / (one["seconds_a_step"] + size * added + network)
