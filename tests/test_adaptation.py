"""`AdaptedClassifier`: predictions for other colours, without labels."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skblood import (
    AdaptedClassifier,
    BloodFNNClassifier,
    assess,
    load_bloodmnist_sample,
    load_pretrained,
    suggest_images,
)

FOUR = ["eosinophil", "lymphocyte", "monocyte", "neutrophil"]


@pytest.fixture(scope="module")
def sample():
    return load_bloodmnist_sample("test", return_X_y=True, labels="names")


@pytest.fixture(scope="module")
def clf():
    return load_pretrained()


def restain(X):
    """Return images in which each channel absorbs another part of the light."""
    absorbed = -np.log((X + 1.0) / 256)
    mixed = absorbed @ np.array([[0.6, 0.1, 0], [0, 0.7, 0.1], [0.1, 0, 1.2]]) + 0.15
    return np.clip(256 * np.exp(-mixed) - 1, 0, 255).astype(np.uint8)


def test_another_stain(clf, sample):
    X, y = sample
    foreign = restain(X)
    assert clf.score(foreign, y) < 0.7
    adapted = AdaptedClassifier(clf).fit(foreign)
    assert adapted.score(foreign, y) > 0.95
    np.testing.assert_array_equal(adapted.classes_, clf.classes_)


def test_the_same_stain_is_hardly_changed(clf, sample):
    X, y = sample
    adapted = AdaptedClassifier(clf).fit(X)
    np.testing.assert_allclose(adapted.density_matrix_, np.eye(3), atol=0.1)
    np.testing.assert_allclose(adapted.density_shift_, 0, atol=0.1)
    assert abs(adapted.score(X, y) - clf.score(X, y)) < 0.01


def test_images_stay_unfamiliar(clf, sample):
    foreign = restain(sample[0])
    found = assess(AdaptedClassifier(clf).fit(foreign), foreign)
    assert found.is_doubtful.mean() > 0.95
    np.testing.assert_array_equal(found.familiarity, assess(clf, foreign).familiarity)


def test_classes(clf, sample):
    X, y = sample
    adapted = AdaptedClassifier(clf, classes=FOUR[::-1]).fit(X)
    assert adapted.classes_.tolist() == FOUR
    P = adapted.predict_proba(X)
    assert P.shape == (400, 4)
    np.testing.assert_allclose(P.sum(axis=1), 1)
    kept = np.isin(y, FOUR)
    assert adapted.score(X[kept], y[kept]) > 0.95
    labels = adapted.classes_[P.argmax(axis=1)]
    np.testing.assert_array_equal(adapted.predict(X), labels)
    np.testing.assert_array_equal(
        adapted.classes_[adapted.decision_function(X).argmax(axis=1)], labels
    )


def test_two_classes(clf, sample):
    adapted = AdaptedClassifier(clf, classes=FOUR[:2]).fit(sample[0])
    decision, P = (
        f(sample[0]) for f in (adapted.decision_function, adapted.predict_proba)
    )
    assert decision.shape == (400,)
    np.testing.assert_allclose(P[:, 1], 1 / (1 + np.exp(-decision)))


def test_predictions_do_not_depend_on_the_other_images(clf, sample):
    X = restain(sample[0])
    adapted = AdaptedClassifier(clf).fit(X)
    np.testing.assert_allclose(
        adapted.predict_proba(X[:5]), adapted.predict_proba(X)[:5], atol=1e-5
    )


def test_embeddings(clf, sample):
    X = restain(sample[0])
    adapted = AdaptedClassifier(clf).fit(X)
    E, original = adapted.transform(X), clf.transform(sample[0])
    foreign = clf.transform(X)
    assert np.linalg.norm(E - original) < 0.5 * np.linalg.norm(foreign - original)
    assert suggest_images(adapted, X, 10).shape == (10,)


def test_float_images_and_copies(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(max_epochs=5).fit(X / 255, y).fit_familiarity(X / 255)
    adapted = AdaptedClassifier(clf).fit(X / 255)
    copy = pickle.loads(pickle.dumps(adapted))
    P = adapted.predict_proba(X / 255)
    np.testing.assert_array_equal(copy.predict_proba(X / 255), P)
    np.testing.assert_allclose(P, clf.predict_proba(X / 255), atol=0.1)
    unfitted = clone(adapted)
    assert unfitted.classifier is clf
    with pytest.raises(NotFittedError):
        unfitted.predict(X / 255)


def test_grey_images(tiny_cnn, cells):
    X, y = cells
    grey = X[..., :1]
    clf = tiny_cnn(max_epochs=2).fit(grey, y).fit_familiarity(grey)
    darker = grey // 2
    adapted = AdaptedClassifier(clf).fit(darker)
    close = np.abs(adapted.predict_proba(darker) - clf.predict_proba(grey))
    assert close.max() < 0.1


@pytest.mark.filterwarnings("ignore:X has pixels from 0 to 0")
@pytest.mark.parametrize("color", [0, 255, 128])
def test_images_of_one_colour(clf, color):
    X = np.full((30, 28, 28, 3), color, np.uint8)
    P = AdaptedClassifier(clf).fit(X).predict_proba(X)
    assert np.isfinite(P).all()


def test_noise_of_grey_images_does_not_become_colour(clf, sample):
    noise = np.random.default_rng(0).integers(-1, 2, sample[0].shape)
    grey = sample[0].mean(axis=3, keepdims=True) + noise
    adapted = AdaptedClassifier(clf).fit(grey.clip(0, 255).astype(np.uint8))
    assert np.linalg.norm(adapted.density_matrix_, 2) < 4.01


def test_all_forms_of_images(clf, sample, tiny_fnn, cells):
    X = sample[0][:100]
    adapted = AdaptedClassifier(clf).fit(X)
    P = adapted.predict_proba(X)
    for other in (X.transpose(0, 3, 1, 2), X.reshape(100, -1), X.tolist()):
        np.testing.assert_allclose(adapted.predict_proba(other), P, atol=1e-6)
    np.testing.assert_allclose(np.exp(adapted.predict_log_proba(X)), P)
    table = pd.DataFrame(cells[0].reshape(len(cells[0]), -1)).rename(columns=str)
    fnn = tiny_fnn(max_epochs=1).fit(table, cells[1]).fit_familiarity(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AdaptedClassifier(fnn).fit(table).predict(table)


def test_more_images_than_are_adapted_at_once(clf, sample, monkeypatch):
    X = sample[0]
    adapted = AdaptedClassifier(clf).fit(X)
    expected = adapted.predict_proba(X), adapted.transform(X)
    monkeypatch.setattr("skblood.adaptation.CHUNK", 150)
    np.testing.assert_allclose(adapted.predict_proba(X), expected[0], atol=1e-5)
    np.testing.assert_allclose(adapted.transform(X), expected[1], atol=1e-4)


def test_few_images_give_a_warning(clf, sample):
    with pytest.warns(UserWarning, match="at least 20 images .* got 3"):
        AdaptedClassifier(clf).fit(sample[0][:3])


@pytest.mark.parametrize(
    "classes, message",
    [
        (["eosinophil", "blast"], r"got \['blast'\]"),
        ([], r"at least 2 different classes, got \[\]"),
        (["platelet"] * 2, r"at least 2 different classes, got \['platelet'\]"),
    ],
)
def test_unknown_classes(clf, sample, classes, message):
    with pytest.raises(ValueError, match=message):
        AdaptedClassifier(clf, classes=classes).fit(sample[0])


def test_classifiers_that_do_not_know_their_colours(tiny_cnn, cells):
    X, y = cells
    with pytest.raises(NotFittedError):
        AdaptedClassifier(tiny_cnn()).fit(X)
    with pytest.raises(ValueError, match="fit_familiarity"):
        AdaptedClassifier(tiny_cnn(max_epochs=1).fit(X, y)).fit(X)
    with pytest.raises(ValueError, match="classifier"):
        AdaptedClassifier("bloodmnist-28").fit(X)
    rows = X.reshape(len(X), -1)[:, :17]
    tabular = BloodFNNClassifier(max_epochs=1).fit(rows, y).fit_familiarity(rows)
    with pytest.raises(ValueError, match="pixel_range_"):
        AdaptedClassifier(tabular).fit(rows)
