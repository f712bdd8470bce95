"""Optical density: how much light a stained cell absorbs.

By the law of Beer and Lambert, the optical density of a point of the smear is
proportional to the amount of dye in it: ``-log(brightness)``. A change of the stain or
of the light is therefore close to an affine map of optical densities.
"""

import math

import numpy as np
import torch

# The smallest brightness that differs from black: one step of 8-bit images.
DARKEST = 1 / 255
# Added to the variances of optical densities. Those of cells are 100 times as large.
MIN_VARIANCE = 1e-5
# Largest factor by which differences between colours are enlarged. Without a limit, the
# noise of grey images would become colour.
MAX_GAIN = 4.0
# Number of images that are converted to floats at the same time.
CHUNK = 256


def to_optical_density(pixels, pixel_range):
    """Return the optical density of pixel values.

    Parameters
    ----------
    pixels : torch.Tensor of floats
    pixel_range : tuple of float (low, high)
        The values of black and white.

    Returns
    -------
    torch.Tensor
        From 0 for white to ``log(255)`` for black.
    """
    low, high = pixel_range
    brightness = (pixels - low) / max(high - low, 1e-12)
    return -brightness.clamp(DARKEST, 1).log()


def from_optical_density(density, pixel_range):
    """Return the pixel values of optical densities.

    Parameters
    ----------
    density : torch.Tensor of floats
        Negative values give white.
    pixel_range : tuple of float (low, high)
        The values of black and white.

    Returns
    -------
    torch.Tensor
    """
    low, high = pixel_range
    return low + (high - low) * (-density.clamp(min=0)).exp()


def measure_densities(images, pixel_range):
    """Return the mean and the covariance of the optical densities of all pixels.

    Parameters
    ----------
    images : ndarray or ImageReader of shape (n, H, W, C)
    pixel_range : tuple of float (low, high)
        The values of black and white.

    Returns
    -------
    mean : ndarray of shape (C,)
    covariance : ndarray of shape (C, C)
        Both float64.
    """
    total, products = 0.0, 0.0
    for start in range(0, len(images), CHUNK):
        pixels = torch.from_numpy(images[start : start + CHUNK].astype(np.float64))
        density = to_optical_density(pixels, pixel_range).flatten(end_dim=2)
        total = total + density.sum(dim=0)
        products = products + density.T @ density
    n_pixels = math.prod(images.shape[:3])
    mean = total / n_pixels
    return mean.numpy(), (products / n_pixels - torch.outer(mean, mean)).numpy()


def match_densities(source, target):
    """Return the affine map between two distributions of optical densities.

    It is the map that moves normal distributions with these means and covariances onto
    each other and changes the colours least: the optimal transport map [1]_. It
    enlarges no difference by more than a factor of 4.

    Parameters
    ----------
    source, target : tuple of (mean, covariance)
        From `measure_densities`.

    Returns
    -------
    matrix : ndarray of shape (C, C)
    shift : ndarray of shape (C,)
        A density d of the source becomes ``matrix @ d + shift``.

    References
    ----------
    .. [1] F. Pitié and A. Kokaram, "The linear Monge-Kantorovitch linear colour mapping
       for example-based colour transfer", CVMP 2007. :doi:`10.1049/cp:20070055`
    """
    (mean, covariance), (target_mean, target_covariance) = source, target
    # Images of a single colour, or of grey levels in three channels, have no variance
    # in some directions.
    least = MIN_VARIANCE * np.eye(len(mean))
    root = _square_root(covariance + least)
    inverse_root = np.linalg.inv(root)
    matrix = inverse_root @ _square_root(root @ target_covariance @ root) @ inverse_root
    gains, vectors = np.linalg.eigh(matrix)
    matrix = (vectors * gains.clip(max=MAX_GAIN)) @ vectors.T
    return matrix, target_mean - matrix @ mean


def _square_root(matrix):
    """Return the square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
