"""Calibrated probabilities, and prediction sets with a guarantee."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ._sklearn_compat import HasMethods, Interval, validate_params
from ._warnings import warn

# Limits of the temperature. Those of real networks are between about 0.5 and 5.
MIN_TEMPERATURE, MAX_TEMPERATURE = 1 / 20, 20.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a classifier learned from images that were not used for training.

    `fit_calibration` of a classifier creates it, and keeps it in `calibration_`.

    Attributes
    ----------
    temperature : float
        The logits of the network are divided by it. Above 1, the probabilities of the
        network were too high; below 1, too low.
    scores : ndarray of shape (n,), dtype float16
        One minus the calibrated probability of the true class, for each calibration
        image: first those of the first class in increasing order, then those of the
        second, and so on.
    counts : ndarray of shape (n_classes,), dtype int64
        Number of calibration images of each class.
    test_time_augmentation : bool
        Whether the classifier used test-time augmentation on the calibration images.
    """

    temperature: float
    scores: np.ndarray
    counts: np.ndarray
    test_time_augmentation: bool

    @property
    def largest_coverage(self):
        """The largest coverage for which there are enough calibration images."""
        n = len(self.scores)
        return n / (n + 1)

    def find_sets(self, probabilities, coverage, *, class_conditional=False):
        """Return the prediction set of each image, see `prediction_sets`.

        Parameters
        ----------
        probabilities : ndarray of shape (n, n_classes)
            What `predict_proba` of the calibrated classifier returns.
        coverage : float
        class_conditional : bool, default=False

        Returns
        -------
        ndarray of bool, of shape (n, n_classes)

        Raises
        ------
        ValueError
            If there are too few calibration images for this coverage.
        """
        groups = [self.scores]
        if class_conditional:
            groups = np.split(self.scores, np.cumsum(self.counts)[:-1])
        limits = _find_limits(groups, coverage)
        sets = _to_scores(probabilities) <= limits
        # The most probable class only adds to the coverage, and an empty set would help
        # nobody.
        sets[np.arange(len(sets)), probabilities.argmax(axis=1)] = True
        return sets


def calibrate(logits, targets, test_time_augmentation):
    """Find the temperature, and the scores of the calibration images.

    Parameters
    ----------
    logits : ndarray of shape (n, n_classes)
        Of the network, not divided by a temperature.
    targets : ndarray of int, of shape (n,)
        The index of the true class of each image.
    test_time_augmentation : bool
        Whether the logits are means over flips and rotations.

    Returns
    -------
    Calibration

    Warns
    -----
    UserWarning
        If all calibration images are classified correctly. The temperature is then 1.
    """
    temperature = _find_temperature(logits, targets)
    proba = softmax(logits / temperature, axis=1)
    scores = _to_scores(proba[np.arange(len(targets)), targets])
    in_order = np.lexsort([scores, targets])
    counts = np.bincount(targets, minlength=logits.shape[1])
    return Calibration(temperature, scores[in_order], counts, test_time_augmentation)


def _to_scores(probabilities):
    # In half precision, since model files hold them. Rounding keeps the order, so the
    # guarantee holds for the rounded scores as well.
    return (1 - probabilities).astype(np.float16)


def _find_temperature(logits, targets):
    if np.array_equal(logits.argmax(axis=1), targets):
        warn(
            f"All {len(targets)} calibration images are classified correctly, so the "
            "temperature cannot be estimated and stays 1. Pass more images."
        )
        return 1.0

    def loss(log_temperature):
        log_proba = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -log_proba[np.arange(len(targets)), targets].mean()

    bounds = np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)
    found = minimize_scalar(
        loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def _find_limits(groups, coverage):
    """Return for each group of scores the largest score that a class in a set has."""
    ranks = [_find_rank(len(group), coverage) for group in groups]
    if any(rank > len(group) for rank, group in zip(ranks, groups, strict=True)):
        got = ", ".join(str(len(group)) for group in groups)
        of_each_class = " of each class" if len(groups) > 1 else ""
        raise ValueError(
            f"Expected at least {_count_needed(coverage)} calibration images"
            f"{of_each_class} for coverage={coverage}, got {got}. Pass more images to "
            "fit_calibration, or lower the coverage."
        )
    return np.array(
        [np.sort(group)[rank - 1] for rank, group in zip(ranks, groups, strict=True)]
    )


def _find_rank(n, coverage):
    # Rounding to 9 decimals removes the error of the product: 0.7 * 10 must be 7, not
    # 7.000000000000001.
    return int(np.ceil(np.round(coverage * (n + 1), 9)))


def _count_needed(coverage):
    n = int(coverage / (1 - coverage))
    while _find_rank(n, coverage) > n:
        n += 1
    return n


@validate_params(
    {
        "classifier": [HasMethods(["predict_proba"])],
        "coverage": [Interval(Real, 0, 1, closed="neither")],
        "class_conditional": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def prediction_sets(classifier, X, *, coverage=0.99, class_conditional=False):
    """Return a set of classes for each image, which usually contains the true class.

    The fraction of images whose set contains the true class is at least `coverage` on
    average, if the images and those of `fit_calibration` are exchangeable: drawn at
    random from the same source. The guarantee needs no assumption about the classifier.
    It does not hold for the images of another microscope, and it says nothing about a
    single image.

    The method is split conformal prediction [1]_ [2]_. The score of a class is one
    minus its probability. A set contains the classes whose score is at most the k-th
    smallest score of the true classes of the n calibration images, where k is
    ``ceil((n + 1) * coverage)``. The most probable class is always in the set.
    Strictly, the guarantee is for scores that do not depend on the calibration images.
    The temperature depends on them, but its effect on the coverage is too small to
    measure.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier
        A fitted classifier with `calibration_`, see `fit_calibration`. The pretrained
        models have one.
    X : array-like
        Images in any form that the classifier accepts.
    coverage : float, default=0.99
        Smallest expected fraction of images whose set contains the true class. It needs
        at least ``coverage / (1 - coverage)`` calibration images: 99 for 0.99, and 999
        for 0.999.
    class_conditional : bool, default=False
        Whether the guarantee holds for the images of each class by themselves. The sets
        are then larger, and that number of calibration images is needed for each class.

    Returns
    -------
    ndarray of bool, of shape (n, n_classes)
        Whether each class is in the set of each image. The columns are in the order of
        `classes_`.

    Raises
    ------
    NotFittedError
        If the classifier is not fitted.
    TypeError, ValueError
        If the images are invalid, if the classifier is not calibrated, if it was
        calibrated with another `test_time_augmentation`, or if there were too few
        calibration images.

    See Also
    --------
    assess : Says which predictions are doubtful.

    References
    ----------
    .. [1] M. Sadinle, J. Lei, L. Wasserman, "Least ambiguous set-valued classifiers
       with bounded error levels", Journal of the American Statistical Association 114,
       2019, https://arxiv.org/abs/1609.00451.
    .. [2] A. Angelopoulos, S. Bates, "Conformal prediction: a gentle introduction",
       Foundations and Trends in Machine Learning 16, 2023, eq. 1,
       https://arxiv.org/abs/2107.07511.

    Examples
    --------
    >>> from skblood import load_bloodmnist_sample, load_pretrained, prediction_sets
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    >>> clf = load_pretrained()
    >>> sets = prediction_sets(clf, X, coverage=0.99)
    >>> sets.shape
    (400, 8)

    Most sets contain one class:

    >>> bool(sets.sum(axis=1).mean() < 1.1)
    True
    """
    calibration = find_calibration(classifier)
    return calibration.find_sets(
        classifier.predict_proba(X), coverage, class_conditional=class_conditional
    )


def find_calibration(classifier):
    """Return the calibration of a classifier, if it holds for its predictions.

    Parameters
    ----------
    classifier : classifier

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If the classifier is not calibrated, or was calibrated with another
        `test_time_augmentation`.
    """
    calibration = getattr(classifier, "calibration_", None)
    if calibration is None:
        raise ValueError(
            "Expected a calibrated classifier, got one without calibration. Call its "
            "method fit_calibration first, with images that were not used for training."
        )
    before = calibration.test_time_augmentation
    now = getattr(classifier, "test_time_augmentation", False)
    if before != now:
        raise ValueError(
            f"Expected a classifier with test_time_augmentation={before}, as when it "
            f"was calibrated, got test_time_augmentation={now}. Call fit_calibration "
            "again."
        )
    return calibration
