"""Random changes as between microscopes, stains and cameras."""

import math

import torch
from torch.nn import functional

from .._optical_density import from_optical_density, to_optical_density
from .._runtime.hardware import copy_to_device
from ._geometry import augment_cells

# Fraction of the images that are changed at the start of the training. It decreases to
# 0, because the last epochs determine the accuracy on images like the training images.
CHANGED_FRACTION = 0.5
# The strengths were chosen on the validation split of BloodMNIST and on the cells of
# Tecom and CellaVision (benchmarks/microscopes.py): without changes of the colours, the
# accuracy on these cells is much lower; stronger ones cost accuracy on BloodMNIST.
ZOOM = 0.25  # largest change of the logarithm of the size
BLUR = 0.6  # largest fraction of the fine detail that is removed
SHARPENING = 0.2  # largest fraction of the fine detail that is added
STAIN = 0.3  # standard deviation of the logarithm of each channel's optical density
MIXING = 0.1  # standard deviation of what a channel adds to another one
LIGHT = 0.15  # standard deviation of the logarithm of the light's colour
DENSITY = 0.25  # standard deviation of the logarithm of the stain's optical density
SATURATION = 0.4  # standard deviation of the logarithm of the saturation
NOISE = (
    0.03  # largest standard deviation of the noise, as a fraction of the pixel range
)
# Detail is fine if it is lost when the shorter side has so many pixels.
COARSE_SIDE = 14


class RobustAugmentation:
    """Random changes as between microscopes, for up to half of the images of a batch.

    All images are flipped, rotated and shifted as in `augment_cells`. Half of them also
    get: another size and orientation of the cell, another sharpness, and noise; another
    stain and light, which are affine maps of the optical densities [1]_; and another
    saturation. This half becomes smaller in the course of the training and is empty at
    its end, which keeps the accuracy on images like the training images.

    The strengths were chosen with the cells of two other microscopes in view. On a
    third one, the gain may be smaller.

    Parameters
    ----------
    center, scale : array-like of shape (C,)
        The images it is called with are ``(pixels - center) / scale``.
    pixel_range : tuple of float (low, high)
        The pixel values of black and white.

    References
    ----------
    .. [1] D. Tellez et al., "Quantifying the effects of data augmentation and stain
       color normalization in convolutional neural networks for computational
       pathology", Medical Image Analysis 58:101544, 2019, arXiv:1902.06543.

    Examples
    --------
    >>> import torch
    >>> from skblood.augmentation import RobustAugmentation
    >>> augment = RobustAugmentation([0, 0, 0], [1, 1, 1], pixel_range=(0, 1))
    >>> augment(torch.rand(5, 3, 28, 28), torch.Generator()).shape
    torch.Size([5, 3, 28, 28])
    """

    def __init__(self, center, scale, pixel_range):
        self.center = torch.as_tensor(center)[:, None, None]
        self.scale = torch.as_tensor(scale)[:, None, None]
        self.pixel_range = pixel_range

    def __call__(self, images, generator, progress=0.0):
        """Return the transformed batch.

        Parameters
        ----------
        images : torch.Tensor of shape (n, C, H, W)
        generator : torch.Generator
            On the CPU.
        progress : float, default=0.0
            The fraction of the training that is over.

        Returns
        -------
        torch.Tensor of shape (n, C, H, W)

        Raises
        ------
        ValueError
            If the images do not have as many channels as `center`.
        """
        if images.shape[1] != len(self.center):
            raise ValueError(
                f"Expected images with {len(self.center)} channel(s), as in center, "
                f"got {images.shape[1]}."
            )
        images = augment_cells(images, generator)
        # Rounded at random, so that the fraction is right in small batches, too.
        expected = CHANGED_FRACTION * (1 - progress) * len(images)
        n_changed = int(expected + torch.rand(1, generator=generator).item())
        if n_changed == 0:
            return images
        chosen = torch.randperm(len(images), generator=generator)[:n_changed]
        chosen = copy_to_device(chosen, images.device)
        return images.index_copy(0, chosen, self._change(images[chosen], generator))

    def _change(self, images, generator):
        center, scale = _like(images, self.center), _like(images, self.scale)
        images = _change_sharpness(_turn_and_zoom(images, generator), generator)
        density = to_optical_density(images * scale + center, self.pixel_range)
        density = _change_stain(density, generator)
        pixels = from_optical_density(density, self.pixel_range)
        low, high = self.pixel_range
        pixels = _change_saturation(pixels, generator).clamp(low, high)
        pixels = _add_noise(pixels, (high - low) * NOISE, generator)
        return (pixels - center) / scale


def _turn_and_zoom(images, generator):
    """Rotate each image by any angle, and change the size of what it shows."""
    n, _, height, width = images.shape
    zoom = _draw_uniform(n, ZOOM, generator).exp()
    angle = _draw_uniform(n, math.pi / 4, generator)
    cosine, sine, zero = zoom * angle.cos(), zoom * angle.sin(), torch.zeros(n)
    # The grid goes from -1 to 1 along both sides, also if they differ in length.
    aspect = height / width
    rows = [[cosine, -sine * aspect, zero], [sine / aspect, cosine, zero]]
    affine = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    grid = functional.affine_grid(
        _like(images, affine), list(images.shape), align_corners=False
    )
    return functional.grid_sample(
        images, grid, padding_mode="reflection", align_corners=False
    )


def _change_sharpness(images, generator):
    """Remove a part of the fine detail of each image, or strengthen it."""
    height, width = images.shape[2:]
    factor = min(1, COARSE_SIDE / min(height, width))
    coarse = functional.interpolate(
        images, size=[math.ceil(side * factor) for side in (height, width)], mode="area"
    )
    smooth = functional.interpolate(coarse, size=(height, width), mode="bilinear")
    part = torch.rand(len(images), 1, 1, 1, generator=generator)
    part = (BLUR + SHARPENING) * part - SHARPENING
    return torch.lerp(images, smooth, _like(images, part))


def _change_stain(density, generator):
    """Apply a random affine map to the optical densities of each image."""
    n, n_channels = density.shape[:2]
    strength = torch.exp(
        STAIN * torch.randn(n, n_channels, 1, generator=generator)
        + DENSITY * torch.randn(n, 1, 1, generator=generator)
    )
    mixing = MIXING * torch.randn(n, n_channels, n_channels, generator=generator)
    mixing = _like(density, strength * torch.eye(n_channels) + mixing)
    light = LIGHT * torch.randn(n, n_channels, 1, generator=generator)
    mixed = torch.baddbmm(_like(density, light), mixing, density.flatten(start_dim=2))
    return mixed.reshape(density.shape)


def _change_saturation(pixels, generator):
    """Move the colours of each image towards grey, or away from it."""
    factor = SATURATION * torch.randn(len(pixels), 1, 1, 1, generator=generator)
    grey = pixels.mean(dim=1, keepdim=True)
    return torch.lerp(grey, pixels, _like(pixels, factor.exp()))


def _add_noise(pixels, largest, generator):
    """Add normal noise with a random standard deviation to each image."""
    deviation = largest * torch.rand(len(pixels), 1, 1, 1, generator=generator)
    noise = torch.randn(pixels.shape, generator=generator)
    return pixels + _like(pixels, deviation * noise)


def _like(images, values):
    """Return values on the device and in the dtype of the images."""
    return copy_to_device(values, images.device).to(images.dtype)


def _draw_uniform(n, largest, generator):
    """Draw n numbers between -largest and largest."""
    return largest * (2 * torch.rand(n, generator=generator) - 1)
