"""Which images an epoch can do without."""

import math

import numpy as np
import torch


class DataPruning:
    """Leaves out some of the images that are easy by now, at random.

    An image is easy if its last loss was below the mean. The easy ones that stay in
    count for those that are left out, so the expected gradient is that of all images
    [1]_. The first epoch has all of them, and so has the last eighth.

    Parameters
    ----------
    n_samples : int
    share : float
        Of the easy images, left out of an epoch.
    n_epochs : int

    Attributes
    ----------
    counts : ndarray of shape (n_samples,)
        For how many images each one stands in the present epoch.

    References
    ----------
    .. [1] Qin et al., "InfoBatch: Lossless Training Speed Up by Unbiased Dynamic Data
       Pruning", ICLR 2024, arXiv:2303.04947.
    """

    def __init__(self, n_samples, share, n_epochs):
        self.share = share
        self.n_epochs_left = n_epochs
        self.n_last_epochs = math.ceil(n_epochs / 8)
        self.losses = torch.full((n_samples,), math.inf)
        self.counts = np.ones(n_samples, np.float32)

    def choose(self, rng):
        """Return the rows of the next epoch, in order."""
        easy = self._find_easy()
        self.n_epochs_left -= 1
        self.counts = np.where(easy, 1 / (1 - self.share), 1).astype(np.float32)
        if not easy.any():
            return np.arange(len(easy))
        return np.flatnonzero(~easy | (rng.random(len(easy)) >= self.share))

    def _find_easy(self):
        losses = self.losses.cpu().numpy()
        if self.n_epochs_left <= self.n_last_epochs or np.isinf(losses).any():
            return np.zeros(len(losses), bool)
        return losses < losses.mean()

    def record(self, index, losses):
        """Keep what some rows' losses were."""
        self.losses = self.losses.to(losses)
        self.losses[index] = losses
