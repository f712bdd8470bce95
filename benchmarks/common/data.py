"""Subsets of the images, and images as float arrays."""

import numpy as np


def draw_per_class(y, n_per_class, seed):
    """Return the indices of `n_per_class` random samples of each class."""
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(y == label), n_per_class, replace=False)
            for label in np.unique(y)
        ]
    )


def scale_pixels(images):
    """Return uint8 images as float32 in [-1, 1]."""
    return images.astype(np.float32) / 127.5 - 1
