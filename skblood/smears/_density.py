"""Optical densities: how much light each point of a photograph absorbs."""

import numpy as np
from scipy.ndimage import (
    gaussian_filter,
    gaussian_gradient_magnitude,
    maximum_filter,
    minimum_filter,
)

RED, GREEN, BLUE = 0, 1, 2
# What has a smaller mean density is background.
BACKGROUND = 0.09
# What is more purple is a nucleus, cytoplasm of a nucleated cell, or a platelet.
PURPLE = 0.12
# Standard deviation, in pixels, of the Gaussian that removes the noise of the camera.
NOISE_SIGMA = 1.0
# The darkest brightness relative to the background: one step of 8-bit images.
DARKEST = 1 / 255
# What is taken for white: this percentage of the pixels is darker. The brightest ones
# can be noise or reflections.
WHITE_PERCENTILE = 99
# There is an edge where the densities within a square with this side in micrometres
# differ by at least this height.
MAX_EDGE_UM, MIN_EDGE_HEIGHT = 5, 0.1
# The width of the edges is this percentile of the widths at all their pixels: a part of
# the edges is blurred in sharp photographs too.
SHARPEST_PERCENTILE = 2


def measure_density(pixels):
    """Return the optical density of each pixel, relative to the brightest parts.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), dtype uint8

    Returns
    -------
    ndarray of shape (H, W, 3), dtype float32
        The negative logarithm of the brightness: near 0 for the background, and larger
        the more dye there is (the law of Beer and Lambert).
    """
    sigma = (NOISE_SIGMA, NOISE_SIGMA, 0)
    smooth = gaussian_filter(pixels.astype(np.float32), sigma, truncate=3)
    white = np.percentile(smooth[::2, ::2], WHITE_PERCENTILE, axis=(0, 1))
    return -np.log(np.clip(smooth / np.maximum(white, 1), DARKEST, None))


def measure_purple(density):
    """Return how much more green than blue light each pixel absorbs.

    Nuclei and platelets are purple: their dye (azure B with eosin Y) absorbs green
    light. The haemoglobin of red cells absorbs blue light.

    Parameters
    ----------
    density : ndarray of shape (H, W, 3)

    Returns
    -------
    ndarray of shape (H, W)
    """
    return density[..., GREEN] - density[..., BLUE]


def measure_edge_width(density, pixels_per_um):
    """Return how wide the edges of cells are.

    Parameters
    ----------
    density : ndarray of shape (H, W, 3)
    pixels_per_um : float

    Returns
    -------
    float
        The width in micrometres of a straight ramp with the height and the slope of
        the sharpest edges, at most 5; 0 if the photograph is empty.
    """
    green = density[..., GREEN]
    slope = gaussian_gradient_magnitude(green, 1.0)
    window = round(MAX_EDGE_UM * pixels_per_um)
    height = maximum_filter(green, window) - minimum_filter(green, window)
    is_edge = (height > MIN_EDGE_HEIGHT) & (slope > 0)
    if not is_edge.any():
        return 0.0
    widths = height[is_edge] / slope[is_edge]
    return float(np.percentile(widths, SHARPEST_PERCENTILE) / pixels_per_um)
