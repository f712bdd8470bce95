"""Measure whether `torch.compile` makes the default network faster.

Training steps and predictions are timed in turn with the compiled and the uncompiled
network. The first call of the compiled network, which compiles it, is timed separately.

    python benchmarks/compilation.py

This takes about three minutes and needs a C++ compiler.
"""

import os
from tempfile import TemporaryDirectory

import torch
from common.command_line import make_parser
from common.data import scale_pixels
from common.recording import write_results
from common.timing import compare_times, seconds_of
from torch.nn.functional import cross_entropy

from skblood import load_bloodmnist
from skblood._runtime.hardware import resolve_precision
from skblood.networks import ResidualNetwork
from skblood.optimizers import make_optimizer

N_STEPS, BATCH, N_PAIRS = 20, 64, 5


def make_functions(images, targets, *, compiled):
    """Return two functions, which train and predict for `N_STEPS` batches."""
    torch.manual_seed(0)
    network = ResidualNetwork((28, 28, 3), 8).to(memory_format=torch.channels_last)
    optimizer = make_optimizer("muon", network, lr=0.01, weight_decay=0.02)
    forward = torch.compile(network) if compiled else network
    bfloat16 = resolve_precision("auto", "cpu") == "bfloat16"
    batches = list(zip(images.split(BATCH), targets.split(BATCH), strict=True))

    def train():
        network.train()
        for x, y in batches:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
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


def measure():
    X, y = load_bloodmnist(return_X_y=True)
    X, y = X[: N_STEPS * BATCH], y[: N_STEPS * BATCH]
    images = torch.from_numpy(scale_pixels(X)).permute(0, 3, 1, 2)
    targets = torch.from_numpy(y)
    eager = make_functions(images, targets, compiled=False)
    compiled = make_functions(images, targets, compiled=True)
    figures = {}
    for name, ours, reference in zip(
        ("training", "predicting"), compiled, eager, strict=True
    ):
        first = seconds_of(ours)
        figures[name] = {
            "first_call_seconds": first,
            **compare_times(ours, reference, N_PAIRS),
            "ratio_is": "compiled / not compiled",
        }
        print(f"{name}: ratio {figures[name]['ratio']:.2f}, first call {first:.0f} s")
    write_results("compilation", {"n_steps": N_STEPS, **figures})


def main():
    make_parser(__doc__).parse_args()
    # torch caches compiled code on the disk. An empty cache makes sure that the first
    # call compiles the network.
    with TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        measure()


if __name__ == "__main__":
    main()
