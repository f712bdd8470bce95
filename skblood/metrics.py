"""Metrics that scikit-learn does not have."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d


def expected_calibration_error(y_true, y_proba, *, labels=None, n_bins=15):
    """Return the average difference between confidence and accuracy.

    The confidence of a prediction is the probability of the predicted class. The
    predictions are grouped by confidence into bins of equal width. The result is the
    mean absolute difference between the mean confidence and the accuracy in each bin,
    weighted by the number of predictions in the bin [1]_.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels.
    y_proba : array-like of shape (n, n_classes)
        Predicted probabilities.
    labels : array-like of shape (n_classes,), default=None
        Labels of the columns of `y_proba`. By default, the sorted labels in `y_true`.
    n_bins : int, default=15
        Number of bins between 0 and 1.

    Returns
    -------
    float
        Between 0 (perfectly calibrated) and 1.

    Raises
    ------
    ValueError
        If the number of labels is not the number of columns, if a value of `y_proba` is
        not between 0 and 1, or if `n_bins` is not a positive integer.

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
            "Expected probabilities between 0 and 1 in y_proba, got values between "
            f"{y_proba.min():.4g} and {y_proba.max():.4g}. Pass what predict_proba "
            "returns."
        )
    if not isinstance(n_bins, Integral) or n_bins < 1:
        raise ValueError(f"Expected n_bins to be a positive integer, got {n_bins!r}.")
    if len(labels) != y_proba.shape[1]:
        raise ValueError(
            f"Expected {y_proba.shape[1]} labels, one for each column of y_proba, got "
            f"{len(labels)}: {labels.tolist()}. Pass the labels of all columns as "
            "`labels`."
        )
    confidence = y_proba.max(axis=1)
    is_correct = labels[y_proba.argmax(axis=1)] == y_true
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    # Each sum is n_bin * (mean confidence - accuracy) of a bin. Dividing by n below
    # weights the bin by n_bin / n.
    gaps = np.bincount(bins, weights=confidence - is_correct, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(y_true))
