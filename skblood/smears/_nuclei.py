"""Nuclei, by their colour."""

import numpy as np
from scipy.ndimage import maximum
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import disk, opening

from ._density import BACKGROUND, PURPLE, RED, measure_purple
from ._regions import drop_small

# Limits for the thresholds that tell nuclei from all else, which Otsu's method finds.
MIN_RED_DENSITY = 0.15
MIN_PURPLE, MAX_PURPLE = 0.15, 0.5
FAINT_PURPLE = 0.03
# Smallest purple of the darkest point of a nucleus. Some stains make red cells purple
# too, up to 0.3.
MIN_PEAK = 0.4
# Limit for the purple of red cells, as a fraction of the median purple of nuclei, and
# without nuclei.
FRACTION_OF_NUCLEI = 0.25
MAX_RED_CELL_PURPLE = 0.3
# Smaller regions, in pixels, are noise: at 4 pixels per micrometre, 3 % of a red cell.
MIN_AREA = 21


def find_nuclei(density):
    """Return where the chromatin of nucleated cells is.

    Parameters
    ----------
    density : ndarray of shape (H, W, 3)
        Optical densities.

    Returns
    -------
    ndarray of bool, of shape (H, W)
    """
    red, purple = density[..., RED], measure_purple(density)
    min_red = max(_otsu(red[density.mean(axis=2) > BACKGROUND]), MIN_RED_DENSITY)
    min_purple = _otsu(purple[purple > FAINT_PURPLE])
    min_purple = np.clip(min_purple, MIN_PURPLE, MAX_PURPLE)
    nuclei = opening((red > min_red) & (purple > min_purple), disk(1))
    regions = label(drop_small(nuclei, MIN_AREA))
    peaks = maximum(purple, regions, index=np.arange(regions.max() + 1))
    is_nucleus = peaks >= MIN_PEAK
    is_nucleus[0] = False
    return is_nucleus[regions]


def measure_red_cell_limit(purple, nuclei):
    """Return the largest purple of red cells.

    Parameters
    ----------
    purple : ndarray of shape (H, W)
    nuclei : ndarray of bool, of shape (H, W)

    Returns
    -------
    float
        What is more purple is a nucleus, cytoplasm or a platelet. Stains differ in
        their strength, so it is a fraction of the purple of the nuclei.
    """
    if not nuclei.any():
        return MAX_RED_CELL_PURPLE
    usual = FRACTION_OF_NUCLEI * float(np.median(purple[nuclei]))
    return max(PURPLE, usual)


def _otsu(values):
    """Return Otsu's threshold, or 0 if there is nothing to divide."""
    return threshold_otsu(values) if values.size and np.ptp(values) > 0 else 0.0
