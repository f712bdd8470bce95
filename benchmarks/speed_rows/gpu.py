"""Training and prediction on a GPU. Its rows need one, and are left out without."""

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import numpy as np
import torch
from common.timing import seconds_of

from skblood import BloodCNNClassifier, load_bloodmnist, save_model

from .declaration import speed_row
from .fitting import compare_default_with_loop
from .racing import FASTEST

ROOT = Path(__file__).parents[2]


def fit_seconds(setting, n_seeds):
    """Train a setting with several seeds on the GPU, and score each on the test split.

    One short training before the first timing loads the libraries of CUDA.
    """
    X, y = load_bloodmnist(split="train", return_X_y=True)
    test = load_bloodmnist(split="test", return_X_y=True)
    warm_up = BloodCNNClassifier(**{"device": "cuda", **setting, "max_epochs": 1})
    warm_up.fit(X[:640], y[:640])
    seconds, accuracies = [], []
    for seed in range(n_seeds):
        model = BloodCNNClassifier(device="cuda", random_state=seed, **setting)
        seconds.append(seconds_of(partial(model.fit, X, y)))
        accuracies.append(model.score(*test))
    return {
        "gpu": torch.cuda.get_device_name(),
        "ours_seconds": seconds,
        "ours_accuracies": accuracies,
        "ours_mean_seconds": mean(seconds),
        "ours_mean_accuracy": mean(accuracies),
    }


@speed_row(
    "gpu-tests",
    "tests on a GPU that fail",
    figure="n_failed",
    at_most=0,
)
def tests_on_a_gpu(n_repeats):
    """Run all tests whose name contains "Cuda"."""
    command = [sys.executable, "-m", "pytest", "-q", "-k", "Cuda", str(ROOT / "tests")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    summary = run.stdout.strip().splitlines()[-1]
    print(run.stdout)
    counts = {word: int(n) for n, word in re.findall(r"(\d+) ([a-z]+)", summary)}
    if not counts.get("passed"):
        raise RuntimeError(f"Expected tests that pass on the GPU, got: {summary}")
    n_failed = sum(counts.get(word, 0) for word in ("failed", "error", "errors"))
    return {"summary": summary, "n_failed": n_failed}


@speed_row(
    "gpu-fit-default",
    "fit on a GPU, default CNN, s",
    figure="ours_mean_seconds",
    at_most=20,
)
def fit_default(n_seeds):
    return fit_seconds({}, n_seeds)


@speed_row(
    "gpu-time-to-report",
    "training on a GPU to accuracy .914 on the test split, s",
    figure="ours_mean_seconds",
    at_most=1,
)
def time_to_report(n_seeds):
    return fit_seconds(FASTEST, n_seeds)


@speed_row(
    "gpu-fit-loop",
    "fit on a GPU, default CNN: skblood / plain PyTorch training loop",
    at_most=1.1,
)
def fit_and_loop(n_pairs):
    return compare_default_with_loop(n_pairs, "cuda")


@speed_row(
    "gpu-predict",
    "predict_proba of 100,000 images: two CPU cores / GPU",
    at_least=20,
)
def predict(n_repeats):
    """Compare predictions on the GPU with those of the same model on two cores.

    The model is fitted on the GPU. The one on the CPU is loaded from its file in a
    process that sees no GPU.
    """
    X, y = load_bloodmnist(split="train", return_X_y=True)
    images = np.resize(load_bloodmnist(split="test").data, (100_000, 28, 28, 3))
    model = BloodCNNClassifier(device="cuda", max_epochs=2, random_state=0).fit(X, y)
    model.predict_proba(images)
    on_gpu = [
        seconds_of(partial(model.predict_proba, images)) for _ in range(n_repeats)
    ]
    with TemporaryDirectory() as folder:
        path, labels = Path(folder, "model.safetensors"), Path(folder, "labels.npy")
        save_model(model, path)
        script = (
            "import sys, time, numpy, torch, skblood\n"
            "torch.set_num_threads(2)\n"
            "model = skblood.load_model(sys.argv[1])\n"
            "assert model.device_ == 'cpu'\n"
            "X = skblood.load_bloodmnist(split='test').data\n"
            "numpy.save(sys.argv[2], model.predict(X))\n"
            "start = time.perf_counter()\n"
            "model.predict_proba(X)\n"
            "print((time.perf_counter() - start) / len(X))\n"
        )
        command = [sys.executable, "-W", "ignore", "-c", script, path, labels]
        without_gpu = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        run = subprocess.run(
            command, env=without_gpu, check=True, stdout=subprocess.PIPE, text=True
        )
        on_cpu_labels = np.load(labels)
    same = on_cpu_labels == model.predict(images[: len(on_cpu_labels)])
    on_cpu = float(run.stdout) * len(images)
    return {
        "gpu": torch.cuda.get_device_name(),
        "ours_seconds": on_gpu,
        "images_per_second": len(images) / min(on_gpu),
        "reference_seconds": [on_cpu],
        "same_labels_on_the_cpu": float(same.mean()),
        "ratio_is": "reference / ours",
        "ratio": on_cpu / min(on_gpu),
    }
