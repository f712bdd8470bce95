"""`fit_calibration` and `prediction_sets`: reliable probabilities and a guarantee."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB

from skblood import (
    AdaptedClassifier,
    load_bloodmnist_sample,
    load_model,
    load_pretrained,
    prediction_sets,
    save_model,
)
from skblood.calibration import Calibration, calibrate


@pytest.fixture(scope="module")
def calibrated(tiny, cells, new_cells):
    """Return a classifier that is calibrated with images it was not trained on."""
    return tiny(max_epochs=3).fit(*cells).fit_calibration(*new_cells)


@pytest.fixture(scope="module")
def test_data():
    return load_bloodmnist_sample("test", return_X_y=True, labels="names")


def make_logits(n, temperature, seed=0, n_classes=4):
    """Return logits that are `temperature` times too large, and labels that fit."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2, size=(n, n_classes))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return temperature * logits, labels


# -- temperature -----------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_is_found(temperature):
    found = calibrate(*make_logits(20_000, temperature), False)
    assert found.temperature == pytest.approx(temperature, rel=0.05)


def test_it_minimises_the_loss(tiny, cells, new_cells):
    X, y = new_cells
    clf = tiny(max_epochs=3).fit(*cells)
    logits, before = clf.decision_function(X), log_loss(y, clf.predict_proba(X))
    clf.fit_calibration(X, y)
    best = log_loss(y, clf.predict_proba(X))
    assert best < before
    temperature = clf.calibration_.temperature
    assert_allclose(clf.decision_function(X), logits / temperature)
    for factor in (0.9, 1.1):
        other = np.exp(logits / (factor * temperature))
        assert log_loss(y, other / other.sum(axis=1, keepdims=True)) > best


def test_labels_stay_the_same(tiny, cells, new_cells):
    clf = tiny(max_epochs=3).fit(*cells)
    before, embeddings = clf.predict(new_cells[0]), clf.transform(new_cells[0])
    clf.fit_calibration(*new_cells)
    assert_array_equal(clf.predict(new_cells[0]), before)
    assert_array_equal(clf.transform(new_cells[0]), embeddings)


def test_calibrating_twice_is_calibrating_once(calibrated, new_cells):
    temperature = calibrated.calibration_.temperature
    again = calibrated.fit_calibration(*new_cells).calibration_
    assert again.temperature == temperature


def test_two_classes(tiny, cells, new_cells):
    clf = tiny(max_epochs=3).fit(cells[0], cells[1] > 3)
    clf.fit_calibration(new_cells[0], new_cells[1] > 3)
    p = clf.predict_proba(new_cells[0])
    assert_allclose(clf.decision_function(new_cells[0]), np.log(p[:, 1] / p[:, 0]))
    assert_allclose(np.exp(clf.predict_log_proba(new_cells[0])), p)


def test_all_images_correct_keep_the_temperature():
    labels = np.arange(4)
    with pytest.warns(UserWarning, match="All 4 calibration images are classified"):
        found = calibrate(10 * np.eye(4), labels, False)
    assert found.temperature == 1


# -- the classifier keeps it -----------------------------------------------------------


def test_saved_with_the_classifier(calibrated, new_cells, tmp_path):
    expected = calibrated.predict_proba(new_cells[0])
    sets = prediction_sets(calibrated, new_cells[0], coverage=0.9)
    save_model(calibrated, tmp_path / "m.safetensors")
    for copy in (
        load_model(tmp_path / "m.safetensors"),
        pickle.loads(pickle.dumps(calibrated)),
    ):
        assert_array_equal(copy.predict_proba(new_cells[0]), expected)
        assert_array_equal(prediction_sets(copy, new_cells[0], coverage=0.9), sets)


def test_fit_and_partial_fit_forget_it(tiny, cells, new_cells):
    clf = tiny(max_epochs=1).fit(*cells).fit_calibration(*new_cells)
    assert clf.fit(*cells).calibration_ is None
    assert clf.fit_calibration(*new_cells).partial_fit(*cells).calibration_ is None


def test_earlier_model_files_have_none():
    folder = Path(__file__).parent / "data"
    assert load_model(folder / "cnn_0.1.0.safetensors").calibration_ is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", 0.0, "temperature must be a float from 0.05 to 20.0, got 0.0"),
        ("temperature", np.inf, "temperature must be a float"),
        ("scores", np.full(160, 2, np.float16), "scores must be float16 values from 0"),
        ("scores", np.zeros(160), "scores must be float16"),
        ("counts", np.full(8, 21), "counts must be numbers of scores"),
        ("counts", np.full(4, 40), "counts must be numbers of scores"),
        ("test_time_augmentation", 1, "must be True or False, got 1"),
    ],
)
def test_impossible_files(tiny_cnn, cells, tmp_path, name, value, message):
    clf = tiny_cnn(max_epochs=1).fit(*cells)
    good = {
        "temperature": 1.5,
        "scores": np.linspace(0, 1, 160).astype(np.float16),
        "counts": np.full(8, 20),
        "test_time_augmentation": False,
    }
    clf.calibration_ = Calibration(**good)
    save_model(clf, tmp_path / "model")
    clf.calibration_ = Calibration(**good | {name: value})
    # `save_model` refuses what `load_model` would refuse.
    with pytest.raises(ValueError, match=message):
        save_model(clf, tmp_path / "model")


# -- prediction sets -------------------------------------------------------------------


@pytest.mark.parametrize("class_conditional", [False, True])
@pytest.mark.parametrize("coverage", [0.6, 0.9, 0.99])
def test_the_guarantee(coverage, class_conditional):
    """The mean coverage of many calibrations is at least that which was asked for."""
    fractions, n_classes = [], 4
    for seed in range(60):
        calibration = calibrate(*make_logits(600, 2.0, seed), False)
        logits, labels = make_logits(600, 2.0, 1000 + seed)
        odds = np.exp(logits / calibration.temperature)
        sets = calibration.find_sets(
            odds / odds.sum(axis=1, keepdims=True),
            coverage,
            class_conditional=class_conditional,
        )
        is_in_set = sets[np.arange(600), labels]
        groups = range(n_classes) if class_conditional else [...]
        fractions.append(
            [is_in_set[... if k is ... else labels == k].mean() for k in groups]
        )
    mean = np.mean(fractions, axis=0)
    error = 3 * np.std(fractions, axis=0) / np.sqrt(60)
    assert (mean >= coverage - error).all()
    # Not wider than needed: no more than one calibration image above the level. The
    # most probable class, which is always in the set, adds to a low coverage.
    if coverage > 0.6:
        fewest = 600 / n_classes / 2 if class_conditional else 600
        assert (mean <= coverage + 1 / fewest + error).all()


def test_sets_of_the_pretrained_model(test_data):
    X, y = test_data
    clf = load_pretrained()
    columns = np.searchsorted(clf.classes_, y)
    sizes = []
    for coverage in (0.9, 0.99, 0.999):
        sets = prediction_sets(clf, X, coverage=coverage)
        assert sets.dtype == bool and sets.shape == (len(X), 8)
        assert sets[np.arange(len(X)), clf.predict_proba(X).argmax(axis=1)].all()
        assert sets[np.arange(len(X)), columns].mean() >= coverage - 0.02
        sizes.append(sets.sum(axis=1).mean())
    assert 1 <= sizes[0] <= sizes[1] < 1.1
    assert sizes[1] < sizes[2]


def test_no_images(calibrated):
    assert calibrated.calibration_.find_sets(np.empty((0, 8)), 0.9).shape == (0, 8)


# -- bad input -------------------------------------------------------------------------


def test_too_few_calibration_images(calibrated, new_cells):
    n = len(new_cells[0])
    enough = n / (n + 1)
    prediction_sets(calibrated, new_cells[0], coverage=enough)
    with pytest.raises(
        ValueError, match=f"Expected at least 999 .* for coverage=0.999, got {n}. Pass"
    ):
        prediction_sets(calibrated, new_cells[0], coverage=0.999)
    with pytest.raises(
        ValueError, match="at least 49 calibration images of each class"
    ):
        prediction_sets(calibrated, new_cells[0], coverage=0.98, class_conditional=True)


@pytest.mark.parametrize("coverage", [0, 1, 99, "0.9", None])
def test_impossible_coverage(calibrated, new_cells, coverage):
    with pytest.raises(ValueError, match="'coverage' parameter of prediction_sets"):
        prediction_sets(calibrated, new_cells[0], coverage=coverage)


def test_not_calibrated(tiny_cnn, cells, new_cells):
    clf = tiny_cnn(max_epochs=1).fit(*cells)
    others = [clf, GaussianNB().fit(np.eye(2), [0, 1])]
    for classifier in others:
        with pytest.raises(ValueError, match="Expected a calibrated classifier"):
            prediction_sets(classifier, new_cells[0])


def test_the_guarantee_does_not_hold_after_adaptation():
    clf = load_pretrained("bloodmnist-28-tiny")
    X = load_bloodmnist_sample("test").images
    with pytest.raises(ValueError, match="Expected a calibrated classifier"):
        prediction_sets(AdaptedClassifier(clf).fit(X), X)


def test_calibrated_without_test_time_augmentation(fitted_cnn, new_cells):
    clf = pickle.loads(pickle.dumps(fitted_cnn)).fit_calibration(*new_cells)
    clf.set_params(test_time_augmentation=True)
    with pytest.raises(ValueError, match="with test_time_augmentation=False, as when"):
        prediction_sets(clf, new_cells[0], coverage=0.9)
    clf.fit_calibration(*new_cells)
    assert prediction_sets(clf, new_cells[0], coverage=0.9).shape == (40, 8)


def test_bad_calibration_images(calibrated, new_cells, tiny_cnn):
    X, y = new_cells
    before = calibrated.calibration_
    for bad_X, bad_y, message in [
        (X, y[:-1], "inconsistent numbers of samples"),
        (X, np.where(y == 0, 9, y), r"labels \[9\] that are not in classes_"),
        (X[:, :5], y, "Expected|expecting"),
    ]:
        with pytest.raises(ValueError, match=message):
            calibrated.fit_calibration(bad_X, bad_y)
        assert calibrated.calibration_ is before
    with pytest.raises(NotFittedError):
        tiny_cnn().fit_calibration(X, y)
    with pytest.raises(ValueError, match="Expected names as labels"):
        load_pretrained("bloodmnist-28-tiny").fit_calibration(X, y)
