"""Images of one's own, from a folder."""

import os
import warnings
from numbers import Integral
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skblood.datasets._decode import read_cells
from skblood.datasets._folder import find_images
from skblood.datasets._validation import check_flags, check_option

# An error that names a thousand files helps nobody.
N_NAMED = 10


def load_cell_images(
    folder,
    *,
    size=28,
    crop=None,
    errors="raise",
    return_X_y=False,
    n_jobs=-1,
):
    """Load images of cells from a folder, prepared like those of BloodMNIST.

    Each image is turned upright by its EXIF orientation, cut to a square around its
    middle, and resized by Pillow's bicubic filter. MedMNIST made BloodMNIST of the
    360 × 363 images of [1]_ by such a cut of 200 × 200 pixels [2]_, which is
    ``crop=200``; which filter it used is not known.

    Parameters
    ----------
    folder : str or path-like
        With one sub-folder for each class, or flat, without labels. JPEG, PNG, TIFF,
        BMP and what else Pillow reads; RGB, grey, palette, 16-bit grey, and images
        with transparency, which are laid on white; of a file with several pages the
        first. Names that begin with a dot, Thumbs.db and desktop.ini are passed over,
        and links to folders below a class are not followed.
    size : int, default=28
        Height and width of the images in pixels.
    crop : int, default=None
        Side of the square that is cut from the middle of each image before it is
        resized. By default, the largest there is.
    errors : {"raise", "ignore"}, default="raise"
        With "ignore", files that cannot be read are left out with a warning.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    n_jobs : int or None, default=-1
        Threads that decode at a time; -1 is one for each core.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray of shape (n_samples, size, size, 3), dtype uint8
            The images, in natural order of their classes and names.
        target : ndarray of shape (n_samples,), dtype int64, or None
            The label of each image: an index into `target_names`. None if the folder
            is flat.
        images : ndarray of shape (n_samples, size, size, 3), dtype uint8
            The same as `data`.
        target_names : list of str or None
            The names of the sub-folders.
        filenames : ndarray of shape (n_samples,), dtype str
            The path of each image within the folder.

    (data, target) : tuple if `return_X_y` is True
        The `data` and `target` above.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, if the folder holds no
        image, or if files cannot be read: one error names them.
    FileNotFoundError, NotADirectoryError
        If there is no such folder.

    See Also
    --------
    load_bloodmnist : The images of BloodMNIST.
    skblood.preprocessing.CellImagePreprocessor : The same for arrays.

    Notes
    -----
    `target` counts the sub-folders that are there. A classifier that was fitted to
    other data has other numbers for its classes: compare names, as in
    ``np.array(own.target_names)[own.target]``.

    Grey values of 16 bits are divided by 257. A camera of 12 bits that stores its
    values in 16 makes images that are nearly black: spread them before.

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
    check_option("errors", errors, ("raise", "ignore"), of_type=str)
    _check_side("size", size)
    if crop is not None:
        _check_side("crop", crop)
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(
            f"folder must be a str or a path-like object, got {folder!r} of type "
            f"{type(folder).__name__}."
        )
    folder = Path(folder).expanduser()
    paths, target, target_names = find_images(folder)
    cells = read_cells(paths, size=size, crop=crop, n_jobs=n_jobs)
    readable = _check_readable(paths, cells, errors)
    data = np.stack([cells[i] for i in readable])
    if target is not None:
        target = np.array(target, dtype=np.int64)[readable]
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


def _check_side(name, value):
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(
            f"{name} must be an int, got {value!r} of type {type(value).__name__}."
        )
    if value < 1:
        raise ValueError(f"{name} must be a positive number of pixels, got {value}.")


def _check_readable(paths, cells, errors):
    """Return the indices of what could be read; raise or warn about the rest."""
    failed = [i for i, cell in enumerate(cells) if isinstance(cell, Exception)]
    if not failed:
        return np.arange(len(cells))
    named = "".join(f"\n  {paths[i]}: {cells[i]}" for i in failed[:N_NAMED])
    if len(failed) > N_NAMED:
        named += f"\n  and {len(failed) - N_NAMED} more"
    text = f"{len(failed)} of {len(cells)} files could not be read as images:{named}"
    if errors == "raise" or len(failed) == len(cells):
        raise ValueError(text)
    warnings.warn(text, UserWarning, stacklevel=3)
    return np.setdiff1d(np.arange(len(cells)), failed)
