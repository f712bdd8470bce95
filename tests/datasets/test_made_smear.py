"""Photographs that are made from images of single cells."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from skblood import load_bloodmnist_sample
from skblood.datasets import make_smear

SIDE_UM = 20.4


@pytest.fixture(scope="module")
def images():
    """Return images and labels, one of each class."""
    X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    _, first = np.unique(y, return_index=True)
    X = X[first]
    X.setflags(write=False)
    return X, y[first]


def cut_squares(smear, side_um=SIDE_UM):
    """Return the squares of a photograph in which the images lie."""
    half = side_um * smear.pixels_per_um / 2
    corners = np.round(smear.centers - half).astype(int)
    side = round(2 * half)
    return np.stack(
        [smear.image[top : top + side, left : left + side] for top, left in corners]
    )


def test_shapes_and_types(images):
    X, y = images
    smear = make_smear(X, y, random_state=0)
    assert isinstance(smear, Bunch)
    assert smear.image.dtype == np.uint8
    assert smear.image.shape == (1080, 1080, 3)
    assert smear.centers.shape == (8, 2)
    assert smear.centers.dtype == np.float64
    assert smear.pixels_per_um == 10
    assert type(smear.pixels_per_um) is float


@pytest.mark.parametrize(
    "n_images, n_rows, n_columns", [(1, 1, 1), (2, 1, 2), (3, 2, 2), (5, 2, 3)]
)
def test_each_image_takes_36_micrometres(images, n_images, n_rows, n_columns):
    X, _ = images
    for scale in (3, 5.5):
        smear = make_smear(X[:n_images], pixels_per_um=scale, random_state=0)
        expected = round(36 * n_rows * scale), round(36 * n_columns * scale), 3
        assert smear.image.shape == expected


def test_squares_lie_inside_and_do_not_overlap(images):
    X, _ = images
    smear = make_smear(X.repeat(3, axis=0), pixels_per_um=3, random_state=0)
    half = SIDE_UM * 3 / 2
    assert smear.centers.min() > half
    assert (smear.centers < np.array(smear.image.shape[:2]) - half).all()
    between = np.abs(smear.centers[:, np.newaxis] - smear.centers).max(axis=2)
    assert between[~np.eye(24, dtype=bool)].min() > 2 * half


def test_target_keeps_its_order(images):
    X, y = images
    smear = make_smear(X, y, pixels_per_um=10, random_state=0)
    np.testing.assert_array_equal(smear.target, y)
    assert smear.target.dtype == y.dtype
    # The colours of each square are those of its own image.
    inner = cut_squares(smear, side_um=SIDE_UM * 18 / 28).mean(axis=(1, 2))
    expected = X[:, 5:-5, 5:-5].mean(axis=(1, 2))
    distances = np.linalg.norm(inner[:, np.newaxis] - expected, axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), np.arange(8))


def test_no_target(images):
    assert make_smear(images[0][:1], pixels_per_um=3).target is None


def test_target_can_be_a_list(images):
    smear = make_smear(images[0][:2], [5, 3], pixels_per_um=3)
    np.testing.assert_array_equal(smear.target, [5, 3])


def test_images_are_enlarged_without_blur(images):
    # Each pixel of an image becomes 5×5 pixels. Their mean is the pixel again.
    X, _ = images
    scale = 28 * 5 / SIDE_UM
    smear = make_smear(X, pixels_per_um=scale, random_state=0)
    squares = cut_squares(smear)
    reduced = squares.reshape(8, 28, 5, 28, 5, 3).mean(axis=(2, 4))
    inner = np.s_[:, 2:-2, 2:-2]
    assert np.abs(reduced[inner] - X[inner]).mean() < 4


def test_red_cells_lie_beside_the_images(images):
    X, _ = images
    smear = make_smear(X, random_state=0)
    blue = smear.image[..., 2].astype(float)
    is_outside = np.ones(blue.shape, dtype=bool)
    for top, left in np.round(smear.centers - 102).astype(int):
        is_outside[top : top + 204, left : left + 204] = False
    background = np.median(np.percentile(X, 90, axis=(1, 2)), axis=0)
    darkness = -np.log(blue / background[2])[is_outside]
    # Between a tenth and a half of the photograph is covered by red cells.
    assert 0.1 < (darkness > 0.12).mean() < 0.5
    assert np.median(darkness[darkness > 0.12]) == pytest.approx(0.3, abs=0.06)
    # The rest has the colour of the background of the images.
    assert np.median(darkness[darkness < 0.05]) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("scale", [4, 10])
def test_places_in_micrometres_do_not_depend_on_the_scale(images, scale):
    X, _ = images
    coarse = make_smear(X, pixels_per_um=3, random_state=0)
    fine = make_smear(X, pixels_per_um=scale, random_state=0)
    np.testing.assert_allclose(fine.centers / scale, coarse.centers / 3, atol=0.5)


def test_images_of_other_sizes(images):
    X, _ = images
    larger = X[:2].repeat(4, axis=1).repeat(4, axis=2)
    smear = make_smear(X[:2], pixels_per_um=5, random_state=0)
    other = make_smear(larger, pixels_per_um=5, random_state=0)
    np.testing.assert_array_equal(other.centers, smear.centers)
    difference = other.image.astype(float) - smear.image
    assert np.abs(difference).mean() < 3
    assert make_smear(X[:1, :1, :1], pixels_per_um=3).image.shape == (108, 108, 3)


def test_random_state(images):
    X, _ = images
    first = make_smear(X, pixels_per_um=3, random_state=0)
    again = make_smear(X, pixels_per_um=3, random_state=0)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.centers, again.centers)
    other = make_smear(X, pixels_per_um=3, random_state=1)
    assert (first.image != other.image).any()
    assert (first.centers != other.centers).any()
    rng = np.random.RandomState(0)
    with_rng = make_smear(X, pixels_per_um=3, random_state=rng)
    np.testing.assert_array_equal(first.image, with_rng.image)
    following = make_smear(X, pixels_per_um=3, random_state=rng)
    assert (first.image != following.image).any()


def test_the_global_generator_is_not_used(images):
    state = np.random.get_state()  # noqa: NPY002
    make_smear(images[0][:1], pixels_per_um=3, random_state=0)
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(state[1], after[1])
    assert state[2:] == after[2:]


def test_input_does_not_change(images):
    X, y = (array.copy() for array in images)
    smear = make_smear(X, y, pixels_per_um=3, random_state=0)
    smear.image[:] = 0
    np.testing.assert_array_equal(X, images[0])
    np.testing.assert_array_equal(y, images[1])


def test_bad_images(images):
    X, _ = images
    for bad, error, message in [
        (X[0], ValueError, r"shape \(n, size, size, 3\), .* \(28, 28, 3\)"),
        (X[..., 0], ValueError, r"of shape \(8, 28, 28\)"),
        (X[:, :20], ValueError, r"of shape \(8, 20, 28, 3\)"),
        (X[..., :2], ValueError, r"of shape \(8, 28, 28, 2\)"),
        (X[:0], ValueError, "at least one image, got none"),
        (X / 255, TypeError, "uint8, got float64"),
        (X.astype(np.uint16), TypeError, "uint8, got uint16"),
    ]:
        with pytest.raises(error, match=message):
            make_smear(bad)


@pytest.mark.parametrize("target", [[1, 2], [[1] * 8], 3, "names"])
def test_bad_targets(images, target):
    with pytest.raises(ValueError, match=r"target of shape \(8,\), one label for each"):
        make_smear(images[0], target)


@pytest.mark.parametrize("scale", [2.9, 41, 0, -5, "x", None, np.nan])
def test_bad_scales(images, scale):
    with pytest.raises(ValueError, match=r"pixels_per_um .* from 3 to 40, got"):
        make_smear(images[0], pixels_per_um=scale)


def test_bad_random_state(images):
    with pytest.raises(ValueError, match="cannot be used to seed"):
        make_smear(images[0], random_state="x")


def test_options_are_keyword_only(images):
    with pytest.raises(TypeError, match="positional"):
        make_smear(images[0], None, 10)
