"""The detector finds images that do not resemble the training images."""

import pickle
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn

from skblood import (
    AdaptedClassifier,
    BloodCNNClassifier,
    BloodFNNClassifier,
    FamiliarityDetector,
    load_bloodmnist_sample,
    load_model,
    load_pretrained,
    save_model,
    suggest_crop,
)
from skblood.pretrained import pretrained_names


@pytest.fixture(scope="module")
def pretrained():
    return load_pretrained()


@pytest.fixture(scope="module")
def test_images():
    return load_bloodmnist_sample("test").images


@pytest.fixture(scope="module")
def detector(pretrained):
    return FamiliarityDetector(pretrained).fit(load_bloodmnist_sample("train").images)


# -- what is found ---------------------------------------------------------------------


def noise(images):
    return np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)


CHANGES = {
    "noise": noise,
    "blank": lambda images: np.full_like(images, 235),
    "black": np.zeros_like,
    "dark": lambda images: images // 2,
    "other light": lambda images: 255 * (images / 255) ** 1.8,
    "other stain": lambda images: 255 * (images / 255) ** [1.8, 1.4, 0.9],
    "colours swapped": lambda images: images[..., ::-1],
    "grey": lambda images: np.repeat(images.mean(axis=3, keepdims=True), 3, axis=3),
    "negative": lambda images: 255 - images,
    "strongly blurred": lambda images: gaussian_filter(images, (0, 2.5, 2.5, 0)),
}


@pytest.mark.filterwarnings("ignore:X has pixels from 0 to 0")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_images_are_outliers(detector, test_images, change):
    changed = change(test_images[:100]).astype(np.uint8)
    assert (detector.predict(changed) == -1).mean() > 0.95
    pretrained_detector = detector.classifier.familiarity_
    assert (pretrained_detector.predict(changed) == -1).mean() > 0.95


@pytest.mark.parametrize("name", pretrained_names())
def test_slightly_other_colours_are_outliers_of_the_pretrained_models(
    name, test_images
):
    bluer = (255 * (test_images / 255) ** [1.4, 1.2, 0.95]).astype(np.uint8)
    detector = load_pretrained(name).familiarity_
    assert (detector.predict(bluer) == -1).mean() > 0.95


@pytest.mark.parametrize("name", pretrained_names())
def test_darker_images_are_mostly_outliers_of_the_pretrained_models(name, test_images):
    # The models differ here: benchmarks/microscopes.py measures how much is missed.
    darker = (255 * (test_images / 255) ** 1.6).astype(np.uint8)
    detector = load_pretrained(name).familiarity_
    assert (detector.predict(darker) == -1).mean() > 0.8


def test_images_like_the_training_images_are_familiar(detector, test_images):
    assert (detector.predict(test_images) == -1).mean() < 0.02
    assert (load_pretrained().familiarity_.predict(test_images) == -1).mean() < 0.01


def test_the_familiarity_of_reference_images_is_uniform(pretrained, test_images):
    train = load_bloodmnist_sample("train").images
    detector = FamiliarityDetector(pretrained, contamination=0.1)
    familiarity = detector.fit(train, X_val=test_images).score_samples(test_images)
    for percent in (10, 25, 50, 75):
        assert (familiarity <= percent).mean() == pytest.approx(percent / 100, abs=0.03)
    assert (detector.predict(test_images) == -1).mean() == pytest.approx(0.1, abs=0.01)


def test_an_unknown_kind_of_cells_is_less_familiar(tiny_cnn):
    X, y = load_bloodmnist_sample("train", return_X_y=True)
    clf = tiny_cnn(max_epochs=20, width=8).fit(X[y != 7], y[y != 7])
    detector = FamiliarityDetector(clf).fit(X[y != 7])
    X, y = load_bloodmnist_sample("test", return_X_y=True)
    familiarity = detector.score_samples(X)
    assert np.median(familiarity[y == 7]) < 5
    assert np.median(familiarity[y != 7]) > 30


# -- scikit-learn's conventions --------------------------------------------------------


def test_decision_function_and_predict_agree(detector, test_images):
    images = np.concatenate([test_images[:50], test_images[:50] // 2])
    scores = detector.decision_function(images)
    np.testing.assert_array_equal(
        scores, detector.score_samples(images) - detector.offset_
    )
    np.testing.assert_array_equal(detector.predict(images), np.where(scores < 0, -1, 1))


def test_fit_is_reproducible(pretrained, detector, test_images):
    again = clone(detector).fit(load_bloodmnist_sample("train").images)
    np.testing.assert_array_equal(
        again.score_samples(test_images), detector.score_samples(test_images)
    )


def test_clone_keeps_the_classifier(detector):
    copy = clone(detector)
    assert copy.classifier is detector.classifier
    with pytest.raises(NotFittedError):
        copy.predict(np.zeros((1, 28, 28, 3), np.uint8))


def test_a_frozen_classifier(pretrained, detector, test_images):
    frozen = FamiliarityDetector(FrozenEstimator(pretrained))
    frozen.fit(load_bloodmnist_sample("train").images)
    np.testing.assert_array_equal(
        frozen.score_samples(test_images), detector.score_samples(test_images)
    )


def test_fit_predict(pretrained, test_images):
    found = FamiliarityDetector(pretrained, contamination=0.05).fit_predict(test_images)
    assert (found == -1).mean() < 0.06


# -- every kind of classifier and input ------------------------------------------------


class Plain(nn.Module):
    """A network without a method `embed`."""

    def __init__(self, image_shape, n_classes):
        super().__init__()
        self.layer = nn.Linear(int(np.prod(image_shape)), n_classes)

    def forward(self, images):
        return self.layer(images.flatten(1))


CLASSIFIERS = {
    "cnn": BloodCNNClassifier(width=4),
    "report": BloodCNNClassifier(architecture="report"),
    "network without embeddings": BloodCNNClassifier(architecture=Plain),
    "fnn": BloodFNNClassifier(),
    "fnn with hidden layers": BloodFNNClassifier(hidden_layer_sizes=(16,)),
}
FORMS = {
    "uint8": lambda X: X,
    "floats": lambda X: X / 255,
    "grey": lambda X: X.mean(axis=3),
    "rows": lambda X: X.reshape(len(X), -1),
    "features": lambda X: X[:, 0, 0].astype(float),
    "small": lambda X: X[:, ::3, ::3],
}


@pytest.mark.parametrize("clf", CLASSIFIERS.values(), ids=CLASSIFIERS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_classifier_and_form(clf, form, cells):
    X, y = cells
    X = form(X)
    clf = clone(clf).set_params(max_epochs=1, random_state=0, device="cpu").fit(X, y)
    familiarity = clf.fit_familiarity(X).familiarity_.score_samples(X)
    assert familiarity.shape == (len(X),)
    assert np.isfinite(familiarity).all()
    assert familiarity.min() >= 0
    assert familiarity.max() <= 100


def test_identical_images(pretrained, test_images):
    same = np.repeat(test_images[:1], 1000, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detector = FamiliarityDetector(pretrained).fit(same)
    assert detector.predict(test_images[1:20]).tolist() == [-1] * 19


# -- the classifier keeps it -----------------------------------------------------------


@pytest.mark.parametrize("clf", ["tiny_cnn", "tiny_fnn"])
def test_saved_with_the_classifier(clf, request, cells, new_cells, tmp_path):
    X, y = cells
    clf = request.getfixturevalue(clf)().fit(X, y)
    assert clf.familiarity_ is None
    before = clf.predict_proba(X)
    clf.fit_familiarity(X, contamination=0.2)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    save_model(clf, tmp_path / "m.safetensors")
    expected = clf.familiarity_.score_samples(new_cells[0])
    for copy in (
        load_model(tmp_path / "m.safetensors"),
        pickle.loads(pickle.dumps(clf)),
    ):
        assert copy.familiarity_.contamination == 0.2
        np.testing.assert_array_equal(
            copy.familiarity_.score_samples(new_cells[0]), expected
        )


def test_fit_and_partial_fit_forget_it(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn().fit(X, y).fit_familiarity(X)
    assert clf.fit(X, y).familiarity_ is None
    assert clf.fit_familiarity(X).partial_fit(X, y).familiarity_ is None


def test_earlier_model_files_have_none():
    folder = Path(__file__).parents[1] / "data"
    assert load_model(folder / "cnn_0.1.0.safetensors").familiarity_ is None


def test_files_without_colours_and_size(tiny_cnn, cells, tmp_path):
    """Files of before they were learned open, and give a clear error where needed."""
    X, y = cells
    clf = tiny_cnn().fit(X, y).fit_familiarity(X)
    expected = clf.familiarity_.score_samples(X)
    for name in ("density_mean_", "density_covariance_", "cell_radius_"):
        del clf._familiarity[name]
    save_model(clf, tmp_path / "model")
    old = load_model(tmp_path / "model")
    np.testing.assert_array_equal(old.familiarity_.score_samples(X), expected)
    assert old.familiarity_.cell_radius_ is None
    for use in (AdaptedClassifier(old).fit, partial(suggest_crop, old)):
        with pytest.raises(ValueError, match="fit_familiarity"):
            use(X)
    AdaptedClassifier(old.fit_familiarity(X)).fit(X)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("density_mean_", np.zeros(2), r"must have 3 channels, got \(2,\)"),
        ("density_mean_", np.zeros(()), "must have 3 channels"),
        ("density_covariance_", np.full((3, 3), np.nan), "finite"),
        ("cell_radius_", 0.6, "cell_radius_ must be a float up to 0.5, got 0.6"),
        ("cell_radius_", "large", "cell_radius_ must be a float"),
    ],
)
def test_files_with_impossible_colours_or_size(
    tiny_cnn, cells, tmp_path, name, value, message
):
    clf = tiny_cnn().fit(*cells).fit_familiarity(cells[0])
    clf._familiarity[name] = value
    # `save_model` refuses what `load_model` would refuse.
    with pytest.raises(ValueError, match=message):
        save_model(clf, tmp_path / "model")


# -- bad input -------------------------------------------------------------------------


def test_bad_input(pretrained, tiny_cnn, test_images):
    with pytest.raises(NotFittedError):
        FamiliarityDetector(tiny_cnn()).fit(test_images)
    with pytest.raises(NotFittedError):
        tiny_cnn().fit_familiarity(test_images)
    with pytest.raises(ValueError, match=r"at least 5 images .* got 1"):
        FamiliarityDetector(pretrained).fit(test_images[:1])
    with pytest.raises(ValueError, match=r"5 reference images in X_val, got 1"):
        FamiliarityDetector(pretrained).fit(test_images, X_val=test_images[:1])
    with pytest.raises(ValueError, match="28, 28, 3"):
        FamiliarityDetector(pretrained).fit(test_images[:, :20, :20])
    with pytest.raises(InvalidParameterError, match="contamination"):
        FamiliarityDetector(pretrained, contamination=2).fit(test_images)
    with pytest.raises(InvalidParameterError, match="fit_familiarity"):
        FamiliarityDetector(nn.Linear(1, 1)).fit(test_images)


def test_a_failed_fit_changes_nothing(test_images):
    clf = load_pretrained("bloodmnist-28-tiny")
    expected = clf.familiarity_.score_samples(test_images[:9])
    with pytest.raises(ValueError, match="at least 5"):
        clf.fit_familiarity(test_images[:2])
    np.testing.assert_array_equal(
        clf.familiarity_.score_samples(test_images[:9]), expected
    )
