"""Platelets in a photograph of known scale."""

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter, gaussian_laplace
from skimage.feature import peak_local_max
from skimage.measure import label, regionprops
from skimage.segmentation import watershed

from ._density import BLUE, RED, measure_purple
from ._sizes import PIXELS_PER_UM, RED_CELL_AREA

# Standard deviations of the Gaussians in pixels: against noise, and for blobs of the
# size of platelets, whose diameter is 2 to 4 µm.
NOISE_SIGMA, BLOB_SIGMA = 1.2, 3.5
# The smallest response of the blob detector that is looked at, and the least distance
# of two platelets in pixels.
MIN_BLOB, MIN_DISTANCE = 5e-4, 6
# A platelet ends where the purple falls below this fraction of its peak.
# Its outline reaches no farther from the peak than the second number, in pixels.
# It is then widened by the third number, because the smoothing has made it narrower.
EDGE, REACH, WIDENED = 0.4, round(3.5 * PIXELS_PER_UM), 2
# Areas in units of the area of a red cell. What the edge of the photograph cuts and is
# larger than the third one can be a part of a white cell.
MIN_AREA, MAX_AREA, MAX_CUT_AREA = 0.04, 0.8, 0.1
MIN_SOLIDITY, MAX_ECCENTRICITY = 0.85, 0.8
# Optical densities: of the peak in purple, and of the red light that a platelet absorbs
# more than what is around it.
MIN_PURPLE, MIN_CONTRAST = 0.08, 0.1
# Largest ratio of the blue to the red light that is absorbed. It is small in platelets
# and large in red cells and dirt. A strong stain makes it larger in platelets too.
MAX_BLUE_RATIO, MAX_STRONG_BLUE_RATIO = 0.25, 0.7
STRONG_PURPLE = 0.5


def find_platelets(density, cells):
    """Return the platelets outside of the nucleated cells.

    Candidates are the maxima of the Laplacian of Gaussian [1]_ of the purple. Size,
    shape and colour of the region around a maximum tell whether it is a platelet.

    Parameters
    ----------
    density : ndarray of shape (H, W, 3)
        Optical densities relative to the background, at the scale `PIXELS_PER_UM`.
    cells : ndarray of int, of shape (H, W)
        Label image of the nucleated cells.

    Returns
    -------
    ndarray of int32, of shape (H, W)
        A label image.

    References
    ----------
    .. [1] T. Lindeberg, "Feature detection with automatic scale selection",
       International Journal of Computer Vision 30(2), 1998.
       :doi:`10.1023/A:1008045108935`
    """
    purple = gaussian_filter(measure_purple(density), NOISE_SIGMA)
    peaks, basins = _find_blobs(purple)
    platelets = np.zeros(cells.shape, dtype=np.int32)
    n_found = 0
    for peak in peaks:
        if cells[tuple(peak)] or purple[tuple(peak)] < MIN_PURPLE:
            continue
        window = tuple(slice(max(0, i - REACH), i + REACH + 1) for i in peak)
        middle = tuple(i - part.start for i, part in zip(peak, window, strict=True))
        is_free = (basins[window] == basins[tuple(peak)]) & (cells[window] == 0)
        region = _region_of(purple[window], middle) & is_free
        if region.any() and _is_platelet(
            region,
            density[window],
            purple[tuple(peak)],
            is_cut=_is_cut(region, window, cells.shape),
        ):
            n_found += 1
            widened = binary_dilation(region, iterations=WIDENED)
            is_free = (cells[window] == 0) & (platelets[window] == 0)
            platelets[window][widened & is_free] = n_found
    return platelets


def _find_blobs(purple):
    """Return the maxima of the blob detector, and a label image of their basins."""
    blobs = -gaussian_laplace(purple, BLOB_SIGMA)
    peaks = peak_local_max(
        blobs, min_distance=MIN_DISTANCE, threshold_abs=MIN_BLOB, exclude_border=False
    )
    markers = np.zeros(purple.shape, dtype=np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return peaks, watershed(-blobs, markers, mask=purple > EDGE * MIN_PURPLE)


def _region_of(purple, middle):
    """Return the region around a peak in which the purple is not far below the peak."""
    regions = label(purple > EDGE * purple[middle])
    return regions == regions[middle]


def _is_platelet(region, density, peak, *, is_cut):
    """Return whether size, colour and shape are those of a platelet."""
    area = region.sum() / RED_CELL_AREA
    if not MIN_AREA <= area <= (MAX_CUT_AREA if is_cut else MAX_AREA):
        return False
    color = density[region].mean(axis=0)
    max_ratio = MAX_STRONG_BLUE_RATIO if peak > STRONG_PURPLE else MAX_BLUE_RATIO
    if color[BLUE] > max_ratio * color[RED]:
        return False
    inner = binary_dilation(region, iterations=2)
    ring = binary_dilation(inner, iterations=2) & ~inner
    if not ring.any() or color[RED] - density[ring][:, RED].mean() < MIN_CONTRAST:
        return False
    (outline,) = regionprops(region.astype(np.uint8))
    return outline.eccentricity < MAX_ECCENTRICITY and outline.solidity > MIN_SOLIDITY


def _is_cut(region, window, shape):
    """Return whether a region in a window touches the edge of the photograph."""
    rows, columns = (part.indices(n)[:2] for part, n in zip(window, shape, strict=True))
    return bool(
        (rows[0] == 0 and region[0].any())
        or (rows[1] == shape[0] and region[-1].any())
        or (columns[0] == 0 and region[:, 0].any())
        or (columns[1] == shape[1] and region[:, -1].any())
    )
