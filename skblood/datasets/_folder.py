"""Find the image files of a folder, their order and their classes."""

import os
import re
from pathlib import Path

# Files that Windows creates in folders of images.
WINDOWS_FILES = {"Thumbs.db", "desktop.ini"}


def find_images(folder):
    """Return the files of a folder of images, and their classes.

    Parameters
    ----------
    folder : Path
        A folder with one sub-folder for each class, or a folder of files.

    Returns
    -------
    paths : list of Path
        The files in natural order: cell2 comes before cell10.
    target : list of int or None
        The index in `names` of each file's class. None if there are no sub-folders.
    names : list of str or None
        The names of the sub-folders in natural order. None if there are none.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, ValueError
        If the folder does not exist, is a file or contains no files, if it contains
        both files and sub-folders, or if a sub-folder contains no files or is a
        symbolic link to a folder that contains it.
    """
    if not folder.exists():
        raise FileNotFoundError(
            f"Expected a folder of images, got {folder}, which does not exist."
        )
    if not folder.is_dir():
        raise NotADirectoryError(f"Expected a folder, got the file {folder}.")
    entries = sorted(filter(_is_visible, folder.iterdir()), key=natural_key)
    classes = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir()]
    if classes and files:
        raise ValueError(
            f"Expected {folder} to contain either files or sub-folders, one for each "
            f"class, got both: the sub-folder {classes[0].name!r} and the file "
            f"{files[0].name!r}. Move the files to a sub-folder or elsewhere."
        )
    if not classes:
        if not files:
            raise ValueError(f"Expected images in the folder {folder}, got no files.")
        return files, None, None
    files_of_classes = [_find_files_of_class(entry, folder) for entry in classes]
    target = [i for i, found in enumerate(files_of_classes) for _ in found]
    paths = [path for found in files_of_classes for path in found]
    return paths, target, [entry.name for entry in classes]


def _find_files_of_class(class_folder, folder):
    target = class_folder.resolve()
    if target in (folder.resolve(), *folder.resolve().parents):
        raise ValueError(
            f"The sub-folder {class_folder} is a symbolic link to {target}, which "
            "contains it. Remove the link."
        )
    files = files_below(class_folder)
    if not files:
        raise ValueError(
            f"The sub-folder {class_folder} contains no files. Add images of this "
            "class, or remove the sub-folder."
        )
    return files


def files_below(folder):
    """Return all files of a folder and of its sub-folders, in natural order.

    Hidden files and folders are left out. Symbolic links to sub-folders are not
    followed.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Path

    Raises
    ------
    OSError
        If a folder cannot be read.
    """
    files = []
    # `os.walk` does not follow links to folders, so a cycle of links cannot trap it.
    for parent, folder_names, names in os.walk(folder, onerror=_raise):
        folder_names[:] = [name for name in folder_names if not name.startswith(".")]
        files += filter(_is_visible, (Path(parent, name) for name in names))
    return sorted(files, key=natural_key)


def _raise(error):
    raise error


def _is_visible(path):
    return not path.name.startswith(".") and path.name not in WINDOWS_FILES


def natural_key(path):
    """Return a sort key: numbers by their value, letters regardless of their case."""
    parts = re.split(r"(\d+)", str(path))
    numbered = [int(p) if p.isdecimal() else p.casefold() for p in parts]
    return numbered, str(path)
