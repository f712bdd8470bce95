"""The sample of BloodMNIST that is part of the package."""

import json
from importlib.resources import files

import numpy as np
from PIL import Image

from skblood.datasets._output import concatenate, format_description, make_output
from skblood.datasets._validation import check_flags, check_labels, check_splits

SHEET = "bloodmnist_sample.webp"
INDEX = "bloodmnist_sample.json"
ATTRIBUTION = "ATTRIBUTION.md"


def load_bloodmnist_sample(
    split="train", *, labels="numbers", return_X_y=False, flatten=False
):
    """Load a small sample of BloodMNIST that is part of the package.

    It needs no download. The images were drawn at random from the official train and
    test splits, the same number from each class. Images that occur twice in BloodMNIST
    were left out.

    =================   =================
    Classes                             8
    Samples per class   200 train 50 test
    Samples total       1600 train 400 test
    Image               28 x 28 RGB uint8
    =================   =================

    Parameters
    ----------
    split : {"train", "test"} or tuple or list of these, default="train"
        The split to load. Several splits are joined in the given order.

    labels : {"numbers", "names"}, default="numbers"
        The form of the labels in `target`. With "numbers", a label is the index of the
        class in `target_names`. With "names", it is the name of the class. The
        pretrained models predict names, so use "names" to score them.

    return_X_y : bool, default=False
        If True, return `(data, target)` instead of a Bunch.

    flatten : bool, default=False
        If True, `data` has one row for each image, with the pixels in the order
        (height, width, channel).

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray of shape (n_samples, 28, 28, 3), dtype uint8
            The images. The shape is (n_samples, 2352) if `flatten` is True.
        target : ndarray of shape (n_samples,), dtype int64 or str
            The label of each image, in the form that `labels` selects.
        images : ndarray of shape (n_samples, 28, 28, 3), dtype uint8
            The images. `flatten` does not change their shape.
        target_names : list of str
            The names of the classes.
        indices : ndarray of shape (n_samples,), dtype int64
            The index of each image in the official split from which it was drawn.
        DESCR : str
            The description of the sample, with its licence and references, and with
            MedMNIST's full name of a class where `target_names` has a shorter one.
        filename : str
            The path of the file that contains the images.

    (data, target) : tuple if `return_X_y` is True
        The `data` and `target` arrays above.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is not one of the options.

    See Also
    --------
    load_bloodmnist : All images of BloodMNIST, also in larger sizes.

    Notes
    -----
    The classes are balanced in this sample, but not in BloodMNIST. The test split is
    small: an accuracy on it has a standard error of about one percentage point. It
    cannot be compared with accuracies on the full test split.

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
    >>> load_bloodmnist_sample("test", labels="names").target[:2].tolist()
    ['erythroblast', 'lymphocyte']
    """
    check_flags(return_X_y=return_X_y, flatten=flatten)
    check_labels(labels)
    index = json.loads(_data_file(INDEX).read_text(encoding="utf-8"))
    splits = check_splits(split, tuple(index["splits"]))

    chosen = [index["splits"][name] for name in splits]
    images = _read_images(index)
    return make_output(
        concatenate([images[name] for name in splits]),
        concatenate([np.asarray(part["target"]) for part in chosen]),
        index["target_names"],
        labels=labels,
        return_X_y=return_X_y,
        flatten=flatten,
        indices=concatenate([np.asarray(part["indices"], np.int64) for part in chosen]),
        DESCR=_describe(index),
        filename=str(_data_file(SHEET)),
    )


def pack_tiles(images, n_columns):
    """Arrange images as the tiles of one large image, row by row.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width, n_channels)
        `n_images` must be a multiple of `n_columns`.
    n_columns : int
        The number of tiles in a row.

    Returns
    -------
    ndarray of shape (n_rows * height, n_columns * width, n_channels)
    """
    n_images, height, width, n_channels = images.shape
    grid = images.reshape(-1, n_columns, height, width, n_channels)
    n_rows = n_images // n_columns
    return grid.swapaxes(1, 2).reshape(n_rows * height, n_columns * width, n_channels)


def unpack_tiles(sheet, size):
    """Return the tiles of an image that `pack_tiles` returned.

    Parameters
    ----------
    sheet : ndarray of shape (n_rows * size, n_columns * size, n_channels)
    size : int
        Height and width of a tile.

    Returns
    -------
    ndarray of shape (n_rows * n_columns, size, size, n_channels)
    """
    height, width, n_channels = sheet.shape
    grid = sheet.reshape(height // size, size, width // size, size, n_channels)
    return grid.swapaxes(1, 2).reshape(-1, size, size, n_channels)


def _read_images(index):
    """Return a dict with the images of each split."""
    with _data_file(SHEET).open("rb") as file, Image.open(file) as sheet:
        tiles = unpack_tiles(np.array(sheet), index["size"])
    # The sheet contains all images of the first split, then all of the second split.
    counts = [len(part["target"]) for part in index["splits"].values()]
    parts = np.split(tiles, np.cumsum(counts)[:-1])
    return dict(zip(index["splits"], parts, strict=True))


def _describe(index):
    return format_description(
        "bloodmnist_sample.rst",
        n_samples={name: len(part["target"]) for name, part in index["splits"].items()},
        target_names=index["target_names"],
        long_names=index["long_names"],
        size=index["size"],
        attribution=_data_file(ATTRIBUTION).read_text(encoding="utf-8"),
    )


def _data_file(name):
    return files("skblood.datasets").joinpath("data", name)
