"""Measures of how images look: their colours and their local contrast.

They do not depend on the kind of the cell, but differ between microscopes, stains,
cameras and magnifications.
"""

import numpy as np
import torch

from .._optical_density import to_optical_density

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Larger images are reduced to a side of about this many pixels, so that the measures
# do not depend on how sharp the details of single pixels are.
SIDE = 28
# Pixels are averaged over squares of these sides before their contrast is measured.
SCALES = (1, 2, 4)
# Added to a contrast before its logarithm, so that 0 has a logarithm. In units of the
# standard deviation of the pixels.
CONTRAST_OFFSET = 0.05
# Difference in optical density between cells and their surroundings: less is no cell.
LEAST_CONTRAST = 0.1
# Number of images that are converted to floats at the same time.
CHUNK = 512


def measure_appearance(images, center, scale):
    """Return colour and contrast measures of each image.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
    center, scale : ndarray of shape (C,)
        The measures are computed from ``(images - center) / scale``.

    Returns
    -------
    ndarray of shape (n, n_measures), dtype float64
        For each channel: mean, standard deviation and five quantiles of the pixels, and
        the logarithms of the mean absolute value and of the standard deviation of the
        differences between neighbouring pixels, along both axes and at three scales.
    """
    parts = [
        _measure((images[start : start + CHUNK].astype(np.float64) - center) / scale)
        for start in range(0, len(images), CHUNK)
    ]
    return np.concatenate(parts)


def count_measures(n_channels):
    """Return the number of measures of an image with so many channels."""
    return n_channels * (2 + len(QUANTILES) + 4 * len(SCALES))


def measure_cell_radius(images, pixel_range):
    """Return how large the cells in the middle of the images are.

    At this distance from the middle, the optical density, averaged over all images and
    directions, has fallen to the mean of its highest and its lowest value. It needs no
    outlines of the cells. The neighbours of the cells hardly change it, since they can
    be anywhere.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
    pixel_range : tuple of float (low, high)
        The values of black and white.

    Returns
    -------
    float or None
        As a fraction of the shorter side of the images, at most 0.5. None if the middle
        of the images is not darker than their edges.
    """
    density = _mean_density(images, pixel_range)
    height, width = density.shape
    side = min(height, width)
    rows, columns = (np.arange(n) - (n - 1) / 2 for n in (height, width))
    # Rings with a width of one pixel.
    ring = np.hypot(rows[:, np.newaxis], columns).astype(int)
    inside = ring < side // 2
    profile = np.bincount(ring[inside], density[inside]) / np.bincount(ring[inside])
    darkest = profile.argmax()
    middle = (profile.max() + profile.min()) / 2
    outside = np.flatnonzero(profile[darkest:] < middle)
    if np.ptp(profile) < LEAST_CONTRAST or darkest > side // 4 or len(outside) == 0:
        return None
    first = darkest + outside[0]
    step = (profile[first - 1] - middle) / (profile[first - 1] - profile[first])
    return float((first - 0.5 + step) / side)


def _mean_density(images, pixel_range):
    """Return the mean over images and channels, of shape (H, W)."""
    total = 0.0
    for start in range(0, len(images), CHUNK):
        pixels = torch.from_numpy(images[start : start + CHUNK].astype(np.float32))
        density = to_optical_density(pixels, pixel_range).mean(dim=3)
        total = total + density.sum(dim=0).numpy()
    return total / len(images)


def _measure(images):
    images = _average_squares(images, max(1, min(images.shape[1:3]) // SIDE))
    pixels = images.reshape(len(images), -1, images.shape[3])
    measures = [pixels.mean(axis=1), pixels.std(axis=1)]
    measures += list(np.quantile(pixels, QUANTILES, axis=1))
    for side in SCALES:
        averaged = _average_squares(images, side)
        for axis in (1, 2):
            differences = np.diff(averaged, axis=axis)
            measures += [
                _log_contrast(np.abs(differences).mean(axis=(1, 2))),
                _log_contrast(differences.std(axis=(1, 2))),
            ]
    return np.hstack(measures)


def _log_contrast(values):
    return np.log(CONTRAST_OFFSET + values)


def _average_squares(images, side):
    """Average the pixels over squares, and leave out incomplete squares at the edge."""
    if side == 1:
        return images
    n, height, width, n_channels = images.shape
    rows, columns = height // side, width // side
    cut = images[:, : rows * side, : columns * side]
    return cut.reshape(n, rows, side, columns, side, n_channels).mean(axis=(2, 4))
