"""The scale of a photograph, measured by the red cells in it."""

import numpy as np
from scipy.ndimage import binary_fill_holes, distance_transform_edt
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops

from .._warnings import warn
from ._density import GREEN, measure_density, measure_purple
from ._nuclei import find_nuclei, measure_red_cell_limit
from ._outlines import touches_edge
from ._photograph import resize
from ._regions import drop_small, separate_touching
from ._sizes import NUCLEUS_UM, RED_CELL_UM

# Limits for a scale that is passed or measured by nuclei, in pixels per micrometre.
# Below the first one, the smallest platelets would have fewer than four pixels across.
MIN_SCALE, MAX_SCALE = 2, 200
# Limits for the diameter of red cells, in pixels. The photograph is measured at four
# sizes, and the size with the most such red cells is used.
MIN_DIAMETER, MAX_DIAMETER = 20, 110
REDUCTIONS = (1, 2, 4, 8)
# The red cells in the middle part of a photograph are enough. Its side in pixels.
MEASURED_SIDE = 900
# With fewer red cells than `MANY_RED_CELLS`, other round things could be taken for red
# cells. Their scale must then differ from that of nuclei by no more than this factor.
MIN_RED_CELLS, MANY_RED_CELLS = 2, 5
MAX_DISAGREEMENT = 2.0
# Whole single red cells are round, and equal to their convex hull.
MIN_SOLIDITY, MAX_ECCENTRICITY = 0.94, 0.65
# Otsu's threshold lies between the background and the middle of the red cells. A lower
# one includes their edges.
EDGE = 0.8


def resolve_scale(pixels, pixels_per_um):
    """Return the given scale, or for "auto" the measured one.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), dtype uint8
    pixels_per_um : float or "auto"

    Returns
    -------
    pixels_per_um : float
    n_red_cells : int
        Number of red cells from which the scale was measured.

    Raises
    ------
    ValueError
        If the photograph shows neither single red cells nor nuclei.

    Warns
    -----
    UserWarning
        If the scale was measured by nuclei.
    """
    if pixels_per_um != "auto":
        return float(pixels_per_um), 0
    scale, n_red_cells = measure_scale(pixels)
    if scale is not None:
        return scale, n_red_cells
    scale = measure_scale_by_nuclei(pixels)
    if scale is None or not MIN_SCALE <= scale <= MAX_SCALE:
        raise ValueError(
            "Expected a photograph of a stained blood smear, got one that shows "
            "neither single red cells nor nuclei from which its scale could be "
            "measured. If it is a smear, pass the number of pixels per micrometre "
            "(pixels_per_um)."
        )
    warn(
        f"The scale could not be measured by red cells: {n_red_cells} do not touch "
        "other cells, and at least two are needed. With fewer than five, their size "
        "must also agree with that of the nuclei. Instead, the largest nuclei were "
        f"assumed to be {NUCLEUS_UM} µm wide, which gives {scale:.1f} pixels per "
        "micrometre. This is less accurate. Pass the number (pixels_per_um) if you "
        "know it."
    )
    return scale, 0


def measure_scale(pixels):
    """Measure how many pixels there are in a micrometre.

    The area-weighted median diameter of the red cells that lie alone in the middle of
    the photograph is taken for 7.5 µm. Fragments and platelets have little weight.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), dtype uint8

    Returns
    -------
    pixels_per_um : float or None
        None if there are fewer than two such red cells. Also None if there are fewer
        than five, and their scale differs from that of the nuclei by a factor of more
        than 2.
    n_red_cells : int
        The number of such red cells.
    """
    best, reduction = np.empty(0), 1
    for candidate in REDUCTIONS:
        if min(pixels.shape[:2]) < candidate * 2 * MIN_DIAMETER:
            break
        middle = _middle(pixels, MEASURED_SIDE * candidate)
        diameters = _find_diameters(resize(middle, 1 / candidate))
        if len(diameters) > len(best):
            best, reduction = diameters, candidate
    if len(best) < MIN_RED_CELLS:
        return None, len(best)
    scale = reduction * _weighted_median(best, best**2) / RED_CELL_UM
    if len(best) < MANY_RED_CELLS:
        by_nuclei = measure_scale_by_nuclei(pixels) or scale
        if abs(np.log(scale / by_nuclei)) > np.log(MAX_DISAGREEMENT):
            return None, len(best)
    return scale, len(best)


def measure_scale_by_nuclei(pixels):
    """Measure the scale from the largest nuclei, which are taken for 10 µm.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), dtype uint8

    Returns
    -------
    float or None
        Pixels per micrometre. None if no nuclei are found.
    """
    factor = min(1.0, MEASURED_SIDE / max(pixels.shape[:2]))
    nuclei = find_nuclei(measure_density(resize(pixels, factor)))
    if not nuclei.any():
        return None
    # The lobes of a nucleus lie close together. Closing joins them.
    lobe = max(region.equivalent_diameter_area for region in regionprops(label(nuclei)))
    reach = lobe / 4
    near = distance_transform_edt(~nuclei) <= reach
    joined = label(distance_transform_edt(near) > reach)
    areas = np.array([region.area_convex for region in regionprops(joined)])
    diameter = _weighted_median(np.sqrt(4 / np.pi * areas), areas)
    return float(diameter / factor / NUCLEUS_UM)


def _middle(pixels, side):
    height, width = pixels.shape[:2]
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    return pixels[top : top + side, left : left + side]


def _find_diameters(pixels):
    """Return the diameters of the red cells that lie alone, in pixels."""
    density = measure_density(pixels)
    green, purple = density[..., GREEN], measure_purple(density)
    max_purple = measure_red_cell_limit(purple, find_nuclei(density))
    is_not_purple = purple < max_purple
    if not is_not_purple.any() or np.ptp(green[is_not_purple]) == 0:
        return np.empty(0)
    threshold = EDGE * threshold_otsu(green[is_not_purple])
    mask = drop_small(binary_fill_holes(green > threshold), 50)
    cells = separate_touching(mask, sigma=2, min_distance=6, min_thickness=4)
    return np.array(
        [
            cell.equivalent_diameter_area
            for cell in regionprops(cells, intensity_image=purple)
            if _is_red_cell(cell, mask.shape, max_purple)
        ]
    )


def _is_red_cell(cell, shape, max_purple):
    # The order matters: the first checks are fast.
    return (
        MIN_DIAMETER <= cell.equivalent_diameter_area <= MAX_DIAMETER
        and not touches_edge(cell.bbox, shape)
        and cell.intensity_mean < max_purple
        and cell.eccentricity < MAX_ECCENTRICITY
        and cell.solidity > MIN_SOLIDITY
    )


def _weighted_median(values, weights):
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])
