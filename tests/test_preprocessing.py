"""CellImagePreprocessor: crop, resize, normalise colours; the estimator interface."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from skblood.datasets import load_cell_images
from skblood.preprocessing import CellImagePreprocessor

NORMALIZATIONS = [None, "brightness", "stain"]


@pytest.fixture(scope="module")
def images(cells):
    return cells[0]


def darken(images, factors=(0.7, 0.8, 0.9)):
    return (images * np.array(factors)).astype(np.uint8)


# -- cropping and resizing -------------------------------------------------------------


def test_images_of_the_requested_size_are_not_changed(images):
    assert_array_equal(CellImagePreprocessor().fit_transform(images), images)


@pytest.mark.parametrize("size, crop", [(14, None), (14, 20), (56, 27), (1, 1)])
def test_same_result_as_load_cell_images(images, tmp_path, size, crop):
    for i, image in enumerate(images[:5]):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    loaded = load_cell_images(tmp_path, size=size, crop=crop).data
    prepare = CellImagePreprocessor(size=size, crop=crop)
    assert_array_equal(prepare.fit_transform(images[:5]), loaded)


def test_images_of_different_sizes(images):
    mixed = [images[0], images[1][:20, :22], images[2][3:]]
    prepared = CellImagePreprocessor(size=12).fit_transform(mixed)
    assert prepared.shape == (3, 12, 12, 3)
    assert prepared.dtype == np.uint8
    assert_array_equal(
        prepared[:1], CellImagePreprocessor(size=12).fit_transform(mixed[:1])
    )


@pytest.mark.parametrize("grey", [lambda X: X[..., 0], lambda X: X[..., :1]])
def test_grey_images(images, grey):
    prepared = CellImagePreprocessor(size=12).fit_transform(grey(images))
    assert prepared.shape == (len(images), 12, 12, 1)


# -- colours ---------------------------------------------------------------------------


def test_stain_normalization_corrects_a_colour_cast(images):
    prepare = CellImagePreprocessor(normalization="stain").fit(images)
    dark = darken(images)
    before = dark.astype(float) - images
    after = prepare.transform(dark).astype(float) - prepare.transform(images)
    assert np.abs(after).mean() < 0.2 * np.abs(before).mean()


def test_stain_normalization_matches_the_statistics_of_fit(images):
    from skimage.color import rgb2lab

    prepare = CellImagePreprocessor(normalization="stain").fit(images)
    lab = rgb2lab(prepare.transform(darken(images)))
    # The tolerance allows for rounded pixels and for clipped colours outside sRGB.
    assert_allclose(lab.mean(axis=(0, 1, 2)), prepare.mean_, atol=2)
    assert_allclose(lab.std(axis=(1, 2)).mean(axis=0), prepare.std_, atol=2)


def test_brightness_normalization_does_not_change_colours(images):
    from skimage.color import rgb2lab

    prepare = CellImagePreprocessor(normalization="brightness").fit(images)
    dark = darken(images, (0.8, 0.8, 0.8))
    before, after = rgb2lab(dark), rgb2lab(prepare.transform(dark))
    assert_allclose(after[..., 1:].mean(), before[..., 1:].mean(), atol=2)
    assert after[..., 0].mean() > before[..., 0].mean() + 5


@pytest.mark.parametrize("normalization", ["brightness", "stain"])
def test_images_of_one_colour(images, normalization):
    prepare = CellImagePreprocessor(normalization=normalization).fit(images)
    flat = prepare.transform(np.full_like(images[:1], 90))
    assert (flat == flat[0, 0, 0]).all()


def test_brightness_normalization_of_grey_images(images):
    prepare = CellImagePreprocessor(normalization="brightness").fit(images[..., 0])
    dark = prepare.transform(images[..., 0] // 2)
    assert dark.shape == (len(images), 28, 28, 1)
    assert abs(dark.mean() - images[..., 0].mean()) < 5


# -- the estimator interface -----------------------------------------------------------

# scikit-learn's checks that do not require a two-dimensional X.
CHECKS = [
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_get_params_invariance",
    "check_set_params",
    "check_mixin_order",
]


@pytest.mark.parametrize("name", CHECKS)
def test_checks_of_scikit_learn(name):
    check = getattr(estimator_checks, name)
    check("CellImagePreprocessor", CellImagePreprocessor())


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_same_result_each_time_and_x_unchanged(images, normalization):
    X = darken(images)
    before = X.copy()
    prepare = CellImagePreprocessor(size=20, normalization=normalization)
    first = prepare.fit_transform(X)
    assert_array_equal(X, before)
    assert_array_equal(prepare.transform(X), first)
    assert_array_equal(clone(prepare).fit(X).transform(X), first)
    assert_array_equal(pickle.loads(pickle.dumps(prepare)).transform(X), first)
    assert_array_equal(prepare.transform(X[:3]), first[:3])


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_pipeline_and_search(tiny, cells, normalization):
    prepare = CellImagePreprocessor(size=14, normalization=normalization)
    model = make_pipeline(prepare, tiny())
    assert np.isfinite(cross_val_score(model, *cells, cv=2, error_score="raise")).all()
    search = GridSearchCV(model, {"cellimagepreprocessor__crop": [None, 20]}, cv=2)
    assert search.fit(*cells).predict(cells[0]).shape == (80,)


def test_fit_deletes_the_attributes_of_an_earlier_fit(images):
    prepare = CellImagePreprocessor(normalization="stain").fit(images)
    prepare.set_params(normalization=None).fit(images)
    assert not hasattr(prepare, "mean_")
    assert not hasattr(prepare, "std_")


def test_transform_before_fit(images):
    with pytest.raises(NotFittedError):
        CellImagePreprocessor().transform(images)


BAD_PARAMETERS = [
    ({"size": 0}, "Got 0"),
    ({"size": 2.5}, r"Got 2\.5"),
    ({"crop": -1}, "Got -1"),
    ({"normalization": "macenko"}, "Got 'macenko'"),
]


@pytest.mark.parametrize("parameters, message", BAD_PARAMETERS)
def test_bad_parameters(images, parameters, message):
    with pytest.raises(ValueError, match=message):
        CellImagePreprocessor(**parameters).fit(images)


BAD_IMAGES = [
    ("floats", lambda X: X / 255, TypeError, "uint8, got image 0 of dtype float64"),
    ("rows", lambda X: X.reshape(len(X), -1), ValueError, r"shape \(80, 2352\)"),
    ("no images", lambda X: X[:0], ValueError, "at least 1 image in X, got 0"),
    ("empty images", lambda X: X[:, :0], ValueError, r"shape \(0, 28, 3\)"),
    ("5-D", lambda X: X[..., None], ValueError, r"shape \(80, 28, 28, 3, 1\)"),
    ("4 channels", lambda X: X[..., [0, 1, 2, 0]], ValueError, r"\(28, 28, 4\)"),
    ("mixed", lambda X: [X[0], X[1, ..., 0]], ValueError, "grey or colour.* got both"),
    (
        "smaller than the crop",
        lambda X: [X[0], X[1, :20]],
        ValueError,
        r"Image 1 of X has 28×20.*27×27",
    ),
    ("file name", lambda X: "cell.png", TypeError, "type str"),
    ("None", lambda X: None, TypeError, "type NoneType"),
]


@pytest.mark.parametrize(
    "change, error, message",
    [row[1:] for row in BAD_IMAGES],
    ids=[row[0] for row in BAD_IMAGES],
)
def test_bad_images(images, change, error, message):
    prepare = CellImagePreprocessor(crop=27)
    with pytest.raises(error, match=message):
        prepare.fit(change(images))
    assert not [name for name in vars(prepare) if name.endswith("_")]
    with pytest.raises(error, match=message):
        prepare.fit(images).transform(change(images))


def test_other_number_of_channels_than_in_fit(images):
    prepare = CellImagePreprocessor().fit(images)
    with pytest.raises(
        ValueError, match=r"as many channels as in fit \(3\), got images with 1"
    ):
        prepare.transform(images[..., 0])


def test_stain_normalization_requires_colour_images(images):
    with pytest.raises(ValueError, match=r"Expected colour images .*, got grey images"):
        CellImagePreprocessor(normalization="stain").fit(images[..., 0])
