"""The input of the commands: models, image files, and folders of sorted images."""

import re
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from skblood._cli.outputs import print_message
from skblood._cli.shards import open_labelled_shards
from skblood._cli.writers import printable

# The second one is for images of other microscopes: with matched colours, and as the
# start of a training with few images, it is more accurate.
DEFAULT_MODEL, ROBUST_MODEL = "bloodmnist-28", "bloodmnist-28-robust"
# Number of images from which the colours and the size of the cells are learned, and the
# side in pixels at which the size is measured.
N_MEASURED, MEASURED_SIDE = 256, 100
# Side of the images in pixels, if a model is trained from random weights.
DEFAULT_SIZE = 28


def load_classifier(model):
    """Load a pretrained model by its name, or a model from its file.

    Parameters
    ----------
    model : str
        Name or path.

    Returns
    -------
    BloodCNNClassifier or BloodFNNClassifier

    Raises
    ------
    OSError, ValueError
        If there is no such model, or if the file cannot be read.
    """
    from skblood import load_model, load_pretrained
    from skblood.pretrained import pretrained_names

    if model in pretrained_names():
        return load_pretrained(model)
    if not Path(model).exists():
        raise FileNotFoundError(
            "Expected a model file or one of the pretrained models "
            f"({', '.join(pretrained_names())}), got {model}, which does not exist."
        )
    return load_model(model)


def adapt(classifier, images, names):
    """Return a classifier for images with other colours than the training images.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier
    images : ndarray of shape (n, H, W, C)
        Images from which the colours are learned.
    names : list of str or None
        The classes that can occur, in any form that `match_names` accepts. None allows
        all classes that the classifier knows.

    Returns
    -------
    AdaptedClassifier

    Raises
    ------
    ValueError
        If a name matches none of the classes.
    """
    from skblood import AdaptedClassifier

    classes = None
    if names is not None:
        known = {str(label): label for label in classifier.classes_.tolist()}
        matches = match_names(names, list(known))
        unknown = [name for name in names if name not in matches]
        if unknown:
            raise ValueError(
                f"Expected classes that the model knows ({', '.join(known)}), each of "
                f"them once, got {', '.join(unknown)}."
            )
        classes = [known[matches[name]] for name in names]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        adapted = AdaptedClassifier(classifier, classes=classes).fit(images)
    for warning in caught:
        print(f"skblood: {printable(warning.message)}", file=sys.stderr)
    return adapted


def image_size(classifier):
    """Return the side of the images that a classifier takes.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier

    Returns
    -------
    int
        Number of pixels.

    Raises
    ------
    ValueError
        If the classifier does not take square colour images.
    """
    height, width, n_channels = classifier.image_shape_
    if height != width or n_channels != 3:
        raise ValueError(
            "Expected a model for square images with 3 channels, got a model for "
            f"images of {height}×{width} pixels with {n_channels} channel(s). Use this "
            "model in Python."
        )
    return height


def find_files(names):
    """Return the given files, and all files in the given folders.

    Parameters
    ----------
    names : list of str
        Paths of files and folders.

    Returns
    -------
    list of Path

    Raises
    ------
    OSError, ValueError
        If a path does not exist, or if a folder contains no files.
    """
    from skblood.datasets._folder import files_below

    paths = []
    for path in map(Path, names):
        if not path.exists():
            raise FileNotFoundError(
                f"Expected an image file or a folder, got {path}, which does not exist."
            )
        found = files_below(path) if path.is_dir() else [path]
        if not found:
            raise ValueError(f"Expected images in the folder {path}, got no files.")
        paths += found
    return paths


def read_images(paths, size, crop):
    """Read image files.

    Parameters
    ----------
    paths : list of Path
    size : int
        Height and width of the result in pixels.
    crop : int or None
        Side of the square that is cut from the centre before resizing.

    Returns
    -------
    readable : list of Path
        The files that could be read.
    images : ndarray of shape (n_readable, size, size, 3), dtype uint8
    errors : dict of int to str
        For the index of each file that could not be read, the reason.
    """
    from skblood.datasets._decode import read_cells

    results = read_cells(paths, size=size, crop=crop, n_jobs=-1)
    errors = {i: str(x) for i, x in enumerate(results) if isinstance(x, Exception)}
    images = [x for x in results if not isinstance(x, Exception)]
    readable = [path for i, path in enumerate(paths) if i not in errors]
    return readable, np.array(images), errors


def print_errors(paths, errors):
    """Print each file that could not be read on the standard error, and the reason.

    Parameters
    ----------
    paths : list of Path
    errors : dict of int to str
        From `read_images` for these paths.
    """
    for i, reason in errors.items():
        print(f"skblood: {printable(f'{paths[i]}: {reason}')}", file=sys.stderr)


def resolve_crop(crop, paths, classifier):
    """Return a crop in pixels or None; for "auto", measure it and print it."""
    if crop != "auto":
        return crop
    if not hasattr(classifier, "classes_"):
        raise ValueError(
            "Expected --crop auto together with --start, which says how large the "
            "cells should look. Got --crop auto alone."
        )
    crop = choose_crop(paths, classifier)
    if crop is None:
        print_message("The cells look large enough, so the images are not cropped.")
    else:
        print_message(
            f"The images are cropped to the {crop} pixels in their middle, so that the "
            "cells look as large as in the training images."
        )
    return crop


def choose_crop(paths, classifier):
    """Return the crop in which cells look as large as in the training images.

    Parameters
    ----------
    paths : list of Path
        Files that cannot be read are left out. At most 256 files are measured.
    classifier : BloodCNNClassifier or BloodFNNClassifier

    Returns
    -------
    int or None
        Side in pixels; None if no crop is needed.

    Raises
    ------
    ValueError
        If no file can be read, or if `skblood.suggest_crop` raises it.
    """
    from skblood import suggest_crop
    from skblood.datasets._decode import read_shorter_sides
    from skblood.suggestion import SIMILAR_SIZE

    paths = choose_evenly(paths)
    sides = read_shorter_sides(paths)
    if not sides:
        raise ValueError("Expected images, got only files that cannot be read.")
    # A square that almost all images contain: it shows all of them on the same scale.
    common, largest = np.quantile(sides, [0.05, 0.95], method="nearest").tolist()
    images = read_some_images(paths, MEASURED_SIDE, common)
    suggested = suggest_crop(classifier, images)
    if suggested == MEASURED_SIDE and common >= SIMILAR_SIZE * largest:
        return None
    return max(1, round(common * suggested / MEASURED_SIDE))


def choose_evenly(paths):
    """Return at most 256 of the paths, evenly spaced."""
    n_chosen = min(N_MEASURED, len(paths))
    indices = np.linspace(0, len(paths) - 1, n_chosen).astype(int)
    return [paths[i] for i in indices]


def read_some_images(paths, size, crop):
    """Read those image files that can be read, and leave out the others silently.

    Parameters
    ----------
    paths, size, crop
        See `read_images`.

    Returns
    -------
    ndarray of shape (n_readable, size, size, 3), dtype uint8

    Raises
    ------
    ValueError
        If no file can be read.
    """
    from skblood.datasets._decode import read_cells

    found = read_cells(paths, size=size, crop=crop, n_jobs=-1)
    images = [image for image in found if not isinstance(image, Exception)]
    if not images:
        raise ValueError("Expected images, got only files that cannot be read.")
    return np.array(images)


def load_labelled_images(folder, size, crop):
    """Load images that are sorted into one sub-folder for each class, or shards.

    Files that cannot be read are named on the standard error and left out. The images
    of shards stay on the disk.

    Parameters
    ----------
    folder : str
    size : int
        Height and width of the result in pixels.
    crop : int or None
        Side of the square that is cut from the centre before resizing.

    Returns
    -------
    images : ndarray or LazyImages of shape (n, size, size, 3), dtype uint8
    labels : ndarray of str, of shape (n,)
        The name of each image's sub-folder.
    n_failed : int
        Number of files that could not be read.

    Raises
    ------
    OSError, ValueError
        If the folder cannot be read, if none of its files can, or if it has no
        sub-folders.
    """
    from skblood import load_cell_images
    from skblood.datasets._folder import find_images
    from skblood.datasets._shards import is_folder_of_shards

    if is_folder_of_shards(folder):
        return *open_labelled_shards(folder, size), 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        images, labels = load_cell_images(
            folder, size=size, crop=crop, labels="names", return_X_y=True, errors="warn"
        )
    for warning in caught:
        print(f"skblood: {printable(warning.message)}", file=sys.stderr)
    if labels is None:
        raise ValueError(
            f"Expected one sub-folder for each class in {folder}, got no sub-folders. "
            "Move the images of each class to a sub-folder with the name of the class."
        )
    paths, _, _ = find_images(Path(folder))
    return images, labels, len(paths) - len(images)


def match_names(names, classes):
    """Match class names of a folder with the classes of a model.

    A name matches the class with the same name. It also matches a class if they differ
    only in capitals, in a plural "s", or in underscores or hyphens instead of spaces:
    "Neutrophils" matches "neutrophil". It may be the first words of the name of the
    class, or the reverse if brackets follow, because MedMNIST has long names such as
    "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)". Such a match
    counts only if neither name has a second match.

    Parameters
    ----------
    names, classes : list of str

    Returns
    -------
    dict of str to str
        The class that each name matches. Names without a match are left out.
    """
    same = {name: name for name in names if name in classes}
    similar = [
        (name, label)
        for name in names
        for label in classes
        if not {name, label} & set(same) and _is_similar(name, label)
    ]
    n_matches = Counter(text for pair in similar for text in pair)
    unique = {a: b for a, b in similar if n_matches[a] == n_matches[b] == 1}
    return same | unique


def _words(name):
    """Return the words of a class name in small letters, without a plural "s"."""
    words = re.findall(r"[^\W_]+", name.casefold())
    return [word.removesuffix("s") for word in words]


def _is_similar(name, label):
    from skblood.datasets._manifest import short_name

    words = _words(name)
    if not words:
        return False
    return _words(label)[: len(words)] == words or _words(short_name(name)) == _words(
        label
    )


def choose_model(options):
    """Return the name or file of the model: --model, or the default for --adapt."""
    return options.model or (ROBUST_MODEL if options.adapt else DEFAULT_MODEL)


def check_classes(options):
    """Raise ValueError if there is --classes without --adapt."""
    if options.classes is not None and not options.adapt:
        raise ValueError(
            "Expected --classes together with --adapt, got --classes alone."
        )
