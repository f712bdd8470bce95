"""The full BloodMNIST data set."""

from skblood.datasets import _manifest
from skblood.datasets._medmnist import load_collection


def load_bloodmnist(
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
    """Load BloodMNIST: microscope images of single blood cells in 8 classes.

    The first call downloads the file. Every call verifies its checksum; with
    `mmap_mode`, only a call that unpacks the file does so. A failed download is
    repeated if the error may be temporary. Files that the medmnist package has
    downloaded are found and used.

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
        The official split to load. Several splits are joined in the given order.

    size : {28, 64, 128, 224}, default=28
        The height and width of the images in pixels. Each size is a separate file.

    labels : {"numbers", "names"}, default="numbers"
        The form of the labels in `target`. With "numbers", a label is the index of the
        class in `target_names`. With "names", it is the name of the class. The
        pretrained models predict names, so use "names" to score them.

    return_X_y : bool, default=False
        If True, return `(data, target)` instead of a Bunch.

    flatten : bool, default=False
        If True, `data` has one row for each image, with the pixels in the order
        (height, width, channel).

    mmap_mode : {"r"}, default=None
        With "r", the images are mapped into memory from a file, read-only: an image is
        read from the disk when it is used. Use this if the images do not fit into
        memory, which is possible for sizes above 28. Only one split can be loaded at a
        time.

        The first call unpacks the archive to a folder beside it, which takes about as
        long as reading the whole archive. Later calls take milliseconds, because they
        check only the sizes and dates of the unpacked files.

    data_home : str or path-like, default=None
        The folder of the file. It is created if needed. The default is the folder in
        the environment variable `SKBLOOD_DATA`, or `~/.medmnist` if that is not set.

    download_if_missing : bool, default=True
        If False, a missing file is not downloaded, and raises FileNotFoundError.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray of shape (n_samples, size, size, 3), dtype uint8
            The images. The shape is (n_samples, size * size * 3) if `flatten` is True.
        target : ndarray of shape (n_samples,), dtype int64 or str
            The label of each image, in the form that `labels` selects.
        images : ndarray of shape (n_samples, size, size, 3), dtype uint8
            The images. `flatten` does not change their shape.
        target_names : list of str
            The names of the classes.
        DESCR : str
            The description of the data set, with its licence and references, and with
            MedMNIST's full name of a class where `target_names` has a shorter one.
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
    load_bloodmnist_sample : A small sample of the data, without a download.
    load_cell_images : Your own images.
    load_medmnist : The other data sets of MedMNIST.

    Notes
    -----
    The environment variable `SKBLOOD_MIRROR` sets another URL to download from. It must
    begin with ``http://`` or ``https://``, and the files there must have the same names
    as on the disk. On a computer without network access, save the file in `data_home`
    yourself: the error for a missing file gives its name. The command
    ``python -m skblood.datasets`` lists, verifies and downloads the files.

    A few images occur twice, some of them in two different splits: at 28 x 28 pixels, 6
    test images have an identical copy in train or val.

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

    Without network access, the error for a missing file says what to do:

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
        labels=labels,
        return_X_y=return_X_y,
        flatten=flatten,
        mmap_mode=mmap_mode,
        data_home=data_home,
        download_if_missing=download_if_missing,
    )
