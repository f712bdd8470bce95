"""The full BloodMNIST data."""

from skblood.datasets import _manifest
from skblood.datasets._medmnist import load_collection


def load_bloodmnist(
    *,
    split="train",
    size=28,
    return_X_y=False,
    flatten=False,
    mmap_mode=None,
    data_home=None,
    download_if_missing=True,
):
    """Load BloodMNIST: microscope images of single blood cells in 8 classes.

    The file is downloaded when it is first asked for, and its checksum is verified
    on each load. Downloads are tried again where that may help. Files that medmnist has
    downloaded are found and shared.

    =================   =====================
    Classes                                 8
    Samples, train                      11959
    Samples, val                         1712
    Samples, test                        3421
    Image               size x size RGB uint8
    =================   =====================

    Parameters
    ----------
    split : {"train", "val", "test"} or tuple or list of these, default="train"
        The official split to load. Several are joined in the order given.

    size : {28, 64, 128, 224}, default=28
        The height and width of the images in pixels. Each size is a file of its own.

    return_X_y : bool, default=False
        If True, return `(data, target)` instead of a Bunch.

    flatten : bool, default=False
        If True, `data` has one row per image: its pixels in the order (height, width,
        channel).

    mmap_mode : {"r"}, default=None
        With "r", the images stay in a file that is mapped into memory, read-only, and
        a part of them is read when it is used: that is for sizes above 28, whose
        images may be more than the memory holds. The first time, the archive is
        unpacked into a folder beside it, which takes as long as reading all of it;
        from then on it takes milliseconds, and only the size and the date of the
        unpacked files are verified. One split at a time.

    data_home : str or path-like, default=None
        The folder of the file. It is created if missing. By default it is the one
        that the environment variable `SKBLOOD_DATA` names, else `~/.medmnist`.

    download_if_missing : bool, default=True
        If False, raise an OSError when the file is not there instead of downloading
        it.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray of shape (n_samples, size, size, 3), dtype uint8
            The images; of shape (n_samples, size * size * 3) if `flatten` is True.
        target : ndarray of shape (n_samples,), dtype int64
            The label of each image: an index into `target_names`.
        images : ndarray of shape (n_samples, size, size, 3), dtype uint8
            The images, whatever `flatten` is.
        target_names : list of str
            The names of the classes.
        DESCR : str
            The description of the data, with their licence and references.
        filename : str
            The path of the file, or with `mmap_mode` of the folder of the unpacked
            files.

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
        If the checksum of the file is wrong. The file is left as it is. With
        `mmap_mode`, also if the archive cannot be unpacked where it is.

    See Also
    --------
    load_bloodmnist_sample : A small part of the data, for which nothing is downloaded.
    load_cell_images : Images of your own.
    load_medmnist : The other sets of MedMNIST.

    Notes
    -----
    The environment variable `SKBLOOD_MIRROR` names another address to download from,
    under which the files have the names that they have on disk. In a network without
    either, put the file into `data_home` by hand: the error for a missing file says
    what to put where. ``python -m skblood.datasets`` lists, verifies and downloads.

    A few images occur twice, some of them in two splits: at 28 x 28 pixels, 6 test
    images have an identical copy in train or val.

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
    >>> from skblood.datasets import load_bloodmnist
    >>> X, y = load_bloodmnist(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y.shape  # doctest: +SKIP
    ((11959, 28, 28, 3), (11959,))

    Without the network a missing file is an error that says what to do:

    >>> load_bloodmnist(data_home="nowhere", download_if_missing=False)
    Traceback (most recent call last):
        ...
    FileNotFoundError: BloodMNIST at 28 x 28 pixels is not at ...nowhere...
    """
    return load_collection(
        _manifest.collection("bloodmnist"),
        "bloodmnist.rst",
        split=split,
        size=size,
        return_X_y=return_X_y,
        flatten=flatten,
        mmap_mode=mmap_mode,
        data_home=data_home,
        download_if_missing=download_if_missing,
    )
