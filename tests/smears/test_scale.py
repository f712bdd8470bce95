"""The scale that find_cells measures by the red cells."""

import numpy as np
import pytest

from skblood import find_cells

from .conftest import draw_smear


def measure(image):
    cells = find_cells(image)
    return cells.pixels_per_um, cells.n_red_cells


@pytest.mark.parametrize("scale", [4, 5, 8, 12, 25])
def test_all_magnifications(no_warnings, scale):
    image, _ = draw_smear(40, 40, pixels_per_um=scale)
    assert measure(image) == (pytest.approx(scale, rel=0.03), 16)


def test_touching_red_cells_are_parted_or_ignored(no_warnings):
    places = [(10, 10), (10, 17), (30, 12), (33, 18), (31, 35), (31, 42), (38, 38)]
    alone = [(10, 40), (48, 10), (48, 30), (10, 28)]
    image, _ = draw_smear(55, 55, red_cells=places + alone)
    scale, n_red_cells = measure(image)
    assert scale == pytest.approx(8, rel=0.05)
    assert n_red_cells >= len(alone)


def test_red_cells_that_the_edge_cuts_are_ignored(no_warnings):
    places = [(0, 10), (0, 30), (20, 0), (38, 39), (12, 12), (12, 28), (28, 20)]
    image, _ = draw_smear(40, 40, red_cells=places, white_cells=[(28, 32)])
    scale, n_red_cells = measure(image)
    assert scale == pytest.approx(8, rel=0.03)
    assert n_red_cells == 3


def test_white_cells_and_platelets_are_not_measured(no_warnings):
    image, _ = draw_smear(
        white_cells=[(15, 15), (15, 45), (45, 15)],
        platelets=[(30, 30), (36, 30), (30, 36), (45, 45), (50, 45), (45, 50)],
        red_cells=[(32, 50), (54, 32), (6, 30)],
    )
    assert measure(image) == (pytest.approx(8, rel=0.03), 3)


@pytest.mark.parametrize("n_red_cells", [0, 1])
def test_too_few_red_cells(n_red_cells):
    places = [(8, 30), (30, 8)][:n_red_cells]
    image, _ = draw_smear(45, 45, white_cells=[(28, 28)], red_cells=places)
    with pytest.warns(UserWarning, match=f"red cells: {n_red_cells} do not touch"):
        scale, n_measured = measure(image)
    assert scale == pytest.approx(8 * 8 / 10, rel=0.05)
    assert n_measured == 0


def test_two_red_cells_are_enough(no_warnings):
    image, _ = draw_smear(45, 45, white_cells=[(28, 28)], red_cells=[(8, 30), (30, 8)])
    assert measure(image) == (pytest.approx(8, rel=0.03), 2)


def test_scale_of_a_large_photograph_is_that_of_its_parts(no_warnings):
    image, _ = draw_smear(pixels_per_um=8)
    large = np.tile(image, (2, 3, 1))
    scale, n_red_cells = measure(large)
    assert scale == pytest.approx(8, rel=0.03)
    assert n_red_cells > 36
