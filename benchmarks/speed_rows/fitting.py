"""`fit` beside a loop written by hand, and beside plain skorch."""

from functools import partial

import numpy as np
import torch
from recipes import REPORT, REPORT_CNN
from references import plain_skorch, torch_loop
from timing import compare

from skblood import BloodCNNClassifier, BloodFNNClassifier, load_bloodmnist
from skblood._callbacks import one_cycle
from skblood._precision import resolve_precision
from skblood.augmentation import augment_cells
from skblood.networks import FeedForwardNetwork, ReportNetwork, ResidualNetwork
from skblood.optimizers import make_optimizer

SHAPE, N_CLASSES = (28, 28, 3), 8
CNN_EPOCHS, FNN_EPOCHS = 2, 20


def default_cnn(n_pairs):
    """Time the default against a loop with its network, optimiser and augmentation."""
    X, y, pixels, targets = _prepare()
    ours = BloodCNNClassifier(max_epochs=CNN_EPOCHS, random_state=0)
    half = resolve_precision("auto", "cpu") == "bfloat16"

    def by_hand():
        network = ResidualNetwork(SHAPE, N_CLASSES)
        torch_loop.train(
            network.to(memory_format=torch.channels_last),
            pixels,
            targets,
            make_optimizer("muon", network, lr=0.04, weight_decay=0.02),
            n_epochs=CNN_EPOCHS,
            batch_size=64,
            augment=augment_cells,
            lr_share=one_cycle,
            bfloat16=half,
        )

    return compare(partial(ours.fit, X, y), by_hand, n_pairs)


def report_cnn(n_pairs):
    """Time the report's CNN, by the report's recipe, against a loop that follows it."""
    ours = BloodCNNClassifier(max_epochs=CNN_EPOCHS, random_state=0, **REPORT_CNN)
    return _compare_report(ours, ReportNetwork, CNN_EPOCHS, n_pairs)


def report_fnn(n_pairs):
    """Time the one-layer network, by the report's recipe, against such a loop."""
    ours = BloodFNNClassifier(max_epochs=FNN_EPOCHS, random_state=0, **REPORT)
    return _compare_report(ours, FeedForwardNetwork, FNN_EPOCHS, n_pairs)


def _compare_report(ours, network_class, n_epochs, n_pairs):
    X, y, pixels, targets = _prepare()

    def by_hand():
        network = network_class(SHAPE, N_CLASSES)
        network = network.to(memory_format=torch.channels_last)
        torch_loop.train(
            network,
            pixels,
            targets,
            torch.optim.Adam(network.parameters(), lr=1e-3, fused=True),
            n_epochs=n_epochs,
            batch_size=128,
        )

    return compare(partial(ours.fit, X, y), by_hand, n_pairs)


def report_cnn_skorch(n_pairs):
    """Time plain skorch with the report's CNN against ours."""
    ours = BloodCNNClassifier(max_epochs=CNN_EPOCHS, random_state=0, **REPORT_CNN)
    return _compare_skorch(ours, "cnn", CNN_EPOCHS, n_pairs)


def report_fnn_skorch(n_pairs):
    """Time plain skorch with the one-layer network against ours."""
    ours = BloodFNNClassifier(max_epochs=FNN_EPOCHS, random_state=0, **REPORT)
    return _compare_skorch(ours, "fnn", FNN_EPOCHS, n_pairs)


def _compare_skorch(ours, network, n_epochs, n_pairs):
    X, y = load_bloodmnist(return_X_y=True)
    floats = plain_skorch.as_floats(X)
    theirs = plain_skorch.make_net(network, max_epochs=n_epochs)
    return compare(
        partial(ours.fit, X, y), partial(theirs.fit, floats, y), n_pairs, faster=True
    )


def _prepare():
    """Return the train split as it is, and as the hand-written loop wants it."""
    X, y = load_bloodmnist(return_X_y=True)
    floats = X.astype(np.float32)
    floats -= floats.mean(axis=(0, 1, 2))
    floats /= floats.std(axis=(0, 1, 2))
    return X, y, torch.from_numpy(floats), torch.from_numpy(y)
