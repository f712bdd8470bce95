"""An outlier detector around a fitted classifier."""

import warnings
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.cluster import MiniBatchKMeans
from sklearn.covariance import LedoitWolf
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted

from .._input.images import is_tabular
from .._optical_density import measure_densities
from .._sklearn_compat import (
    DocumentationLinkMixin,
    HasMethods,
    Interval,
    fit_context,
)
from ._appearance import measure_appearance, measure_cell_radius

MAX_IMAGES = 12_000
# Number of images from which colours and cell size are measured.
N_STAIN_IMAGES = 2048
N_PROTOTYPES = 256
# Limit for the values of all prototypes, so that long embeddings do not make large
# model files.
MAX_VALUES = 2**16
# The similarity to the training images is the mean similarity to so many prototypes.
N_NEAREST = 3
N_FOLDS = 5
# The fractions of the allowed false alarms that the two tests may cause. A larger part
# for the appearance finds more images with slightly other colours. Unknown kinds of
# cells fail only the other test, so a larger part makes them less distinct.
CONTENT_PART, APPEARANCE_PART = 0.75, 0.25
# A standard deviation below this value is taken for that of a constant measure.
MIN_STD = 1e-4
FITTED = (
    "prototypes_",
    "appearance_mean_",
    "appearance_precision_",
    "density_mean_",
    "density_covariance_",
    "content_scores_",
    "appearance_scores_",
    "reference_scores_",
)

# Colours and size are not known for classifiers without a pixel range, and for models
# that were saved before they were learned.
UNKNOWN_COLORS_AND_SIZE = {
    "density_mean_": np.empty(0),
    "density_covariance_": np.empty((0, 0)),
    "cell_radius_": None,
}


class FamiliarityDetector(DocumentationLinkMixin, OutlierMixin, BaseEstimator):
    """Detect images that do not resemble the images a classifier was trained on.

    A classifier gives every image one of its classes, often with a probability close to
    1, even if the image shows something that was not in its training data. This
    detector finds such images: images of another microscope or stain, blurred or empty
    images, and, less reliably, kinds of cells that the classifier does not know.

    It combines two tests. The first compares the embedding of an image with those of
    the training images: it is the mean cosine similarity to the three nearest of up to
    256 prototypes, which are cluster centres of the training images' embeddings [1]_.
    If a network of your own has no embeddings, its logits are used.
    The second is the Mahalanobis distance of the image's colours and local contrast
    from those of the training images, with a shrunk covariance [2]_ [3]_. Both are
    compared with their values for reference images.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier
        The fitted classifier. It is not changed.
    contamination : float, default=0.0025
        Fraction of the reference images that `predict` calls outliers, from 0 to 0.5:
        about the rate of false alarms. With n < 400 reference images and the default
        value, the rate is up to about 2 / n: an image is called an outlier if it
        scores lower than all reference images in one of the two tests. The detector of
        a classifier's `familiarity_` is made anew at each access; to change its
        `contamination`, call `fit_familiarity` again.

    Attributes
    ----------
    prototypes_ : ndarray of shape (n_prototypes, n_embedding), dtype float16
        Cluster centres of the embeddings, scaled to a length of 1.
    appearance_mean_ : ndarray of shape (n_measures,)
        Mean of the colour and contrast measures. Empty for tabular input.
    appearance_precision_ : ndarray of shape (n_measures, n_measures)
        Inverse of their covariance.
    density_mean_ : ndarray of shape (C,)
        Mean optical density of the training pixels, from 0 for white to log(255) for
        black. It does not affect the familiarity; `AdaptedClassifier` uses it. Empty if
        the classifier has no `pixel_range_`.
    density_covariance_ : ndarray of shape (C, C)
        Covariance of the optical densities of the training pixels.
    cell_radius_ : float or None
        How large the cells in the middle of the training images are, as a fraction of
        the shorter side; `suggest_crop` uses it. None if it could not be measured.
    content_scores_, appearance_scores_ : ndarray of shape (n_reference,)
        Sorted scores of the reference images in both tests.
    reference_scores_ : ndarray of shape (n_reference,)
        Their sorted combined scores.
    offset_ : float
        `decision_function` is `score_samples` minus this value.

    See Also
    --------
    BloodCNNClassifier.fit_familiarity : Fits a detector and keeps it with a classifier,
        also in model files.
    assess : Predictions of a classifier and what can be said against them.

    Notes
    -----
    ``sklearn.base.clone`` keeps the fitted classifier. If the classifier is fitted
    again, fit the detector again, too.

    References
    ----------
    .. [1] Y. Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors",
       ICML 2022, arXiv:2204.06507.
    .. [2] K. Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution
       Samples and Adversarial Attacks", NeurIPS 2018, arXiv:1807.03888.
    .. [3] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional
       covariance matrices", Journal of Multivariate Analysis 88(2):365-411, 2004.

    Examples
    --------
    >>> from skblood import FamiliarityDetector, load_bloodmnist_sample, load_pretrained
    >>> X_train, _ = load_bloodmnist_sample("train", return_X_y=True)
    >>> X_test, _ = load_bloodmnist_sample("test", return_X_y=True)
    >>> detector = FamiliarityDetector(load_pretrained()).fit(X_train)
    >>> darker = X_test // 2
    >>> detector.predict(darker[:3])
    array([-1, -1, -1])
    >>> bool((detector.predict(X_test) == 1).mean() > 0.98)
    True
    """

    _parameter_constraints: dict = {
        "classifier": [HasMethods(["fit_familiarity"])],
        "contamination": [Interval(Real, 0, 0.5, closed="both")],
    }

    def __init__(self, classifier, *, contamination=0.0025):
        self.classifier = classifier
        self.contamination = contamination

    def __sklearn_clone__(self):
        return type(self)(self.classifier, contamination=self.contamination)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "reference_scores_")

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, X_val=None):
        """Learn how the training images look.

        Parameters
        ----------
        X : array-like
            Images that the classifier was trained on, or a part of them, in any form
            that the classifier accepts. At most 12,000 random images are used.
        y : None
            Ignored.
        X_val : array-like, default=None
            Reference images that were not used for training. They make `contamination`
            more accurate. By default, the reference scores come from `X`, by
            cross-validation with 5 folds; new images are then called outliers more
            often than `contamination` says, because the classifier knows `X`.

        Returns
        -------
        self : object

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If `X` or `X_val` has fewer than 5 images, or if the images are invalid.
        """
        check_is_fitted(self.classifier)
        images = self.classifier._check_new_images(X)
        if len(images) < N_FOLDS:
            raise ValueError(
                f"Expected at least {N_FOLDS} images to learn what is familiar, got "
                f"{len(images)}."
            )
        reference = None if X_val is None else self.classifier._check_new_images(X_val)
        if reference is not None and len(reference) < N_FOLDS:
            raise ValueError(
                f"Expected at least {N_FOLDS} reference images in X_val, got "
                f"{len(reference)}."
            )
        chosen = np.random.default_rng(0).permutation(len(images))[:MAX_IMAGES]
        features = self._features(images[chosen])
        fitted = _learn(features) | self._measure_colors_and_size(
            images[chosen[:N_STAIN_IMAGES]]
        )
        if reference is None:
            scores = _cross_validated_scores(features)
        else:
            scores = _scores(fitted, self._features(reference))
        fitted["content_scores_"], fitted["appearance_scores_"] = np.sort(scores)
        fitted["reference_scores_"] = np.sort(_combine(fitted, scores))
        return self._set_fitted(fitted)

    def score_samples(self, X):
        """Return how familiar each image is, in percent.

        Parameters
        ----------
        X : array-like
            Images in any form that the classifier accepts.

        Returns
        -------
        ndarray of shape (n,)
            Percentage of the reference images that are at most as familiar, from 0 to
            100. For images like the training images, all values are equally frequent.
            At 0, the image is less familiar than all reference images.
        """
        check_is_fitted(self)
        fitted = vars(self)
        images = self.classifier._check_new_images(X)
        combined = _combine(fitted, _scores(fitted, self._features(images)))
        # In float64, as in files of earlier versions, scores that are equal to those of
        # reference images would differ from them by rounding.
        reference = self.reference_scores_.astype(np.float32)
        return 100 * _fraction_at_most(reference, combined)

    def decision_function(self, X):
        """Return `score_samples` minus `offset_`: negative values are outliers.

        Parameters
        ----------
        X : array-like
            Images in any form that the classifier accepts.

        Returns
        -------
        ndarray of shape (n,)
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Return 1 for images that resemble the training images, and -1 for outliers.

        Parameters
        ----------
        X : array-like
            Images in any form that the classifier accepts.

        Returns
        -------
        ndarray of shape (n,), dtype int64
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    @property
    def offset_(self):
        # Without a positive offset, no image could be an outlier.
        return max(100 * self.contamination, np.finfo(float).tiny)

    def _features(self, images):
        """Return the embeddings of images, and measures of their appearance."""
        embeddings = self.classifier._embed_or_logits(images)
        return _directions(embeddings), self._measure_appearance(images)

    def _measure_appearance(self, images):
        if is_tabular(images.shape[1:]):
            return np.empty((len(images), 0))
        spec = self.classifier._network_spec
        return measure_appearance(images, spec.center, spec.scale)

    def _measure_colors_and_size(self, images):
        if self.classifier.pixel_range_ is None:
            return UNKNOWN_COLORS_AND_SIZE
        mean, covariance = measure_densities(images, self.classifier.pixel_range_)
        return {
            "density_mean_": mean,
            "density_covariance_": covariance,
            "cell_radius_": measure_cell_radius(images, self.classifier.pixel_range_),
        }

    def _get_fitted(self):
        """Return `contamination` and the fitted attributes."""
        names = ("contamination", "cell_radius_", *FITTED)
        return {name: getattr(self, name) for name in names}

    def _set_fitted(self, fitted):
        """Take over what `_get_fitted` of another detector returned."""
        vars(self).update(UNKNOWN_COLORS_AND_SIZE | fitted)
        return self


def _directions(embeddings):
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return (embeddings / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(
        np.float32
    )


def _learn(features):
    """Return the prototypes, and mean and precision of the appearance."""
    directions, appearance = features
    n_images, n_embedding = directions.shape
    # At most half as many clusters as images, so that a prototype stands for several.
    n_clusters = max(1, min(N_PROTOTYPES, n_images // 2, MAX_VALUES // n_embedding))
    kmeans = MiniBatchKMeans(n_clusters, n_init=1, random_state=0, batch_size=2048)
    with warnings.catch_warnings():
        # Identical images give fewer clusters than asked for, which does no harm.
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans.fit(directions)
    fitted = {
        "prototypes_": _directions(kmeans.cluster_centers_).astype(np.float16),
        "appearance_mean_": appearance.mean(axis=0),
        "appearance_precision_": np.zeros((0, 0)),
    }
    if appearance.shape[1]:
        std = np.maximum(appearance.std(axis=0), MIN_STD)
        standardized = (appearance - fitted["appearance_mean_"]) / std
        precision = LedoitWolf(assume_centered=True).fit(standardized).precision_
        fitted["appearance_precision_"] = precision / np.outer(std, std)
    return fitted


def _scores(fitted, features):
    """Return the scores in both tests, of shape (2, n): the higher, the more alike."""
    directions, appearance = features
    similarity = directions @ fitted["prototypes_"].astype(np.float32).T
    content = np.sort(similarity, axis=1)[:, -N_NEAREST:].mean(axis=1)
    deviation = appearance - fitted["appearance_mean_"]
    distance = ((deviation @ fitted["appearance_precision_"]) * deviation).sum(axis=1)
    return np.array([content, -distance], dtype=np.float32)


def cross_validate(features):
    """Return how familiar each image is, compared with all others, in percent.

    Parameters
    ----------
    features : tuple of ndarray
        Embeddings with a length of 1, and measures of the appearance, of n images.

    Returns
    -------
    ndarray of shape (n,)
        Percentage of the images that are at most as familiar. Each image is scored by
        a detector that has not seen it.
    """
    scores = _cross_validated_scores(features)
    reference = dict(
        zip(("content_scores_", "appearance_scores_"), np.sort(scores), strict=True)
    )
    combined = _combine(reference, scores)
    return 100 * _fraction_at_most(np.sort(combined), combined)


def _cross_validated_scores(features):
    scores = np.empty((2, len(features[0])), np.float32)
    folds = KFold(N_FOLDS, shuffle=True, random_state=0).split(features[0])
    for others, part in folds:
        fitted = _learn(tuple(values[others] for values in features))
        scores[:, part] = _scores(fitted, tuple(values[part] for values in features))
    return scores


def _combine(fitted, scores):
    """Return one score from both: the smaller of two weighted fractions.

    This is Bonferroni's correction for two tests with different parts of the error
    rate.
    """
    content, appearance = scores
    combined = np.minimum(
        _fraction_at_most(fitted["content_scores_"], content) / CONTENT_PART,
        _fraction_at_most(fitted["appearance_scores_"], appearance) / APPEARANCE_PART,
    )
    return combined.astype(np.float32)


def _fraction_at_most(sorted_values, values):
    """Return for each value the fraction of the sorted values that are not larger."""
    return np.searchsorted(sorted_values, values, side="right") / len(sorted_values)
