"""skorch as its documentation has it: arrays in, a NeuralNetClassifier around a module.

Validation is off unless a search stops early, printing is off, and the arrays are
float32 from the start: nothing here makes skorch slower than it is.
"""

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import EarlyStopping
from skorch.dataset import ValidSplit

from references.report_networks import make_cnn, make_one_layer


def as_floats(X):
    """Return stored images as float32 (n, C, H, W) in [-1, 1]."""
    return np.ascontiguousarray(
        (X.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2)
    )


def make_net(network, *, early_stopping=False, **options):
    """Return the net of one of the report's two models."""
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
