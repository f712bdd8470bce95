"""skorch used as its documentation shows: a NeuralNetClassifier around a torch module.

Nothing here makes skorch slower than it is. There is no validation split unless a
search uses early stopping, nothing is printed, and the arrays are converted to float32
before the timing starts.
"""

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import EarlyStopping
from skorch.dataset import ValidSplit

from references.report_networks import make_cnn, make_one_layer


def as_floats(X):
    """Return uint8 images (n, H, W, C) as float32 (n, C, H, W) in [-1, 1]."""
    return np.ascontiguousarray(
        (X.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2)
    )


def make_net(network, *, early_stopping=False, **options):
    """Return a skorch net with one of the report's two networks, "cnn" or "fnn"."""
    stopping = {
        "train_split": ValidSplit(10, stratified=True),
        "callbacks": [("stop", EarlyStopping(patience=5, sink=lambda line: None))],
    }
    return NeuralNetClassifier(
        make_cnn if network == "cnn" else make_one_layer,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        iterator_train__shuffle=True,
        verbose=0,
        **{
            "lr": 1e-3,
            "batch_size": 128,
            **(stopping if early_stopping else {"train_split": None}),
            **options,
        },
    )
