"""The input contract: every accepted form of X becomes (n, H, W, C), or an error.

Nothing here copies pixels that need not be copied: uint8 images stay uint8,
memory-mapped arrays stay on disk.
"""

from math import isqrt, prod
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

# Below this side, flips, pooling and batch statistics have nothing to work on.
SMALLEST_IMAGE_SIDE = 8


def is_strip(image_shape):
    """Tell whether inputs of this shape are rows of features rather than images."""
    return min(image_shape[:2]) < SMALLEST_IMAGE_SIDE


def check_images(estimator, X, y="no_validation", *, reset):
    """Validate images, and labels if given, for an estimator.

    Parameters
    ----------
    estimator : estimator
        Its ``image_shape`` (with ``reset=True``) or ``image_shape_`` says what an
        image is. ``n_features_in_``, ``feature_names_in_`` and, with
        ``reset=True``, ``image_shape_`` are set on it.
    X : array-like
        Images ``(n, H, W, C)``, ``(n, C, H, W)`` or grey ``(n, H, W)``, or rows
        ``(n, H * W * C)``.
    y : array-like of shape (n,), optional
        Labels.
    reset : bool
        True in `fit`, False where X must match what was fitted.

    Returns
    -------
    images : ndarray of shape (n, H, W, C)
        In the dtype of X.
    y : ndarray of shape (n,)
        Only if `y` was given.
    """
    known_shape = None if reset else estimator.image_shape_
    rows, shape = _flatten(X, known_shape, type(estimator).__name__)
    validated = validate_data(estimator, rows, y, reset=reset)
    rows, *labels = validated if isinstance(validated, tuple) else (validated,)
    if reset:
        estimator.image_shape_ = _resolve_shape(
            estimator.image_shape, shape, rows.shape[1]
        )
    images = rows.reshape(-1, *estimator.image_shape_)
    return (images, *labels) if labels else images


def _flatten(X, known_shape, estimator_name):
    """Return X as rows, and the (H, W, C) it had if it came as images."""
    if issparse(X) or hasattr(X, "iloc"):
        return X, None  # 2-D by nature; scikit-learn keeps names, refuses sparse
    array = np.asarray(X)
    if array.ndim <= 2:
        return (X if array.dtype == object else array), None
    if array.ndim > 4:
        raise ValueError(
            f"Found array with dim {array.ndim}, while dim <= 4 is required by "
            f"{estimator_name}: images (n, H, W, C), (n, C, H, W) or grey (n, H, W), "
            "or rows (n, n_features)."
        )
    array = _channels_last(array, known_shape)
    shape = array.shape[1:]
    if known_shape is not None and shape != known_shape:
        raise ValueError(
            f"X has images of shape {shape} (H, W, C), but {estimator_name} is "
            f"expecting images of shape {known_shape} as input."
        )
    return array.reshape(len(array), prod(shape)), shape


def _channels_last(array, known_shape):
    if array.ndim == 3:
        return array[..., np.newaxis]
    if known_shape is not None and array.shape[1:] == known_shape:
        return array
    if array.shape[3] in (1, 3):
        return array
    if array.shape[1] in (1, 3):
        return np.moveaxis(array, 1, 3)
    raise ValueError(
        f"Expected images with 1 or 3 channels, (n, H, W, C) or (n, C, H, W); got X "
        f"of shape {array.shape}."
    )


def _resolve_shape(wanted, found, n_features):
    """Settle (H, W, C) from the parameter, the array's own shape, or the row length."""
    if wanted is None:
        return found if found is not None else _guess_shape(n_features)
    wanted = _check_image_shape(wanted)
    if found is not None and found != wanted:
        raise ValueError(
            f"image_shape={wanted} (H, W, C), but X has images of shape {found}."
        )
    if prod(wanted) != n_features:
        raise ValueError(
            f"image_shape={wanted} asks for {prod(wanted)} features a row, but X has "
            f"{n_features} features."
        )
    return wanted


def _check_image_shape(image_shape):
    shape = tuple(image_shape)
    if len(shape) == 2:
        shape = (*shape, 1)
    are_sides = all(isinstance(side, Integral) and side >= 1 for side in shape)
    if len(shape) != 3 or not are_sides or shape[2] not in (1, 3):
        raise ValueError(
            "image_shape must be (H, W) or (H, W, C) with positive sides and 1 or 3 "
            f"channels, got {tuple(image_shape)!r}."
        )
    return tuple(int(side) for side in shape)


def _guess_shape(n_features):
    """Read rows as a square RGB image, else a square grey one, else a strip."""
    rgb_side, grey_side = isqrt(n_features // 3), isqrt(n_features)
    if 3 * rgb_side**2 == n_features:
        return (rgb_side, rgb_side, 3)
    if grey_side**2 == n_features and grey_side >= SMALLEST_IMAGE_SIDE:
        return (grey_side, grey_side, 1)
    return (1, n_features, 1)
