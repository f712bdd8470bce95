"""Measures on test images, with confidence intervals.

The functions for macro measures accept arrays of shape (..., n, n_classes) and so
compute many bootstrap resamples at once. A loop over scikit-learn's functions takes
several times as long.
"""

import warnings
from functools import partial

import numpy as np
from scipy.stats import DegenerateDataWarning, binomtest, bootstrap, norm, rankdata

from ..metrics import (
    expected_calibration_error,
    expected_calibration_error_floor,
    reliability_curve,
)

CONFIDENCE_LEVEL = 0.95
N_RESAMPLES = 1_000
# Number of array elements that are resampled at once. A larger number takes more memory
# and is not faster.
BATCH_ELEMENTS = 1_000_000


def measure(truth, predicted, probabilities):
    """Return the measures of a classifier over all classes.

    Parameters
    ----------
    truth, predicted : ndarray of int, of shape (n,)
        Indices of the true and of the predicted classes.
    probabilities : ndarray of shape (n, n_classes)

    Returns
    -------
    dict of str to tuple of (value, low, high)
        The value of each measure and the ends of its confidence interval. NaN stands
        for undefined values. The last entry is no measure of the classifier, but what
        the entry before it would be by chance.
    """
    n, n_classes = probabilities.shape
    classes = np.arange(n_classes)
    is_class = truth[:, np.newaxis] == classes
    is_predicted = predicted[:, np.newaxis] == classes
    calibration_error = expected_calibration_error(truth, probabilities, labels=classes)
    floor = expected_calibration_error_floor(
        probabilities, confidence_level=CONFIDENCE_LEVEL, n_draws=N_RESAMPLES
    )
    n_correct = np.sum(truth == predicted)
    return {
        "accuracy": (n_correct / n, *wilson_interval(n_correct, n)),
        "macro F1": _with_interval(macro_f1, is_class, is_predicted),
        "macro AUC": _with_interval(macro_auc, is_class, probabilities),
        "negative log-likelihood": _with_interval(
            partial(np.mean, axis=-1), log_losses(is_class, probabilities)
        ),
        "expected calibration error": (
            calibration_error,
            *calibration_interval(truth, probabilities),
        ),
        "expected calibration error of a perfectly calibrated model": (
            floor.mean,
            floor.low,
            floor.high,
        ),
    }


def wilson_interval(n_hits, n):
    """Return the Wilson score interval of the proportion n_hits / n.

    Parameters
    ----------
    n_hits, n : int

    Returns
    -------
    low, high : float
        NaN if n is 0.
    """
    if n == 0:
        return np.nan, np.nan
    test = binomtest(int(n_hits), int(n))
    return tuple(test.proportion_ci(CONFIDENCE_LEVEL, method="wilson"))


def calibration_interval(truth, probabilities):
    """Return a confidence interval of the expected calibration error.

    The estimate is biased upwards, because the sampling error of each bin increases it.
    A percentile interval would be too high, since a resample has a larger sampling
    error than the images themselves. The basic bootstrap corrects for the bias, but its
    interval need not contain the estimate. Each end of this interval therefore follows
    from an inequality. Let g be the true differences between confidence and accuracy in
    the bins, each multiplied by the fraction of the images in the bin, and let h be
    their estimates. The true error is sum(abs(g)), and the estimate is sum(abs(h)).

    - Lower end: the estimate is at most the true error plus sum(abs(h - g)), by the
      triangle inequality. The 97.5 % quantile of this sum is simulated.
    - Upper end: let s be the signs of g. The estimate is at least sum(s * h), which is
      a mean over the images and has no bias: its expectation is the true error. Its
      variance is that of confidence minus correctness (0 or 1), up to signs. A score
      interval, as Wilson's for proportions, gives the upper end.

    Both ends hold whatever the signs of the differences are. The interval covers the
    true error with a probability of at least about 95 %, and contains the estimate.

    Parameters
    ----------
    truth : ndarray of int, of shape (n,)
        Indices of the true classes.
    probabilities : ndarray of shape (n, n_classes)

    Returns
    -------
    low, high : float
    """
    n, n_classes = probabilities.shape
    curve = reliability_curve(truth, probabilities, labels=np.arange(n_classes))
    confidence, accuracy, counts = (values[curve[2] > 0] for values in curve)
    estimate = np.abs(counts * (confidence - accuracy)).sum() / n
    # Half an image more of each outcome, as in Jeffreys' interval. Otherwise, a bin
    # without errors would seem to have no sampling error.
    accuracy = (counts * accuracy + 0.5) / (counts + 1)
    noise = _draw_noise(confidence, accuracy, counts)
    low = estimate - np.quantile(noise, (1 + CONFIDENCE_LEVEL) / 2)
    squares = accuracy * (1 - confidence) ** 2 + (1 - accuracy) * confidence**2
    high = _score_limit(estimate, max(counts @ squares / n, estimate**2), n)
    return max(float(low), 0.0), min(float(high), 1.0)


def bootstrap_interval(measure, *arrays):
    """Return a percentile bootstrap interval of a measure, with a fixed seed.

    Parameters
    ----------
    measure : callable
        Computes the measure from resampled `arrays`. These have a first axis of
        resamples, and the function returns one value for each resample.
    *arrays : ndarray of shape (n, ...)
        One entry for each image; n is at least 2.

    Returns
    -------
    low, high : float
        NaN if the measure of a resample is NaN.
    """

    def measure_resample(indices, axis=-1):
        return measure(*(array[indices] for array in arrays))

    with warnings.catch_warnings():
        # SciPy warns if the measure of a resample is NaN. The card shows a dash then.
        warnings.simplefilter("ignore", DegenerateDataWarning)
        result = bootstrap(
            (np.arange(len(arrays[0])),),
            measure_resample,
            n_resamples=N_RESAMPLES,
            batch=max(1, BATCH_ELEMENTS // max(array.size for array in arrays)),
            vectorized=True,
            confidence_level=CONFIDENCE_LEVEL,
            method="percentile",
            rng=np.random.default_rng(0),
        )
    return tuple(result.confidence_interval)


def macro_f1(is_class, is_predicted):
    """Return the mean F1 of the classes that occur in the truth or the predictions.

    Parameters
    ----------
    is_class, is_predicted : ndarray of bool, of shape (..., n, n_classes)

    Returns
    -------
    ndarray of shape (...)
    """
    n_hits = (is_class & is_predicted).sum(axis=-2)
    n_total = is_class.sum(axis=-2) + is_predicted.sum(axis=-2)
    return np.mean(2 * n_hits / np.maximum(n_total, 1), axis=-1, where=n_total > 0)


def macro_auc(is_class, probabilities):
    """Return the mean area under the ROC curve of the classes that occur.

    The ROC curve of a class compares this class with all others. The area is computed
    from ranks: it is the Mann-Whitney statistic U, divided by the number of pairs that
    consist of an image of the class and an image of another class.

    Parameters
    ----------
    is_class : ndarray of bool, of shape (..., n, n_classes)
    probabilities : ndarray of shape (..., n, n_classes)

    Returns
    -------
    ndarray of shape (...)
        NaN if only one class occurs.
    """
    n_positive = is_class.sum(axis=-2)
    n_pairs = n_positive * (is_class.shape[-2] - n_positive)
    rank_sums = (rankdata(probabilities, axis=-2) * is_class).sum(axis=-2)
    u = rank_sums - n_positive * (n_positive + 1) / 2
    with np.errstate(invalid="ignore"):
        return np.mean(u / n_pairs, axis=-1, where=n_positive > 0)


def log_losses(is_class, probabilities):
    """Return the negative log-likelihood of each image.

    Parameters
    ----------
    is_class : ndarray of bool, of shape (n, n_classes)
    probabilities : ndarray of shape (n, n_classes)

    Returns
    -------
    ndarray of shape (n,)
    """
    # `sklearn.metrics.log_loss` clips probabilities at the same lower bound.
    smallest = np.finfo(probabilities.dtype).eps
    return -np.log(probabilities[is_class].clip(smallest))


def _draw_noise(confidence, accuracy, counts):
    """Return draws of sum(abs(h - g)), see `calibration_interval`."""
    n = counts.sum()
    rng = np.random.default_rng(0)
    drawn_counts = rng.multinomial(n, counts / n, size=N_RESAMPLES)
    n_correct = rng.binomial(drawn_counts, accuracy)
    differences = counts / n * (confidence - accuracy)
    return np.abs((drawn_counts * confidence - n_correct) / n - differences).sum(axis=1)


def _score_limit(mean, mean_square, n):
    """Return the upper end of the score interval of a mean of n values.

    It is the larger solution x of ``x - mean == z * sqrt((mean_square - x**2) / n)``.
    """
    z = norm.ppf((1 + CONFIDENCE_LEVEL) / 2)
    a = 1 + z**2 / n
    root = np.sqrt(mean**2 - a * (mean**2 - z**2 * mean_square / n))
    return (mean + root) / a


def _with_interval(measure, *arrays):
    return float(measure(*arrays)), *bootstrap_interval(measure, *arrays)
