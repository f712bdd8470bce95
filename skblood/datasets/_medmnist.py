"""The data sets of MedMNIST that have one label for each image."""

from functools import partial
from numbers import Integral

import numpy as np

from skblood.datasets import _manifest
from skblood.datasets._cache import find_unpacked, read_archive
from skblood.datasets._output import concatenate, format_description, make_output
from skblood.datasets._validation import (
    check_data_home,
    check_flags,
    check_labels,
    check_mmap_mode,
    check_option,
    check_splits,
)


def load_medmnist(
    name,
    *,
    split="train",
    size=28,
    labels="numbers",
    return_X_y=False,
    flatten=False,
    mmap_mode=None,
    data_home=None,
    download_if_missing=True,
):
    """Load a data set of MedMNIST that has one label for each image.

    The classifiers can be fitted to each of these data sets. The files are downloaded,
    verified and stored in the same way as by :func:`load_bloodmnist`.

    Parameters
    ----------
    name : str
        "pathmnist", "dermamnist", "octmnist", "pneumoniamnist", "retinamnist",
        "breastmnist", "bloodmnist", "tissuemnist", "organamnist", "organcmnist" or
        "organsmnist".

    split : {"train", "val", "test"} or tuple or list of these, default="train"
        The official split to load. Several splits are joined in the given order.

    size : {28, 64, 128, 224}, default=28
        The height and width of the images in pixels.

    labels : {"numbers", "names"}, default="numbers"
        The form of the labels in `target`. With "numbers", a label is the index of the
        class in `target_names`. With "names", it is the name of the class.

    return_X_y : bool, default=False
        If True, return `(data, target)` instead of a Bunch.

    flatten : bool, default=False
        If True, `data` has one row for each image.

    mmap_mode : {"r"}, default=None
        With "r", the images are mapped into memory from a file, see
        :func:`load_bloodmnist`.

    data_home : str or path-like, default=None
        The folder of the files, see :func:`load_bloodmnist`.

    download_if_missing : bool, default=True
        If False, a missing file is not downloaded, and raises FileNotFoundError.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray, dtype uint8
            The images. The shape of colour images is (n_samples, size, size, 3), the
            shape of grey images is (n_samples, size, size), and the shape of both is
            (n_samples, n_features) if `flatten` is True.
        target : ndarray of shape (n_samples,), dtype int64 or str
            The label of each image, in the form that `labels` selects.
        images : ndarray, dtype uint8
            The images. `flatten` does not change their shape.
        target_names : list of str
            The names of the classes.
        DESCR : str
            The description of the data set, with its licence.
        filename : str
            The path of the file, or with `mmap_mode` the path of the folder of
            unpacked files.

    (data, target) : tuple if `return_X_y` is True
        The `data` and `target` arrays above.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is not one of the options.

    FileNotFoundError
        If the file is missing and was not downloaded. The message says where to
        download it and where to save it.

    OSError
        If the checksum of the file is wrong. The file is not changed. With
        `mmap_mode`, also if the archive cannot be unpacked to the folder beside it.

    See Also
    --------
    load_bloodmnist : The images of blood cells.

    Notes
    -----
    The classes of "retinamnist" are ordered; the classifiers do not use this order.
    "chestmnist", whose images have several labels each, and the data sets of volumes,
    whose names end in "3d", cannot be loaded.

    References
    ----------
    .. [1] J. Yang et al., "MedMNIST v2: A large-scale lightweight benchmark for 2D and
       3D biomedical image classification", Scientific Data 10:41, 2023.
       :doi:`10.1038/s41597-022-01721-8`

    Examples
    --------
    >>> from skblood.datasets import load_medmnist
    >>> X, y = load_medmnist("dermamnist", return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (7007, 28, 28, 3)
    """
    check_option("name", name, tuple(_manifest.names()), of_type=str)
    return load_collection(
        _manifest.collection(name),
        "medmnist.rst",
        split=split,
        size=size,
        labels=labels,
        return_X_y=return_X_y,
        flatten=flatten,
        mmap_mode=mmap_mode,
        data_home=data_home,
        download_if_missing=download_if_missing,
    )


def load_collection(
    collection,
    description,
    *,
    split,
    size,
    labels,
    return_X_y,
    flatten,
    mmap_mode,
    data_home,
    download_if_missing,
):
    """Load a data set of medmnist, for `load_medmnist` and `load_bloodmnist`.

    Parameters
    ----------
    collection : Collection
    description : str
        The template of its description in descr/.
    split, size, labels, return_X_y, flatten, mmap_mode, data_home, download_if_missing
        See `load_bloodmnist`.

    Returns
    -------
    Bunch or tuple of (X, y)
    """
    check_flags(
        return_X_y=return_X_y,
        flatten=flatten,
        download_if_missing=download_if_missing,
    )
    check_data_home(data_home)
    check_labels(labels)
    splits = check_splits(split, tuple(collection.n_samples))
    check_option("size", size, tuple(collection.archives), of_type=Integral)
    check_mmap_mode(mmap_mode, splits)

    archive = collection.archives[size]
    options = {"data_home": data_home, "download_if_missing": download_if_missing}
    if mmap_mode is None:
        read = partial(_read, splits=splits)
        path, (images, target) = read_archive(archive, read, **options)
    else:
        path = find_unpacked(archive, **options)
        images, target = _map_into_memory(path, *splits)
    return make_output(
        images,
        target.ravel(),
        collection.target_names,
        labels=labels,
        return_X_y=return_X_y,
        flatten=flatten,
        DESCR=_describe(collection, description),
        filename=str(path),
    )


def _read(path, splits):
    with np.load(path, allow_pickle=False) as arrays:
        images = concatenate([arrays[f"{split}_images"] for split in splits])
        target = concatenate([arrays[f"{split}_labels"] for split in splits])
    return images, target


def _map_into_memory(folder, split):
    images = np.load(folder / f"{split}_images.npy", mmap_mode="r")
    return images, np.load(folder / f"{split}_labels.npy", allow_pickle=False)


def _describe(collection, filename):
    return format_description(
        filename,
        n_samples=collection.n_samples,
        target_names=collection.target_names,
        long_names=collection.long_names,
        title=collection.title,
        underline="-" * len(collection.title),
        description=collection.description,
        channels="3 channels (RGB)" if collection.n_channels == 3 else "grey",
        sizes=", ".join(map(str, collection.archives)),
        license=collection.license,
    )
