"""`suggest_images` chooses images that represent all images."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skblood import load_bloodmnist_sample, load_pretrained, suggest_images


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
