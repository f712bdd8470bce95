"""The sample of BloodMNIST that is part of the package."""

import json
from importlib.resources import files

import numpy as np
from PIL import Image

from skblood.datasets._bunch import as_requested, concatenate
from skblood.datasets._contact_sheet import unpack
from skblood.datasets._descr import describe
from skblood.datasets._validation import check_flags, check_splits

SHEET = "bloodmnist_sample.webp"
INDEX = "bloodmnist_sample.json"
ATTRIBUTION = "ATTRIBUTION.md"


def load_bloodmnist_sample(split="train", *, return_X_y=False, flatten=False):
    """Load a small sample of BloodMNIST that comes with the package.

    It needs neither a download nor a file. It was drawn at random from the official
    train and test splits, the same number of images from each class, without any
    image that occurs twice in BloodMNIST.

    =================   =================
    Classes                             8
    Samples per class   200 train 50 test
    Samples total       1600 train 400 test
    Image               28 x 28 RGB uint8
    =================   =================

    Parameters
    ----------
    split : {"train", "test"} or tuple or list of these, default="train"
        The split to load. Several are joined in the order given.

    return_X_y : bool, default=False
        If True, return `(data, target)` instead of a Bunch.

    flatten : bool, default=False
        If True, `data` has one row per image: its pixels in the order (height, width,
        channel).

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray of shape (n_samples, 28, 28, 3), dtype uint8
            The images; of shape (n_samples, 2352) if `flatten` is True.
        target : ndarray of shape (n_samples,), dtype int64
            The label of each image: an index into `target_names`.
        images : ndarray of shape (n_samples, 28, 28, 3), dtype uint8
            The images, whatever `flatten` is.
        target_names : list of str
            The names of the classes.
        indices : ndarray of shape (n_samples,), dtype int64
            The place of each image in the official split it was drawn from.
        DESCR : str
            The description of the sample, with its licence and references.
        filename : str
            The path of the file that holds the images.

    (data, target) : tuple if `return_X_y` is True
        The `data` and `target` arrays above.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, or none of the options.

    See Also
    --------
    load_bloodmnist : All images of BloodMNIST, also in larger sizes.

    Notes
    -----
    The classes are equally frequent here, which they are not in BloodMNIST, and the
    test split is small: an accuracy on it has a standard error of about one percentage
    point, and is not comparable with those on the full test split.

    References
    ----------
    .. [1] J. Yang et al., "MedMNIST v2: A large-scale lightweight benchmark for 2D and
       3D biomedical image classification", Scientific Data 10:41, 2023.
       :doi:`10.1038/s41597-022-01721-8`

    .. [2] A. Acevedo et al., "A dataset of microscopic peripheral blood cell images
       for development of automatic recognition systems", Data in Brief 30:105474,
       2020. :doi:`10.1016/j.dib.2020.105474`

    Examples
    --------
    >>> from skblood.datasets import load_bloodmnist_sample
    >>> X, y = load_bloodmnist_sample(return_X_y=True)
    >>> X.shape, y.shape
    ((1600, 28, 28, 3), (1600,))
    >>> load_bloodmnist_sample("test", flatten=True).data.shape
    (400, 2352)
    """
    check_flags(return_X_y=return_X_y, flatten=flatten)
    index = json.loads(_data_file(INDEX).read_text(encoding="utf-8"))
    splits = check_splits(split, tuple(index["splits"]))

    chosen = [index["splits"][name] for name in splits]
    images = _read_images(index)
    return as_requested(
        concatenate([images[name] for name in splits]),
        concatenate([np.asarray(part["target"]) for part in chosen]),
        return_X_y=return_X_y,
        flatten=flatten,
        indices=concatenate([np.asarray(part["indices"], np.int64) for part in chosen]),
        target_names=index["target_names"],
        DESCR=_describe(index),
        filename=str(_data_file(SHEET)),
    )


def _read_images(index):
    """Return the images of each split, which follow one another on the sheet."""
    with _data_file(SHEET).open("rb") as file, Image.open(file) as sheet:
        tiles = unpack(np.array(sheet), index["size"])
    counts = [len(part["target"]) for part in index["splits"].values()]
    parts = np.split(tiles, np.cumsum(counts)[:-1])
    return dict(zip(index["splits"], parts, strict=True))


def _describe(index):
    return describe(
        "bloodmnist_sample.rst",
        n_samples={name: len(part["target"]) for name, part in index["splits"].items()},
        target_names=index["target_names"],
        size=index["size"],
        attribution=_data_file(ATTRIBUTION).read_text(encoding="utf-8"),
    )


def _data_file(name):
    return files("skblood.datasets").joinpath("data", name)
