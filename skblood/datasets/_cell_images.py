"""Load your own images from a folder."""

from numbers import Integral
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skblood._warnings import warn, warn_deprecated
from skblood.datasets._decode import read_cells
from skblood.datasets._folder import find_images
from skblood.datasets._output import select_labels
from skblood.datasets._validation import (
    check_flags,
    check_folder,
    check_labels,
    check_option,
)

# Errors and warnings list at most this number of unreadable files.
MAX_LISTED = 10


def load_cell_images(
    folder,
    *,
    size=28,
    crop=None,
    errors="raise",
    labels="numbers",
    return_X_y=False,
    n_jobs=-1,
):
    """Load images of cells from a folder and prepare them like those of BloodMNIST.

    Each image is rotated according to its EXIF orientation, cropped to a square at its
    centre, and resized with Pillow's bicubic filter. MedMNIST made BloodMNIST from the
    images of [1]_, which have 360 × 363 pixels, with a crop of 200 × 200 pixels [2]_.
    Use ``crop=200`` for the same crop. It is not known which resizing filter MedMNIST
    used.

    Parameters
    ----------
    folder : str or path-like
        A folder with one sub-folder of images for each class, or a flat folder of
        images without labels. Folders inside the sub-folder of a class are read too;
        symbolic links to folders are not followed there.

        Hidden files and folders, whose name begins with a dot, are left out, and so are
        Thumbs.db and desktop.ini. All other files must be images: a file such as
        notes.txt is an error, unless `errors` is "warn". A folder with sub-folders must
        not contain files beside them.

        All file formats that Pillow reads are accepted, such as JPEG, PNG, TIFF and
        BMP. Images may be RGB, CMYK, black and white, or grey with 8 or 16 bits, and
        may have a palette. Transparent pixels are blended with a white background. Only
        the first page of a file is read. Images with floating-point pixels or with more
        than 89,478,485 pixels are refused.

    size : int, default=28
        Height and width of the images in pixels.

    crop : int, default=None
        Side in pixels of the square that is cropped from the centre of each image
        before it is resized. By default, the largest possible square.

    errors : {"raise", "warn"}, default="raise"
        What to do with files that cannot be read as images. "raise" raises an error
        that lists them. "warn" leaves them out, with a warning that lists them.
        "ignore", the former name of "warn", is deprecated and will be removed in
        skblood 0.3.

    labels : {"numbers", "names"}, default="numbers"
        The form of the labels in `target`. With "numbers", a label is the index of the
        class in `target_names`. With "names", it is the name of the sub-folder.

    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    n_jobs : int or None, default=-1
        Number of threads that read images. -1 means one for each core, None means one.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray of shape (n_samples, size, size, 3), dtype uint8
            The images, sorted by class and then by file name. Numbers in names are
            sorted by value: cell2 comes before cell10.
        target : ndarray of shape (n_samples,), dtype int64 or str, or None
            The label of each image, in the form that `labels` selects. None if the
            folder is flat.
        images : ndarray of shape (n_samples, size, size, 3), dtype uint8
            The same as `data`.
        target_names : list of str or None
            The names of the sub-folders. None if the folder is flat.
        filenames : ndarray of shape (n_samples,), dtype str
            The path of each image, relative to the folder.

    (data, target) : tuple if `return_X_y` is True
        The `data` and `target` above.

    Raises
    ------
    TypeError
        If an argument has the wrong type.

    ValueError
        If an argument is out of range; if the folder contains no files, or both files
        and sub-folders; if a sub-folder contains no files, or is a symbolic link to a
        folder that contains it; if a file cannot be read as an image and `errors` is
        "raise"; or if no file can be read. An image that is smaller than `crop`, a
        named pipe, a socket and a device count as files that cannot be read.

    FileNotFoundError, NotADirectoryError
        If the folder does not exist, or is a file.

    OSError
        If a folder cannot be read, for example because of its permissions.

    See Also
    --------
    load_bloodmnist : The images of BloodMNIST.
    skblood.preprocessing.CellImagePreprocessor : The same preparation for arrays.

    Notes
    -----
    The number of a class depends on which sub-folders exist, and can be different from
    its number in other data. To score a classifier on images from a folder, fit it to
    class names, and load the images with ``labels="names"``.

    Grey values of 16 bits are divided by 257. A 12-bit camera that stores its values
    in 16 bits therefore gives nearly black images. Multiply its values by 16 before you
    save them.

    References
    ----------
    .. [1] A. Acevedo et al., "A dataset of microscopic peripheral blood cell images
       for development of automatic recognition systems", Data in Brief 30:105474,
       2020. :doi:`10.1016/j.dib.2020.105474`

    .. [2] J. Yang et al., "MedMNIST v2: A large-scale lightweight benchmark for 2D and
       3D biomedical image classification", Scientific Data 10:41, 2023.
       :doi:`10.1038/s41597-022-01721-8`

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from skblood.datasets import load_bloodmnist_sample, load_cell_images
    >>> cells = load_bloodmnist_sample("test")
    >>> with TemporaryDirectory() as folder:
    ...     for i, image in enumerate(cells.images[:3]):
    ...         Image.fromarray(image).save(Path(folder, f"cell{i}.png"))
    ...     loaded = load_cell_images(folder)
    >>> loaded.filenames.tolist()
    ['cell0.png', 'cell1.png', 'cell2.png']
    >>> bool((loaded.data == cells.images[:3]).all())
    True
    """
    check_flags(return_X_y=return_X_y)
    check_labels(labels)
    errors = _check_errors(errors)
    _check_side("size", size)
    if crop is not None:
        _check_side("crop", crop)
    check_folder(folder)
    folder = Path(folder).expanduser()
    paths, target, target_names = find_images(folder)
    cells = read_cells(paths, size=size, crop=crop, n_jobs=n_jobs)
    readable = _find_readable(paths, cells, errors)
    data = np.stack([cells[i] for i in readable])
    if target is not None:
        target = select_labels(target, target_names, labels)[readable]
    if return_X_y:
        return data, target
    filenames = [str(paths[i].relative_to(folder)) for i in readable]
    return Bunch(
        data=data,
        target=target,
        images=data,
        target_names=target_names,
        filenames=np.array(filenames),
    )


def _check_errors(errors):
    """Return `errors`, with the deprecated "ignore" replaced by "warn"."""
    if isinstance(errors, str) and errors == "ignore":
        warn_deprecated("errors='ignore'", "errors='warn'")
        return "warn"
    check_option("errors", errors, ("raise", "warn"), of_type=str)
    return errors


def _check_side(name, value):
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(
            f"{name} must be an int, got {value!r} of type {type(value).__name__}."
        )
    if value < 1:
        raise ValueError(f"{name} must be a positive number of pixels, got {value}.")


def _find_readable(paths, cells, errors):
    """Return the indices of the files that could be read; warn about the others.

    Raises
    ------
    ValueError
        If a file could not be read and `errors` is "raise", or if no file could be
        read.
    """
    failed = [i for i, cell in enumerate(cells) if isinstance(cell, Exception)]
    if not failed:
        return np.arange(len(cells))
    reasons = "".join(f"\n  {paths[i]}: {cells[i]}" for i in failed[:MAX_LISTED])
    if len(failed) > MAX_LISTED:
        reasons += f"\n  and {len(failed) - MAX_LISTED} more"
    text = f"{len(failed)} of {len(cells)} files could not be read as images:{reasons}"
    if len(failed) == len(cells):
        raise ValueError(text)
    if errors == "raise":
        raise ValueError(
            f"{text}\nRemove these files, or leave them out with errors='warn'."
        )
    warn(text)
    return np.setdiff1d(np.arange(len(cells)), failed)
