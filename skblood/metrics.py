"""Metrics that scikit-learn does not have: calibration and selective classification."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import unique_labels

# So many random numbers are drawn at once. More take memory and are not faster.
BATCH_ELEMENTS = 1_000_000


def expected_calibration_error(y_true, y_proba, *, labels=None, n_bins=15):
    """Return the average difference between confidence and accuracy.

    The confidence of a prediction is the probability of the predicted class. The
    predictions are grouped by confidence into bins of equal width. The result is the
    mean absolute difference between the mean confidence and the accuracy in each bin,
    weighted by the number of predictions in the bin [1]_.

    It is above 0 even for a perfectly calibrated model, by chance.
    `expected_calibration_error_floor` returns how far.

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
        If the number of labels is not the number of columns, if a label occurs twice,
        if a label of `y_true` is not in `labels`, if a value of `y_proba` is not
        between 0 and 1, or if `n_bins` is not a positive integer.

    See Also
    --------
    skblood.display.ReliabilityDisplay : The same comparison as a figure.

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
    _check_positive_integer(n_bins, "n_bins")
    confidence, is_correct = _check_predictions(y_true, y_proba, labels)
    bins = _find_bins(confidence, n_bins)
    # Each sum is n_bin * (mean confidence - accuracy) of a bin. Dividing by n below
    # weights the bin by n_bin / n.
    gaps = np.bincount(bins, weights=confidence - is_correct, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(confidence))


def expected_calibration_error_floor(
    y_proba, *, n_bins=15, confidence_level=0.9, n_draws=1000, random_state=0
):
    """Return the calibration error of a perfectly calibrated model.

    The accuracy in a bin differs from the confidence by chance, even if the
    probabilities are right. This function simulates how large the expected calibration
    error becomes by chance alone: it draws the true labels from the probabilities
    themselves many times, and computes the error of each draw [1]_. The images stay the
    same in all draws. A model whose error lies inside of the interval cannot be told
    from a perfectly calibrated one with this number of images.

    Parameters
    ----------
    y_proba : array-like of shape (n, n_classes)
        Predicted probabilities.
    n_bins : int, default=15
        Number of bins between 0 and 1. Use the same as for the error that you compare.
    confidence_level : float, default=0.9
        Probability that the error of a perfectly calibrated model lies between `low`
        and `high`.
    n_draws : int, default=1000
        Number of draws. The computing time is proportional to it.
    random_state : int, numpy.random.Generator or None, default=0
        Seed or generator of the draws. With None, each call gives another result.

    Returns
    -------
    Bunch
        The attributes, all of type float, are:

        - `mean`: the mean error of the draws;
        - `low`, `high`: the ends of the interval. The same fraction of the draws lies
          below and above it.

    Raises
    ------
    ValueError
        If a value of `y_proba` is not between 0 and 1, if `n_bins` or `n_draws` is not
        a positive integer, or if `confidence_level` is not between 0 and 1.

    References
    ----------
    .. [1] J. Bröcker and L. A. Smith, "Increasing the Reliability of Reliability
       Diagrams", Weather and Forecasting 22:651–661, 2007: consistency resampling.

    Examples
    --------
    >>> import numpy as np
    >>> from skblood.metrics import expected_calibration_error_floor
    >>> y_proba = np.tile([0.9, 0.1], (1000, 1))
    >>> floor = expected_calibration_error_floor(y_proba)
    >>> round(floor.mean, 3), round(floor.low, 3), round(floor.high, 3)
    (0.008, 0.001, 0.019)
    """
    _check_positive_integer(n_bins, "n_bins")
    _check_positive_integer(n_draws, "n_draws")
    if not isinstance(confidence_level, Real) or not 0 < confidence_level < 1:
        raise ValueError(
            "Expected confidence_level to be a number between 0 and 1, got "
            f"{confidence_level!r}."
        )
    confidence = _check_probabilities(y_proba).max(axis=1)
    rng = np.random.default_rng(random_state)
    errors = _draw_calibration_errors(confidence, n_bins, n_draws, rng)
    tail = (1 - confidence_level) / 2
    low, high = np.quantile(errors, [tail, 1 - tail])
    return Bunch(mean=float(errors.mean()), low=float(low), high=float(high))


def reliability_curve(y_true, y_proba, *, labels=None, n_bins=15):
    """Return the mean confidence and the accuracy of the predictions in each bin.

    The confidence of a prediction is the probability of the predicted class. The bins
    have equal width and are those of `expected_calibration_error`. For two classes,
    `sklearn.calibration.calibration_curve` compares the probability of one class.

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
    mean_confidence : ndarray of shape (n_bins,), dtype float64
        NaN for a bin without predictions.
    accuracy : ndarray of shape (n_bins,), dtype float64
        NaN for a bin without predictions.
    counts : ndarray of int, of shape (n_bins,)
        The number of predictions in each bin.

    Raises
    ------
    ValueError
        As in `expected_calibration_error`.

    Examples
    --------
    >>> from skblood.metrics import reliability_curve
    >>> y_proba = [[0.75, 0.25], [0.75, 0.25], [0.5, 0.5]]
    >>> mean_confidence, accuracy, counts = reliability_curve(
    ...     [0, 1, 0], y_proba, n_bins=4
    ... )
    >>> mean_confidence
    array([ nan,  nan, 0.5 , 0.75])
    >>> accuracy
    array([nan, nan, 1. , 0.5])
    >>> counts
    array([0, 0, 1, 2])
    """
    _check_positive_integer(n_bins, "n_bins")
    confidence, is_correct = _check_predictions(y_true, y_proba, labels)
    bins = _find_bins(confidence, n_bins)
    counts = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(bins, confidence, minlength=n_bins) / counts
        accuracy = np.bincount(bins, is_correct, minlength=n_bins) / counts
    return mean_confidence, accuracy, counts


def risk_coverage_curve(y_true, y_proba, *, labels=None):
    """Return the error rate of the surest predictions, for each number of them.

    A selective classifier keeps the predictions whose confidence, the probability of
    the predicted class, is at least a threshold. It leaves the other images to a
    person. The coverage is the fraction of the predictions that it keeps, and the risk
    is the error rate of these [1]_ [2]_.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels.
    y_proba : array-like of shape (n, n_classes)
        Predicted probabilities.
    labels : array-like of shape (n_classes,), default=None
        Labels of the columns of `y_proba`. By default, the sorted labels in `y_true`.

    Returns
    -------
    coverage : ndarray of shape (n_thresholds,), dtype float64
        In increasing order. The last value is 1.
    risk : ndarray of shape (n_thresholds,), dtype float64
        The last value is the error rate of all predictions.
    thresholds : ndarray of shape (n_thresholds,), dtype of `y_proba`
        The different confidences in decreasing order. Predictions with the same
        confidence are one step of the curve, because a threshold keeps all or none of
        them.

    Raises
    ------
    ValueError
        If the number of labels is not the number of columns, if a label occurs twice,
        if a label of `y_true` is not in `labels`, or if a value of `y_proba` is not
        between 0 and 1.

    See Also
    --------
    area_under_risk_coverage_curve : The curve as one number.
    skblood.display.RiskCoverageDisplay : The curve as a figure.

    References
    ----------
    .. [1] R. El-Yaniv and Y. Wiener, "On the Foundations of Noise-free Selective
       Classification", Journal of Machine Learning Research 11:1605–1641, 2010.
    .. [2] Y. Geifman and R. El-Yaniv, "Selective Classification for Deep Neural
       Networks", NeurIPS 2017.

    Examples
    --------
    >>> from skblood.metrics import risk_coverage_curve
    >>> y_proba = [[0.9, 0.1], [0.2, 0.8], [0.8, 0.2], [0.6, 0.4]]
    >>> coverage, risk, thresholds = risk_coverage_curve([0, 1, 0, 1], y_proba)
    >>> coverage
    array([0.25, 0.75, 1.  ])
    >>> risk
    array([0.  , 0.  , 0.25])
    >>> thresholds
    array([0.9, 0.8, 0.6])
    """
    confidence, is_correct = _check_predictions(y_true, y_proba, labels)
    thresholds, counts, n_errors = _count_errors(confidence, is_correct)
    n_kept = np.cumsum(counts)
    return n_kept / n_kept[-1], np.cumsum(n_errors) / n_kept, thresholds


def area_under_risk_coverage_curve(y_true, y_proba, *, labels=None):
    """Return the mean risk over all coverages (AURC).

    Let e_i be 1 if prediction i is wrong, and 0 otherwise, for n predictions in the
    order of decreasing confidence. The risk of the k surest predictions is
    ``(e_1 + ... + e_k) / k``. The result is the mean of these risks over all k from 1
    to n [1]_.

    If several predictions have the same confidence, their e_i are replaced with their
    mean. This gives the expected area if their order is random, so the result does not
    depend on the order of the images. An error with a high confidence has a large
    weight: a single one before all correct predictions adds about ``ln(n) / n``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels.
    y_proba : array-like of shape (n, n_classes)
        Predicted probabilities.
    labels : array-like of shape (n_classes,), default=None
        Labels of the columns of `y_proba`. By default, the sorted labels in `y_true`.

    Returns
    -------
    float
        Between 0 and 1; lower is better. If all confidences are equal, it is the error
        rate.

    Raises
    ------
    ValueError
        As in `risk_coverage_curve`.

    References
    ----------
    .. [1] Y. Geifman, G. Uziel and R. El-Yaniv, "Bias-Reduced Uncertainty Estimation
       for Deep Neural Classifiers", ICLR 2019.

    Examples
    --------
    >>> from skblood.metrics import area_under_risk_coverage_curve
    >>> y_proba = [[0.9, 0.1], [0.2, 0.8], [0.8, 0.2], [0.6, 0.4]]
    >>> area_under_risk_coverage_curve([0, 1, 0, 1], y_proba)
    0.0625
    """
    confidence, is_correct = _check_predictions(y_true, y_proba, labels)
    _, counts, n_errors = _count_errors(confidence, is_correct)
    errors = np.repeat(n_errors / counts, counts)
    return float(np.mean(np.cumsum(errors) / np.arange(1, len(errors) + 1)))


# -- checks ----------------------------------------------------------------------------


def _check_predictions(y_true, y_proba, labels):
    """Return the confidence of each prediction, and whether it is correct."""
    y_true = column_or_1d(y_true)
    y_proba = _check_probabilities(y_proba)
    check_consistent_length(y_true, y_proba)
    labels = _check_labels(y_true, labels, y_proba.shape[1])
    return y_proba.max(axis=1), labels[y_proba.argmax(axis=1)] == y_true


def _check_probabilities(y_proba):
    y_proba = check_array(y_proba, input_name="y_proba")
    if y_proba.min() < 0 or y_proba.max() > 1:
        raise ValueError(
            "Expected probabilities between 0 and 1 in y_proba, got values between "
            f"{y_proba.min():.4g} and {y_proba.max():.4g}. Pass what predict_proba "
            "returns."
        )
    return y_proba


def _check_labels(y_true, labels, n_columns):
    """Return the labels of the columns as an array."""
    labels = np.unique(y_true) if labels is None else column_or_1d(labels)
    if len(labels) != n_columns:
        raise ValueError(
            f"Expected {n_columns} labels, one for each column of y_proba, got "
            f"{len(labels)}: {labels.tolist()}. Pass the labels of all columns as "
            "`labels`."
        )
    if len(np.unique(labels)) != n_columns:
        raise ValueError(f"Expected labels to be unique, got {labels.tolist()}.")
    # Raises an error if one of the arrays has numbers and the other has strings.
    unknown = np.setdiff1d(unique_labels(labels, y_true), labels)
    if len(unknown):
        raise ValueError(
            f"Expected y_true to have only labels from {labels.tolist()}, got also "
            f"{unknown.tolist()}. Pass the labels of all columns as `labels`, and "
            "leave out images of other classes."
        )
    return labels


def _check_positive_integer(value, name):
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"Expected {name} to be a positive integer, got {value!r}.")


# -- counts ----------------------------------------------------------------------------


def _find_bins(confidence, n_bins):
    """Return the bin of each confidence. A confidence of 1 is in the last bin."""
    return np.minimum((confidence * n_bins).astype(int), n_bins - 1)


def _draw_calibration_errors(confidence, n_bins, n_draws, rng):
    """Return the calibration errors with labels drawn from the confidences."""
    n = len(confidence)
    bins = _find_bins(confidence, n_bins)
    # In the order of the bins, so that each bin is one slice.
    order = np.argsort(bins, kind="stable")
    confidence = confidence[order].astype(float)
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))
    sums = np.add.reduceat(confidence, starts)
    errors = []
    size = max(1, BATCH_ELEMENTS // n)
    for start in range(0, n_draws, size):
        shape = min(size, n_draws - start), n
        # A label drawn from the probabilities is the predicted one with the probability
        # of the predicted class, so one random number for each image is enough.
        is_correct = rng.random(shape) < confidence
        n_correct = np.add.reduceat(is_correct, starts, axis=1, dtype=int)
        errors.append(np.abs(sums - n_correct).sum(axis=1) / n)
    return np.concatenate(errors)


def _count_errors(confidence, is_correct):
    """Return the confidences that occur, from high to low, with counts and errors."""
    values, groups, counts = np.unique(
        confidence, return_inverse=True, return_counts=True
    )
    n_errors = np.bincount(groups, ~is_correct)
    return values[::-1], counts[::-1], n_errors[::-1]
