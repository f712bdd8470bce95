"""Nucleated cells: nuclei with the cytoplasm around them."""

import numpy as np
from PIL import Image
from scipy.ndimage import binary_fill_holes, distance_transform_edt, gaussian_filter
from skimage.morphology import closing, disk, opening

from ._density import BACKGROUND, GREEN, measure_purple
from ._nuclei import measure_red_cell_limit
from ._regions import separate_touching
from ._sizes import RED_CELL, RED_CELL_AREA

# The next five lengths are in units of the diameter of a red cell.
# Largest distance of cytoplasm from its nucleus.
CYTOPLASM_REACH = 0.9
# Pixels nearer to a nucleus are not used as background.
NUCLEUS_HALO = 0.3
# Farther from a nucleus than this, stained pixels are mostly red cells.
FAR_FROM_NUCLEUS = 0.75
# Smallest distance of the middles of two cells, and half of the smallest thickness of a
# cell.
MIN_CELL_DISTANCE, MIN_CELL_THICKNESS = 0.7, 0.4
# Area of the chromatin of a cell, in units of the area of a red cell.
MIN_NUCLEUS_AREA = 0.3
# Standard deviation in pixels of the Gaussian that averages the background, and the
# distance of the pixels that are used.
BACKGROUND_SIGMA, COARSE = 20, 4
# Limits for the difference in colour between cytoplasm and red cells: an optical
# density, and a fraction of the median difference of nuclei.
MIN_DIFFERENCE, MIN_FRACTION_OF_NUCLEI = 0.06, 0.1
# Percentile of the differences in red cells above which they are not red cells.
USUAL_PERCENTILE = 90


def subtract_background(density, nuclei):
    """Return optical densities relative to the background around each pixel.

    Parameters
    ----------
    density : ndarray of shape (H, W, 3)
    nuclei : ndarray of bool, of shape (H, W)

    Returns
    -------
    ndarray of shape (H, W, 3)
    """
    is_far = distance_transform_edt(~nuclei) > NUCLEUS_HALO * RED_CELL
    is_background = (density.mean(axis=2) < BACKGROUND) & is_far
    if not is_background.any():
        return density
    # The background changes slowly, so every fourth pixel is enough.
    some = (slice(None, None, COARSE),) * 2
    weight = is_background[some][..., np.newaxis].astype(np.float32)
    sigma = (BACKGROUND_SIGMA / COARSE, BACKGROUND_SIGMA / COARSE, 0)
    sums = gaussian_filter(density[some] * weight, sigma, truncate=3)
    # Where no background is near, the mean of all background takes over.
    mean = density[is_background].mean(axis=0)
    weight = gaussian_filter(weight, sigma, truncate=3)
    local = (sums + 1e-3 * mean) / (weight + 1e-3)
    return density - _enlarge(local, density.shape[:2])


def _enlarge(values, shape):
    """Return an array with the given height and width, by linear interpolation."""
    height, width = shape
    channels = [
        Image.fromarray(np.ascontiguousarray(channel, dtype=np.float32)).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        for channel in np.moveaxis(values, 2, 0)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=2)


def find_nucleated_cells(density, nuclei):
    """Return the nucleated cells: their nuclei with the cytoplasm around them.

    Cytoplasm has another colour than red cells, also where it is as dark as these: the
    optical densities of a red cell lie on the line from the background to the colour of
    haemoglobin, whatever its thickness. The distance from this line tells cytoplasm.

    Parameters
    ----------
    density : ndarray of shape (H, W, 3)
        Optical densities relative to the background.
    nuclei : ndarray of bool, of shape (H, W)

    Returns
    -------
    ndarray of int32, of shape (H, W)
        A label image.
    """
    if not nuclei.any():
        return np.zeros(nuclei.shape, dtype=np.int32)
    to_nucleus = distance_transform_edt(~nuclei)
    purple = measure_purple(density)
    is_red_cell = (
        (density[..., GREEN] > BACKGROUND)
        & (purple < measure_red_cell_limit(purple, nuclei))
        & (to_nucleus > FAR_FROM_NUCLEUS * RED_CELL)
    )
    distance, usual = _distance_from_haemoglobin(density, is_red_cell)
    limit = max(
        MIN_DIFFERENCE,
        usual,
        MIN_FRACTION_OF_NUCLEI * float(np.median(distance[nuclei])),
    )
    cells = nuclei | ((distance > limit) & (to_nucleus < CYTOPLASM_REACH * RED_CELL))
    cells = closing(opening(cells, disk(1)), disk(2))
    cells = opening(binary_fill_holes(cells), disk(3))
    cells = separate_touching(
        cells,
        sigma=1.5,
        min_distance=round(MIN_CELL_DISTANCE * RED_CELL),
        min_thickness=MIN_CELL_THICKNESS * RED_CELL,
    )
    return _keep_with_nucleus(cells, nuclei)


def _distance_from_haemoglobin(density, is_red_cell):
    """Return the distance of each pixel from the line of red cells.

    The second value is its 90th percentile in red cells, and 0 if there are too few.
    """
    if is_red_cell.sum() < RED_CELL_AREA:
        # Without red cells, all that is darker than the background can be cytoplasm.
        return np.linalg.norm(density, axis=2), 0.0
    direction = np.median(density[is_red_cell], axis=0)
    direction /= np.linalg.norm(direction)
    along = density @ direction
    distance = np.linalg.norm(density - along[..., np.newaxis] * direction, axis=2)
    return distance, float(np.percentile(distance[is_red_cell], USUAL_PERCENTILE))


def _keep_with_nucleus(cells, nuclei):
    """Return the label image without the cells whose nucleus is too small."""
    areas = np.bincount(cells[nuclei], minlength=cells.max() + 1)
    is_kept = areas >= MIN_NUCLEUS_AREA * RED_CELL_AREA
    is_kept[0] = False
    new_label = np.where(is_kept, np.cumsum(is_kept), 0).astype(np.int32)
    return new_label[cells]
