"""Crops around the cells of a photograph."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from skblood import crop_cells, find_cells
from skblood.datasets import make_smear

from .conftest import BACKGROUND, draw_smear

SIDE_UM = 20.4


@pytest.fixture(scope="module")
def drawn():
    """Return a drawn photograph with three cells, and a label image with its cells."""
    image, masks = draw_smear(white_cells=[(20, 20), (40, 45)], platelets=[(50, 15)])
    labels = np.zeros(image.shape[:2], dtype=np.int32)
    for i, mask in enumerate(masks):
        labels[mask] = i + 1
    return image, labels


def test_shape_and_type(smear, found):
    crops = crop_cells(smear.image, found)
    assert crops.shape == (8, 28, 28, 3)
    assert crops.dtype == np.uint8


@pytest.mark.parametrize("scale", [4, 10, 16])
def test_crops_are_the_images_of_a_made_smear(new_cells, scale):
    X = new_cells[0][:8]
    smear = make_smear(X, pixels_per_um=scale, random_state=1)
    cells = Bunch(centers=smear.centers, pixels_per_um=smear.pixels_per_um)
    crops = crop_cells(smear.image, cells)
    # The margin of the images fades into the background.
    inner = np.s_[:, 2:-2, 2:-2]
    difference = np.abs(crops[inner].astype(float) - X[inner])
    assert difference.mean() < (6 if scale == 4 else 2)
    assert difference.mean(axis=(1, 2, 3)).max() < (8 if scale == 4 else 3)


def test_crops_have_the_order_of_the_cells(smear, found):
    crops = crop_cells(smear.image, found)
    for i in range(8):
        cell = Bunch(centers=found.centers[[i]], pixels_per_um=found.pixels_per_um)
        np.testing.assert_array_equal(crop_cells(smear.image, cell)[0], crops[i])


@pytest.mark.parametrize("scale", [5, 8, 15])
def test_squares_show_20_micrometres(scale):
    # The left half of the photograph is blue, from 6 µm left of the middle of the cell.
    image = np.full((round(40 * scale), round(40 * scale), 3), BACKGROUND)
    image[:, : 14 * scale] = [0, 0, 255]
    labels = np.zeros(image.shape[:2], dtype=int)
    labels[18 * scale : 22 * scale, 18 * scale : 22 * scale] = 1
    (crop,) = crop_cells(image, labels, pixels_per_um=scale, size=204)
    width = (crop[102, :, 0] < 128).sum()
    assert width / 204 * SIDE_UM == pytest.approx(SIDE_UM / 2 - 6, abs=1 / scale)


@pytest.mark.parametrize("size", [1, 28, 64, 300])
def test_size(drawn, size):
    image, labels = drawn
    crops = crop_cells(image, labels, size=size, pixels_per_um=8)
    assert crops.shape == (3, size, size, 3)
    small = crop_cells(image, labels, size=1, pixels_per_um=8)[:, 0, 0]
    np.testing.assert_allclose(crops.mean(axis=(1, 2)), small, atol=25)


def test_beyond_the_photograph_is_the_color_of_the_background():
    image, _ = draw_smear(white_cells=[(1, 30), (59, 59)], red_cells=[])
    cells = find_cells(image, pixels_per_um=8)
    top, corner = crop_cells(image, cells)
    # The crops reach about 7 µm, which are 9 pixels, beyond the photograph.
    for part in (top[:8], corner[-7:], corner[:, -7:]):
        np.testing.assert_allclose(
            part, np.broadcast_to(BACKGROUND, part.shape), atol=3
        )
    assert top[14, 14, 0] < 150
    assert corner[17, 17, 0] < 150


def test_photograph_smaller_than_a_square():
    image, _ = draw_smear(12, 12, white_cells=[(6, 6)], red_cells=[], pixels_per_um=6)
    (crop,) = crop_cells(image, find_cells(image, pixels_per_um=6))
    assert crop.shape == (28, 28, 3)
    np.testing.assert_allclose(crop[0], np.tile(BACKGROUND, (28, 1)), atol=3)
    assert crop[14, 14, 0] < 150


@pytest.mark.parametrize("size", [28, 5])
def test_no_cells(no_warnings, size):
    image, _ = draw_smear()
    labels = np.zeros(image.shape[:2], dtype=int)
    for cells in (find_cells(image), labels):
        crops = crop_cells(image, cells, size=size)
        assert crops.shape == (0, size, size, 3)
        assert crops.dtype == np.uint8
    blank = np.full_like(image, BACKGROUND)
    assert len(crop_cells(blank, labels, pixels_per_um=8)) == 0


# Label images


def test_labels_of_find_cells_give_the_same_crops(smear, found):
    crops = crop_cells(smear.image, found)
    np.testing.assert_array_equal(crop_cells(smear.image, found.labels), crops)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64, np.uint64])
def test_numbers_with_gaps(drawn, dtype):
    image, labels = drawn
    crops = crop_cells(image, labels, pixels_per_um=8)
    numbers = np.array([0, 3, 7, 200]).astype(dtype)
    with_gaps = crop_cells(image, numbers[labels], pixels_per_um=8)
    np.testing.assert_array_equal(with_gaps, crops)


def test_huge_numbers(drawn):
    image, labels = drawn
    crops = crop_cells(image, labels, pixels_per_um=8)
    numbers = np.array([0, 5, 10**6, 10**9])
    huge = crop_cells(image, numbers[labels], pixels_per_um=8)
    np.testing.assert_array_equal(huge, crops)


def test_crops_have_the_order_of_the_numbers(drawn):
    image, labels = drawn
    crops = crop_cells(image, labels, pixels_per_um=8)
    numbers = np.array([0, 9, 4, 6])
    other = crop_cells(image, numbers[labels], pixels_per_um=8)
    np.testing.assert_array_equal(other, crops[[1, 2, 0]])


def test_label_image_without_background(drawn):
    image, labels = drawn
    crops = crop_cells(image, np.full_like(labels, 7), pixels_per_um=8)
    middle = Bunch(centers=np.array([[240.0, 240.0]]), pixels_per_um=8.0)
    np.testing.assert_array_equal(crops, crop_cells(image, middle))


def test_lists(drawn):
    image, labels = drawn
    np.testing.assert_array_equal(
        crop_cells(list(image), labels.tolist(), pixels_per_um=8),
        crop_cells(image, labels, pixels_per_um=8),
    )


def test_regions_of_several_parts_are_one_cell(drawn):
    image, labels = drawn
    joined = crop_cells(image, np.where(labels == 3, 1, labels), pixels_per_um=8)
    assert len(joined) == 2
    # The box around both parts: rows 14 to 51.4 µm, columns 13.6 to 26 µm.
    middle = Bunch(centers=np.array([[32.7, 19.8]]) * 8, pixels_per_um=8.0)
    difference = joined[0].astype(float) - crop_cells(image, middle)[0]
    assert np.abs(difference).mean() < 8


def test_scale_is_measured_or_given(drawn):
    image, labels = drawn
    measured = find_cells(image).pixels_per_um
    np.testing.assert_array_equal(
        crop_cells(image, labels), crop_cells(image, labels, pixels_per_um=measured)
    )
    larger = crop_cells(image, labels, pixels_per_um=16)
    assert (larger[1] != crop_cells(image, labels)[1]).any()


def test_given_scale_has_priority_over_that_of_the_cells(smear, found):
    given = crop_cells(smear.image, found, pixels_per_um=6)
    cells = Bunch(**{**found, "pixels_per_um": 6.0})
    np.testing.assert_array_equal(given, crop_cells(smear.image, cells))
    assert (given != crop_cells(smear.image, found)).any()


def test_scale_that_cannot_be_measured(drawn):
    _, labels = drawn
    blank = np.full((*labels.shape, 3), BACKGROUND)
    with pytest.raises(ValueError, match="pixels_per_um"):
        crop_cells(blank, labels)


def test_scale_by_nuclei_raises_a_warning(drawn):
    _, labels = drawn
    image, _ = draw_smear(white_cells=[(20, 20)], red_cells=[])
    with pytest.warns(UserWarning, match=r"less accurate.*pixels_per_um"):
        crop_cells(image, labels)


def test_does_not_change_its_input(drawn):
    image, labels = (array.copy() for array in drawn)
    crops = crop_cells(image, labels, pixels_per_um=8)
    crops[:] = 0
    np.testing.assert_array_equal(image, drawn[0])
    np.testing.assert_array_equal(labels, drawn[1])


# Bad input


def test_bad_label_images(drawn):
    image, labels = drawn
    for bad, error, message in [
        (labels[1:], ValueError, r"shape \(480, 480\), .* got shape \(479, 480\)"),
        (labels[..., np.newaxis], ValueError, r"got shape \(480, 480, 1\)"),
        (labels[0], ValueError, r"got shape \(480,\)"),
        (labels.astype(float), TypeError, "of integers, got dtype float64"),
        (labels > 0, TypeError, "dtype bool.* number its regions"),
        (-labels, ValueError, "labels of 0 and more, got the label -3"),
        ("labels.png", (TypeError, ValueError), "'cells' parameter"),
        (None, (TypeError, ValueError), "'cells' parameter"),
    ]:
        with pytest.raises(error, match=message):
            crop_cells(image, bad)


def test_bad_photographs(drawn):
    image, labels = drawn
    for bad, error, message in [
        (image[..., 0], ValueError, r"shape \(H, W, 3\)"),
        (image / 255, TypeError, "uint8"),
        (np.repeat(image[..., :1], 3, axis=2), ValueError, "grey"),
        ("photograph.png", (TypeError, ValueError), "'image' parameter of crop_cells"),
    ]:
        with pytest.raises(error, match=message):
            crop_cells(bad, labels)


@pytest.mark.parametrize("size", [0, -1, 2.5, "x", None])
def test_bad_sizes(drawn, size):
    with pytest.raises((TypeError, ValueError), match="'size' parameter"):
        crop_cells(*drawn, size=size)


@pytest.mark.parametrize("scale", [0, -8, 1.9, 201, "x", None, np.nan])
def test_bad_scales(drawn, scale):
    with pytest.raises((TypeError, ValueError), match="'pixels_per_um' parameter"):
        crop_cells(*drawn, pixels_per_um=scale)


def test_options_are_keyword_only(drawn):
    with pytest.raises(TypeError, match="positional"):
        crop_cells(*drawn, 28)
