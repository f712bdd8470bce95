"""Optical densities, and the affine map between two of their distributions."""

import numpy as np
import pytest
import torch

from skblood._optical_density import (
    from_optical_density,
    match_densities,
    measure_densities,
    to_optical_density,
)


@pytest.mark.parametrize("pixel_range", [(0, 255), (0.0, 1.0), (-2.0, 3.0)])
def test_round_trip(pixel_range):
    low, high = pixel_range
    pixels = torch.linspace(low, high, 256, dtype=torch.float64)
    density = to_optical_density(pixels, pixel_range)
    assert density[-1] == 0
    assert density[0] == pytest.approx(np.log(255))
    again = from_optical_density(density, pixel_range)
    # Black is as dark as the darkest step above it.
    torch.testing.assert_close(again[1:], pixels[1:])
    assert again[0] == again[1]


def test_measure_densities():
    images = np.random.default_rng(0).integers(0, 256, (600, 5, 6, 3), np.uint8)
    density = -np.log(np.maximum(images / 255, 1 / 255)).reshape(-1, 3)
    mean, covariance = measure_densities(images, (0, 255))
    np.testing.assert_allclose(mean, density.mean(axis=0))
    np.testing.assert_allclose(covariance, np.cov(density.T, ddof=0), atol=1e-12)


def test_matched_densities_have_the_mean_and_covariance_of_the_target():
    rng = np.random.default_rng(0)
    source, target = (
        rng.normal(size=(5000, 3)) @ rng.normal(size=(3, 3)) / 3 + rng.normal(size=3)
        for _ in range(2)
    )
    moments = [(d.mean(axis=0), np.cov(d.T)) for d in (source, target)]
    matrix, shift = match_densities(*moments)
    matched = source @ matrix.T + shift
    np.testing.assert_allclose(matched.mean(axis=0), moments[1][0])
    np.testing.assert_allclose(np.cov(matched.T), moments[1][1], rtol=0.02, atol=1e-3)
    np.testing.assert_allclose(matrix, matrix.T)
