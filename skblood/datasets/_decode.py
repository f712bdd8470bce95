"""Image files become arrays of pixels."""

import warnings

import numpy as np
from joblib import Parallel, delayed
from PIL import Image, ImageOps, UnidentifiedImageError

from skblood._resizing import resize_cell

# Pillow's own limit; it warns above it, and we refuse.
LARGEST_IMAGE = 89_478_485
# What a smear's background looks like through a transparent pixel.
BACKGROUND = (255, 255, 255, 255)


class UnreadableImageError(ValueError):
    """A file is not an image, is damaged, or is not what was asked for."""


def read_cells(paths, *, size, crop, n_jobs):
    """Read image files, several at a time.

    Parameters
    ----------
    paths : sequence of path-like
    size : int
    crop : int or None
    n_jobs : int or None
        Threads that decode at a time; -1 is one for each core.

    Returns
    -------
    list of ndarray or UnreadableImageError
        Of each file what `read_cell` returns, or raises.
    """

    def read(path):
        try:
            return read_cell(path, size=size, crop=crop)
        except UnreadableImageError as error:
            return error

    with warnings.catch_warnings():
        # What Pillow warns of is refused, with the size in the message.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        # Pillow lets go of Python's lock while it decodes.
        parallel = Parallel(n_jobs=n_jobs, prefer="threads")
        return parallel(delayed(read)(path) for path in paths)


def read_cell(path, *, size, crop):
    """Read an image file as a square of RGB pixels.

    Parameters
    ----------
    path : path-like
    size : int
        Height and width of the result.
    crop : int or None
        Side of the square that is cut from the middle first; None is the largest
        square there is.

    Returns
    -------
    ndarray of shape (size, size, 3), dtype uint8

    Raises
    ------
    UnreadableImageError
        With a message that says why, without the path.
    """
    try:
        with Image.open(path) as image:
            _refuse_bomb(image)
            return _prepare(image, size, crop)
    except UnreadableImageError:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(str(error)) from error
    except UnidentifiedImageError as error:
        raise UnreadableImageError("not an image that Pillow knows") from error
    # Its decoders raise almost anything when bytes are not what they seem.
    except Exception as error:
        raise UnreadableImageError(f"{type(error).__name__}: {error}") from error


def _refuse_bomb(image):
    n_pixels = image.width * image.height
    if n_pixels > LARGEST_IMAGE:
        raise UnreadableImageError(
            f"{image.width}×{image.height} pixels, more than the {LARGEST_IMAGE:,} "
            "that are read: this could be a decompression bomb"
        )


def _prepare(image, size, crop):
    upright = _to_rgb(ImageOps.exif_transpose(image))
    try:
        return np.asarray(resize_cell(upright, size=size, crop=crop))
    except ValueError as error:
        raise UnreadableImageError(str(error)) from error


def _to_rgb(image):
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I"):
        return _from_16_bits(image)
    if image.mode == "F":
        raise UnreadableImageError("floating-point pixels, whose range nobody knows")
    if image.has_transparency_data:
        backdrop = Image.new("RGBA", image.size, BACKGROUND)
        image = Image.alpha_composite(backdrop, image.convert("RGBA"))
    return image.convert("RGB")


def _from_16_bits(image):
    """Bring grey values of 16 bits to 8; Pillow itself would cut them off at 255."""
    values = np.asarray(image).astype(np.int64)
    if image.mode == "I" and values.max() <= 255:
        return Image.fromarray(values.astype(np.uint8)).convert("RGB")
    if values.min() < 0 or values.max() > 65_535:
        raise UnreadableImageError(
            f"grey values from {values.min()} to {values.max()}, beyond 16 bits"
        )
    return Image.fromarray((values / 257).round().astype(np.uint8)).convert("RGB")
