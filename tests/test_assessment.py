"""`assess` says which predictions are doubtful."""

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from skblood import assess, load_bloodmnist_sample, load_pretrained


def test_known_images():
    X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    clf = load_pretrained()
    found = assess(clf, X)
    np.testing.assert_array_equal(found.labels, clf.predict(X))
    np.testing.assert_array_equal(found.probabilities, clf.predict_proba(X))
    is_wrong = found.labels != y
    assert found.is_doubtful.mean() < 0.06
    assert is_wrong[found.is_doubtful].sum() >= 0.5 * is_wrong.sum() > 0


def test_unfamiliar_images_are_unsure():
    clf = load_pretrained()
    X = load_bloodmnist_sample("test").images[:50, ..., ::-1]
    found = assess(clf, X)
    assert found.is_unfamiliar.all()
    assert found.is_doubtful.all()
    # The probabilities alone do not show it.
    assert (found.probabilities.max(axis=1) > 0.85).mean() > 0.5


def test_min_probability():
    clf = load_pretrained()
    X = load_bloodmnist_sample("test").images
    strict, lax = (
        assess(clf, X, min_probability=0.99),
        assess(clf, X, min_probability=0),
    )
    is_low = strict.probabilities.max(axis=1) < 0.99
    np.testing.assert_array_equal(strict.is_doubtful, strict.is_unfamiliar | is_low)
    np.testing.assert_array_equal(lax.is_doubtful, lax.is_unfamiliar)


def test_without_familiarity(tiny_cnn, cells):
    clf = tiny_cnn().fit(*cells)
    found = assess(clf, cells[0])
    assert found.familiarity is None
    assert not found.is_unfamiliar.any()


def test_any_scikit_learn_classifier():
    X, y = load_bloodmnist_sample("train", return_X_y=True)
    X = X.mean(axis=(1, 2))
    found = assess(GaussianNB().fit(X, y), X)
    assert found.familiarity is None
    is_low = found.probabilities.max(axis=1) < 0.85
    np.testing.assert_array_equal(found.is_doubtful, is_low)


def test_bad_input(tiny_cnn):
    clf = load_pretrained()
    with pytest.raises(ValueError, match="min_probability"):
        assess(clf, np.zeros((1, 28, 28, 3)), min_probability=3)
    with pytest.raises(ValueError, match="classifier"):
        assess("model", np.zeros((1, 28, 28, 3)))
