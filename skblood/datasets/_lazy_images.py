"""Images on the disk that scikit-learn and the classifiers can index."""

import math
import operator
from numbers import Integral

import numpy as np

from .._input.lazy import LazyRows
from ._row_sources import open_source


class LazyImages(LazyRows):
    """Images that stay on the disk, and are read when they are used.

    The classifiers, and scikit-learn's splitters and searches, accept it in place of an
    array. Indexing it with several rows gives another `LazyImages`: a view that holds
    only row numbers and reads nothing. scikit-learn copies the folds of an array into
    memory, even if the array is memory-mapped. The folds of a `LazyImages` are views.

    Parameters
    ----------
    source : str, Path, array or list of these
        Images of shape ``(n, H, W, C)``, ``(n, C, H, W)`` or ``(n, H, W)``, or rows
        ``(n, H * W * C)``, with a numeric dtype:

        - the path of a ``.npy`` file, which is memory-mapped;
        - a :class:`numpy.memmap` or another array of NumPy;
        - an ``h5py.Dataset`` or a ``zarr.Array``, or another object that has `shape`
          and `dtype` and can be indexed with slices of rows;
        - a list of these, called shards. Their images follow each other, and must have
          the same shape and dtype.
    block_size : int, None or "auto", default="auto"
        Number of neighbouring rows that are read together when a classifier is
        trained. None shuffles all rows, and reads each by itself. Larger blocks suit
        storage that is slow at reading single rows, see the notes. "auto" is the number
        of rows in a chunk if the source has chunks, as in zarr and HDF5, else None.

    Attributes
    ----------
    shape : tuple of int
        Shape of all images together, in the form of `source`.
    dtype : numpy.dtype
        Type of the pixels.
    ndim : int
        Number of dimensions.
    nbytes : int
        Size of all images in bytes.
    block_size : int or None
        The number that is used.

    See Also
    --------
    skblood.BloodCNNClassifier.partial_fit : Trains on images that arrive over time.

    Notes
    -----
    With a `block_size`, each epoch has the blocks in another random order. The rows of
    at least 8 blocks, and of at least 4 batches, are read into memory at a time and
    shuffled. Each row is used once in an epoch. If the rows are sorted by class, a
    batch then has few classes, and the classifier becomes less accurate: shuffle the
    rows before you write them, or use None.

    A pickle has the names of the files instead of the images, so each process of a
    search with ``n_jobs=2`` opens the files itself. The files must not change in the
    meantime. An array in memory is pickled with its data.

    Functions that need all images at the same time read them into memory.
    ``np.asarray(X)`` does so too.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> from skblood import BloodFNNClassifier, load_bloodmnist_sample
    >>> from skblood.datasets import LazyImages
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "images.npy")
    ...     np.save(path, X)
    ...     lazy = LazyImages(path)
    ...     print(lazy)
    ...     clf = BloodFNNClassifier(max_epochs=2, random_state=0)
    ...     scores = cross_val_score(clf, lazy, y, cv=2)
    LazyImages(shape=(400, 28, 28, 3), dtype=uint8)
    >>> len(scores)
    2
    """

    def __init__(self, source, *, block_size="auto"):
        is_list = isinstance(source, (list, tuple))
        shards = [open_source(shard) for shard in (source if is_list else [source])]
        _check_shards(shards)
        self._shards = shards
        # Row number at which each shard begins, and the total at the end.
        self._edges = np.cumsum([0, *(shard.shape[0] for shard in shards)])
        self._rows = range(int(self._edges[-1]))
        self.dtype = shards[0].dtype
        self.block_size = _resolve_block_size(block_size, shards)

    @property
    def shape(self):
        """Shape of all images together."""
        return (len(self), *self._shards[0].shape[1:])

    @property
    def ndim(self):
        """Number of dimensions."""
        return len(self.shape)

    @property
    def nbytes(self):
        """Size of all images in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __len__(self):
        return len(self._rows)

    def __repr__(self):
        blocks = f", block_size={self.block_size}" if self.block_size else ""
        return f"LazyImages(shape={self.shape}, dtype={self.dtype}{blocks})"

    def __getitem__(self, key):
        key = _key_of_rows(key, self.shape)
        number = _as_int(key)
        if number is not None:
            if not -len(self) <= number < len(self):
                raise _out_of_bounds(number, len(self))
            row = int(self._rows[number])
            return self._view(range(row, row + 1)).read()[0]
        if isinstance(key, slice):
            return self._view(self._rows[key])
        positions = _positions(key, len(self))
        if isinstance(self._rows, range):
            return self._view(self._rows.start + self._rows.step * positions)
        return self._view(self._rows[positions])

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("LazyImages has no array in memory, so copy=False fails.")
        images = self.read()
        if dtype is None and not copy:
            return images
        return images.astype(dtype or images.dtype, copy=bool(copy))

    def _view(self, rows):
        view = object.__new__(type(self))
        vars(view).update(vars(self) | {"_rows": rows})
        return view

    def read(self):
        """Read all images into memory.

        Returns
        -------
        ndarray
            In the form and dtype of the source.
        """
        rows = self._rows
        if len(rows) == 0:
            return np.empty(self.shape, self.dtype)
        first, last = self._shards_of(np.array([rows[0], rows[-1]]))
        if isinstance(rows, range) and first == last:
            begin = int(self._edges[first])
            return self._shards[first].read_range(_shift(rows, -begin))
        rows = np.asarray(rows)
        if len(self._shards) == 1:
            return self._shards[0].read_rows(rows)
        return self._read_from_shards(rows)

    def _read_from_shards(self, rows):
        images = np.empty((len(rows), *self.shape[1:]), self.dtype)
        shard_of_row = self._shards_of(rows)
        for number in np.unique(shard_of_row):
            part = np.flatnonzero(shard_of_row == number)
            images[part] = self._shards[number].read_rows(
                rows[part] - self._edges[number]
            )
        return images

    def _shards_of(self, rows):
        return np.searchsorted(self._edges, rows, side="right") - 1

    def block_numbers(self):
        """Return the number of the block that each image belongs to.

        A block has neighbouring rows of one shard.

        Returns
        -------
        ndarray of int, of shape (n,)
        """
        rows = np.asarray(self._rows)
        shards = self._shards_of(rows)
        n_blocks = -(-np.diff(self._edges) // self.block_size)
        first_blocks = np.cumsum([0, *n_blocks])[shards]
        return first_blocks + (rows - self._edges[shards]) // self.block_size


def _check_shards(shards):
    if not shards:
        raise ValueError("Expected at least one shard, got an empty list.")
    first = shards[0]
    for number, shard in enumerate(shards):
        if shard.shape[1:] != first.shape[1:] or shard.dtype != first.dtype:
            raise ValueError(
                f"Expected images of shape {first.shape[1:]} and dtype {first.dtype} "
                f"in all shards, as in shard 0 ({first}), got shape {shard.shape[1:]} "
                f"and dtype {shard.dtype} in shard {number} ({shard})."
            )


def _resolve_block_size(block_size, shards):
    if isinstance(block_size, str) and block_size == "auto":
        lengths = [shard.chunk_length for shard in shards]
        return max((length for length in lengths if length), default=None)
    if block_size is None:
        return None
    is_count = isinstance(block_size, Integral) and not isinstance(block_size, bool)
    if not is_count or block_size < 1:
        raise ValueError(
            f"Expected block_size to be a positive int, None or 'auto', got "
            f"{block_size!r}."
        )
    return int(block_size)


def _key_of_rows(key, shape):
    """Return the index of the rows, if an index selects whole images."""
    if not isinstance(key, tuple):
        return slice(None) if key is Ellipsis else key
    rows, *others = key or (slice(None),)
    axes = []
    for other in others:
        # An ellipsis stands for all axes that are not named.
        n_unnamed = len(shape) - len(others)
        axes += [slice(None)] * n_unnamed if other is Ellipsis else [other]
    whole = len(axes) < len(shape) and all(map(_covers, axes, shape[1:]))
    if rows is Ellipsis or not whole:
        raise IndexError(
            "Expected an index of whole images, X[rows] or X[rows, ...]. For a part of "
            "each image, read them first: np.asarray(X[rows])[...]."
        )
    return rows


def _as_int(key):
    """Return an integer of any type as an int, and None for everything else."""
    if isinstance(key, (bool, np.bool_)):
        return None
    try:
        return operator.index(key)
    except TypeError:
        return None


def _covers(key, length):
    # dask writes out the ends of an axis.
    return isinstance(key, slice) and range(length)[key] == range(length)


def _positions(key, n_rows):
    """Return an index array without negative values, from integers or a mask."""
    key = np.asarray(key)
    if key.size == 0 and key.dtype.kind == "f":  # NumPy's array of an empty list.
        key = key.astype(np.intp)
    if key.ndim != 1 or key.dtype.kind not in "biu":
        raise IndexError(
            "Expected rows as an int, a slice, or a one-dimensional array of integers "
            f"or booleans, got an array of shape {key.shape} and dtype {key.dtype}."
        )
    if key.dtype.kind == "b":
        if len(key) != n_rows:
            raise IndexError(
                f"Expected a boolean index of length {n_rows}, got length {len(key)}."
            )
        return np.flatnonzero(key)
    outside = (key < -n_rows) | (key >= n_rows)
    if outside.any():
        raise _out_of_bounds(key[outside][0], n_rows)
    key = key.astype(np.intp)
    return np.where(key < 0, key + n_rows, key)


def _out_of_bounds(index, n_rows):
    return IndexError(f"index {index} is out of bounds for axis 0 with size {n_rows}")


def _shift(rows, by):
    """Return a range that is moved; its end may be negative if it runs backwards."""
    return range(rows.start + by, rows.stop + by, rows.step)
