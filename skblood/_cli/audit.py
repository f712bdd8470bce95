"""The command audit: labels that are probably wrong, and duplicates."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from skblood._cli.inputs import (
    image_size,
    load_classifier,
    print_errors,
    read_images,
    resolve_crop,
)
from skblood._cli.outputs import (
    check_is_new,
    check_is_outside,
    print_message,
)
from skblood._cli.shards import check_shard_options, open_labelled_shards
from skblood._cli.suspects import SUSPECT_WRITERS, make_rows, write_suspects

SUSPECT_FORMATS = list(SUSPECT_WRITERS)


def audit(options):
    """Print images whose labels are probably wrong, and images that occur twice.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        1 if a file could not be read, otherwise 0. Other errors are raised.
    """
    check_shard_options(options.folder, options.crop)
    report = None if options.output is None else Path(options.output)
    if report is not None:
        check_is_new(report)
        check_is_outside(report, [options.folder])
    _check_packages(report)
    from skblood import audit_labels

    classifier = load_classifier(options.model)
    paths, images, labels, n_failed = _load(options, classifier)
    found = audit_labels(images, labels, classifier, cv=options.folds)
    rows = make_rows(found, paths)
    SUSPECT_WRITERS[options.format](rows)
    sys.stdout.flush()
    print_message(_summarize(found, len(paths)))
    if report is not None and rows:
        indices = found.table["index"]
        pictures = _read_pictures(paths, images, indices, options)
        write_suspects(report, found, paths, rows, pictures)
        print_message(
            f"The report is in the folder {report}. Look at the contact sheet there: "
            "each image has the number of its line in suspects.csv. Move the images "
            "that are in the wrong sub-folder of "
            f"{options.folder} yourself, since this command changes none."
        )
    elif rows:
        print_message("To look at these images, write a contact sheet: add -o REPORT.")
    return int(n_failed > 0)


def _check_packages(report):
    """Raise ImportError before any work if a package is not installed."""
    if find_spec("cleanlab") is None:
        raise ImportError(
            "skblood audit needs cleanlab, which is not installed. Run "
            'pip install "skblood[audit]".'
        )
    if report is not None and find_spec("matplotlib") is None:
        raise ImportError(
            "The contact sheet needs matplotlib, which is not installed. Run "
            'pip install "skblood[plot]", or leave out --output.'
        )


def _load(options, classifier):
    """Return the paths, images and labels, and how many files cannot be read."""
    from skblood.datasets import open_shards
    from skblood.datasets._folder import find_images
    from skblood.datasets._shards import is_folder_of_shards

    folder, size = options.folder, image_size(classifier)
    if is_folder_of_shards(folder):
        images, labels = open_labelled_shards(folder, size)
        names = open_shards(folder).filenames.tolist()
        return list(map(Path, names)), images, labels, 0
    paths, target, names = find_images(Path(folder))
    if names is None:
        raise ValueError(
            f"Expected one sub-folder for each class in {folder}, got no sub-folders. "
            "Move the images of each class to a sub-folder with the name of the class."
        )
    options.crop = resolve_crop(options.crop, paths, classifier)
    readable, images, errors = read_images(paths, size, options.crop)
    print_errors(paths, errors)
    if not readable:
        raise ValueError("Expected images, got only files that cannot be read.")
    is_readable = [i not in errors for i in range(len(paths))]
    labels = np.array(names)[target][is_readable]
    return readable, images, labels, len(errors)


def _read_pictures(paths, images, indices, options):
    """Return pictures of the suspects: larger ones than the model sees, from files."""
    from skblood._cli.report import THUMBNAIL_SIDE
    from skblood.datasets._shards import is_folder_of_shards

    if is_folder_of_shards(options.folder):
        return np.asarray(images)[indices]
    chosen = [paths[i] for i in indices]
    readable, pictures, _ = read_images(chosen, THUMBNAIL_SIDE, options.crop)
    if len(readable) < len(chosen):
        raise ValueError(
            "Expected the same images as at the start, got some that can no longer be "
            "read. Do not change the folder during the audit."
        )
    return pictures


def _summarize(found, n_images):
    """Return what was found, in a few sentences."""
    table, pairs = found.table, found.duplicates
    # All images that a prediction contradicts are in the table.
    n_contradicted = int((table["label"] != table["suggested"]).sum())
    n_unfamiliar = int((table["reason"] == "unfamiliar").sum())
    n_exact = int(pairs["is_exact"].sum())
    n_contradictory = int(pairs["is_contradictory"].sum())
    n_pairs = len(pairs["is_exact"])
    return (
        f"{n_images} images. Predictions contradict {n_contradicted} labels; about "
        f"{found.n_label_errors} labels are wrong, by cleanlab's "
        f"estimate. Duplicates: {n_exact} identical pairs and {n_pairs - n_exact} "
        f"similar ones, {n_contradictory} of them with different labels. Unlike all "
        f"others: {n_unfamiliar}."
    )
