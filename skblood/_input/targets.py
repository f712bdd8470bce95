"""Labels, sample weights, class weights, and the validation split."""

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from .._sklearn_compat import check_sample_weight
from .._warnings import warn


def find_classes(y):
    """Return the sorted labels; raise ValueError if there are fewer than two."""
    check_classification_targets(y)
    classes = np.unique(y)
    if len(classes) < 2:
        raise ValueError(
            f"Expected samples of at least 2 classes, got 1 class: {classes.tolist()}."
        )
    return classes


def encode_labels(y, classes):
    """Return the index of each label in the sorted `classes`.

    Parameters
    ----------
    y : ndarray of shape (n,)
    classes : ndarray of shape (n_classes,)

    Returns
    -------
    ndarray of int, of shape (n,)

    Raises
    ------
    ValueError
        If a label is not in `classes`.
    """
    check_classification_targets(y)
    check_kind_of_labels(y, classes)
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y has labels {unknown.tolist()} that are not in classes_="
            f"{classes.tolist()}."
        )
    return np.searchsorted(classes, y)


def check_kind_of_labels(y, classes):
    """Raise ValueError if the labels are numbers and the classes are names.

    The loaders return numbers by default; the pretrained models predict names.
    """
    labels = classes.tolist()
    are_names = all(isinstance(label, str) for label in labels)
    if are_names and np.asarray(y).dtype.kind in "biuf":
        raise ValueError(
            f"Expected names as labels, such as {labels[0]!r}, got numbers. The "
            "loaders return names with labels='names'."
        )


def warn_of_missing_classes(classes, earlier):
    """Warn if only some of the earlier classes occur, which may be an oversight.

    Parameters
    ----------
    classes, earlier : ndarray of shape (n_classes,)
        The classes of this call of `fit`, and those of the earlier one.
    """
    known, found = set(earlier.tolist()), set(classes.tolist())
    if found < known:
        missing = [label for label in earlier.tolist() if label not in found]
        warn(
            f"y lacks the classes {missing} of the earlier fit. The output layer is "
            "reinitialised without them."
        )


def drop_zero_weights(sample_weight, y):
    """Return the samples of positive weight, which are the only ones that are used.

    Parameters
    ----------
    sample_weight : array-like of shape (n,) or None
    y : ndarray of shape (n,)

    Returns
    -------
    y_used : ndarray of shape (n_used,)
        Their labels.
    weights : ndarray of shape (n_used,) or None
        Their weights; None if no weights were given.
    indices : ndarray of int, of shape (n_used,), or None
        Their positions in `y`; None if all samples are used.
    """
    if sample_weight is None:
        return y, None, None
    weights = check_sample_weight(sample_weight, y)
    indices = np.flatnonzero(weights)
    return y[indices], weights[indices], indices


def apply_class_weight(class_weight, classes, y_encoded, weights):
    """Return the sample weights multiplied by the weights of their classes.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
    classes : ndarray of shape (n_classes,)
    y_encoded : ndarray of shape (n,)
        Class indices.
    weights : ndarray of shape (n,) or None

    Returns
    -------
    ndarray of shape (n,) or None
        None if all samples have the same weight.

    Raises
    ------
    ValueError
        If a class weight is negative, or if no sample has a positive weight.
    """
    if class_weight is not None:
        by_class = compute_class_weight(
            class_weight, classes=classes, y=classes[y_encoded], sample_weight=weights
        )
        if by_class.min() < 0:
            raise ValueError(f"Negative weights in class_weight={class_weight!r}.")
        weights = by_class[y_encoded] * (1.0 if weights is None else weights)
    if weights is None:
        return None
    if not weights.any():
        raise ValueError("Sample weights times class weights are zero for all samples.")
    return weights


def split_indices(y_encoded, fraction, classes, seed):
    """Split samples into a training and a validation part, both with every class.

    Parameters
    ----------
    y_encoded : ndarray of shape (n,)
        Class indices.
    fraction : float
        Fraction of the samples in the validation part.
    classes : ndarray of shape (n_classes,)
        Labels, for the error message.
    seed : int

    Returns
    -------
    train, valid : ndarray of int
        Indices into `y_encoded`.

    Raises
    ------
    ValueError
        If a class would have no sample in one of the parts.
    """
    n, n_classes = len(y_encoded), len(classes)
    n_valid = int(np.ceil(fraction * n))
    counts = np.bincount(y_encoded, minlength=n_classes)
    possible = counts.min() >= 2 and n_classes <= n_valid <= n - n_classes
    if possible:
        train, valid = train_test_split(
            np.arange(n), test_size=n_valid, stratify=y_encoded, random_state=seed
        )
        possible = all(
            len(np.unique(y_encoded[part])) == n_classes for part in (train, valid)
        )
    if not possible:
        rarest, count = classes.tolist()[counts.argmin()], counts.min()
        raise ValueError(
            f"validation_fraction={fraction} of {n} samples leaves a class out of the "
            f"training or the validation part: the rarest class, {rarest!r}, has "
            f"{count} samples. Pass X_val and y_val, change "
            "validation_fraction, or set early_stopping=False."
        )
    return train, valid
