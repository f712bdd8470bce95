"""Cut cells out of a photograph, on the scale of the classifiers' images."""

from numbers import Integral, Real

import numpy as np
from PIL import Image
from sklearn.utils import Bunch

from .._sklearn_compat import Interval, StrOptions, validate_params
from ..datasets._made_smear import IMAGE_UM
from ._density import BACKGROUND, WHITE_PERCENTILE, measure_density
from ._outlines import find_boxes, find_middles
from ._photograph import check_photograph
from ._scale import MAX_SCALE, MIN_SCALE, resolve_scale


@validate_params(
    {
        "image": ["array-like"],
        "cells": [Bunch, "array-like"],
        "size": [Interval(Integral, 1, None, closed="left")],
        "pixels_per_um": [
            Interval(Real, MIN_SCALE, MAX_SCALE, closed="both"),
            StrOptions({"auto"}),
        ],
    },
    prefer_skip_nested_validation=True,
)
def crop_cells(image, cells, *, size=28, pixels_per_um="auto"):
    """Cut a square around each cell of a photograph, and resize it.

    The squares show 20.4×20.4 µm, as the images of BloodMNIST do, so the pretrained
    models see the cells in the size that they know.

    Parameters
    ----------
    image : array-like of shape (H, W, 3), dtype uint8
        RGB pixels of the photograph.
    cells : Bunch, or array-like of int, of shape (H, W)
        The return value of `find_cells`, or a label image of another program, such as
        Cellpose: 0 for the background, and another number for each cell.
    size : int, default=28
        Height and width of the result in pixels: those of the images that the
        classifier takes.
    pixels_per_um : float or "auto", default="auto"
        Number of pixels per micrometre in the photograph. With "auto", it is
        ``cells.pixels_per_um``. For a label image, it is measured as in `find_cells`.

    Returns
    -------
    ndarray of shape (n, size, size, 3), dtype uint8
        The cells, in the order of `cells`, or of the numbers in the label image. Where
        a square reaches beyond the photograph, it has the colour of the background.

    Raises
    ------
    TypeError
        If the pixels of the photograph are not uint8, or if the label image does not
        contain integers.
    ValueError
        If the image or the label image has the wrong shape, if the cells are those of
        another photograph, if a label is negative, or if the scale cannot be measured.

    Warns
    -----
    UserWarning
        If `cells` is a label image, and the scale was measured by nuclei.

    See Also
    --------
    find_cells : Find the cells first.

    Examples
    --------
    >>> from skblood import crop_cells, find_cells, load_pretrained
    >>> from skblood.datasets import load_bloodmnist_sample, make_smear
    >>> X, _ = load_bloodmnist_sample("test", return_X_y=True)
    >>> smear = make_smear(X[:6], random_state=0)
    >>> crops = crop_cells(smear.image, find_cells(smear.image))
    >>> crops.shape
    (6, 28, 28, 3)
    >>> load_pretrained().predict(crops).shape
    (6,)
    """
    pixels = check_photograph(image)
    if isinstance(cells, Bunch):
        _check_found(cells, pixels.shape[:2])
        centers = cells.centers
        scale = cells.pixels_per_um if pixels_per_um == "auto" else pixels_per_um
    else:
        labels = _check_labels(cells, pixels.shape[:2])
        centers = find_middles(find_boxes(labels))
        if len(centers) == 0:
            return np.empty((0, size, size, 3), dtype=np.uint8)
        scale, _ = resolve_scale(pixels, pixels_per_um)
    return crop_squares(pixels, centers, size=size, side=round(IMAGE_UM * scale))


def crop_squares(pixels, centers, *, size, side):
    """Cut squares out of a photograph, and resize them.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), dtype uint8
    centers : ndarray of shape (n, 2)
        Row and column of the middle of each square.
    size : int
        Height and width of the result in pixels.
    side : int
        Height and width of the squares in pixels.

    Returns
    -------
    ndarray of shape (n, size, size, 3), dtype uint8
    """
    corners = np.round(centers - side / 2).astype(int)
    padded, margin = _pad(pixels, corners, side)
    crops = np.empty((len(corners), size, size, 3), dtype=np.uint8)
    for i, (top, left) in enumerate(corners + margin):
        square = Image.fromarray(padded[top : top + side, left : left + side])
        # Pillow's filter covers all pixels that become one, so there is no aliasing.
        crops[i] = square.resize((size, size), Image.Resampling.BICUBIC)
    return crops


def _check_found(cells, shape):
    missing = {"centers", "pixels_per_um"} - set(cells)
    if missing:
        raise ValueError(
            "Expected the return value of find_cells, got a Bunch without "
            f"{' and '.join(sorted(missing))}."
        )
    found_in = cells.labels.shape if "labels" in cells else shape
    if found_in != shape:
        raise ValueError(
            f"Expected cells of this photograph, whose shape is {shape}, got cells of "
            f"a photograph of shape {found_in}."
        )


def _check_labels(labels, shape):
    labels = np.asarray(labels)
    if labels.shape != shape:
        raise ValueError(
            f"Expected a label image of shape {shape}, which is that of the "
            f"photograph, got shape {labels.shape}."
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"Expected a label image of integers, got dtype {labels.dtype}. If it is a "
            "mask, number its regions with skimage.measure.label."
        )
    if labels.min() < 0:
        raise ValueError(
            f"Expected labels of 0 and more, got the label {labels.min()}."
        )
    # Programs may leave out numbers, or count far beyond the number of cells.
    _, numbered = np.unique(labels, return_inverse=True)
    return numbered.reshape(shape) + int(labels.min() > 0)


def _pad(pixels, corners, side):
    """Return the photograph with a margin of the background's colour, and its width."""
    margin = 0
    if len(corners) > 0:
        beyond = (corners + side).max(axis=0) - pixels.shape[:2]
        margin = max(0, *beyond, *-corners.min(axis=0))
    if margin == 0:
        return pixels, 0
    height, width = pixels.shape[:2]
    padded = np.empty((height + 2 * margin, width + 2 * margin, 3), dtype=np.uint8)
    padded[:] = _background_color(pixels)
    padded[margin : margin + height, margin : margin + width] = pixels
    return padded, margin


def _background_color(pixels):
    some = pixels[::4, ::4]
    is_background = measure_density(some).mean(axis=2) < BACKGROUND
    if not is_background.any():
        return np.percentile(some, WHITE_PERCENTILE, axis=(0, 1))
    return np.median(some[is_background], axis=0)
