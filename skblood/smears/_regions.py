"""Regions of binary images: areas, and the parts of touching cells."""

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.feature import peak_local_max
from skimage.measure import label
from skimage.segmentation import watershed


def drop_small(mask, min_area):
    """Return a mask without its regions of fewer than `min_area` pixels.

    Parameters
    ----------
    mask : ndarray of bool, of shape (H, W)
    min_area : float

    Returns
    -------
    ndarray of bool, of shape (H, W)
    """
    labels = label(mask)
    is_kept = np.bincount(labels.ravel()) >= min_area
    is_kept[0] = False
    return is_kept[labels]


def separate_touching(mask, *, sigma, min_distance, min_thickness):
    """Return a label image in which touching round objects are parted.

    The objects are parted at the necks between the places where they are thickest: by
    a watershed of the distance to their edge [1]_.

    Parameters
    ----------
    mask : ndarray of bool, of shape (H, W)
    sigma : float
        Standard deviation of the Gaussian that smooths the distance, in pixels. It
        prevents that a rough edge parts an object.
    min_distance : int
        Smallest distance between the middles of two objects, in pixels.
    min_thickness : float
        Half of the smallest thickness of an object of its own, in pixels.

    Returns
    -------
    ndarray of int32, of shape (H, W)

    References
    ----------
    .. [1] S. Beucher, C. Lantuéjoul, "Use of watersheds in contour detection",
       International Workshop on Image Processing, Rennes, 1979.
    """
    regions = label(mask)
    distance = gaussian_filter(distance_transform_edt(mask).astype(np.float32), sigma)
    peaks = peak_local_max(
        distance,
        min_distance=min_distance,
        threshold_abs=min_thickness,
        exclude_border=False,
    )
    markers = np.zeros(mask.shape, dtype=np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    # A region without a peak is thin; it stays whole.
    has_peak = np.zeros(regions.max() + 1, dtype=bool)
    has_peak[regions[tuple(peaks.T)]] = True
    parted = watershed(-distance, markers, mask=mask & has_peak[regions])
    thin = np.where(has_peak[regions], 0, regions)
    return np.where(thin > 0, thin + len(peaks), parted).astype(np.int32)
