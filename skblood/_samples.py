"""Which samples count, as which class, for how much, and which of them validate."""

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight


def find_classes(y):
    """Return the sorted labels, of which there must be two or more."""
    check_classification_targets(y)
    classes = np.unique(y)
    if len(classes) < 2:
        raise ValueError(
            "A classifier needs samples of at least 2 classes, got 1 class: "
            f"{classes.tolist()}."
        )
    return classes


def encode_labels(y, classes):
    """Return the index of each label in the sorted `classes`."""
    check_classification_targets(y)
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y has labels {unknown.tolist()} that are not in classes_="
            f"{classes.tolist()}."
        )
    return np.searchsorted(classes, y)


def check_weights(sample_weight, X):
    """Return the rows of positive weight and their weights; None where none is given.

    Parameters
    ----------
    sample_weight : array-like of shape (n,) or None
    X : ndarray of shape (n, ...)

    Returns
    -------
    rows : ndarray of int or None
    weights : ndarray of shape (n_rows,) or None
    """
    if sample_weight is None:
        return None, None
    weights = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    rows = np.flatnonzero(weights)
    return rows, weights[rows]


def weigh_classes(class_weight, classes, codes, weights):
    """Return the sample weights times the weights of their classes.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n,)
        Class indices.
    weights : ndarray of shape (n,) or None

    Returns
    -------
    ndarray of shape (n,) or None
        None where every sample counts the same.
    """
    if class_weight is not None:
        by_class = compute_class_weight(
            class_weight, classes=classes, y=classes[codes], sample_weight=weights
        )
        if by_class.min() < 0:
            raise ValueError(f"Negative weights in class_weight={class_weight!r}.")
        weights = by_class[codes] * (1.0 if weights is None else weights)
    if weights is None:
        return None
    if not weights.any():
        raise ValueError("Sample weights times class weights are zero for all samples.")
    return weights


def split_rows(codes, fraction, classes, seed):
    """Split the rows into training and validation parts, both with every class.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Class indices.
    fraction : float
        The share of the validation part.
    classes : ndarray of shape (n_classes,)
        Labels, for the error.
    seed : int

    Returns
    -------
    train, valid : ndarray of int
        Indices into `codes`.

    Raises
    ------
    ValueError
        If a class has no sample in one of the parts.
    """
    n_valid = int(np.ceil(fraction * len(codes)))
    counts = np.bincount(codes, minlength=len(classes))
    possible = counts.min() >= 2 and len(classes) <= n_valid <= len(codes) - len(
        classes
    )
    if possible:
        train, valid = train_test_split(
            np.arange(len(codes)), test_size=n_valid, stratify=codes, random_state=seed
        )
        possible = all(
            len(np.unique(codes[part])) == len(classes) for part in (train, valid)
        )
    if not possible:
        rarest = counts.argmin()
        raise ValueError(
            f"validation_fraction={fraction} of {len(codes)} samples leaves a class "
            f"out of the training or the validation part: the rarest class, "
            f"{classes[rarest]!r}, has {counts[rarest]}. Give X_val and y_val, change "
            "validation_fraction, or set early_stopping=False."
        )
    return train, valid
