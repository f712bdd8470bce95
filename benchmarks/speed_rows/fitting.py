"""`fit`, compared with a plain PyTorch training loop and with plain skorch."""

from functools import partial

import numpy as np
import torch
from common.recipes import REPORT, REPORT_CNN
from common.timing import compare_times
from references import plain_skorch, torch_loop

from skblood import BloodCNNClassifier, BloodFNNClassifier, load_bloodmnist
from skblood._runtime.hardware import resolve_precision
from skblood._training.callbacks import one_cycle
from skblood.augmentation import augment_cells
from skblood.networks import FeedForwardNetwork, ReportNetwork, ResidualNetwork
from skblood.optimizers import make_optimizer

from .declaration import speed_row

SHAPE, N_CLASSES = (28, 28, 3), 8
CNN_EPOCHS, FNN_EPOCHS = 2, 20


@speed_row(
    "fit-default",
    "fit, default CNN: skblood / plain PyTorch training loop",
    at_most=1.05,
)
def fit_default(n_pairs):
    return compare_default_with_loop(n_pairs, "cpu")


@speed_row(
    "fit-report-cnn",
    "fit, the report's CNN: skblood / plain PyTorch training loop",
    at_most=1.05,
)
def fit_report_cnn(n_pairs):
    return _compare_with_loop(
        _report_cnn(), ReportNetwork, _report_optimizer, n_pairs, batch_size=128
    )


@speed_row(
    "fit-report-fnn",
    "fit, the report's FNN: skblood / plain PyTorch training loop",
    at_most=1.15,
    short=True,
)
def fit_report_fnn(n_pairs):
    return _compare_with_loop(
        _report_fnn(), FeedForwardNetwork, _report_optimizer, n_pairs, batch_size=128
    )


@speed_row("skorch-cnn", "fit, the report's CNN: plain skorch / skblood", at_least=1.3)
def fit_report_cnn_skorch(n_pairs):
    return _compare_with_skorch(_report_cnn(), "cnn", n_pairs)


@speed_row(
    "skorch-fnn",
    "fit, the report's FNN: plain skorch / skblood",
    at_least=8,
    short=True,
)
def fit_report_fnn_skorch(n_pairs):
    return _compare_with_skorch(_report_fnn(), "fnn", n_pairs)


def compare_default_with_loop(n_pairs, device):
    """Time the default classifier and a loop on the same device."""
    ours = BloodCNNClassifier(max_epochs=CNN_EPOCHS, device=device, random_state=0)
    return _compare_with_loop(
        ours,
        ResidualNetwork,
        partial(
            make_optimizer,
            ours.optimizer,
            lr=ours.lr,
            weight_decay=ours.weight_decay,
        ),
        n_pairs,
        device=device,
        batch_size=ours.batch_size,
        augment=augment_cells,
        lr_factor=one_cycle,
        bfloat16=resolve_precision("auto", device) == "bfloat16",
    )


def _report_cnn():
    return BloodCNNClassifier(max_epochs=CNN_EPOCHS, random_state=0, **REPORT_CNN)


def _report_fnn():
    return BloodFNNClassifier(max_epochs=FNN_EPOCHS, random_state=0, **REPORT)


def _report_optimizer(network):
    return torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)


def _compare_with_loop(
    ours, network_class, make_optimizer, n_pairs, device="cpu", **loop_options
):
    """Time a classifier and a loop with the same network, optimizer and epochs."""
    X, y = load_bloodmnist(return_X_y=True)
    pixels, targets = _standardize(X).to(device), torch.from_numpy(y).to(device)

    def run_loop():
        network = network_class(SHAPE, N_CLASSES).to(
            device, memory_format=torch.channels_last
        )
        torch_loop.train(
            network,
            pixels,
            targets,
            make_optimizer(network),
            n_epochs=ours.max_epochs,
            **loop_options,
        )

    return compare_times(partial(ours.fit, X, y), run_loop, n_pairs)


def _compare_with_skorch(ours, network, n_pairs):
    X, y = load_bloodmnist(return_X_y=True)
    floats = plain_skorch.as_floats(X)
    theirs = plain_skorch.make_net(network, max_epochs=ours.max_epochs)
    return compare_times(
        partial(ours.fit, X, y), partial(theirs.fit, floats, y), n_pairs, faster=True
    )


def _standardize(X):
    floats = X.astype(np.float32)
    floats -= floats.mean(axis=(0, 1, 2))
    floats /= floats.std(axis=(0, 1, 2))
    return torch.from_numpy(floats)
