"""Decode image files to arrays of pixels."""

import os
import stat
import warnings
from contextlib import suppress

import numpy as np
from joblib import Parallel, delayed
from PIL import Image, ImageOps, UnidentifiedImageError

from skblood._resizing import resize_cell

# Pillow's own limit for the number of pixels. Pillow warns above it, and raises an
# error only above twice as many. This module refuses all images above it.
LARGEST_IMAGE = 89_478_485
# Transparent pixels are shown on white, the background of a blood smear.
BACKGROUND = (255, 255, 255, 255)
# Descriptions of the types of file that are not regular files. These are not opened:
# opening a named pipe blocks until another process opens it too, and reading from a
# device may never end.
SPECIAL_FILES = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


class UnreadableImageError(ValueError):
    """A file is not an image, is damaged, or cannot be prepared as requested."""


def read_cells(paths, *, size, crop, n_jobs):
    """Read image files in several threads.

    Parameters
    ----------
    paths : sequence of path-like
    size, crop
        See `read_cell`.
    n_jobs : int or None
        Number of threads. -1 means one for each core, None means one.

    Returns
    -------
    list of ndarray or UnreadableImageError
        For each file, the return value of `read_cell` or the error that it raised.
    """

    def read(path):
        try:
            return read_cell(path, size=size, crop=crop)
        except UnreadableImageError as error:
            return error

    with warnings.catch_warnings():
        # Images that Pillow warns about are refused: the error replaces the warning.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        # Pillow releases Python's global interpreter lock while it decodes, so threads
        # decode images in parallel.
        parallel = Parallel(n_jobs=n_jobs, prefer="threads")
        return parallel(delayed(read)(path) for path in paths)


def read_cell(path, *, size, crop):
    """Read an image file, crop it to a square, and resize it.

    Parameters
    ----------
    path : path-like
    size : int
        Height and width of the result in pixels.
    crop : int or None
        Side in pixels of the square that is cut from the centre of the image before it
        is resized. None selects the largest possible square.

    Returns
    -------
    ndarray of shape (size, size, 3), dtype uint8
        RGB pixels.

    Raises
    ------
    UnreadableImageError
        If the file cannot be read. The message gives the reason without the path.
    """
    return _read(path, lambda image: _prepare(image, size, crop))


def read_photograph(path):
    """Read an image file as it is.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    ndarray of shape (H, W, 3), dtype uint8
        RGB pixels.

    Raises
    ------
    UnreadableImageError
        If the file cannot be read. The message gives the reason without the path.
    """
    with warnings.catch_warnings():
        # Images that Pillow warns about are refused: the error replaces the warning.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return _read(path, lambda image: np.asarray(_to_upright_rgb(image)))


def _read(path, prepare):
    """Open an image file, and return what a function makes of the image."""
    try:
        _check_is_regular(path)
        with Image.open(path) as image:
            _check_n_pixels(image)
            return prepare(image)
    except UnreadableImageError:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(
            f"Expected at most {LARGEST_IMAGE:,} pixels, got more than twice as many. "
            "The file could be a decompression bomb"
        ) from error
    except UnidentifiedImageError as error:
        raise UnreadableImageError("not an image that Pillow can read") from error
    # Pillow's decoders raise many types of exceptions for damaged files.
    except Exception as error:
        raise UnreadableImageError(f"{type(error).__name__}: {error}") from error


def read_shorter_sides(paths):
    """Return the shorter sides of images in pixels, without decoding their pixels.

    Parameters
    ----------
    paths : sequence of path-like
        Files that cannot be read are left out.

    Returns
    -------
    list of int
    """
    sides = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        for path in paths:
            # Pillow raises many types of exceptions for damaged files.
            with suppress(Exception):
                _check_is_regular(path)
                with Image.open(path) as image:
                    sides.append(min(image.size))
    return sides


def _check_is_regular(path):
    mode = os.stat(path).st_mode  # This follows symbolic links.
    if not stat.S_ISREG(mode):
        kind = SPECIAL_FILES.get(stat.S_IFMT(mode), "a special file")
        raise UnreadableImageError(f"{kind}, not a regular file")


def _check_n_pixels(image):
    n_pixels = image.width * image.height
    if n_pixels > LARGEST_IMAGE:
        raise UnreadableImageError(
            f"Expected at most {LARGEST_IMAGE:,} pixels, got {image.width}×"
            f"{image.height}. The file could be a decompression bomb"
        )


def _prepare(image, size, crop):
    upright = _to_upright_rgb(image)
    try:
        return np.asarray(resize_cell(upright, size=size, crop=crop))
    except ValueError as error:
        raise UnreadableImageError(f"the image has {error}") from error


def _to_upright_rgb(image):
    return _to_rgb(ImageOps.exif_transpose(image))


def _to_rgb(image):
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I"):
        return _from_16_bits(image)
    if image.mode == "F":
        raise UnreadableImageError(
            "floating-point pixels are not supported, because their range is unknown"
        )
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, BACKGROUND)
        image = Image.alpha_composite(background, image.convert("RGBA"))
    return image.convert("RGB")


def _from_16_bits(image):
    """Scale 16-bit grey values to 8 bits; Pillow would clip them at 255."""
    values = np.asarray(image).astype(np.int64)
    # Pillow's mode "I" has 32 bits. Some programs store 8-bit values in it.
    if image.mode == "I" and values.max() <= 255:
        return Image.fromarray(values.astype(np.uint8)).convert("RGB")
    if values.min() < 0 or values.max() > 65_535:
        raise UnreadableImageError(
            "grey values must be between 0 and 65,535 (16 bits), got values from "
            f"{values.min()} to {values.max()}"
        )
    return Image.fromarray((values / 257).round().astype(np.uint8)).convert("RGB")
