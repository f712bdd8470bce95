"""Measures of how images look: their colours and their local contrast.

They do not depend on the kind of the cell, but differ between microscopes, stains,
cameras and magnifications.
"""

import numpy as np

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Larger images are reduced to a side of about this many pixels, so that the measures
# do not depend on how sharp the details of single pixels are.
SIDE = 28
# Pixels are averaged over squares of these sides before their contrast is measured.
SCALES = (1, 2, 4)
# Added to a contrast before its logarithm, so that 0 has a logarithm. In units of the
# standard deviation of the pixels.
CONTRAST_OFFSET = 0.05
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
