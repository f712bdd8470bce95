"""Data pruning: which images an epoch leaves out, and what it does not change."""

import numpy as np
import pytest
import skorch
import torch
from numpy.testing import assert_array_equal

from skblood._training.pruning import DataPruning

N_EPOCHS = 16
N_LAST = 2  # the last eighth of the epochs uses all images


def pruning_with_losses(n_samples=10_000, fraction=0.5):
    """Return a `DataPruning` for which three quarters of the images are easy."""
    pruning = DataPruning(n_samples, fraction, N_EPOCHS)
    losses = torch.full((n_samples,), 0.1)
    losses[::4] = 1.0
    pruning.record(np.arange(n_samples), losses)
    return pruning


def test_hard_images_are_always_used():
    indices = pruning_with_losses().choose(np.random.default_rng(0))
    assert set(range(0, 10_000, 4)) <= set(indices.tolist())


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.8])
def test_weights_of_the_used_images_represent_all_images(fraction):
    pruning = pruning_with_losses(fraction=fraction)
    indices = pruning.choose(np.random.default_rng(0))
    assert len(indices) == pytest.approx(2500 + 7500 * (1 - fraction), rel=0.03)
    assert pruning.counts[indices].sum() == pytest.approx(10_000, rel=0.03)


def test_each_epoch_leaves_out_other_images():
    pruning, rng = pruning_with_losses(), np.random.default_rng(0)
    assert set(pruning.choose(rng)) != set(pruning.choose(rng))


def test_all_images_are_used_if_their_losses_are_equal():
    pruning = DataPruning(100, 0.5, N_EPOCHS)
    pruning.record(slice(0, 100), torch.full((100,), 0.25))
    assert len(pruning.choose(np.random.default_rng(0))) == 100


@pytest.fixture
def pruned(tiny_cnn, cells):
    """Return a function that fits a classifier with data pruning.

    The function returns the classifier, the number of images in each epoch, and the
    learning rate of each step.
    """

    def fit(**parameters):
        sizes, rates = [], []

        class Watch(skorch.callbacks.Callback):
            def on_epoch_begin(self, net, **kwargs):
                sizes.append(0)

            def on_batch_begin(self, net, batch=None, training=False, **kwargs):
                if training:
                    sizes[-1] += len(batch[0])
                    rates.append(net.optimizer_.param_groups[0]["lr"])

        parameters = {"max_epochs": N_EPOCHS, "data_pruning": 0.5, **parameters}
        clf = tiny_cnn(callbacks=[Watch()], **parameters)
        return clf.fit(*cells), sizes, rates

    return fit


def test_first_and_last_epochs_use_all_images(pruned, cells):
    _, sizes, _ = pruned()
    n = len(cells[0])
    assert sizes[0] == n
    assert all(size < n for size in sizes[1:-N_LAST])
    assert sizes[-N_LAST:] == [n] * N_LAST


def test_no_pruning_by_default(pruned, tiny_cnn, cells):
    clf, sizes, _ = pruned(data_pruning=0.0)
    assert set(sizes) == {len(cells[0])}
    default = tiny_cnn(max_epochs=N_EPOCHS).fit(*cells)
    assert clf.loss_curve_ == default.loss_curve_


def test_learning_rate_schedule_reaches_its_end(pruned):
    _, _, rates = pruned(lr=0.01)
    assert max(rates) == pytest.approx(0.01, rel=0.1)
    assert rates[-1] < 0.0005


def test_history_estimates_the_loss_of_all_images(pruned, cells):
    # With this learning rate the network hardly changes, so the losses of all epochs
    # are equal, except for sampling.
    clf, sizes, _ = pruned(
        lr=1e-12, augmentation=None, stochastic_depth=0.0, lr_schedule="constant"
    )
    assert min(sizes) < len(cells[0])
    losses = clf.loss_curve_
    assert np.ptp(losses) < 0.1 * np.mean(losses)
    assert all(0 <= epoch["train_acc"] <= 1 for epoch in clf.history_)
    assert {type(epoch["train_acc"]) for epoch in clf.history_} == {float}


def test_same_seed(pruned, cells):
    proba = [pruned()[0].predict_proba(cells[0]) for _ in range(2)]
    assert_array_equal(*proba)


def test_sample_weights_have_an_effect_with_pruning(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(data_pruning=0.5, max_epochs=8)
    unweighted = clf.fit(X, y).predict_proba(X)
    weighted = clf.fit(X, y, sample_weight=1.0 + (y == 0)).predict_proba(X)
    assert not np.array_equal(unweighted, weighted)


def test_tabular_input_is_not_pruned(tiny_cnn):
    X = np.random.default_rng(0).normal(size=(100, 5))
    y = X[:, 0] > 0
    proba = [
        tiny_cnn(data_pruning=fraction, max_epochs=8).fit(X, y).predict_proba(X)
        for fraction in (0.0, 0.5)
    ]
    assert_array_equal(*proba)


def test_partial_fit_uses_all_images(tiny_cnn, cells):
    X, y = cells
    classifiers = [tiny_cnn(data_pruning=fraction) for fraction in (0.0, 0.5)]
    for clf in classifiers:
        for _ in range(3):
            clf.partial_fit(X, y, classes=np.arange(8))
    assert_array_equal(*(clf.predict_proba(X) for clf in classifiers))
