"""After few steps, batch-normalisation statistics are those of the training images."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skblood._training.batch_norm import ENOUGH_STEPS, MAX_IMAGES

# One batch of all 80 cells, so that the average over the batches is the plain mean.
ONE_BATCH = {"batch_size": 80, "precision": "float32", "augmentation": None}


def first_layer_means(clf, X):
    """Return the stored and the true mean of the first normalisation layer's input."""
    module = clf.net_.module_
    with torch.no_grad():
        stem = module.network.features[0](module.standardize(torch.tensor(X)))
    true = stem.mean(dim=(0, 2, 3)).numpy()
    return module.network.features[1].running_mean.numpy(), true


def test_statistics_of_a_short_training(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(max_epochs=1, **ONE_BATCH).fit(X, y)
    stored, true = first_layer_means(clf, X)
    assert_allclose(stored, true, rtol=0.05, atol=1e-3)


def test_running_averages_of_a_long_training_are_kept(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(max_epochs=ENOUGH_STEPS, lr=0.3, **ONE_BATCH)
    clf.set_params(lr_schedule="constant").fit(X, y)
    n_batches = clf.net_.module_.network.features[1].num_batches_tracked
    assert n_batches == ENOUGH_STEPS


@pytest.mark.parametrize("n_epochs, recomputed", [(1, True), (ENOUGH_STEPS, False)])
def test_steps_of_earlier_calls_count(tiny_cnn, cells, n_epochs, recomputed):
    X, y = cells
    clf = tiny_cnn(max_epochs=n_epochs, **ONE_BATCH).fit(X, y).partial_fit(X, y)
    n_batches = int(clf.net_.module_.network.features[1].num_batches_tracked)
    # 80 images are two batches of the second computation.
    assert n_batches == (2 if recomputed else ENOUGH_STEPS + 1)


def test_first_calls_of_partial_fit(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(lr=0.004, **ONE_BATCH).partial_fit(X, y, classes=range(8))
    stored, true = first_layer_means(clf, X)
    assert_allclose(stored, true, rtol=0.05, atol=1e-3)


def test_a_short_training_classifies_better_than_by_chance(tiny_cnn, cells, new_cells):
    clf = tiny_cnn(width=16, max_epochs=4).fit(*cells)
    assert clf.score(*new_cells) > 0.4


def test_at_most_some_images_are_used(tiny_cnn, cells):
    X, y = cells
    n_copies = MAX_IMAGES // len(X) + 1
    X, y = np.tile(X, (n_copies, 1, 1, 1)), np.tile(y, n_copies)
    clf = tiny_cnn(max_epochs=1, batch_size=1024).fit(X, y)
    n_batches = int(clf.net_.module_.network.features[1].num_batches_tracked)
    assert n_batches == MAX_IMAGES // 64


class WithBatchNorm(nn.Module):
    """A custom network with dropout and other normalisation layers than ours."""

    def __init__(self, image_shape, n_classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(int(np.prod(image_shape)), 16),
            nn.BatchNorm1d(16, momentum=0.3),
            nn.Dropout(0.5),
            nn.BatchNorm1d(16, track_running_stats=False),
            nn.Linear(16, n_classes),
        )

    def forward(self, images):
        return self.layers(images)


def test_custom_network(tiny_cnn, cells):
    X, y = cells
    fits = [tiny_cnn(architecture=WithBatchNorm, max_epochs=1) for _ in range(2)]
    first, second = (clf.fit(X, y).predict_proba(X) for clf in fits)
    assert_array_equal(first, second)
    layer = fits[0].net_.module_.network.layers[2]
    assert layer.momentum == 0.3
    assert int(layer.num_batches_tracked) == 2


def test_network_without_batch_normalisation(tiny_cnn, cells):
    clf = tiny_cnn(architecture="report", max_epochs=1).fit(*cells)
    assert clf.n_iter_ == 1
