"""`BloodFNNClassifier`: its layers, activations, optimizers and accuracy."""

from itertools import pairwise

import numpy as np
import pytest
from torch import nn

from skblood import BloodFNNClassifier, load_bloodmnist_sample


def linear_layers(clf):
    """Return the input and output size of each linear layer."""
    layers = [m for m in clf.net_.module_.modules() if isinstance(m, nn.Linear)]
    return [(layer.in_features, layer.out_features) for layer in layers]


def test_without_hidden_layers_the_network_is_linear(tiny_fnn, cells):
    clf = tiny_fnn(hidden_layer_sizes=()).fit(*cells)
    assert linear_layers(clf) == [(2352, 8)]
    assert clf.transform(cells[0]).shape == (80, 2352)


@pytest.mark.parametrize(
    "sizes", [(20,), (20, 10), [20, 10], np.array([20, 10, 5])], ids=str
)
def test_sizes_of_the_hidden_layers(tiny_fnn, cells, sizes):
    clf = tiny_fnn(hidden_layer_sizes=sizes).fit(*cells)
    assert linear_layers(clf) == list(pairwise([2352, *sizes, 8]))
    assert clf.transform(cells[0]).shape == (80, sizes[-1])


@pytest.mark.parametrize(
    "activation, layer",
    [
        ("relu", nn.ReLU),
        ("tanh", nn.Tanh),
        ("logistic", nn.Sigmoid),
        ("identity", nn.Identity),
    ],
)
def test_each_activation_is_used_and_learns(tiny_fnn, cells, activation, layer):
    X, y = cells
    clf = tiny_fnn(
        hidden_layer_sizes=(20, 10), activation=activation, max_epochs=30
    ).fit(X, y)
    assert sum(isinstance(m, layer) for m in clf.net_.module_.modules()) == 2
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]
    assert clf.score(X, y) > 0.3


def test_dropout_has_no_effect_without_hidden_layers(tiny_fnn, cells):
    X, y = cells
    proba = [
        tiny_fnn(hidden_layer_sizes=sizes, dropout=dropout).fit(X, y).predict_proba(X)
        for sizes in [(), (10,)]
        for dropout in [0.0, 0.5]
    ]
    assert np.array_equal(proba[0], proba[1])
    assert not np.array_equal(proba[2], proba[3])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [(), (10,), (10, 5)])
@pytest.mark.parametrize("optimizer", ["muon", "adamw", "adam", "sgd"])
def test_each_optimizer_reduces_the_loss(tiny_fnn, cells, sizes, optimizer):
    X, y = cells
    clf = tiny_fnn(optimizer=optimizer, hidden_layer_sizes=sizes, lr=0.001)
    clf.set_params(max_epochs=5, lr_schedule="constant").fit(X, y)
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]


def test_accuracy_on_the_test_sample():
    X, y = load_bloodmnist_sample("train", return_X_y=True)
    X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)
    clf = BloodFNNClassifier(max_epochs=20, device="cpu", random_state=0).fit(X, y)
    assert clf.score(X_test, y_test) > 0.6
