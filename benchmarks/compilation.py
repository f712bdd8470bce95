"""Would `torch.compile` make the default faster? Its network, compiled and not.

    python benchmarks/compilation.py

Takes about three minutes and needs a C++ compiler. Steps and forward passes are timed
in turn; the time that compiling takes is apart.
"""

import os
from tempfile import TemporaryDirectory

import numpy as np
import torch
from recording import write_results
from timing import compare, seconds_of
from torch.nn.functional import cross_entropy

from skblood import load_bloodmnist
from skblood._precision import resolve_precision
from skblood.networks import ResidualNetwork
from skblood.optimizers import make_optimizer

N_STEPS, BATCH, N_PAIRS = 20, 64, 5


def make_steps(images, targets, *, compiled):
    """Return functions that train, and that predict, for `N_STEPS` batches."""
    torch.manual_seed(0)
    network = ResidualNetwork((28, 28, 3), 8).to(memory_format=torch.channels_last)
    optimizer = make_optimizer("muon", network, lr=0.01, weight_decay=0.02)
    forward = torch.compile(network) if compiled else network
    half = resolve_precision("auto", "cpu") == "bfloat16"
    batches = list(zip(images.split(BATCH), targets.split(BATCH), strict=True))

    def train():
        network.train()
        for x, y in batches:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                logits = forward(x)
            optimizer.zero_grad()
            cross_entropy(logits.float(), y).backward()
            optimizer.step()

    def predict():
        network.eval()
        with torch.inference_mode():
            for x, _ in batches:
                forward(x)

    return train, predict


def main():
    # What an earlier run compiled would make the first call look quick.
    with TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        measure()


def measure():
    X, y = load_bloodmnist(return_X_y=True)
    X, y = X[: N_STEPS * BATCH], y[: N_STEPS * BATCH]
    images = torch.from_numpy(X.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2)
    targets = torch.from_numpy(y)
    eager = make_steps(images, targets, compiled=False)
    compiled = make_steps(images, targets, compiled=True)
    figures = {}
    for name, ours, reference in zip(
        ("training", "predicting"), compiled, eager, strict=True
    ):
        first = seconds_of(ours)
        figures[name] = {
            "first_call_seconds": first,
            **compare(ours, reference, N_PAIRS),
            "ratio_is": "compiled / not compiled",
        }
        print(f"{name}: {figures[name]['ratio']:.2f}, first call {first:.0f} s")
    write_results("compilation", {"n_steps": N_STEPS, **figures})


if __name__ == "__main__":
    main()
