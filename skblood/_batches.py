"""Batches cut whole from arrays in memory."""

from itertools import pairwise

import numpy as np
import torch
from torch.utils.data import Dataset


class Batch(tuple):
    """An (images, targets) pair, as skorch wants it, with weights and its index."""

    def __new__(cls, images, targets, weights, index):
        batch = super().__new__(cls, (images, targets))
        batch.weights = weights
        batch.index = index
        return batch


class ImageDataset(Dataset):
    """Images in memory or memory-mapped, and what is known of the rows in use.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        Never copied.
    targets : ndarray of shape (n_rows,), optional
        Class indices.
    weights : ndarray of shape (n_rows,), optional
        Sample weights.
    rows : ndarray of shape (n_rows,), optional
        The images in use; all by default.
    """

    def __init__(self, images, targets=None, weights=None, rows=None):
        self.images = images
        self.targets = targets
        self.weights = weights
        self.rows = rows

    def __len__(self):
        return len(self.images) if self.rows is None else len(self.rows)

    def __getitem__(self, index):
        image = self.images[index if self.rows is None else self.rows[index]]
        return image, 0 if self.targets is None else self.targets[index]

    def arrays(self, index):
        """Return images, targets and weights at an index array or slice."""
        rows = index if self.rows is None else self.rows[index]
        targets = None if self.targets is None else self.targets[index]
        weights = None if self.weights is None else self.weights[index]
        return self.images[rows], targets, weights

    def batch(self, index):
        """Return the same as a `Batch` of tensors."""
        images, targets, weights = self.arrays(index)
        return Batch(
            torch.from_numpy(_own_for_torch(images)),
            None if targets is None else torch.from_numpy(targets),
            None if weights is None else torch.from_numpy(weights),
            index,
        )

    def normalize_weights(self):
        """Bring the weights' mean to 1, so that the learning rate keeps its meaning."""
        if self.weights is not None:
            self.weights = self.weights / self.weights.mean()

    def subset(self, index):
        """Return a dataset of the same images with only the rows at an index array."""
        _, targets, weights = self.arrays(index)
        rows = index if self.rows is None else self.rows[index]
        return ImageDataset(self.images, targets, weights, rows)


def _own_for_torch(images):
    """Return images of our own, not a view of X, in an order and dtype torch has."""
    dtype = images.dtype.newbyteorder("=")
    return images.astype(
        np.float64 if dtype == np.longdouble else dtype,
        order="C",
        copy=not images.flags.owndata,
    )


class BatchIterator:
    """Cuts a dataset into batches whose sizes differ by one row at most.

    So no last batch is left with a row or two, whose statistics would say little.

    Parameters
    ----------
    dataset : ImageDataset
    batch_size : int
        The most rows in a batch.
    rng : numpy.random.Generator, optional
        Shuffles the rows anew for every pass; without it they keep their order.
    pruning : DataPruning, optional
        Says which rows a pass has; by default all.
    """

    def __init__(self, dataset, batch_size, rng=None, pruning=None):
        self.dataset = dataset
        self.batch_size = batch_size
        self.rng = rng
        self.pruning = pruning
        self.n_rows = len(dataset)

    def __len__(self):
        """Return the number of batches in this pass."""
        return count_batches(self.n_rows, self.batch_size)

    def __iter__(self):
        order = self._order()
        self.n_rows = len(self.dataset) if order is None else len(order)
        edges = np.linspace(0, self.n_rows, len(self) + 1).astype(int)
        for start, stop in pairwise(edges):
            batch = slice(start, stop)
            yield self.dataset.batch(batch if order is None else order[batch])

    def _order(self):
        n = len(self.dataset)
        if self.rng is None or n <= self.batch_size:
            return None
        rows = n if self.pruning is None else self.pruning.choose(self.rng)
        return self.rng.permutation(rows)


def count_batches(n_samples, batch_size):
    """Return how many batches, and so how many steps, an epoch has."""
    return -(-n_samples // batch_size)
