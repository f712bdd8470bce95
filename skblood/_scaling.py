"""How pixels are scaled: learnt in fit, once, and kept with the weights."""

import math

import numpy as np

from ._images import is_strip

# Rows looked at in one go: no float copy of all of X ever exists.
CHUNK_BYTES = 2**24


def learn_scaling(data, scaling):
    """Return what to subtract from the pixels, and what to divide them by.

    Parameters
    ----------
    data : ImageDataset
        Its weights count.
    scaling : {"standard", "minmax"}
        To mean 0 and variance 1 by channel, or to [-1, 1] by the range of them all.

    Returns
    -------
    center, scale : ndarray of shape (C,) for images, (H, W, C) for strips
        In strips every position is a feature of its own.
    """
    pixel_axes = (0,) if is_strip(data.images.shape[1:]) else (0, 1, 2)
    if scaling == "minmax":
        low, high = _range(data)
        center, scale = (high + low) / 2, (high - low) / 2
    else:
        center, scale = _mean_and_deviation(data, pixel_axes)
    # A constant pixel carries nothing: it becomes 0, whatever its value. The
    # tolerance is that of the sums above, in double precision.
    constant = scale <= 1e-10 * np.maximum(np.abs(center), np.finfo(float).tiny)
    return center, np.where(constant, 1.0, scale)


def _range(data):
    ranges = [(chunk.min(axis=0), chunk.max(axis=0)) for chunk, _ in _chunks(data)]
    lows, highs = zip(*ranges, strict=True)
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)
    if is_strip(data.images.shape[1:]):
        return low.astype(np.float64), high.astype(np.float64)
    # Channels are measured on one scale: none is stretched more than the others.
    n_channels = low.shape[-1]
    return np.full(n_channels, float(low.min())), np.full(n_channels, float(high.max()))


def _mean_and_deviation(data, pixel_axes):
    # The deviations are summed around a first guess, the first image's mean, so
    # that large offsets do not eat the digits of small variances.
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
    """Sum over the images, as a product of matrices, and then over their pixels."""
    by_position = weights @ chunk.reshape(len(chunk), -1)
    return by_position.reshape(-1, *shape).sum(axis=0)


def _chunks(data):
    """Yield chunks of the images as they are, with their weights."""
    n_rows = max(1, CHUNK_BYTES // (8 * math.prod(data.images.shape[1:])))
    for start in range(0, len(data), n_rows):
        images, _, weights = data.arrays(slice(start, start + n_rows))
        yield images, np.ones(len(images)) if weights is None else weights
