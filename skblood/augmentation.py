"""Random transforms of a whole batch of images.

Each takes standardised images ``(n, C, H, W)`` and a CPU `torch.Generator`, draws
one transform for each image, and returns the new batch: the signature that the
`augmentation` parameter of `BloodCNNClassifier` asks of a callable.
"""

import torch
from torch.nn import functional


def augment_cells(images, generator):
    """Flip, rotate by quarter turns, and shift by up to two pixels.

    A smear has no up or down, so all eight views of a cell are as likely; and the
    crop around a cell is never quite centred.

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
    """Give each image one of the flips and quarter turns that keep its shape.

    Parameters
    ----------
    images : torch.Tensor of shape (n, C, H, W)
        Square images get one of 8 views, others one of 4.
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
        images = torch.where(chosen.to(images.device), flip(images), images)
    return images


def dihedral_views(images):
    """Return the batch in all flips and quarter turns that keep the images' shape.

    Parameters
    ----------
    images : torch.Tensor of shape (n, C, H, W)

    Returns
    -------
    list of torch.Tensor of shape (n, C, H, W)
        8 views of square images, 4 of others; the first is the batch itself.

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
    """Return the mirrorings that all the views are compositions of."""
    flips = [lambda x: x.flip(3), lambda x: x.flip(2)]
    if images.shape[2] == images.shape[3]:
        flips.append(lambda x: x.transpose(2, 3))
    return flips


def random_shift(images, generator, max_pixels=2):
    """Shift each image by up to `max_pixels` along both axes.

    What moves in from outside is the image's own mirror image.

    Parameters
    ----------
    images : torch.Tensor of shape (n, C, H, W)
        H and W greater than `max_pixels`.
    generator : torch.Generator
        On the CPU.
    max_pixels : int, default=2

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
    rows = (corner[0] + torch.arange(height)).to(images.device)
    columns = (corner[1] + torch.arange(width)).to(images.device)
    # Indexed channels-last, whole pixels move at a time.
    pixels = padded.permute(0, 2, 3, 1)
    image = torch.arange(n, device=images.device)[:, None, None]
    shifted = pixels[image, rows[:, :, None], columns[:, None, :]]
    return shifted.permute(0, 3, 1, 2)
