"""The measures that scikit-learn lacks."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d


def expected_calibration_error(y_true, y_proba, *, labels=None, n_bins=15):
    """Return how far confidence and accuracy are apart, on average.

    The predictions are sorted into bins of equal width by their confidence, the
    probability of the predicted class. In each bin, the mean confidence is compared
    with the share that is right [1]_.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels.
    y_proba : array-like of shape (n, n_classes)
        Predicted probabilities.
    labels : array-like of shape (n_classes,), default=None
        The labels of the columns; by default the sorted labels of `y_true`.
    n_bins : int, default=15
        Number of bins between 0 and 1.

    Returns
    -------
    float
        Between 0 (calibrated) and 1.

    Raises
    ------
    ValueError
        If there are not as many labels as columns, or no probabilities in them, or
        no bins.

    References
    ----------
    .. [1] Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, eq. 3.

    Examples
    --------
    >>> from skblood.metrics import expected_calibration_error
    >>> y_proba = [[0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.8, 0.2]]
    >>> round(expected_calibration_error([0, 0, 0, 0, 1], y_proba), 6)
    0.0
    >>> round(expected_calibration_error([0, 0, 0, 1, 1], y_proba), 6)
    0.2
    """
    y_true = column_or_1d(y_true)
    y_proba = check_array(y_proba, input_name="y_proba")
    check_consistent_length(y_true, y_proba)
    labels = np.unique(y_true) if labels is None else np.asarray(labels)
    if y_proba.min() < 0 or y_proba.max() > 1:
        raise ValueError(
            "y_proba must hold probabilities between 0 and 1, got values between "
            f"{y_proba.min():.4g} and {y_proba.max():.4g}."
        )
    if not isinstance(n_bins, Integral) or n_bins < 1:
        raise ValueError(f"n_bins must be a positive int, got {n_bins!r}.")
    if len(labels) != y_proba.shape[1]:
        raise ValueError(
            f"y_proba has {y_proba.shape[1]} columns, but there are {len(labels)} "
            f"labels: {labels.tolist()}. Give the columns' labels as `labels`."
        )
    confidence = y_proba.max(axis=1)
    is_right = labels[y_proba.argmax(axis=1)] == y_true
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    # A bin's |mean confidence − share that is right| times its share of all.
    gaps = np.bincount(bins, weights=confidence - is_right, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(y_true))
