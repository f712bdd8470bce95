"""Photographs of smears for the tests: made of real cells, and drawn ones.

They are shared, so a test that changes one must copy it first.
"""

import warnings
from itertools import product

import numpy as np
import pytest

# Colours of make_smear, and typical ones of the images of BloodMNIST.
BACKGROUND = np.array([255, 228, 211], dtype=np.uint8)
RED_CELL = (0.20, 0.30, 0.34)
CYTOPLASM = (0.30, 0.42, 0.20)
NUCLEUS = (1.10, 1.60, 0.42)
PLATELET_RIM = (0.12, 0.18, 0.05)
PLATELET = (0.60, 0.90, 0.34)
# Diameters in micrometres.
RED_CELL_UM, WHITE_CELL_UM, NUCLEUS_UM = 7.5, 12.0, 8.0
PLATELET_UM, GRANULES_UM = 3.2, 2.2


def draw_smear(
    height_um=60,
    width_um=60,
    *,
    white_cells=(),
    platelets=(),
    red_cells=None,
    red_cell=RED_CELL,
    pixels_per_um=8,
):
    """Return a drawn photograph, and the mask of each white cell and platelet.

    All cells are discs with a soft edge. Platelets are darker in the middle, where
    their granules are. Places are in micrometres. By default, there are red cells where
    there is room for them.
    """
    shape = round(height_um * pixels_per_um), round(width_um * pixels_per_um)
    if red_cells is None:
        red_cells = place_red_cells(height_um, width_um, [*white_cells, *platelets])
    density = np.zeros((*shape, 3))
    draw_discs(density, red_cells, RED_CELL_UM, red_cell, pixels_per_um)
    draw_discs(density, white_cells, WHITE_CELL_UM, CYTOPLASM, pixels_per_um)
    draw_discs(density, white_cells, NUCLEUS_UM, NUCLEUS, pixels_per_um)
    draw_discs(density, platelets, PLATELET_UM, PLATELET_RIM, pixels_per_um)
    draw_discs(density, platelets, GRANULES_UM, PLATELET, pixels_per_um)
    noise = np.random.RandomState(0).normal(0, 1.5, density.shape)
    pixels = BACKGROUND * np.exp(-density) + noise
    diameters = [WHITE_CELL_UM] * len(white_cells) + [PLATELET_UM] * len(platelets)
    masks = [
        measure_distance(shape, middle, pixels_per_um) < diameter / 2
        for middle, diameter in zip([*white_cells, *platelets], diameters, strict=True)
    ]
    return to_uint8(pixels), masks


def place_red_cells(height_um, width_um, middles):
    """Return places for red cells in rows, with a distance from the given cells."""
    places = product(np.arange(5, height_um, 10), np.arange(5, width_um, 10))
    return [
        place
        for place in places
        if all(np.hypot(*np.subtract(place, middle)) > 11 for middle in middles)
    ]


def draw_discs(density, middles, diameter, color, pixels_per_um):
    for middle in middles:
        distance = measure_distance(density.shape[:2], middle, pixels_per_um)
        inside = 1 / (1 + np.exp(np.clip(16 * (distance - diameter / 2), -50, 50)))
        density += inside[..., np.newaxis] * (np.array(color) - density)


def measure_distance(shape, middle, pixels_per_um):
    """Return the distance of each pixel from a point, in micrometres."""
    rows, columns = (
        (np.arange(n) + 0.5) / pixels_per_um - m
        for n, m in zip(shape, middle, strict=True)
    )
    return np.hypot(rows[:, np.newaxis], columns)


def to_uint8(pixels):
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def measure_overlap(mask, other):
    """Return the intersection over union of two masks."""
    return (mask & other).sum() / (mask | other).sum()


@pytest.fixture
def no_warnings():
    """Make each warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="session")
def smear(new_cells):
    """Return a field with one cell of each class, with 8 pixels per micrometre."""
    from skblood.datasets import make_smear

    X, y = new_cells
    made = make_smear(X[8:16], y[8:16], pixels_per_um=8, random_state=0)
    made.image.setflags(write=False)
    return made


@pytest.fixture(scope="session")
def found(smear):
    """Return the cells that `find_cells` finds in `smear`."""
    from skblood import find_cells

    return find_cells(smear.image)
