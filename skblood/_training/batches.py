"""Batches of images, taken from an array by one slice or index operation each."""

from itertools import pairwise

import numpy as np
import torch
from torch.utils.data import Dataset


class Batch(tuple):
    """An (images, targets) pair, as skorch expects, with its weights and its index."""

    def __new__(cls, images, targets, weights, index):
        batch = super().__new__(cls, (images, targets))
        batch.weights = weights
        batch.index = index
        return batch


class ImageDataset(Dataset):
    """Images in memory or in a memory-mapped file, with targets and weights.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        Never copied as a whole.
    targets : ndarray of shape (n_used,), optional
        Class indices.
    weights : ndarray of shape (n_used,), optional
        Sample weights.
    indices : ndarray of int, of shape (n_used,), optional
        Positions of the images that are used; all by default.
    """

    def __init__(self, images, targets=None, weights=None, indices=None):
        self.images = images
        self.targets = targets
        self.weights = weights
        self.indices = indices

    def __len__(self):
        return len(self.images) if self.indices is None else len(self.indices)

    def __getitem__(self, index):
        image = self.images[index if self.indices is None else self.indices[index]]
        return image, 0 if self.targets is None else self.targets[index]

    def arrays(self, index):
        """Return images, targets and weights at an index array or slice."""
        indices = index if self.indices is None else self.indices[index]
        targets = None if self.targets is None else self.targets[index]
        weights = None if self.weights is None else self.weights[index]
        return self.images[indices], targets, weights

    def batch(self, index):
        """Return the same as a `Batch` of tensors."""
        images, targets, weights = self.arrays(index)
        return Batch(
            torch.from_numpy(_copy_for_torch(images)),
            None if targets is None else torch.from_numpy(targets),
            None if weights is None else torch.from_numpy(weights),
            index,
        )

    def normalize_weights(self):
        """Scale the weights to a mean of 1, so that the step size stays the same."""
        if self.weights is not None:
            self.weights = self.weights / self.weights.mean()

    def subset(self, index):
        """Return a dataset of the samples at an index array; images are not copied."""
        _, targets, weights = self.arrays(index)
        indices = index if self.indices is None else self.indices[index]
        return ImageDataset(self.images, targets, weights, indices)


def _copy_for_torch(images):
    """Return an array that does not share memory with X, in a layout torch supports."""
    dtype = images.dtype.newbyteorder("=")
    return images.astype(
        np.float64 if dtype == np.longdouble else dtype,
        order="C",
        copy=not images.flags.owndata,
    )


class BatchIterator:
    """Cuts a dataset into batches whose sizes differ by at most one sample.

    A small last batch would have unreliable batch statistics.

    Parameters
    ----------
    dataset : ImageDataset
    batch_size : int
        Largest number of samples in a batch.
    rng : numpy.random.Generator, optional
        Shuffles the samples in each epoch; without it their order is kept.
    pruning : DataPruning, optional
        Chooses the samples of each epoch; by default all are used.
    """

    def __init__(self, dataset, batch_size, rng=None, pruning=None):
        self.dataset = dataset
        self.batch_size = batch_size
        self.rng = rng
        self.pruning = pruning
        self.n_samples = len(dataset)

    def __len__(self):
        """Return the number of batches in the current epoch."""
        return count_batches(self.n_samples, self.batch_size)

    def __iter__(self):
        order = self._order()
        self.n_samples = len(self.dataset) if order is None else len(order)
        edges = np.linspace(0, self.n_samples, len(self) + 1).astype(int)
        for start, stop in pairwise(edges):
            batch = slice(start, stop)
            yield self.dataset.batch(batch if order is None else order[batch])

    def _order(self):
        n = len(self.dataset)
        if self.rng is None or n <= self.batch_size:
            return None
        chosen = n if self.pruning is None else self.pruning.choose(self.rng)
        return self.rng.permutation(chosen)


def count_batches(n_samples, batch_size):
    """Return the number of batches, and so of steps, in an epoch."""
    return -(-n_samples // batch_size)
