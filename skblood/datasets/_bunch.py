"""The form in which every loader returns its images."""

import numpy as np
from sklearn.utils import Bunch


def as_requested(images, target, *, return_X_y, flatten, **details):
    """Return `(X, y)`, or a Bunch of them and the details.

    Parameters
    ----------
    images : ndarray of shape (n_samples, height, width, n_channels)
        The images.

    target : array-like of shape (n_samples,)
        The labels.

    return_X_y : bool
        Whether to return `(X, y)` instead of a Bunch.

    flatten : bool
        Whether X has a row of height * width * n_channels values for each image.

    **details : object
        Further entries of the Bunch.

    Returns
    -------
    Bunch or tuple of (X, y)
        What the loaders' docstrings describe.
    """
    data = images.reshape(len(images), -1) if flatten else images
    target = np.asarray(target, dtype=np.int64)
    if return_X_y:
        return data, target
    return Bunch(data=data, target=target, images=images, **details)


def concatenate(arrays):
    """Join arrays along the first axis, without a copy where there is only one."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
