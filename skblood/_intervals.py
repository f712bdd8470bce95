"""What is measured on test images, with confidence intervals.

The macro measures here take arrays with any number of axes before the last two, images
and classes, so that many resamples of a bootstrap are measured at once: in a loop over
scikit-learn's functions, they take several times as long.
"""

import warnings
from functools import partial

import numpy as np
from scipy.stats import DegenerateDataWarning, binomtest, bootstrap, rankdata

from .metrics import expected_calibration_error

CONFIDENCE_LEVEL = 0.95
N_RESAMPLES = 1_000
# Numbers that are resampled at a time; more would only take more memory.
BATCH_NUMBERS = 1_000_000


def measure(truth, predicted, probabilities):
    """Return the measures of a classifier over all classes.

    Parameters
    ----------
    truth, predicted : ndarray of int, of shape (n,)
        Indices of the classes.
    probabilities : ndarray of shape (n, n_classes)

    Returns
    -------
    dict of str to (value, low, high)
        Of each measure, with its interval. NaN where it is not defined.
    """
    n, n_classes = probabilities.shape
    classes = np.arange(n_classes)
    is_class = truth[:, np.newaxis] == classes
    is_predicted = predicted[:, np.newaxis] == classes
    calibration_error = partial(expected_calibration_error, labels=classes)
    n_right = np.sum(truth == predicted)
    return {
        "accuracy": (n_right / n, *share_interval(n_right, n)),
        "macro F1": _with_interval(macro_f1, is_class, is_predicted),
        "macro AUC": _with_interval(macro_auc, is_class, probabilities),
        "negative log-likelihood": _with_interval(
            partial(np.mean, axis=-1), log_losses(is_class, probabilities)
        ),
        # Noise adds to it, and a resample has more noise: percentiles lie too high.
        "expected calibration error": _with_interval(
            calibration_error, truth, probabilities, method="basic", vectorized=False
        ),
    }


def share_interval(n_hits, n):
    """Return Wilson's interval for a share, n_hits of n.

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
    """Return the interval of a bootstrap over images, drawn from a fixed seed.

    Parameters
    ----------
    measure : callable
        Takes as many arrays as are given. With ``vectorized=True`` they have an axis of
        resamples in front, and it returns an array with a value for each.
    *arrays : ndarray of shape (n, ...)
        What is known of each image; n is at least 2.
    method : {"percentile", "basic"}
        See `scipy.stats.bootstrap`.
    vectorized : bool

    Returns
    -------
    low, high : float
        NaN if the measure of some resample is.
    """

    def measure_rows(rows, axis=-1):
        return measure(*(array[rows] for array in arrays))

    with warnings.catch_warnings():
        # NaN, as promised.
        warnings.simplefilter("ignore", DegenerateDataWarning)
        result = bootstrap(
            (np.arange(len(arrays[0])),),
            measure_rows,
            n_resamples=N_RESAMPLES,
            batch=max(1, BATCH_NUMBERS // max(array.size for array in arrays)),
            vectorized=vectorized,
            confidence_level=CONFIDENCE_LEVEL,
            method=method,
            rng=np.random.default_rng(0),
        )
    return tuple(result.confidence_interval)


def macro_f1(is_class, is_predicted):
    """Return the mean F1 of the classes that occur, as truth or as prediction.

    Parameters
    ----------
    is_class, is_predicted : ndarray of bool, of shape (..., n, n_classes)

    Returns
    -------
    ndarray of shape (...)
    """
    n_hits = (is_class & is_predicted).sum(axis=-2)
    n_both = is_class.sum(axis=-2) + is_predicted.sum(axis=-2)
    return np.mean(2 * n_hits / np.maximum(n_both, 1), axis=-1, where=n_both > 0)


def macro_auc(is_class, probabilities):
    """Return the mean area under the ROC curves of the classes that occur.

    Each class is held against the rest. The area is Mann and Whitney's U as a share of
    all pairs, which needs ranks and no curve.

    Parameters
    ----------
    is_class : ndarray of bool, of shape (..., n, n_classes)
    probabilities : ndarray of shape (..., n, n_classes)

    Returns
    -------
    ndarray of shape (...)
        NaN where one class alone occurs.
    """
    n_inside = is_class.sum(axis=-2)
    n_pairs = n_inside * (is_class.shape[-2] - n_inside)
    rank_sums = (rankdata(probabilities, axis=-2) * is_class).sum(axis=-2)
    u = rank_sums - n_inside * (n_inside + 1) / 2
    with np.errstate(invalid="ignore"):
        return np.mean(u / n_pairs, axis=-1, where=n_inside > 0)


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
    # The same bound as in `sklearn.metrics.log_loss`.
    smallest = np.finfo(probabilities.dtype).eps
    return -np.log(probabilities[is_class].clip(smallest))


def _with_interval(measure, *arrays, **options):
    low, high = bootstrap_interval(measure, *arrays, **options)
    # The basic bootstrap reaches below what there can be.
    return float(measure(*arrays)), max(low, 0.0), max(high, 0.0)
