"""Photographs of smears that are made from images of single cells."""

from numbers import Real

import numpy as np
from PIL import Image
from sklearn.utils import Bunch, check_random_state

# Side of the square that an image of BloodMNIST shows, if its red cells have a mean
# diameter of 7.5 µm: 583 whole ones in the train split have 10.28 of its 28 pixels
# (benchmarks/fields.py).
IMAGE_UM = 20.4
# Each image gets a tile of this side, and its middle lies up to the jitter away from
# the middle of the tile.
TILE_UM, JITTER_UM = 36.0, 3.0
# Fraction of the side of an image on which it fades into the background.
FADE = 0.05
# Mean and standard deviation of the diameter of red cells; the least distance of their
# middles; the number that is tried to place in a tile.
RED_CELL_UM, RED_CELL_SPREAD_UM = 7.5, 0.35
RED_CELL_DISTANCE_UM = 8.2
TRIES_PER_TILE = 60
# Optical densities of red, green and blue in the thick ring of a red cell, and how much
# thinner its middle is.
RED_CELL_DENSITY = (0.20, 0.30, 0.34)
PALLOR = 0.45
# Width of the edge of a red cell.
EDGE_UM = 0.25
NOISE = 1.5
# After so many steps, an enlarged image that is reduced again differs by less than one
# step of 255 in most pixels.
N_PROJECTIONS = 4


def make_smear(images, target=None, *, pixels_per_um=10.0, random_state=None):
    """Make a photograph of a smear from images of single cells.

    The images are placed at random on a background with red cells, which are drawn. The
    result has known cells at known places, so it suits examples and tests. It is easier
    than a photograph: nothing touches, and all is in focus.

    Parameters
    ----------
    images : array-like of shape (n, size, size, 3), dtype uint8
        Images with one cell in the middle that show 20.4×20.4 µm, as those of
        BloodMNIST.
        At least one.
    target : array-like of shape (n,), default=None
        Their labels.
    pixels_per_um : float, default=10.0
        Number of pixels per micrometre, from 3 to 40. The original photographs of
        BloodMNIST have 9.8.
    random_state : int, RandomState instance or None, default=None
        Seeds the places of all cells, the red cells and the noise. Pass an int for the
        same result in every call.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        image : ndarray of shape (H, W, 3), dtype uint8
            The photograph. Each image takes about 36×36 µm of it.
        centers : ndarray of float, of shape (n, 2)
            Row and column of the middle of each image in the photograph.
        target : ndarray of shape (n,) or None
            The labels.
        pixels_per_um : float
            The scale.

    Raises
    ------
    TypeError
        If the images are not uint8.
    ValueError
        If the images have another shape, if there are not as many labels as images, or
        if `pixels_per_um` is out of range.

    See Also
    --------
    skblood.find_cells : Find the cells again.

    Examples
    --------
    >>> from skblood.datasets import load_bloodmnist_sample, make_smear
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    >>> smear = make_smear(X[:6], y[:6], random_state=0)
    >>> smear.image.shape
    (720, 1080, 3)
    >>> smear.centers.shape
    (6, 2)
    """
    images, target = _check(images, target, pixels_per_um)
    rng = check_random_state(random_state)
    n_columns = int(np.ceil(np.sqrt(len(images))))
    n_rows = -(-len(images) // n_columns)
    tiles = rng.permutation(n_rows * n_columns)[: len(images)]
    rows_and_columns = np.stack(np.divmod(tiles, n_columns), axis=1)
    jitter = rng.uniform(-JITTER_UM, JITTER_UM, (len(images), 2))
    middles_um = (rows_and_columns + 0.5) * TILE_UM + jitter
    size_um = np.array([n_rows, n_columns]) * TILE_UM

    height, width = np.round(size_um * pixels_per_um).astype(int)
    background = np.median(np.percentile(images, 90, axis=(1, 2)), axis=0)
    photograph = np.tile(background, (height, width, 1))
    _draw_red_cells(photograph, middles_um, size_um, pixels_per_um, rng)
    centers = np.array(
        [
            _paste(photograph, image, middle * pixels_per_um, pixels_per_um)
            for image, middle in zip(images, middles_um, strict=True)
        ]
    )
    photograph += rng.normal(0, NOISE, photograph.shape)
    return Bunch(
        image=np.clip(np.round(photograph), 0, 255).astype(np.uint8),
        centers=centers,
        target=target,
        pixels_per_um=float(pixels_per_um),
    )


def _check(images, target, pixels_per_um):
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3:
        raise ValueError(
            "Expected images of shape (n, size, size, 3), got an array of shape "
            f"{images.shape}."
        )
    if len(images) == 0:
        raise ValueError("Expected at least one image, got none.")
    if images.dtype != np.uint8:
        raise TypeError(f"Expected images of dtype uint8, got {images.dtype}.")
    if not isinstance(pixels_per_um, Real) or not 3 <= pixels_per_um <= 40:
        raise ValueError(
            f"pixels_per_um must be a number from 3 to 40, got {pixels_per_um!r}."
        )
    if target is not None:
        target = np.asarray(target)
        if target.shape != (len(images),):
            raise ValueError(
                f"Expected target of shape ({len(images)},), one label for each image, "
                f"got shape {target.shape}."
            )
    return images, target


def _draw_red_cells(photograph, middles_um, size_um, pixels_per_um, rng):
    """Draw red cells beside the squares of the images, none over another."""
    taken = np.empty((0, 2))
    n_tries = int(TRIES_PER_TILE * np.prod(size_um) / TILE_UM**2)
    least = IMAGE_UM / 2 + RED_CELL_UM / 2
    for place in rng.uniform(0, size_um, (n_tries, 2)):
        from_images = np.abs(middles_um - place).max(axis=1)
        from_others = np.linalg.norm(taken - place, axis=1)
        if from_images.min() > least and (from_others > RED_CELL_DISTANCE_UM).all():
            taken = np.vstack([taken, place])
            _draw_red_cell(photograph, place, pixels_per_um, rng)


def _draw_red_cell(photograph, place_um, pixels_per_um, rng):
    """Draw a disc that is thinner in the middle, slightly elliptical."""
    radius = max(5.0, rng.normal(RED_CELL_UM, RED_CELL_SPREAD_UM)) / 2
    stretch, angle = rng.uniform(0.92, 1.08), rng.uniform(0, np.pi)
    reach = int(np.ceil((radius * 1.2 + 2 * EDGE_UM) * pixels_per_um))
    middle = np.round(place_um * pixels_per_um).astype(int)
    window = tuple(
        slice(max(0, m - reach), min(n, m + reach + 1))
        for m, n in zip(middle, photograph.shape, strict=False)
    )
    rows, columns = (
        (np.arange(part.start, part.stop) + 0.5) / pixels_per_um - place
        for part, place in zip(window, place_um, strict=True)
    )
    along = np.cos(angle) * rows[:, np.newaxis] + np.sin(angle) * columns
    across = np.cos(angle) * columns - np.sin(angle) * rows[:, np.newaxis]
    distance = np.hypot(along * stretch, across / stretch)
    inside = 1 / (1 + np.exp(4 * (distance - radius) / EDGE_UM))
    thickness = inside * (1 - PALLOR * np.exp(-((distance / (0.45 * radius)) ** 2)))
    photograph[window] *= np.exp(-thickness[..., np.newaxis] * RED_CELL_DENSITY)


def _paste(photograph, image, middle, pixels_per_um):
    """Paste an image with soft edges, and return its middle in whole pixels."""
    side = round(IMAGE_UM * pixels_per_um)
    from_edge = np.minimum(np.arange(side) + 0.5, np.arange(side)[::-1] + 0.5) / side
    fade = np.clip(from_edge / FADE, 0, 1)
    alpha = np.minimum.outer(fade, fade)[..., np.newaxis]
    top, left = np.round(middle - side / 2).astype(int)
    window = photograph[top : top + side, left : left + side]
    window += alpha * (_enlarge(image, side) - window)
    return top + side / 2, left + side / 2


def _enlarge(image, side):
    """Return a larger image that gives the original one if it is reduced again.

    Interpolation alone would blur the image. What is lost is added again: iterative
    back-projection [1]_.

    References
    ----------
    .. [1] M. Irani, S. Peleg, "Improving resolution by image registration", CVGIP:
       Graphical Models and Image Processing 53(3), 1991.
       :doi:`10.1016/1049-9652(91)90045-L`
    """
    larger = _resize(image, side)
    for _ in range(N_PROJECTIONS):
        larger += _resize(image - _resize(larger, len(image)), side)
    return larger


def _resize(image, side):
    """Return an image with another side, as floats without rounding."""
    channels = [
        Image.fromarray(np.ascontiguousarray(channel, dtype=np.float32)).resize(
            (side, side), Image.Resampling.BICUBIC
        )
        for channel in np.moveaxis(image, 2, 0)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=2)
