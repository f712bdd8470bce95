"""Uneven light: the background of a photograph that is darker towards an edge."""

from itertools import pairwise

import numpy as np
from sklearn.linear_model import QuantileRegressor

# The photograph is divided into a grid of tiles. The background of a tile is what is
# paler than all but this percentage of its pixels.
N_TILES, PALEST_PERCENTILE = 5, 5
# Cells can cover most of a tile. The surface lies above this fraction of the tiles.
QUANTILE = 0.3
# Larger optical densities are not the background: half of the light is missing.
MAX_SHADING = 0.7


def subtract_shading(density):
    """Return optical densities relative to an evenly lit background.

    A quadratic surface is laid through the backgrounds of the tiles of a grid, by
    quantile regression [1]_, in which tiles that cells cover have little influence.

    Parameters
    ----------
    density : ndarray of shape (H, W, 3)

    Returns
    -------
    ndarray of shape (H, W, 3), dtype float32

    References
    ----------
    .. [1] R. Koenker, G. Bassett, "Regression Quantiles", Econometrica 46(1), 1978.
       :doi:`10.2307/1913643`
    """
    places, backgrounds = _measure_tiles(density)
    rows, columns = (np.linspace(-1, 1, n)[:, np.newaxis] for n in density.shape[:2])
    flat = np.empty(density.shape, dtype=np.float32)
    for channel in range(density.shape[2]):
        surface = QuantileRegressor(quantile=QUANTILE, alpha=0)
        surface.fit(_quadratic(*places.T), backgrounds[:, channel])
        a, b, aa, bb, ab = surface.coef_
        # The terms of rows and columns are added by broadcasting.
        shading = (surface.intercept_ + a * rows + aa * rows**2) + (
            b * columns + bb * columns**2
        ).T
        shading += ab * (rows @ columns.T)
        flat[..., channel] = density[..., channel] - shading.clip(0, MAX_SHADING)
    return flat


def _measure_tiles(density):
    """Return the middles of the tiles, from -1 to 1, and their backgrounds."""
    edges = [np.linspace(0, n, N_TILES + 1).astype(int) for n in density.shape[:2]]
    middles = np.linspace(-1, 1, 2 * N_TILES + 1)[1::2]
    places = [(row, column) for row in middles for column in middles]
    backgrounds = [
        np.percentile(
            density[top:bottom:2, left:right:2], PALEST_PERCENTILE, axis=(0, 1)
        )
        for top, bottom in pairwise(edges[0])
        for left, right in pairwise(edges[1])
    ]
    return np.array(places), np.array(backgrounds)


def _quadratic(row, column):
    """Return the terms of a quadratic surface, without the constant."""
    return np.stack([row, column, row**2, column**2, row * column], axis=1)
