"""Which files of a folder are images, of which class, and in which order."""

import os
import re
from pathlib import Path

# What Windows puts beside pictures.
LEFT_BY_WINDOWS = {"Thumbs.db", "desktop.ini"}


def find_images(folder):
    """Return the files of a folder of images, and their classes.

    Parameters
    ----------
    folder : Path
        With one sub-folder a class, or flat.

    Returns
    -------
    paths : list of Path
        In natural order: cell2 before cell10.
    target : list of int or None
        Indices into the names; None in a flat folder.
    names : list of str or None
        The sub-folders, in natural order.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, ValueError
        If there is no such folder, no image in it, or images both in it and in its
        sub-folders.
    """
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {folder}.")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder.")
    entries = sorted(filter(_is_visible, folder.iterdir()), key=_natural)
    classes = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir()]
    if classes and files:
        raise ValueError(
            f"{folder} has both sub-folders, such as {classes[0].name!r}, and files, "
            f"such as {files[0].name!r}. Wanted are files alone, or one sub-folder for "
            "each class."
        )
    if not classes:
        if not files:
            raise ValueError(f"{folder} is empty: no images were found.")
        return files, None, None
    parts = [_files_of_class(part, folder) for part in classes]
    target = [i for i, part in enumerate(parts) for _ in part]
    paths = [path for part in parts for path in part]
    return paths, target, [entry.name for entry in classes]


def _files_of_class(part, folder):
    if part.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise ValueError(f"{part} is a link that leads back to {part.resolve()}.")
    files = files_below(part)
    if not files:
        raise ValueError(f"The sub-folder {part} has no files in it.")
    return files


def files_below(folder):
    """Return all files of a folder, from its sub-folders too, in natural order.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Path
        Without what is hidden.

    Raises
    ------
    OSError
        If a folder cannot be read.
    """
    files = []
    # Links to folders below are not followed, so none leads round in circles.
    for where, below, names in os.walk(folder, onerror=_raise):
        below[:] = [name for name in below if not name.startswith(".")]
        files += filter(_is_visible, (Path(where, name) for name in names))
    return sorted(files, key=_natural)


def _raise(error):
    raise error


def _is_visible(path):
    return not path.name.startswith(".") and path.name not in LEFT_BY_WINDOWS


def _natural(path):
    """Sort numbers in names by their values, and capitals with small letters."""
    parts = re.split(r"(\d+)", str(path))
    numbered = [int(p) if p.isdecimal() else p.casefold() for p in parts]
    return numbered, str(path)
