"""Measures on test images, with confidence intervals.

The functions for macro measures accept arrays of shape (..., n, n_classes) and so
compute many bootstrap resamples at once. A loop over scikit-learn's functions takes
several times as long.
"""

import warnings
from functools import partial

import numpy as np
from scipy.stats import DegenerateDataWarning, binomtest, bootstrap, rankdata

from ..metrics import expected_calibration_error

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
        for undefined values.
    """
    n, n_classes = probabilities.shape
    classes = np.arange(n_classes)
    is_class = truth[:, np.newaxis] == classes
    is_predicted = predicted[:, np.newaxis] == classes
    calibration_error = partial(expected_calibration_error, labels=classes)
    n_correct = np.sum(truth == predicted)
    return {
        "accuracy": (n_correct / n, *wilson_interval(n_correct, n)),
        "macro F1": _with_interval(macro_f1, is_class, is_predicted),
        "macro AUC": _with_interval(macro_auc, is_class, probabilities),
        "negative log-likelihood": _with_interval(
            partial(np.mean, axis=-1), log_losses(is_class, probabilities)
        ),
        # Noise biases this measure upwards, and a resample is noisier than the original
        # images, so a percentile interval would be too high. The basic bootstrap
        # corrects for this bias.
        "expected calibration error": _with_interval(
            calibration_error, truth, probabilities, method="basic", vectorized=False
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


def bootstrap_interval(measure, *arrays, method="percentile", vectorized=True):
    """Return a bootstrap confidence interval of a measure, with a fixed seed.

    Parameters
    ----------
    measure : callable
        Computes the measure from resampled `arrays`. With ``vectorized=True``, these
        have a first axis of resamples, and the function returns one value for each
        resample.
    *arrays : ndarray of shape (n, ...)
        One entry for each image; n is at least 2.
    method : {"percentile", "basic"}, default="percentile"
        See `scipy.stats.bootstrap`.
    vectorized : bool, default=True
        Whether `measure` accepts many resamples at once.

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
            vectorized=vectorized,
            confidence_level=CONFIDENCE_LEVEL,
            method=method,
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


def _with_interval(measure, *arrays, **options):
    low, high = bootstrap_interval(measure, *arrays, **options)
    # The basic bootstrap can return negative ends, but no measure is negative.
    return float(measure(*arrays)), max(low, 0.0), max(high, 0.0)
