"""Conversion of X, in every accepted form, to an array of images (n, H, W, C).

Contiguous arrays with the channels last are not copied. uint8 images stay uint8, and
such arrays in memory-mapped files stay on the disk. The images of a `LazyRows` are
never all in memory.
"""

from math import isqrt, prod
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, validate_data

from .._warnings import warn
from .lazy import ImageReader, LazyRows

# Flips, pooling and batch statistics need several pixels. Inputs with a side below this
# number of pixels are treated as tabular: each value is a feature of its own.
SMALLEST_IMAGE_SIDE = 8
# Number of images whose range of pixel values is compared with that in `fit`.
N_RANGE_IMAGES = 64


def is_tabular(image_shape):
    """Return whether inputs of shape (H, W, C) are feature rows rather than images."""
    return min(image_shape[:2]) < SMALLEST_IMAGE_SIDE


def check_images(estimator, X, y="no_validation", *, reset):
    """Validate images, and labels if given, for an estimator.

    Parameters
    ----------
    estimator : estimator
        With ``reset=True``, its parameter ``image_shape`` is the shape of an image, or
        None if the shape is to be found out from X; else its ``image_shape_`` is the
        shape. ``n_features_in_``, ``feature_names_in_`` and, with ``reset=True``,
        ``image_shape_`` are set on it.
    X : array-like
        Images ``(n, H, W, C)``, ``(n, C, H, W)`` or grey ``(n, H, W)``, or rows
        ``(n, H * W * C)``.
    y : array-like of shape (n,), optional
        Labels.
    reset : bool
        True if this call determines the shape of an image; False if X must match the
        fitted shape.

    Returns
    -------
    images : ndarray or ImageReader of shape (n, H, W, C)
        In the dtype of X. For a `LazyRows`, an `ImageReader`.
    y : ndarray of shape (n,)
        Only if `y` was given.

    Raises
    ------
    TypeError, ValueError
        If X or y cannot be used. The message gives the shape or values that were found.
    """
    if isinstance(X, LazyRows):
        checked = check_images(estimator, _stand_in(X), y, reset=reset)
        images, *labels = checked if isinstance(checked, tuple) else (checked,)
        images = ImageReader(X, images.shape[1:])
        images.check_finite(estimator_name=type(estimator).__name__, input_name="X")
        return (images, *labels) if labels else images
    fitted_shape = None if reset else estimator.image_shape_
    rows, shape = _flatten(X, fitted_shape, type(estimator).__name__)
    validated = validate_data(estimator, rows, y, reset=reset)
    rows, *labels = validated if isinstance(validated, tuple) else (validated,)
    if reset:
        estimator.image_shape_ = _resolve_shape(
            estimator.image_shape, shape, rows.shape[1]
        )
    images = rows.reshape(-1, *estimator.image_shape_)
    return (images, *labels) if labels else images


def check_images_of_any_size(X, n_channels=None):
    """Validate images that may have another height and width than those in `fit`.

    Parameters
    ----------
    X : array-like of shape (n, H, W, C), (n, C, H, W) or (n, H, W)
    n_channels : int, optional
        Number of channels that the images must have; by default, 1 or 3.

    Returns
    -------
    ndarray of shape (n, H, W, C)
        For a `LazyRows`, an `ImageReader`.

    Raises
    ------
    ValueError
        If X does not have one of these forms, if it has no images, if a side is shorter
        than 8 pixels, or if a value is infinite or NaN.
    """
    if isinstance(X, LazyRows):
        checked = check_images_of_any_size(_stand_in(X), n_channels)
        images = ImageReader(X, checked.shape[1:])
        images.check_finite()
        return images
    array = _to_array(X)
    if array.ndim not in (3, 4):
        raise ValueError(
            "Expected images of shape (n, H, W, C), (n, C, H, W) or (n, H, W), got X "
            f"of shape {array.shape}."
        )
    array = _channels_last(array, None)
    expected = array.shape[3] if n_channels is None else n_channels
    if array.shape[3] != expected or is_tabular(array.shape[1:]):
        raise ValueError(
            f"Expected images with {expected} channel(s) and sides of at least "
            f"{SMALLEST_IMAGE_SIDE} pixels, got images of shape {array.shape[1:]} "
            "(H, W, C)."
        )
    return check_array(array, ensure_2d=False, allow_nd=True)


def check_pixel_range(estimator, images, fitted_range):
    """Warn if the pixels cannot have the range of the images in `fit`.

    This finds floats from 0 to 1 where `fit` had values from 0 to 255, and the reverse,
    for example. The network would give most of these images the same class.

    Parameters
    ----------
    estimator : estimator
        Its class is named in the message.
    images : ndarray or ImageReader of shape (n, H, W, C)
    fitted_range : tuple of float (low, high), or None
        Range of the pixels in `fit`. With None, nothing is checked.
    """
    if fitted_range is None:
        return
    low, high = fitted_range
    some = images[:: max(1, len(images) // N_RANGE_IMAGES)]
    found_low, found_high = float(some.min()), float(some.max())
    margin = (high - low) / 2
    # Dark images are below this limit only if all their pixels are almost black.
    nearly_lowest = low + 0.02 * (high - low)
    if (
        found_high < nearly_lowest
        or found_low < low - margin
        or found_high > high + margin
    ):
        warn(
            f"X has pixels from {found_low:.4g} to {found_high:.4g}, but this "
            f"{type(estimator).__name__} was fitted to pixels from {low:.4g} to "
            f"{high:.4g}. Its predictions will be wrong unless you convert X to that "
            "range."
        )


def _stand_in(X):
    """Return an array of the same shape whose checks cost no memory and no time.

    All its values are one byte in memory. Integers are not checked for infinite values.
    """
    return np.broadcast_to(np.uint8(0), X.shape)


def _flatten(X, fitted_shape, estimator_name):
    """Return X as rows, and its shape (H, W, C) if it was given as images."""
    if issparse(X) or hasattr(X, "iloc"):
        # scikit-learn's `validate_data` stores the column names of a DataFrame, and
        # raises an error for a sparse matrix or a Series.
        return X, None
    array = _to_array(X)
    if fitted_shape is not None:
        _refuse_single_image(array, fitted_shape)
    if array.ndim <= 2:
        return (X if array.dtype == object else array), None
    if array.ndim > 4:
        raise ValueError(
            f"Found array with dim {array.ndim}, while dim <= 4 is required by "
            f"{estimator_name}: images (n, H, W, C), (n, C, H, W) or grey (n, H, W), "
            "or rows (n, n_features)."
        )
    array = _channels_last(array, fitted_shape)
    shape = array.shape[1:]
    if fitted_shape is not None and shape != fitted_shape:
        raise ValueError(
            f"X has images of shape {shape} (H, W, C), but {estimator_name} is "
            f"expecting images of shape {fitted_shape} as input."
        )
    return array.reshape(len(array), prod(shape)), shape


def _to_array(X):
    try:
        array = np.asarray(X)
    except ValueError:  # NumPy refuses lists of arrays that differ in shape.
        _refuse_different_sizes(X)
        raise
    if array.dtype == object and array.ndim == 1:
        _refuse_different_sizes(array)
    return array


def _refuse_different_sizes(X):
    shapes = {image.shape for image in X if isinstance(image, np.ndarray)}
    if len(shapes) > 1 and all(len(shape) in (2, 3) for shape in shapes):
        first, second, *_ = sorted(shapes)
        raise ValueError(
            "Expected images of one size, got images of different sizes, such as "
            f"{first} and {second}. Resize them with "
            "skblood.preprocessing.CellImagePreprocessor."
        )


def _refuse_single_image(array, fitted_shape):
    height, width, n_channels = fitted_shape
    one_image = {fitted_shape, (n_channels, height, width)}
    if n_channels == 1:
        one_image.add((height, width))
    # A batch can have the same shape: (1, H, W) is a batch of one grey image.
    is_batch = array.shape[1:] in {(height * width * n_channels,), fitted_shape[:2]}
    if array.shape in one_image and not (is_batch and n_channels == 1):
        raise ValueError(
            f"Expected a batch of images (n, {height}, {width}, {n_channels}), got one "
            f"image of shape {array.shape}. For one image, pass X[np.newaxis]."
        )


def _channels_last(array, fitted_shape):
    if array.ndim == 3:
        return array[..., np.newaxis]
    if fitted_shape is not None and array.shape[1:] == fitted_shape:
        return array
    if array.shape[3] in (1, 3):
        return array
    if array.shape[1] in (1, 3):
        return np.moveaxis(array, 1, 3)
    raise ValueError(
        f"Expected images with 1 or 3 channels, (n, H, W, C) or (n, C, H, W); got X "
        f"of shape {array.shape}."
    )


def _resolve_shape(requested, found, n_features):
    """Return (H, W, C) from the parameter, the shape of X, or the length of a row."""
    if requested is None:
        return found if found is not None else _guess_shape(n_features)
    requested = _check_image_shape(requested)
    if found is not None and found != requested:
        raise ValueError(
            f"Expected images of shape {requested} (H, W, C), as given by image_shape, "
            f"got images of shape {found}."
        )
    if prod(requested) != n_features:
        raise ValueError(
            f"Expected {prod(requested)} features in each row for image_shape="
            f"{requested}, got {n_features} features."
        )
    return requested


def _check_image_shape(image_shape):
    shape = tuple(image_shape)
    if len(shape) == 2:
        shape = (*shape, 1)
    are_sides = all(isinstance(side, Integral) and side >= 1 for side in shape)
    if len(shape) != 3 or not are_sides or shape[2] not in (1, 3):
        raise ValueError(
            "Expected image_shape to be (H, W) or (H, W, C) with positive sides and 1 "
            f"or 3 channels, got {tuple(image_shape)!r}."
        )
    return tuple(int(side) for side in shape)


def _guess_shape(n_features):
    """Return the shape of a square RGB image, a square grey one, or a feature row."""
    rgb_side, grey_side = isqrt(n_features // 3), isqrt(n_features)
    if 3 * rgb_side**2 == n_features:
        return (rgb_side, rgb_side, 3)
    if grey_side**2 == n_features and grey_side >= SMALLEST_IMAGE_SIDE:
        return (grey_side, grey_side, 1)
    return (1, n_features, 1)
