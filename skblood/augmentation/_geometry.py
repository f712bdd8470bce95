"""Flips, rotations and shifts of a batch of images."""

import torch
from torch.nn import functional

from .._runtime.hardware import copy_to_device


def augment_cells(images, generator):
    """Flip and rotate each image at random, and shift it by up to two pixels.

    Cells have no preferred orientation in a blood smear, so all flips and rotations by
    90° of an image are equally likely. Crops are not centred exactly on their cells, so
    small shifts occur in new images, too.

    Parameters
    ----------
    images : torch.Tensor of shape (n, C, H, W)
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    torch.Tensor of shape (n, C, H, W)

    Examples
    --------
    >>> import torch
    >>> from skblood.augmentation import augment_cells
    >>> augment_cells(torch.rand(5, 3, 28, 28), torch.Generator()).shape
    torch.Size([5, 3, 28, 28])
    """
    return random_shift(random_dihedral(images, generator), generator)


def random_dihedral(images, generator):
    """Flip and rotate each image at random, by multiples of 90°.

    Only flips and rotations that keep the shape of the image are used: 8 for square
    images, including the unchanged image, and 4 for other images. All of them have the
    same probability.

    Parameters
    ----------
    images : torch.Tensor of shape (n, C, H, W)
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    torch.Tensor of shape (n, C, H, W)

    Examples
    --------
    >>> import torch
    >>> from skblood.augmentation import random_dihedral
    >>> random_dihedral(torch.rand(5, 3, 28, 28), torch.Generator()).shape
    torch.Size([5, 3, 28, 28])
    """
    for flip in _flips(images):
        chosen = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
        images = torch.where(
            copy_to_device(chosen, images.device), flip(images), images
        )
    return images


def dihedral_views(images):
    """Return a batch in all flips and rotations by 90° that keep the images' shape.

    Parameters
    ----------
    images : torch.Tensor of shape (n, C, H, W)

    Returns
    -------
    list of torch.Tensor of shape (n, C, H, W)
        8 batches for square images, 4 for other images. The first is `images`.

    Examples
    --------
    >>> import torch
    >>> from skblood.augmentation import dihedral_views
    >>> len(dihedral_views(torch.rand(5, 3, 28, 28)))
    8
    """
    views = [images]
    for flip in _flips(images):
        views += [flip(view) for view in views]
    return views


def _flips(images):
    """Return reflections whose compositions give all flips and rotations by 90°."""
    flips = [lambda x: x.flip(3), lambda x: x.flip(2)]
    if images.shape[2] == images.shape[3]:
        flips.append(lambda x: x.transpose(2, 3))
    return flips


def random_shift(images, generator, max_pixels=2):
    """Shift each image at random by up to `max_pixels` along both axes.

    The border that the shift leaves empty is filled with a reflection of the image.

    Parameters
    ----------
    images : torch.Tensor of shape (n, C, H, W)
        H and W must be greater than `max_pixels`.
    generator : torch.Generator
        On the CPU.
    max_pixels : int, default=2
        Largest shift along each axis, in pixels.

    Returns
    -------
    torch.Tensor of shape (n, C, H, W)

    Examples
    --------
    >>> import torch
    >>> from skblood.augmentation import random_shift
    >>> random_shift(torch.rand(5, 3, 28, 28), torch.Generator()).shape
    torch.Size([5, 3, 28, 28])
    """
    n, _, height, width = images.shape
    padded = functional.pad(images, [max_pixels] * 4, mode="reflect")
    corner = torch.randint(2 * max_pixels + 1, (2, n, 1), generator=generator)
    rows = copy_to_device(corner[0] + torch.arange(height), images.device)
    columns = copy_to_device(corner[1] + torch.arange(width), images.device)
    # With the channels as the last axis, indexing copies all channels of a pixel at
    # once.
    pixels = padded.permute(0, 2, 3, 1)
    image = torch.arange(n, device=images.device)[:, None, None]
    shifted = pixels[image, rows[:, :, None], columns[:, None, :]]
    return shifted.permute(0, 3, 1, 2)
