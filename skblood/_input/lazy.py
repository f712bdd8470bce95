"""Images that stay where they are stored, and are read when they are used."""

import math
from abc import ABC, abstractmethod

import numpy as np
from sklearn.utils import assert_all_finite, gen_batches

# Memory for the part of the images whose values are checked at the same time.
CHUNK_BYTES = 2**24


class LazyRows(ABC):
    """An array-like whose rows are read when they are used.

    It has `shape`, `dtype` and `len`. Indexing it with several rows returns another
    object of this kind, and reads nothing.
    """

    # Number of neighbouring rows that are read together, or None.
    block_size = None

    @abstractmethod
    def read(self):
        """Return all rows as an ndarray."""

    @abstractmethod
    def block_numbers(self):
        """Return the number of the block that each row belongs to."""


class ImageReader:
    """Images (n, H, W, C) whose indexing reads them from a `LazyRows`.

    Indexing it with integers or a slice returns an ndarray in the dtype of the rows.

    Parameters
    ----------
    rows : LazyRows
        Images in any form that `check_images` accepts.
    image_shape : tuple (H, W, C)
    """

    def __init__(self, rows, image_shape):
        self.rows = rows
        self.shape = (len(rows), *image_shape)
        self.dtype = rows.dtype
        self.block_size = rows.block_size
        self._is_channels_first = len(rows.shape) == 4 and rows.shape[1:] != image_shape

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        selected = self.rows[index]
        if isinstance(selected, np.ndarray):  # `index` is one integer.
            return self._to_images(selected[np.newaxis])[0]
        return self._to_images(selected.read())

    def _to_images(self, rows):
        if self._is_channels_first:
            rows = np.moveaxis(rows, 1, 3)
        return rows.reshape(-1, *self.shape[1:])

    def block_numbers(self, indices=None):
        """Return the number of the block that each image belongs to.

        Parameters
        ----------
        indices : ndarray of int, optional
            Positions of the images; all by default.
        """
        rows = self.rows if indices is None else self.rows[indices]
        return rows.block_numbers()

    def check_finite(self, **names):
        """Raise ValueError if a value is infinite or NaN, as for arrays.

        The images are read once, part by part. Integers are not read.

        Parameters
        ----------
        **names
            ``estimator_name`` and ``input_name`` for the message.
        """
        if self.dtype.kind != "f":
            return
        row_bytes = self.dtype.itemsize * math.prod(self.shape[1:])
        n_rows = max(1, CHUNK_BYTES // row_bytes, self.block_size or 1)
        for part in gen_batches(len(self), n_rows):
            assert_all_finite(self.rows[part].read(), **names)
