"""The image sets of MedMNIST that have one label for each image."""

from functools import partial
from numbers import Integral

import numpy as np

from skblood.datasets import _manifest
from skblood.datasets._bunch import as_requested, concatenate
from skblood.datasets._cache import read_archive, unpacked_archive
from skblood.datasets._descr import describe
from skblood.datasets._validation import (
    check_data_home,
    check_flags,
    check_mmap_mode,
    check_option,
    check_splits,
)


def load_medmnist(
    name,
    *,
    split="train",
    size=28,
    return_X_y=False,
    flatten=False,
    mmap_mode=None,
    data_home=None,
    download_if_missing=True,
):
    """Load one of the sets of MedMNIST that have one label for each image.

    The classifiers learn from any of them. What is downloaded, verified and kept, and
    where, is as in :func:`load_bloodmnist`.

    Parameters
    ----------
    name : str
        "pathmnist", "dermamnist", "octmnist", "pneumoniamnist", "retinamnist",
        "breastmnist", "bloodmnist", "tissuemnist", "organamnist", "organcmnist" or
        "organsmnist".

    split : {"train", "val", "test"} or tuple or list of these, default="train"
        The official split to load. Several are joined in the order given.

    size : {28, 64, 128, 224}, default=28
        The height and width of the images in pixels.

    return_X_y : bool, default=False
        If True, return `(data, target)` instead of a Bunch.

    flatten : bool, default=False
        If True, `data` has one row per image.

    mmap_mode : {"r"}, default=None
        With "r", the images stay in a file that is mapped into memory, see
        :func:`load_bloodmnist`.

    data_home : str or path-like, default=None
        The folder of the files, see :func:`load_bloodmnist`.

    download_if_missing : bool, default=True
        If False, raise an OSError when the file is not there.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray, dtype uint8
            The images: of shape (n_samples, size, size, 3) in colour, of shape
            (n_samples, size, size) in grey, and (n_samples, n_features) if `flatten`
            is True.
        target : ndarray of shape (n_samples,), dtype int64
            The label of each image: an index into `target_names`.
        images : ndarray, dtype uint8
            The images, whatever `flatten` is.
        target_names : list of str
            The names of the classes.
        DESCR : str
            The description of the data, with their licence.
        filename : str
            The path of the file.

    (data, target) : tuple if `return_X_y` is True
        The `data` and `target` arrays above.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, or none of the options.

    FileNotFoundError
        If the file is missing and was not or could not be downloaded. The message
        says where to get it and where to put it.

    OSError
        If the checksum of the file is wrong. The file is left as it is.

    See Also
    --------
    load_bloodmnist : The images of blood cells.

    Notes
    -----
    The task of "retinamnist" is one of ordered classes, which the classifiers do not
    use. "chestmnist" has several labels for an image, and the sets that end in "3d"
    have volumes: they are not loaded.

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
    return_X_y,
    flatten,
    mmap_mode,
    data_home,
    download_if_missing,
):
    """Load a data set of medmnist, as `load_medmnist` and `load_bloodmnist` do.

    Parameters
    ----------
    collection : Collection
    description : str
        The file of its description in descr/.
    split, size, return_X_y, flatten, mmap_mode, data_home, download_if_missing
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
    splits = check_splits(split, tuple(collection.n_samples))
    check_option("size", size, tuple(collection.archives), of_type=Integral)
    check_mmap_mode(mmap_mode, splits)

    archive = collection.archives[size]
    place = {"data_home": data_home, "download_if_missing": download_if_missing}
    if mmap_mode is None:
        read = partial(_read, splits=splits)
        path, (images, labels) = read_archive(archive, read, **place)
    else:
        path = unpacked_archive(archive, **place)
        images, labels = _map(path, *splits)
    return as_requested(
        images,
        labels.ravel(),
        return_X_y=return_X_y,
        flatten=flatten,
        target_names=collection.target_names,
        DESCR=_describe(collection, description),
        filename=str(path),
    )


def _read(path, splits):
    with np.load(path, allow_pickle=False) as arrays:
        images = concatenate([arrays[f"{split}_images"] for split in splits])
        labels = concatenate([arrays[f"{split}_labels"] for split in splits])
    return images, labels


def _map(folder, split):
    images = np.load(folder / f"{split}_images.npy", mmap_mode="r")
    return images, np.load(folder / f"{split}_labels.npy", allow_pickle=False)


def _describe(collection, filename):
    return describe(
        filename,
        n_samples=collection.n_samples,
        target_names=collection.target_names,
        title=collection.title,
        underline="-" * len(collection.title),
        description=collection.description,
        channels="3 channels (RGB)" if collection.n_channels == 3 else "grey",
        sizes=", ".join(map(str, collection.archives)),
        license=collection.license,
    )
