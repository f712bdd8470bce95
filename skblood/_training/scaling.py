"""Scaling of the pixels: computed once in fit, and kept with the weights."""

import math

import numpy as np

from .._input.images import is_tabular

# Number of images whose smallest and largest value is taken for that of all images.
N_RANGE_IMAGES = 4096
# Memory for the float copy of a part of the images. X is never copied as a whole.
CHUNK_BYTES = 2**24


def fit_scaling(data, scaling):
    """Return the center and the scale of the pixels.

    Parameters
    ----------
    data : ImageDataset
        Its sample weights are taken into account by "standard".
    scaling : {"standard", "minmax"}
        "standard" gives each channel mean 0 and variance 1. "minmax" maps the range of
        all channels together to [-1, 1].

    Returns
    -------
    center, scale : ndarray of shape (C,), or (H, W, C) for tabular input
        In tabular input, each value is scaled as a feature of its own.
    """
    pixel_axes = (0,) if is_tabular(data.images.shape[1:]) else (0, 1, 2)
    if scaling == "minmax":
        low, high = _range(data)
        center, scale = (high + low) / 2, (high - low) / 2
    else:
        center, scale = _mean_and_deviation(data, pixel_axes)
    # A constant pixel becomes 0 whatever its value. The tolerance allows for rounding
    # errors of the sums in double precision.
    constant = scale <= 1e-10 * np.maximum(np.abs(center), np.finfo(float).tiny)
    return center, np.where(constant, 1.0, scale)


def find_pixel_range(data):
    """Return the smallest and the largest pixel value of the images.

    Parameters
    ----------
    data : ImageDataset
        If it has more than 4,096 images, an evenly spaced part of them is used.

    Returns
    -------
    tuple of float (low, high), or None for tabular input
    """
    if is_tabular(data.images.shape[1:]):
        return None
    step = -(-len(data) // N_RANGE_IMAGES)
    ranges = [(chunk.min(), chunk.max()) for chunk, _ in _chunks(data, step)]
    lows, highs = zip(*ranges, strict=True)
    return float(min(lows)), float(max(highs))


def _range(data):
    ranges = [(chunk.min(axis=0), chunk.max(axis=0)) for chunk, _ in _chunks(data)]
    lows, highs = zip(*ranges, strict=True)
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)
    if is_tabular(data.images.shape[1:]):
        return low.astype(np.float64), high.astype(np.float64)
    # One range for all channels keeps their relative contrast.
    n_channels = low.shape[-1]
    return np.full(n_channels, float(low.min())), np.full(n_channels, float(high.max()))


def _mean_and_deviation(data, pixel_axes):
    # Deviations are summed around the mean of the first image. Sums around 0 would
    # lose the digits of a small variance where the values are large.
    guess, total, squares, total_weight = None, 0.0, 0.0, 0.0
    for chunk, weights in _chunks(data):
        chunk = chunk.astype(np.float64)
        if guess is None:
            guess = chunk[:1].mean(axis=pixel_axes)
        chunk -= guess
        total += _weighted_sum(chunk, weights, guess.shape)
        squares += _weighted_sum(np.square(chunk, out=chunk), weights, guess.shape)
        total_weight += weights.sum() * chunk[0].size / guess.size
    shift = total / total_weight
    return guess + shift, np.sqrt(np.maximum(squares / total_weight - shift**2, 0.0))


def _weighted_sum(chunk, weights, shape):
    """Return the weighted sum of the images of a chunk.

    If `shape` is (C,), the pixels of each image are summed up too.
    """
    # Summing over the images first is one fast matrix product.
    by_position = weights @ chunk.reshape(len(chunk), -1)
    return by_position.reshape(-1, *shape).sum(axis=0)


def _chunks(data, step=1):
    """Yield parts of the images, as they are stored, with their weights.

    With a `step` of n, only every nth image is used.
    """
    n_images = max(1, CHUNK_BYTES // (8 * math.prod(data.images.shape[1:])))
    starts = range(0, len(data), step * n_images)
    parts = [slice(start, start + step * n_images, step) for start in starts]
    reads = data.plan_reads(len(parts), n_images)
    for images, _, weights in data.read(parts, reads):
        yield images, np.ones(len(images)) if weights is None else weights
