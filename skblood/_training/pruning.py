"""Data pruning: epochs that leave out some of the images with a low loss."""

import math

import numpy as np
import torch

from .. import _distributed
from .._runtime.hardware import copy_to_device


class DataPruning:
    """Leaves out a random part of the easy images in each epoch [1]_.

    An image is easy if its loss, when it was last used, was below the mean loss of all
    images. The easy images that are used get a larger weight, so the expected gradient
    is that of all images. The first epoch and the last eighth of the epochs use all
    images.

    Parameters
    ----------
    n_samples : int
    fraction : float
        Expected fraction of the easy images that an epoch leaves out.
    n_epochs : int

    Attributes
    ----------
    counts : torch.Tensor of shape (n_samples,)
        Weight of each image in the current epoch: the number of images it represents.

    References
    ----------
    .. [1] Qin et al., "InfoBatch: Lossless Training Speed Up by Unbiased Dynamic Data
       Pruning", ICLR 2024, arXiv:2303.04947.
    """

    def __init__(self, n_samples, fraction, n_epochs):
        self.fraction = fraction
        self.n_epochs_left = n_epochs
        self.n_last_epochs = math.ceil(n_epochs / 8)
        self.losses = torch.full((n_samples,), math.inf)
        # Which losses this process has recorded since the last call of `choose`.
        self.is_new = torch.zeros(n_samples, dtype=torch.bool)
        self.counts = torch.ones(n_samples)

    def choose(self, rng):
        """Return the indices of the images in the next epoch, in increasing order."""
        self._merge_losses()
        easy = self._find_easy()
        self.n_epochs_left -= 1
        counts = np.where(easy, 1 / (1 - self.fraction), 1).astype(np.float32)
        self.counts = torch.from_numpy(counts).to(self.losses.device)
        if not easy.any():
            return np.arange(len(easy))
        return np.flatnonzero(~easy | (rng.random(len(easy)) >= self.fraction))

    def _merge_losses(self):
        """Replace each loss by the one that another process has recorded, if any."""
        if _distributed.n_processes() > 1 and self.is_new.any():
            new = self.is_new.to(self.losses)
            recorded = torch.where(self.is_new, self.losses, 0)
            sums = _distributed.sum_over_processes(torch.stack([recorded, new]))
            self.losses = torch.where(sums[1] > 0, sums[0] / sums[1], self.losses)
        self.is_new.zero_()

    def _find_easy(self):
        losses = self.losses.cpu().numpy()
        if self.n_epochs_left <= self.n_last_epochs or np.isinf(losses).any():
            return np.zeros(len(losses), bool)
        return losses < losses.mean()

    def record(self, index, losses):
        """Store the losses of the images at an index, and return their `counts`."""
        if isinstance(index, np.ndarray):
            index = copy_to_device(torch.from_numpy(index), losses.device)
        self.losses, self.counts = self.losses.to(losses), self.counts.to(losses)
        self.is_new = self.is_new.to(losses.device)
        self.losses[index], self.is_new[index] = losses, True
        return self.counts[index]
