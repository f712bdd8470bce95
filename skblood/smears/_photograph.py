"""Checks of a photograph, and photographs of another size."""

import numpy as np
from PIL import Image

from ..datasets._decode import LARGEST_IMAGE

# A photograph must show at least a whole white cell, also at a low magnification.
SMALLEST_SIDE = 64
# Pixels whose channels differ by less are called grey. JPEG changes the channels of a
# grey photograph by one or two steps of 255.
GREY_DIFFERENCE = 3


def check_photograph(image):
    """Return a photograph as an array, or raise an error if it is not one.

    Parameters
    ----------
    image : array-like of shape (H, W, 3), dtype uint8
        RGB pixels.

    Returns
    -------
    ndarray of shape (H, W, 3), dtype uint8

    Raises
    ------
    TypeError
        If the pixels are not uint8.
    ValueError
        If the shape is wrong, if the photograph is grey, or too small or too large.
    """
    pixels = np.asarray(image)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(
            "Expected a colour photograph of shape (H, W, 3), got an array of shape "
            f"{pixels.shape}. Convert it, for example with "
            'PIL.Image.open(path).convert("RGB").'
        )
    if pixels.dtype != np.uint8:
        raise TypeError(
            "Expected a photograph with pixels of dtype uint8, from 0 to 255, got "
            f"{pixels.dtype}. Divide 16-bit values by 257, multiply values from 0 to 1 "
            "by 255, and convert them with astype('uint8')."
        )
    height, width = pixels.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise ValueError(
            f"Expected a photograph of at least {SMALLEST_SIDE}×{SMALLEST_SIDE} "
            f"pixels, got {width}×{height}. Images of single cells need no search: "
            "classify them directly."
        )
    if height * width > LARGEST_IMAGE:
        raise ValueError(
            f"Expected a photograph of at most {LARGEST_IMAGE:,} pixels, got "
            f"{width}×{height}. Cut it into smaller photographs."
        )
    if _is_grey(pixels):
        raise ValueError(
            "Expected a colour photograph of a stained smear, got a grey one. Nuclei "
            "are found by their colour, so use a colour camera."
        )
    return pixels


def _is_grey(pixels):
    # A part of the pixels is enough, and fast for large photographs.
    some = pixels[::4, ::4].astype(np.int16)
    return np.ptp(some, axis=2).max() < GREY_DIFFERENCE


def resize(pixels, factor):
    """Return a photograph with its height and width multiplied by a factor.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), dtype uint8
    factor : float

    Returns
    -------
    ndarray of shape (round(H * factor), round(W * factor), 3), dtype uint8
        With at least one pixel in each direction.
    """
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    # Pillow's filters cover all pixels that become one, so there is no aliasing.
    # `reducing_gap` first reduces by a whole number, which is fast.
    image = Image.fromarray(pixels)
    resized = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.asarray(resized)
