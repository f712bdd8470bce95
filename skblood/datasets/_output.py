"""The output of the loaders: a Bunch or ``(X, y)``, and the description in DESCR."""

from importlib.resources import files

import numpy as np
from sklearn.utils import Bunch


def make_output(
    images, target, target_names, *, labels, return_X_y, flatten, **details
):
    """Return `(X, y)`, or a Bunch that also holds the details.

    Parameters
    ----------
    images : ndarray of shape (n_samples, height, width, n_channels)
        Or (n_samples, height, width), if the images are grey.
    target : array-like of shape (n_samples,)
        The index in `target_names` of each image's class.
    target_names : list of str
    labels : {"numbers", "names"}
        See `select_labels`.
    return_X_y : bool
        Whether to return `(X, y)` instead of a Bunch.
    flatten : bool
        Whether X has one row with all pixel values of an image for each image.
    **details : object
        Further entries of the Bunch.

    Returns
    -------
    Bunch or tuple of (X, y)
    """
    data = images.reshape(len(images), -1) if flatten else images
    target = select_labels(target, target_names, labels)
    if return_X_y:
        return data, target
    return Bunch(
        data=data, target=target, images=images, target_names=target_names, **details
    )


def select_labels(target, target_names, labels):
    """Return the labels as numbers or as class names.

    Parameters
    ----------
    target : array-like of shape (n_samples,)
        The index in `target_names` of each image's class.
    target_names : list of str
    labels : {"numbers", "names"}

    Returns
    -------
    ndarray of shape (n_samples,), dtype int64 or str
    """
    target = np.asarray(target, dtype=np.int64)
    return np.array(target_names)[target] if labels == "names" else target


def concatenate(arrays):
    """Join arrays along the first axis; a single array is returned without a copy."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def format_description(filename, *, n_samples, target_names, long_names, **fields):
    """Fill in the template of a description.

    Parameters
    ----------
    filename : str
        The template in descr/. It contains `{counts}`, `{classes}` and the names of
        `fields` as placeholders.
    n_samples : dict of str to int
        The number of images in each split.
    target_names, long_names : list of str
        The short and the long names of the classes, in the order of their numbers.
    **fields : object
        The values of the other placeholders.

    Returns
    -------
    str
    """
    template = files("skblood.datasets").joinpath("descr", filename)
    names = zip(target_names, long_names, strict=True)
    return template.read_text(encoding="utf-8").format(
        counts=", ".join(f"{n} in {split}" for split, n in n_samples.items()),
        classes="\n".join(_format_class(i, *pair) for i, pair in enumerate(names)),
        **fields,
    )


def _format_class(number, name, long_name):
    line = f"- {number}: {name}"
    if long_name != name:
        line += f". Full name in MedMNIST: {long_name}"
    return line
