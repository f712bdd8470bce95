"""Batches of images, taken from an array by one slice or index operation each."""

from itertools import pairwise

import numpy as np
import torch
from torch.utils.data import Dataset

from .. import _distributed

# If images are read in blocks, so many blocks and batches at least are in memory at the
# same time, so that each batch has images of several blocks.
MIN_BLOCKS = 8
MIN_BATCHES = 4


class Batch(tuple):
    """An (images, targets) pair, as skorch expects, with its weights and its index.

    Of several processes that train together, each has a part of the batch. `share` is
    the number of images in this part, divided by the mean number in a part.
    """

    def __new__(cls, images, targets, weights, index, share=1.0):
        batch = super().__new__(cls, (images, targets))
        batch.weights = weights
        batch.index = index
        batch.share = share
        return batch


class ImageDataset(Dataset):
    """Images in memory or in a memory-mapped file, with targets and weights.

    Parameters
    ----------
    images : ndarray or ImageReader of shape (n, H, W, C)
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
        return _make_batch(index, *self.arrays(index))

    def batches(self, indices, reads):
        """Yield a `Batch` for each of several indices; see `read`."""
        for index, arrays in zip(indices, self.read(indices, reads), strict=True):
            yield _make_batch(index, *arrays)

    def read(self, indices, reads):
        """Yield images, targets and weights for each of several indices.

        Parameters
        ----------
        indices : list of index arrays or slices
        reads : ndarray of int
            From `plan_reads`.
        """
        for first, last in pairwise(reads):
            if last - first == 1:
                yield self.arrays(indices[first])
                continue
            together = [positions_of(i, len(self)) for i in indices[first:last]]
            images, targets, weights = self.arrays(np.concatenate(together))
            for start, stop in pairwise(np.cumsum([0, *map(len, together)])):
                yield (
                    images[start:stop],
                    None if targets is None else targets[start:stop],
                    None if weights is None else weights[start:stop],
                )

    def plan_reads(self, n_batches, batch_size):
        """Return which batches are read together: the first of each group, and the end.

        These are single batches, unless the images are stored in blocks.
        """
        n_together = 1
        if self.block_size is not None:
            n_together = max(
                MIN_BATCHES, -(-MIN_BLOCKS * self.block_size // batch_size)
            )
        n_reads = max(1, n_batches // n_together)
        return np.linspace(0, n_batches, n_reads + 1).astype(int)

    @property
    def block_size(self):
        """Number of neighbouring images that are read together, or None."""
        return getattr(self.images, "block_size", None)

    def block_numbers(self):
        """Return the number of the block that each sample is stored in."""
        return self.images.block_numbers(self.indices)

    def normalize_weights(self):
        """Scale the weights to a mean of 1, so that the step size stays the same."""
        if self.weights is not None:
            self.weights = self.weights / self.weights.mean()

    def subset(self, index):
        """Return a dataset of the samples at an index array or slice.

        The images are not copied.
        """
        positions = positions_of(index, len(self))
        indices = positions if self.indices is None else self.indices[positions]
        targets = None if self.targets is None else self.targets[index]
        weights = None if self.weights is None else self.weights[index]
        return ImageDataset(self.images, targets, weights, indices)


def _make_batch(index, images, targets, weights):
    return Batch(
        torch.from_numpy(_copy_for_torch(images)),
        None if targets is None else torch.from_numpy(targets),
        None if weights is None else torch.from_numpy(weights),
        index,
    )


def positions_of(index, n):
    return np.arange(*index.indices(n)) if isinstance(index, slice) else index


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
        Shuffles the samples in each epoch; without it their order is kept. If the
        images are stored in blocks, it shuffles the blocks, and the samples of those
        that are read together.
    pruning : DataPruning, optional
        Chooses the samples of each epoch; by default all are used.
    in_parts : bool
        Of several processes that train together, each takes its part of every batch.
    """

    def __init__(self, dataset, batch_size, rng=None, pruning=None, in_parts=False):
        self.dataset = dataset
        self.batch_size = batch_size
        self.rng = rng
        self.pruning = pruning
        self.in_parts = in_parts
        self.n_samples = len(dataset)

    def __len__(self):
        """Return the number of batches in the current epoch."""
        return count_batches(self.n_samples, self.batch_size)

    def __iter__(self):
        order = self._order()
        self.n_samples = len(self.dataset) if order is None else len(order)
        edges = self._edges()
        parts = [self._part(start, stop) for start, stop in pairwise(edges)]
        indices = parts if order is None else [order[part] for part in parts]
        batches = self.dataset.batches(indices, self._plan_reads(edges))
        for size, batch in zip(np.diff(edges), batches, strict=True):
            if self.in_parts:
                batch.share = len(batch[0]) * _distributed.n_processes() / size
            yield batch

    def _part(self, start, stop):
        if not self.in_parts:
            return slice(start, stop)
        part = _distributed.part_of(stop - start)
        return slice(start + part.start, start + part.stop)

    def _order(self):
        n = len(self.dataset)
        if self.rng is None or n <= self.batch_size:
            return None
        chosen = n if self.pruning is None else self.pruning.choose(self.rng)
        if self.dataset.block_size is None:
            return self.rng.permutation(chosen)
        return self._shuffle_blocks(np.arange(n) if self.pruning is None else chosen)

    def _shuffle_blocks(self, chosen):
        blocks = self.dataset.block_numbers()[chosen]
        numbers, block_of_sample = np.unique(blocks, return_inverse=True)
        place_of_block = self.rng.permutation(len(numbers))
        order = chosen[np.argsort(place_of_block[block_of_sample], kind="stable")]
        self.n_samples = len(order)
        edges = self._edges()
        for start, stop in pairwise(edges[self._plan_reads(edges)]):
            self.rng.shuffle(order[start:stop])
        return order

    def _plan_reads(self, edges):
        return self.dataset.plan_reads(len(edges) - 1, np.diff(edges).max())

    def _edges(self):
        return np.linspace(0, self.n_samples, len(self) + 1).astype(int)


def count_batches(n_samples, batch_size):
    """Return the number of batches, and so of steps, in an epoch."""
    return -(-n_samples // batch_size)
