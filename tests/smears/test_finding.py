"""Cells in photographs of smears, made of real cells and drawn."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.utils import Bunch

from skblood import find_cells
from skblood.datasets import make_smear

from .conftest import BACKGROUND, draw_smear, measure_overlap, to_uint8

# Fields of real cells, whose places are known


def find_nearest(cells, smear):
    """Return for each image in a field its distance in µm to the nearest found cell.

    The second return value is the indices of these cells.
    """
    between = smear.centers[:, np.newaxis] - cells.centers
    distances = np.linalg.norm(between, axis=2) / smear.pixels_per_um
    return distances.min(axis=1), distances.argmin(axis=1)


def assert_finds_all(cells, smear, *, max_distance=3.0):
    """Assert that all cells are found once, at their places and with their kinds.

    The cells lie up to 2 µm beside the middle of their images.
    """
    distances, nearest = find_nearest(cells, smear)
    assert distances.max() < max_distance
    assert sorted(nearest) == list(range(len(cells.kinds)))
    is_platelet = cells.kinds[nearest] == "platelet"
    np.testing.assert_array_equal(is_platelet, smear.target == 7)


def test_every_cell_is_found_once(smear, found):
    assert_finds_all(found, smear)


def test_shapes_and_types(smear, found):
    n = len(smear.target)
    assert isinstance(found, Bunch)
    assert found.kinds.shape == found.areas.shape == found.is_cut.shape == (n,)
    assert found.boxes.shape == (n, 4)
    assert found.centers.shape == (n, 2)
    assert found.labels.shape == smear.image.shape[:2]
    assert found.kinds.dtype.kind == "U"
    assert found.boxes.dtype.kind == "i"
    assert found.centers.dtype == found.areas.dtype == np.float64
    assert found.is_cut.dtype == bool
    assert found.labels.dtype == np.int32
    assert type(found.pixels_per_um) is type(found.edge_width) is float
    assert type(found.n_red_cells) is int


def test_labels_lie_in_their_boxes(found):
    assert set(np.unique(found.labels)) == set(range(len(found.kinds) + 1))
    for i, box in enumerate(found.boxes):
        rows, columns = np.nonzero(found.labels == i + 1)
        outermost = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
        np.testing.assert_array_equal(box, outermost)


def test_centers_are_the_middles_of_the_boxes(found):
    top, left, bottom, right = found.boxes.T
    np.testing.assert_array_equal(found.centers[:, 0], (top + bottom) / 2)
    np.testing.assert_array_equal(found.centers[:, 1], (left + right) / 2)


def test_areas_are_those_of_the_labels(found):
    n_pixels = np.bincount(found.labels.ravel())[1:]
    np.testing.assert_allclose(found.areas, n_pixels / found.pixels_per_um**2)


def test_areas_are_plausible(found):
    # Discs with diameters of 8 to 20 µm, and of 2 to 6 µm.
    is_platelet = found.kinds == "platelet"
    assert ((found.areas > 50) & (found.areas < 315))[~is_platelet].all()
    assert ((found.areas > 3) & (found.areas < 28))[is_platelet].all()


def test_cells_are_sorted_from_top_to_bottom(found):
    assert (np.diff(found.boxes[:, 0]) >= 0).all()


def test_whole_cells_are_not_cut(found):
    assert not found.is_cut.any()


def test_scale_and_red_cells(smear, found):
    assert found.pixels_per_um == pytest.approx(smear.pixels_per_um, rel=0.05)
    assert found.n_red_cells > 20


@pytest.mark.parametrize("scale", [6, 10, 20])
def test_magnification_does_not_matter(new_cells, scale):
    X, y = (array[:8] for array in new_cells)
    chosen = [1, 4, 5, 7]
    smear = make_smear(X[chosen], y[chosen], pixels_per_um=scale, random_state=0)
    cells = find_cells(smear.image)
    assert_finds_all(cells, smear)
    assert cells.pixels_per_um == pytest.approx(scale, rel=0.05)
    coarse = make_smear(X[chosen], y[chosen], pixels_per_um=5, random_state=0)
    others = find_cells(coarse.image)
    np.testing.assert_array_equal(cells.kinds, others.kinds)
    np.testing.assert_allclose(cells.centers / scale, others.centers / 5, atol=1)
    np.testing.assert_allclose(cells.areas, others.areas, rtol=0.25)


def square_distance(side):
    """Return the square of the distance from the middle: 2 in the corners."""
    squares = np.linspace(-1, 1, side) ** 2
    return np.add.outer(squares, squares)[..., np.newaxis]


CHANGES = {
    "dark": lambda x: 0.5 * x,
    "bluish": lambda x: x * [0.8, 0.95, 1],
    "yellowish": lambda x: x * [1, 0.9, 0.7],
    "pale": lambda x: 255 * (x / 255) ** 0.8,
    "strong": lambda x: 255 * (x / 255) ** 1.4,
    "light from the right": lambda x: x * np.linspace(0.8, 1, len(x))[:, np.newaxis],
    "dark corners": lambda x: x * (1 - 0.125 * square_distance(len(x))),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_stain_and_light_do_not_matter(smear, found, change):
    cells = find_cells(to_uint8(change(smear.image.astype(float))))
    assert_finds_all(cells, smear)
    assert cells.pixels_per_um == pytest.approx(smear.pixels_per_um, rel=0.05)
    np.testing.assert_array_equal(cells.kinds, found.kinds)
    np.testing.assert_allclose(cells.areas, found.areas, rtol=0.5)


def test_photographs_from_jpeg_files(smear):
    file = io.BytesIO()
    Image.fromarray(smear.image).save(file, "JPEG", quality=75)
    cells = find_cells(np.asarray(Image.open(file)))
    assert_finds_all(cells, smear)


# Drawn cells, whose outlines are known


def assert_outlines(cells, masks, *, min_overlap=0.8):
    """Assert that there is one cell for each mask, which covers the mask."""
    assert len(cells.kinds) == len(masks)
    for mask in masks:
        overlaps = [
            measure_overlap(cells.labels == i + 1, mask)
            for i in range(len(cells.kinds))
        ]
        assert max(overlaps) > min_overlap


@pytest.mark.parametrize("scale", [4, 8, 20])
def test_outline_and_area_of_a_white_cell(no_warnings, scale):
    image, masks = draw_smear(40, 50, white_cells=[(18, 30)], pixels_per_um=scale)
    cells = find_cells(image)
    assert_outlines(cells, masks, min_overlap=0.9)
    assert cells.kinds.tolist() == ["nucleated"]
    assert cells.areas[0] == pytest.approx(np.pi * 6**2, rel=0.1)
    np.testing.assert_allclose(cells.centers[0] / scale, (18, 30), atol=0.5)
    expected = np.array([12, 24, 24, 36])
    np.testing.assert_allclose(cells.boxes[0] / scale, expected, atol=1)
    assert cells.pixels_per_um == pytest.approx(scale, rel=0.03)
    assert cells.n_red_cells == 16


@pytest.mark.parametrize("distance", [10, 11, 12, 13])
def test_touching_white_cells_are_parted(distance):
    middles = [(30, 30 - distance / 2), (30, 30 + distance / 2)]
    image, masks = draw_smear(white_cells=middles)
    cells = find_cells(image)
    assert_outlines(cells, masks)
    assert cells.kinds.tolist() == ["nucleated"] * 2


def test_rows_of_touching_white_cells_are_parted():
    image, masks = draw_smear(white_cells=[(30, 15), (31, 26), (29, 37), (30, 48)])
    assert_outlines(find_cells(image), masks)


@pytest.mark.xfail(
    reason="The middle of three cells that all touch is farthest from their outline."
)
def test_three_white_cells_that_all_touch_are_parted():
    image, masks = draw_smear(white_cells=[(25, 24.5), (25, 35.5), (34.5, 30)])
    assert_outlines(find_cells(image), masks)


def test_platelets_beside_each_other():
    middles = [(30, 28), (30, 31.5), (33.5, 29.5)]
    image, _ = draw_smear(platelets=middles, white_cells=[(10, 10)])
    cells = find_cells(image)
    assert cells.kinds.tolist() == ["nucleated"] + 3 * ["platelet"]
    np.testing.assert_allclose(cells.centers[1:] / 8, middles, atol=0.5)


def test_a_platelet_beside_a_white_cell():
    image, _ = draw_smear(white_cells=[(30, 30)], platelets=[(30, 39)])
    cells = find_cells(image)
    assert cells.kinds.tolist() == ["nucleated", "platelet"]
    np.testing.assert_allclose(cells.centers / 8, [(30, 30), (30, 39)], atol=0.5)


def test_outlines_and_areas_of_platelets():
    image, masks = draw_smear(platelets=[(20, 20), (30, 36)], white_cells=[(45, 15)])
    cells = find_cells(image)
    assert_outlines(cells, masks)
    areas = cells.areas[cells.kinds == "platelet"]
    np.testing.assert_allclose(areas, np.pi * 1.6**2, rtol=0.25)


@pytest.mark.parametrize("n_turns", range(4))
def test_cells_that_the_edge_cuts(n_turns):
    image, masks = draw_smear(
        white_cells=[(2, 20), (30, 30)], platelets=[(0.5, 45), (50, 45)]
    )
    cells = find_cells(np.rot90(image, n_turns))
    cut = [mask for mask in masks if mask[0].any()]
    assert len(cut) == cells.is_cut.sum() == 2
    assert len(cells.kinds) == 4
    covered = np.rot90(np.logical_or(*cut), n_turns)
    for i, is_cut in enumerate(cells.is_cut):
        assert covered[cells.labels == i + 1].any() == is_cut
    assert sorted(cells.kinds[cells.is_cut]) == ["nucleated", "platelet"]


def test_a_field_is_cut(smear, found):
    # Through the middle of the second cell, and not near the edge of another one.
    column = int(found.centers[1, 1])
    left, right = found.boxes[:, 1], found.boxes[:, 3]
    cells = find_cells(smear.image[:, column:], pixels_per_um=8)
    boxes = cells.boxes + np.array([0, column, 0, column])
    for i in np.flatnonzero(left > column + 8):
        (same,) = np.flatnonzero(np.abs(boxes - found.boxes[i]).max(axis=1) <= 8)
        assert not cells.is_cut[same]
    crosses = (left < column - 16) & (right > column + 16)
    assert crosses[1]
    assert cells.is_cut.sum() == crosses.sum()


RED_CELLS = {
    "usual": (0.20, 0.30, 0.34),
    "pinkish": (0.15, 0.42, 0.30),
    "more pinkish": (0.20, 0.45, 0.25),
    "dark": (0.40, 0.60, 0.68),
    "pale": (0.10, 0.15, 0.17),
}


@pytest.mark.parametrize("red_cell", RED_CELLS.values(), ids=RED_CELLS)
def test_red_cells_are_not_found(no_warnings, red_cell):
    image, _ = draw_smear(red_cell=red_cell)
    cells = find_cells(image)
    assert cells.kinds.shape == cells.areas.shape == cells.is_cut.shape == (0,)
    assert cells.boxes.shape == (0, 4)
    assert cells.centers.shape == (0, 2)
    assert cells.labels.shape == image.shape[:2]
    assert not cells.labels.any()
    assert cells.kinds.dtype.kind == "U"
    assert cells.boxes.dtype.kind == "i"
    assert cells.centers.dtype == cells.areas.dtype == np.float64
    assert cells.is_cut.dtype == bool
    assert cells.labels.dtype == np.int32
    assert cells.n_red_cells == 36
    assert cells.pixels_per_um == pytest.approx(8, rel=0.03)


@pytest.mark.parametrize("red_cell", RED_CELLS.values(), ids=RED_CELLS)
def test_white_cells_among_red_cells_of_all_stains(red_cell):
    image, masks = draw_smear(
        white_cells=[(30, 30)], platelets=[(10, 50)], red_cell=red_cell
    )
    cells = find_cells(image)
    assert cells.kinds.tolist() == ["platelet", "nucleated"]
    assert measure_overlap(cells.labels == 2, masks[0]) > 0.9


# The scale


def test_scale_by_nuclei():
    # The drawn nuclei have a diameter of 8 µm, and are taken for 10 µm.
    image, masks = draw_smear(white_cells=[(15, 15), (40, 40)], red_cells=[])
    with pytest.warns(UserWarning, match=r"less accurate.*pixels_per_um") as record:
        cells = find_cells(image)
    assert record[0].filename == __file__
    assert cells.pixels_per_um == pytest.approx(8 * 8 / 10, rel=0.05)
    assert cells.n_red_cells == 0
    assert_outlines(cells, masks)


def test_given_scale_is_used(no_warnings):
    image, masks = draw_smear(white_cells=[(15, 15), (40, 40)], red_cells=[])
    cells = find_cells(image, pixels_per_um=8)
    assert cells.pixels_per_um == 8
    assert cells.n_red_cells == 0
    assert_outlines(cells, masks)


def test_given_scale_has_priority_over_red_cells(smear, found):
    cells = find_cells(smear.image, pixels_per_um=np.float32(9))
    assert cells.pixels_per_um == 9
    assert cells.n_red_cells == 0
    _, nearest = find_nearest(cells, smear)
    _, before = find_nearest(found, smear)
    ratio = cells.areas[nearest] / found.areas[before]
    assert np.median(ratio) == pytest.approx((8 / 9) ** 2, rel=0.1)


def test_a_blank_photograph_has_no_cells(no_warnings):
    image = np.full((100, 120, 3), BACKGROUND)
    cells = find_cells(image, pixels_per_um=8)
    assert cells.kinds.shape == (0,)
    assert cells.boxes.shape == (0, 4)
    assert cells.labels.shape == (100, 120)
    assert cells.edge_width == 0
    with pytest.raises(ValueError, match="pixels_per_um"):
        find_cells(image)


def test_a_narrow_photograph(no_warnings):
    image, masks = draw_smear(12, 80, white_cells=[(6, 40)], red_cells=[])
    cells = find_cells(image, pixels_per_um=8)
    assert_outlines(cells, masks)


# Focus


def blur(image, sigma):
    return gaussian_filter(image, (sigma, sigma, 0))


def test_sharp_photographs_raise_no_warning(no_warnings, smear):
    assert find_cells(smear.image).edge_width < 2.2
    image, _ = draw_smear(white_cells=[(30, 30)])
    assert find_cells(image).edge_width < 2.2


@pytest.mark.filterwarnings("ignore:The scale could not be measured")
def test_photograph_out_of_focus(smear, found):
    blurred = blur(smear.image, 2 * 8)
    with pytest.warns(UserWarning, match="out of focus") as record:
        cells = find_cells(blurred)
    assert record[0].filename == __file__
    assert cells.edge_width > 2.2
    with pytest.warns(UserWarning, match="out of focus"):
        find_cells(blurred, pixels_per_um=8)


def test_drawn_photograph_out_of_focus():
    image, _ = draw_smear(white_cells=[(30, 30)])
    with pytest.warns(UserWarning, match="out of focus"):
        find_cells(blur(image, 2 * 8), pixels_per_um=8)


@pytest.mark.filterwarnings("ignore:Expected a sharp photograph")
def test_edges_are_wider_the_more_a_photograph_is_blurred():
    image, _ = draw_smear(white_cells=[(30, 30)])
    widths = [
        find_cells(blur(image, sigma * 8), pixels_per_um=8).edge_width
        for sigma in (0, 0.5, 1)
    ]
    assert 0 < widths[0] < widths[1] < widths[2]


def test_edge_width_depends_little_on_the_magnification():
    widths = [
        find_cells(draw_smear(40, 40, pixels_per_um=scale)[0]).edge_width
        for scale in (6, 10, 20)
    ]
    np.testing.assert_allclose(widths, widths[0], rtol=0.15)


# Forms of input


def assert_same(cells, others):
    assert cells.keys() == others.keys()
    for key in cells:
        np.testing.assert_array_equal(cells[key], others[key])


def test_is_deterministic(smear, found):
    assert_same(find_cells(smear.image), found)


def test_does_not_change_its_input(smear):
    image = smear.image.copy()
    find_cells(image)
    np.testing.assert_array_equal(image, smear.image)


def test_accepts_lists_and_all_memory_orders():
    image, _ = draw_smear(40, 40, white_cells=[(20, 20)], pixels_per_um=6)
    cells = find_cells(image)
    read_only = image.copy()
    read_only.setflags(write=False)
    reversed_copy = np.ascontiguousarray(image[::-1, ::-1, ::-1])
    for other in (
        read_only,
        list(image),
        np.asfortranarray(image),
        reversed_copy[::-1, ::-1, ::-1],
        np.dstack([image, image])[..., :3],
    ):
        assert_same(find_cells(other), cells)


def test_mirrored_photographs_give_mirrored_cells(smear, found):
    cells = find_cells(smear.image[:, ::-1])
    width = smear.image.shape[1]
    mirrored = np.column_stack(
        [
            found.boxes[:, 0],
            width - found.boxes[:, 3],
            found.boxes[:, 2],
            width - found.boxes[:, 1],
        ]
    )
    order = np.lexsort((mirrored[:, 1], mirrored[:, 0]))
    np.testing.assert_allclose(cells.boxes, mirrored[order], atol=2)
    np.testing.assert_array_equal(cells.kinds, found.kinds[order])


# Bad input

COLORED = np.full((80, 90, 3), BACKGROUND)
COLORED.setflags(write=False)
BAD_IMAGES = [
    (COLORED[..., 0], ValueError, r"shape \(H, W, 3\), .* shape \(80, 90\)"),
    (np.dstack([COLORED, COLORED[..., 0]]), ValueError, r"shape \(80, 90, 4\)"),
    (COLORED[np.newaxis], ValueError, r"shape \(1, 80, 90, 3\)"),
    (np.full((80, 90, 3), 200, np.uint8), ValueError, "got a grey one"),
    (COLORED / 255, TypeError, "dtype uint8.* got float64"),
    (COLORED.astype(np.uint16) * 257, TypeError, "uint16.* Divide 16-bit values"),
    (COLORED > 0, TypeError, "dtype uint8.* got bool"),
    (COLORED[:1, :1], ValueError, "at least 64×64 pixels, got 1×1"),
    (COLORED[:63], ValueError, "at least 64×64 pixels, got 90×63"),
    (COLORED[:0, :0], ValueError, "at least 64×64 pixels, got 0×0"),
    (
        np.broadcast_to(BACKGROUND, (10_000, 9_000, 3)),
        ValueError,
        "at most 89,478,485 pixels, got 9000×10000.* smaller photographs",
    ),
    ("photograph.png", (TypeError, ValueError), "must be an array-like. Got 'photo"),
    (None, (TypeError, ValueError), "must be an array-like. Got None"),
]


@pytest.mark.parametrize("image, error, message", BAD_IMAGES)
def test_bad_images(image, error, message):
    with pytest.raises(error, match=message):
        find_cells(image)
    with pytest.raises(error, match=message):
        find_cells(image, pixels_per_um=8)


def test_grey_photographs_from_jpeg_files(smear):
    file = io.BytesIO()
    grey = Image.fromarray(smear.image).convert("L").convert("RGB")
    grey.save(file, "JPEG", quality=80)
    with pytest.raises(ValueError, match="grey"):
        find_cells(np.asarray(Image.open(file)))


@pytest.mark.parametrize(
    "scale", [0, -8, 1.9, 201, "x", None, np.nan, np.inf, True, [8]]
)
def test_bad_scales(scale):
    with pytest.raises((TypeError, ValueError), match="'pixels_per_um' parameter"):
        find_cells(COLORED, pixels_per_um=scale)


def test_scale_that_does_not_suit_the_photograph():
    with pytest.raises(ValueError, match=r"at least 10×10 µm, got 4×3 µm at 25\.0"):
        find_cells(COLORED, pixels_per_um=25)
    large = np.broadcast_to(BACKGROUND, (5_000, 5_000, 3))
    with pytest.raises(ValueError, match=r"at most 5\.6 mm², got 6\.2 mm² at 2\.0"):
        find_cells(large, pixels_per_um=2)


def test_scale_is_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        find_cells(COLORED, 8)
