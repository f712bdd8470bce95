"""Suggestions for a new microscope: images to label, and a crop."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skblood import (
    load_bloodmnist_sample,
    load_pretrained,
    suggest_crop,
    suggest_images,
)


@pytest.fixture(scope="module")
def clf():
    return load_pretrained("bloodmnist-28-tiny")


def test_covers_all_classes(clf):
    X, y = load_bloodmnist_sample("train", return_X_y=True)
    chosen = suggest_images(clf, X, 24)
    assert chosen.shape == (24,)
    assert len(set(chosen.tolist())) == 24
    assert set(y[chosen]) == set(range(8))


def test_a_rare_kind_is_among_them(clf):
    X, y = load_bloodmnist_sample("train", return_X_y=True)
    few = np.concatenate([np.flatnonzero(y != 7), np.flatnonzero(y == 7)[:20]])
    chosen = few[suggest_images(clf, X[few], 40)]
    assert (y[chosen] == 7).any()


def test_is_reproducible(clf):
    X = load_bloodmnist_sample("test").images
    np.testing.assert_array_equal(suggest_images(clf, X, 9), suggest_images(clf, X, 9))


@pytest.mark.parametrize("n", [1, 10, 400])
def test_few_or_identical_images(clf, n):
    X = load_bloodmnist_sample("test").images[:10]
    assert len(suggest_images(clf, X, n)) == min(n, 10)
    chosen = suggest_images(clf, np.repeat(X, 3, axis=0), n)
    assert len(set(chosen.tolist())) == len(chosen) == min(n, 30)
    assert len(set(chosen[:10] // 3)) == min(n, 10)


def test_many_images(clf, monkeypatch):
    monkeypatch.setattr("skblood.suggestion.MANY_IMAGES", 100)
    X, y = load_bloodmnist_sample("train", return_X_y=True)
    chosen = suggest_images(clf, X, 40)
    assert len(set(chosen.tolist())) == 40
    assert set(y[chosen]) == set(range(8))


def test_bad_input(clf, tiny_cnn):
    X = load_bloodmnist_sample("test").images
    with pytest.raises(NotFittedError):
        suggest_images(tiny_cnn(), X)
    with pytest.raises(ValueError, match="n_images"):
        suggest_images(clf, X, 0)
    with pytest.raises(ValueError, match="28, 28, 3"):
        suggest_images(clf, X[:, :9, :9])


def enlarge(X, side):
    """Return images with a wider background, of the colour of their corners."""
    margin = side - X.shape[1]
    before, after = margin // 2, margin - margin // 2
    return np.pad(X, [(0, 0), (before, after), (before, after), (0, 0)], mode="edge")


@pytest.mark.parametrize("side", [34, 41, 56])
def test_crop_of_smaller_cells(clf, side):
    X = load_bloodmnist_sample("test").images
    assert suggest_crop(clf, enlarge(X, side)) == pytest.approx(28, abs=2)
    bright = 128 + X // 2
    assert suggest_crop(clf, enlarge(bright, side)) == pytest.approx(28, abs=2)


def test_crop_is_in_pixels_of_the_images(clf):
    X = enlarge(load_bloodmnist_sample("test").images, 56)
    larger = X.repeat(3, axis=1).repeat(3, axis=2)
    assert suggest_crop(clf, larger) == pytest.approx(3 * 28, abs=6)
    wide = np.pad(X, [(0, 0), (0, 0), (7, 7), (0, 0)], mode="edge")
    assert suggest_crop(clf, wide) == pytest.approx(28, abs=2)


def test_crop_takes_all_forms_of_images(clf, tiny_cnn, cells):
    X = enlarge(load_bloodmnist_sample("test").images[:100], 56)
    crop = suggest_crop(clf, X)
    assert suggest_crop(clf, X.transpose(0, 3, 1, 2)) == crop
    assert suggest_crop(clf, X.tolist()) == crop
    with (
        pytest.warns(UserWarning, match="X has pixels from"),
        pytest.raises(ValueError, match="not darker in the middle"),
    ):
        suggest_crop(clf, X / 255)
    grey = tiny_cnn(max_epochs=1).fit(cells[0][..., 1], cells[1])
    grey.fit_familiarity(cells[0][..., 1])
    assert suggest_crop(grey, X[..., 1]) == pytest.approx(28, abs=3)


@pytest.mark.parametrize("cut", [slice(None), slice(1, -1), slice(4, -4)])
def test_no_crop_if_cells_are_large_enough(clf, cut):
    X = load_bloodmnist_sample("test").images[:, cut, cut]
    assert suggest_crop(clf, X) == X.shape[1]


def test_crop_needs_cells(clf, tiny_cnn, cells):
    X, y = cells
    with pytest.raises(ValueError, match="not darker in the middle"):
        suggest_crop(clf, np.full((3, 28, 28, 3), 200, np.uint8))
    with pytest.raises(ValueError, match="not darker in the middle"):
        suggest_crop(clf, 255 - X)
    for other, message in (
        (X[:, :, 0, 0], r"shape \(80, 28\)"),
        (X[..., 0], "with 3 channel.*28, 28, 1"),
        (X[:, :5], "at least 8 pixels.*5, 28, 3"),
        (X[:0], "minimum of 1 is required"),
        (np.where(X == X.max(), np.nan, X), "NaN"),
        ([X[0], X[0, :20]], "different sizes"),
    ):
        with pytest.raises(ValueError, match=message):
            suggest_crop(clf, other)
    with pytest.raises(NotFittedError):
        suggest_crop(tiny_cnn(), X)
    with pytest.raises(ValueError, match="fit_familiarity"):
        suggest_crop(tiny_cnn(max_epochs=1).fit(X, y), X)
    inverted = tiny_cnn(max_epochs=1).fit(255 - X, y).fit_familiarity(255 - X)
    with pytest.raises(ValueError, match="no size of cells could be measured"):
        suggest_crop(inverted, X)
    rows = X[:, 14, :, 0]
    tabular = tiny_cnn(max_epochs=1).fit(rows, y).fit_familiarity(rows)
    with pytest.raises(ValueError, match="pixel_range_ is None"):
        suggest_crop(tabular, X)
