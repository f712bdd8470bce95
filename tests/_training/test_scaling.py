"""Scaling of the pixels that the networks are trained with."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal


@pytest.fixture
def training_input(tiny_cnn):
    """Return a function that fits a classifier and returns the input of its network."""

    def fit(X, y, sample_weight=None, **params):
        seen = []

        def watch(images, generator):
            seen.append(images.numpy().copy())
            return images

        clf = tiny_cnn(augmentation=watch, max_epochs=1, **params)
        clf.fit(X, y, sample_weight=sample_weight)
        return np.concatenate(seen)

    return fit


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_standard(training_input, cells, dtype):
    X, y = cells
    images = training_input(X.astype(dtype), y)
    assert images.dtype == np.float32
    assert_allclose(images.mean(axis=(0, 2, 3)), 0, atol=1e-4)
    assert_allclose(images.std(axis=(0, 2, 3)), 1, atol=1e-4)


def test_sample_weights_are_equivalent_to_repeated_images(training_input, cells):
    X, y = cells
    weights = y % 3
    images = training_input(X, y, sample_weight=weights)
    repeated = training_input(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    # Both arrays hold the same pixel values, so equal extremes mean equal scaling.
    assert_allclose(images.max(axis=(0, 2, 3)), repeated.max(axis=(0, 2, 3)), rtol=1e-5)
    assert_allclose(images.min(axis=(0, 2, 3)), repeated.min(axis=(0, 2, 3)), rtol=1e-5)


def test_pixel_range_of_many_images(tiny_fnn):
    # They are read in parts. The darkest and the brightest pixel are in different ones.
    X = np.full((2000, 28, 28, 3), 100, np.uint8)
    X[3, 0, 0, 0], X[1990, 5, 5, 1] = 20, 230
    clf = tiny_fnn(max_epochs=1, batch_size=1000).fit(X, np.arange(2000) % 2)
    assert clf.pixel_range_ == (20.0, 230.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_minmax_maps_the_range_of_all_channels(training_input, cells, dtype):
    X, y = cells
    X = X.clip([50, 60, 70], [200, 190, 180]).astype(dtype)
    images = training_input(X, y, scaling="minmax")
    low = (np.array([50, 60, 70]) - 125) / 75
    high = (np.array([200, 190, 180]) - 125) / 75
    assert_allclose(images.min(axis=(0, 2, 3)), low, rtol=1e-5)
    assert_allclose(images.max(axis=(0, 2, 3)), high, rtol=1e-5)


def test_each_feature_of_tabular_input_is_scaled_on_its_own(training_input):
    rng = np.random.RandomState(0)
    X = rng.rand(40, 5) * [1, 10, 1e3, 1e-3, 1e6] + [0, 1e3, -5, 7, 1e6]
    images = training_input(X, np.arange(40) % 2)
    assert images.dtype == np.float64
    assert_allclose(images.mean(axis=0), 0, atol=1e-8)
    assert_allclose(images.std(axis=0), 1)


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
@pytest.mark.parametrize(
    "change",
    [
        lambda X: X / 255,
        lambda X: X / 127.5 - 1,
        lambda X: X * 1e6,
        lambda X: X * 1e-6,
        lambda X: X + 1e4,
    ],
    ids=["0 to 1", "-1 to 1", "large", "small", "offset"],
)
def test_any_range_of_floats(tiny, cells, scaling, change):
    X, y = cells
    X = X.astype(np.float64)
    expected = tiny(scaling=scaling).fit(X, y).predict_proba(X)
    clf = tiny(scaling=scaling).fit(change(X), y)
    assert_allclose(clf.predict_proba(change(X)), expected, atol=0.02)


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
@pytest.mark.parametrize("value", [0, 255, 0.1, 1e6])
def test_constant_channel(tiny, cells, scaling, value):
    X, y = cells
    X = X.astype(np.float64)
    X[..., 1] = value
    clf = tiny(scaling=scaling).fit(X, y)
    assert np.isfinite(clf.predict_proba(X)).all()
    assert np.isfinite(clf.loss_curve_).all()


def test_constant_feature_has_no_effect(tiny, cells):
    X, y = cells
    features = X.mean(axis=(1, 2))[:, [0, 1, 2, 2]]
    with_constant = [np.c_[features, np.full(80, value)] for value in (0.0, 0.1, 1e6)]
    probas = [tiny().fit(X, y).predict_proba(X) for X in with_constant]
    assert_allclose(probas[1], probas[0], rtol=1e-6)
    assert_allclose(probas[2], probas[0], rtol=1e-6)


def test_later_data_do_not_change_the_scaling(tiny, cells):
    X, y = cells
    clf = tiny().partial_fit(X, y, classes=range(8))
    center = clf.net_.module_.center.clone()
    clf.partial_fit(X // 2, y)
    assert_array_equal(clf.net_.module_.center, center)
