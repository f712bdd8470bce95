"""Folders of images as arrays on the disk: writing them, and opening them.

Such a folder has images-00000.npy, images-00001.npy and so on, and the table files.csv,
which is written last: a folder without it is unfinished.
"""

import csv
import os
import re
from io import StringIO
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skblood._io import atomic_write
from skblood.datasets._folder import natural_key
from skblood.datasets._lazy_images import LazyImages
from skblood.datasets._validation import check_flags, check_folder

TABLE = "files.csv"
PATTERN = re.compile(r"images-([0-9]{5,})\.npy")
# Limits of a shard: small enough to copy and to hold in memory while it is made.
MAX_IMAGES, MAX_BYTES = 65_536, 2**28


def open_shards(folder, *, block_size="auto", return_X_y=False):
    """Open a folder of images that ``skblood convert`` wrote, without reading them.

    The images stay on the disk. The classifiers read them when they are used, so there
    may be more of them than fit into memory.

    Parameters
    ----------
    folder : str or path-like
        The folder that was the argument ``-o`` of ``skblood convert``.

    block_size : int, None or "auto", default="auto"
        Number of neighbouring images that are read together in training, see
        :class:`LazyImages`. "auto" reads each image by itself. Use a number, such as
        256, if the storage is slow at reading single images, and only if the images
        were written with ``--shuffle``.

    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : LazyImages of shape (n_samples, size, size, 3), dtype uint8
            The images, in the order of files.csv.
        target : ndarray of shape (n_samples,), dtype str, or None
            The name of each image's class. None if the images have no labels.
        target_names : list of str or None
            The names of the classes. None if the images have no labels.
        filenames : ndarray of shape (n_samples,), dtype str
            The path of each picture, relative to the folder that was converted.

    (data, target) : tuple if `return_X_y` is True
        The `data` and `target` above.

    Raises
    ------
    TypeError
        If an argument has the wrong type.

    ValueError
        If the folder is not one of ``skblood convert``, if it is unfinished, if a shard
        is missing, or if the table and the arrays disagree.

    FileNotFoundError, NotADirectoryError
        If the folder does not exist, or is a file.

    See Also
    --------
    LazyImages : The class of `data`.
    load_cell_images : Loads a folder of pictures into memory.

    Examples
    --------
    Write the pictures of a folder as arrays, and open these:

    >>> import subprocess, sys
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from skblood.datasets import load_bloodmnist_sample, open_shards
    >>> cells = load_bloodmnist_sample("test", labels="names")
    >>> with TemporaryDirectory() as folder:
    ...     for i in range(20):
    ...         path = Path(folder, "cells", cells.target[i], f"cell{i}.png")
    ...         path.parent.mkdir(parents=True, exist_ok=True)
    ...         Image.fromarray(cells.images[i]).save(path)
    ...     command = [sys.executable, "-m", "skblood", "convert", "cells/"]
    ...     result = subprocess.run(
    ...         [*command, "-o", "shards/"], cwd=folder, capture_output=True
    ...     )
    ...     shards = open_shards(f"{folder}/shards")
    ...     first = shards.data[:2].read()
    >>> shards.data
    LazyImages(shape=(20, 28, 28, 3), dtype=uint8)
    >>> first.shape
    (2, 28, 28, 3)
    """
    check_flags(return_X_y=return_X_y)
    check_folder(folder)
    folder = Path(folder).expanduser()
    paths = _find_shards(folder)
    filenames, labels = _read_table(folder / TABLE)
    images = LazyImages(paths, block_size=block_size)
    _check_agreement(folder, images, filenames)
    target = None if labels is None else np.array(labels)
    if return_X_y:
        return images, target
    return Bunch(
        data=images,
        target=target,
        target_names=None if labels is None else sorted(set(labels), key=natural_key),
        filenames=np.array(filenames),
    )


def is_folder_of_shards(folder):
    """Return whether a folder has shards, finished or not.

    Parameters
    ----------
    folder : str or path-like

    Returns
    -------
    bool
    """
    return Path(folder, _name_shard(0)).is_file()


def choose_shard_size(size):
    """Return how many images of a side in pixels a shard has by default.

    Parameters
    ----------
    size : int

    Returns
    -------
    int
    """
    return max(1, min(MAX_IMAGES, MAX_BYTES // (size * size * 3)))


class ShardWriter:
    """Writes images as shards. A context manager, which writes the table at its end.

    After an error it deletes what it has written.

    Parameters
    ----------
    folder : Path
        A new or an empty folder.
    shard_size : int
        Number of images in each shard but the last.
    has_labels : bool

    Attributes
    ----------
    n_images, n_shards : int
        Number of images and shards written so far.
    """

    def __init__(self, folder, shard_size, *, has_labels):
        self.folder, self.shard_size, self.has_labels = folder, shard_size, has_labels
        self.n_images = self.n_shards = 0
        self._pending, self._n_pending, self._rows = [], 0, []

    def __enter__(self):
        self._was_there = self.folder.exists()
        self.folder.mkdir(exist_ok=True)
        return self

    def write(self, images, filenames, labels=None):
        """Add images at the end.

        Parameters
        ----------
        images : ndarray of shape (n, H, W, 3), dtype uint8
        filenames : sequence of str
        labels : sequence of str, optional
        """
        columns = [filenames, labels] if self.has_labels else [filenames]
        self._rows += zip(*columns, strict=True)
        self.n_images += len(images)
        while len(images) > 0:
            # A shard may end within these images.
            part = images[: self.shard_size - self._n_pending]
            images = images[len(part) :]
            self._pending.append(part)
            self._n_pending += len(part)
            if self._n_pending == self.shard_size:
                self._write_shard()

    def _write_shard(self):
        path = self.folder / _name_shard(self.n_shards)
        self.n_shards += 1
        # The images go to the file one after the other, because joining them in memory
        # would need twice as much of it.
        shape = (self._n_pending, *self._pending[0].shape[1:])
        with path.open("xb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for images in self._pending:
                file.write(np.ascontiguousarray(images).data)
            file.flush()
            os.fsync(file.fileno())
        self._pending, self._n_pending = [], 0

    def __exit__(self, error_type, *_):
        if error_type is None:
            try:
                self._finish()
            except BaseException:
                self._remove()
                raise
        else:
            self._remove()

    def _finish(self):
        if self._n_pending:
            self._write_shard()
        text = StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["file", "label"] if self.has_labels else ["file"])
        table.writerows(self._rows)
        # File names on Linux can contain bytes that are not UTF-8.
        content = text.getvalue().encode("utf-8", "backslashreplace")
        atomic_write(self.folder / TABLE, content)

    def _remove(self):
        for number in range(self.n_shards):
            (self.folder / _name_shard(number)).unlink(missing_ok=True)
        if not self._was_there:
            self.folder.rmdir()


def _name_shard(number):
    return f"images-{number:05d}.npy"


def _find_shards(folder):
    """Return the paths of all shards of a finished folder in order."""
    if not folder.exists():
        raise FileNotFoundError(
            f"Expected a folder of shards, got {folder}, which does not exist."
        )
    if not folder.is_dir():
        raise NotADirectoryError(f"Expected a folder, got the file {folder}.")
    found = filter(None, (PATTERN.fullmatch(path.name) for path in folder.iterdir()))
    numbers = sorted(int(match[1]) for match in found)
    has_table = (folder / TABLE).exists()
    if not numbers and not has_table:
        raise ValueError(
            "Expected a folder that `skblood convert` wrote, with the files "
            f"{_name_shard(0)} and {TABLE}, got {folder}, which has neither. To load "
            "pictures, use load_cell_images, or convert them first."
        )
    if not has_table:
        raise ValueError(
            f"Expected the table {TABLE}, which `skblood convert` writes last, got "
            f"{folder} without it: the folder is unfinished. Delete it, and convert "
            "the pictures again."
        )
    missing = sorted(set(range(max(numbers, default=0) + 1)) - set(numbers))
    if missing:
        raise ValueError(
            f"Expected all shards in {folder}, got a folder without "
            f"{_name_shard(missing[0])}. Copy the folder again, or convert the "
            "pictures again."
        )
    return [folder / _name_shard(number) for number in numbers]


def _read_table(path):
    """Return the columns of files.csv; the second is None if there are no labels."""
    with path.open(encoding="utf-8", newline="") as file:
        try:
            header, *rows = csv.reader(file)
            if header not in (["file"], ["file", "label"]):
                raise ValueError(f"unexpected columns: {', '.join(header)}")
            columns = list(zip(*rows, strict=True)) or [()] * len(header)
            if len(columns) != len(header):
                raise ValueError(f"{len(columns)} values in a row")
        except (ValueError, csv.Error) as error:
            raise ValueError(
                f"Expected a table with the columns file and label, or file alone, in "
                f"{path}, got something else ({error}). Convert the pictures again."
            ) from error
    return columns[0], columns[1] if len(columns) == 2 else None


def _check_agreement(folder, images, filenames):
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise ValueError(
            f"Expected shards with colour images of dtype uint8 in {folder}, got an "
            f"array of shape {images.shape} and dtype {images.dtype}. Convert the "
            "pictures again."
        )
    if len(images) != len(filenames):
        raise ValueError(
            f"Expected one row in {folder / TABLE} for each image, got "
            f"{len(filenames)} rows for {len(images)} images: a shard is missing, or "
            "files of several folders were mixed. Copy the folder again, or convert "
            "the pictures again."
        )
