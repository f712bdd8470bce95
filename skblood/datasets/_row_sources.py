"""Arrays in memory or in files, from which `LazyImages` reads rows.

Each kind has `shape`, `dtype`, `chunk_length`, `read_range` and `read_rows`. A pickle
refers to the file, and does not contain the images. The file is opened again when the
first row is read.
"""

import os
from numbers import Integral
from pathlib import Path

import numpy as np


def open_source(source):
    """Return one of the classes below for a file or an array.

    Parameters
    ----------
    source : str, Path or array
        See `LazyImages`.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If it cannot be opened, or does not contain images.
    """
    if isinstance(source, (str, os.PathLike)):
        opened = NpyFile(source)
    elif isinstance(source, np.ndarray):
        memmap = _find_memmap(source)
        opened = Memory(source) if memmap is None else MappedFile(source, memmap)
    elif all(hasattr(source, name) for name in ("shape", "dtype", "__getitem__")):
        is_hdf5 = hasattr(getattr(source, "file", None), "filename")
        opened = HDF5Dataset(source) if is_hdf5 else StoredArray(source)
    else:
        raise TypeError(
            "Expected the path of a .npy file, an array in memory, in a memory-mapped "
            "file, in an HDF5 file or in a zarr store, or a list of these, got "
            f"{type(source).__name__}."
        )
    _check_form(opened)
    return opened


def _check_form(source):
    if len(source.shape) not in (2, 3, 4):
        raise ValueError(
            "Expected images of shape (n, H, W, C), (n, C, H, W) or (n, H, W), or rows "
            f"(n, n_features), got shape {source.shape} in {source}."
        )
    if source.dtype.kind not in "biuf":
        raise ValueError(
            f"Expected images of a numeric dtype, got {source.dtype} in {source}."
        )


class _Source:
    """Rows of an array. After unpickling, a file is opened when it is first used."""

    chunk_length = None

    def __init__(self, array):
        self._array = array
        self.shape = tuple(int(side) for side in array.shape)
        self.dtype = np.dtype(array.dtype)

    @property
    def array(self):
        if self._array is None:
            self._array = self._open()
            self._check_unchanged()
        return self._array

    def _check_unchanged(self):
        shape, dtype = self._array.shape, self._array.dtype
        if shape != self.shape or dtype != self.dtype:
            raise ValueError(
                f"Expected an array of shape {self.shape} and dtype {self.dtype} in "
                f"{self}, got shape {shape} and dtype {dtype}. It was changed after "
                "LazyImages had opened it."
            )

    def read_range(self, rows):
        """Return the rows of a range; in memory, this is a view."""
        if rows.step < 0:
            return self.read_range(rows[::-1])[::-1]
        return np.asarray(self.array[rows.start : rows.stop : rows.step])

    def read_rows(self, rows):
        """Return the rows at an array of non-negative positions in any order."""
        return np.asarray(self.array[rows])


class Memory(_Source):
    """An ndarray. A pickle contains its data."""

    def __str__(self):
        return "an array in memory"


class _File(_Source):
    """A file that is memory-mapped; a pickle refers to it."""

    def __getstate__(self):
        return vars(self) | {"_array": None}

    def __str__(self):
        return f"the file {self.path}"

    def _check_exists(self):
        if not Path(self.path).is_file():
            raise FileNotFoundError(
                f"Expected images in {self}, which does not exist or is not a file."
            )


class NpyFile(_File):
    """A file in NumPy's format ``.npy``."""

    def __init__(self, path):
        self.path = os.path.abspath(os.fspath(path))
        super().__init__(self._open())

    def _open(self):
        self._check_exists()
        try:
            return np.asarray(np.lib.format.open_memmap(self.path, mode="r"))
        except ValueError as error:
            raise ValueError(
                f"Expected an array in NumPy's format .npy in {self}: {error}. For "
                "HDF5 and zarr, pass the opened data set or array."
            ) from error


class MappedFile(_File):
    """An array in a memory-mapped file, or a view of one.

    Parameters
    ----------
    array : ndarray
    memmap : numpy.memmap
        The array that maps the file, of which `array` is a view.
    """

    def __init__(self, array, memmap):
        super().__init__(np.asarray(array))
        self.path = os.fspath(memmap.filename)
        self._mapped = (memmap.offset, memmap.nbytes)
        address = array.__array_interface__["data"][0]
        self._begin = address - memmap.__array_interface__["data"][0]
        self._strides = array.strides

    def _open(self):
        self._check_exists()
        offset, n_bytes = self._mapped
        try:
            stored = np.memmap(self.path, np.uint8, "r", offset, (n_bytes,))
        except ValueError as error:
            raise ValueError(
                f"Expected {offset + n_bytes} bytes in {self}: {error}"
            ) from error
        return np.ndarray(self.shape, self.dtype, stored, self._begin, self._strides)


def _find_memmap(array):
    """Return the memmap of which an array is a view, or None if it is in memory."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and not isinstance(array.base, np.ndarray):
            # Mode "c" keeps changes in memory, so the file may differ from the array.
            has_file = array.filename is not None and array.mode != "c"
            return array if has_file else None
        array = array.base
    return None


class StoredArray(_Source):
    """An array that is read by slices, such as a zarr array."""

    def __init__(self, array):
        super().__init__(array)
        self.chunk_length = _find_chunk_length(array)

    def __str__(self):
        return f"an array of type {type(self.array).__name__}"

    def read_range(self, rows):
        if rows.step != 1 and len(rows):
            return self.read_rows(np.asarray(rows))
        return super().read_range(rows)

    def read_rows(self, rows):
        """Read in increasing order: runs of rows, or the part of a chunk at a time.

        A chunk is read and decoded as a whole, even for one row. HDF5 does not accept
        rows in another order, or twice.
        """
        order = np.argsort(rows, kind="stable")
        images = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for part in self._split(rows[order], order):
            first, last = rows[part[0]], rows[part[-1]]
            images[part] = np.asarray(self.array[first : last + 1])[rows[part] - first]
        return images

    def _split(self, ascending, order):
        if len(order) == 0:
            return []
        if self.chunk_length is None:
            is_new = np.diff(ascending) > 1
        else:
            is_new = np.diff(ascending // self.chunk_length) > 0
        return np.split(order, np.flatnonzero(is_new) + 1)


def _find_chunk_length(array):
    """Return the number of rows in a chunk, or None if the rows are not in chunks."""
    chunks = getattr(array, "chunks", None)
    if isinstance(chunks, tuple) and chunks and isinstance(chunks[0], Integral):
        return int(chunks[0])
    return None


class HDF5Dataset(StoredArray):
    """A data set in an HDF5 file. A pickle refers to the file."""

    def __init__(self, array):
        super().__init__(array)
        self.path, self.name = os.path.abspath(array.file.filename), array.name

    def __str__(self):
        return f"the data set {self.name} of the file {self.path}"

    def __getstate__(self):
        return vars(self) | {"_array": None}

    @property
    def array(self):
        array = super().array
        if not array:  # h5py's data sets are false when their file is closed.
            raise ValueError(
                f"Expected an open file, but {self.path} was closed. Keep the HDF5 "
                "file open as long as LazyImages reads from it."
            )
        return array

    def _open(self):
        import h5py  # An optional dependency, which only this needs.

        try:
            return h5py.File(self.path, "r")[self.name]
        except (OSError, KeyError) as error:
            raise type(error)(f"Expected images in {self}: {error}") from error
