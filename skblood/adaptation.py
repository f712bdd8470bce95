"""A classifier for images of another microscope, without labels for them."""

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.validation import check_is_fitted

from ._optical_density import (
    from_optical_density,
    match_densities,
    measure_densities,
    to_optical_density,
)
from ._sklearn_compat import DocumentationLinkMixin, HasMethods, fit_context
from ._warnings import warn

# Number of images that are adapted at the same time.
CHUNK = 1024
# The colours of fewer images say little about a microscope.
FEW_IMAGES = 20


class AdaptedClassifier(
    DocumentationLinkMixin, MetaEstimatorMixin, ClassifierMixin, BaseEstimator
):
    """Classify images of another microscope, adapted to them without labels.

    Stain, light and camera change the colours of all images alike. `fit` compares the
    colours of many images of the new microscope with those of the training images. The
    predictions are those of the classifier for images with matched colours: an affine
    map of the optical densities gives all their pixels together the mean and the
    covariance of the training pixels [1]_.

    .. warning::

        Predictions often become better, but not reliable. On cells of five kinds from
        two other microscopes, the accuracy of "bloodmnist-28-robust" went from .49 and
        .52 to .59 and .48, and to .73 and .59 if only these five classes are allowed
        (``benchmarks/microscopes.py``). `familiarity_` and `assess` therefore still
        compare the unchanged images with the training images, so that images of the new
        microscope stay unfamiliar. Check the predictions with cells that you have
        labelled; with 50 or more labelled cells, fit a classifier to them (see
        `suggest_images`).

    Matching the colours cannot make up for another magnification: first crop the images
    so that a cell takes as much of their width as in the training images (see
    `suggest_crop`). `fit` needs the mixture of cells that is usual in blood, and images
    that show cells. If it gets only one kind of cells, or empty images, the colours
    differ for another reason than the microscope, and the predictions become worse.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier
        A fitted classifier with `familiarity_`, which knows the colours of the training
        images. The pretrained model "bloodmnist-28-robust" suits best. It is not
        changed.
    classes : array-like, default=None
        The classes that can occur in the new images: some of those that the classifier
        knows, at least two. Other classes are not predicted: their cells get one of the
        given classes, often with a high probability. By default, all can occur.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels that are predicted, in the order of those of the classifier.
    density_matrix_ : ndarray of shape (C, C)
    density_shift_ : ndarray of shape (C,)
        An optical density d, from 0 for white to log(255) for black, becomes
        ``density_matrix_ @ d + density_shift_``.
    familiarity_ : FamiliarityDetector
        That of the classifier. It is meant for the unchanged images.
    image_shape_ : tuple (H, W, C)
        Shape of an image.
    n_features_in_ : int
        Number of values in an image, H · W · C.

    See Also
    --------
    assess : Takes this classifier, too.
    skblood.augmentation.RobustAugmentation : Makes a classifier depend less on colours.

    Notes
    -----
    ``sklearn.base.clone`` keeps the fitted classifier. If the classifier is fitted
    again, fit this one again, too. `save_model` and `to_onnx` do not accept it.

    References
    ----------
    .. [1] F. Pitié and A. Kokaram, "The linear Monge-Kantorovitch linear colour mapping
       for example-based colour transfer", CVMP 2007. :doi:`10.1049/cp:20070055`

    Examples
    --------
    >>> from skblood import AdaptedClassifier, load_bloodmnist_sample, load_pretrained
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    >>> bluer = X // [[[2, 2, 1]]]
    >>> clf = load_pretrained()
    >>> clf.score(bluer, y) < 0.6
    True
    >>> AdaptedClassifier(clf).fit(bluer).score(bluer, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "classifier": [HasMethods(["fit_familiarity"])],
        "classes": ["array-like", None],
    }

    def __init__(self, classifier, *, classes=None):
        self.classifier = classifier
        self.classes = classes

    def __sklearn_clone__(self):
        return type(self)(self.classifier, classes=self.classes)

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the colours of the new images.

        Parameters
        ----------
        X : array-like
            Images of the new microscope, in any form that the classifier accepts. More
            than a hundred are best.
        y : None
            Ignored.

        Returns
        -------
        self : object

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If the classifier does not know the colours of its training images, if it
            does not know one of the `classes`, if these are fewer than two, or if the
            images are invalid.
        """
        check_is_fitted(self.classifier)
        known = self._find_classes()
        if self.classifier.pixel_range_ is None:
            raise ValueError(
                "Expected a classifier for images that knows their range of pixel "
                "values, got one whose pixel_range_ is None. Fit it again to images."
            )
        detector = self.classifier.familiarity_
        if detector is None or detector.density_mean_.size == 0:
            raise ValueError(
                "Expected a classifier that knows the colours of its training images, "
                "got one that does not. Call its method fit_familiarity first."
            )
        images = self.classifier._check_new_images(X)
        if len(images) < FEW_IMAGES:
            warn(
                f"Expected at least {FEW_IMAGES} images to learn the colours of a "
                f"microscope, got {len(images)}. With few images, the kinds of the "
                "cells change the colours more than the microscope does.",
                UserWarning,
            )
        self.density_matrix_, self.density_shift_ = match_densities(
            measure_densities(images, self.classifier.pixel_range_),
            (detector.density_mean_, detector.density_covariance_),
        )
        self.classes_ = self.classifier.classes_[known]
        return self

    def _find_classes(self):
        """Return the positions of `classes` among those of the classifier."""
        known = self.classifier.classes_
        if self.classes is None:
            return np.arange(len(known))
        wanted = np.unique(self.classes)
        is_known = np.isin(wanted, known)
        if not is_known.all():
            raise ValueError(
                f"Expected classes that the classifier knows ({known.tolist()}), got "
                f"{wanted[~is_known].tolist()}."
            )
        if len(wanted) < 2:
            raise ValueError(
                f"Expected at least 2 different classes, got {wanted.tolist()}."
            )
        return np.flatnonzero(np.isin(known, wanted))

    def decision_function(self, X):
        """Return the logits of the images.

        Parameters
        ----------
        X : array-like
            Images of the new microscope, in any form that the classifier accepts.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
            float64. With two classes, the logit of the second minus that of the first.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like
            Images of the new microscope, in any form that the classifier accepts.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float64. The columns are in the order of `classes_`.
        """
        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X):
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like
            Images of the new microscope, in any form that the classifier accepts.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float64. The columns are in the order of `classes_`.
        """
        return log_softmax(self._logits(X), axis=1)

    def predict(self, X):
        """Return the most probable label of each image.

        Parameters
        ----------
        X : array-like
            Images of the new microscope, in any form that the classifier accepts.

        Returns
        -------
        ndarray of shape (n,)
            Labels, with values from `classes_`.
        """
        winners = self._logits(X).argmax(axis=1)
        return self.classes_[winners]

    def transform(self, X):
        """Return the embeddings of the images with matched colours.

        Parameters
        ----------
        X : array-like
            Images of the new microscope, in any form that the classifier accepts.

        Returns
        -------
        ndarray of shape (n, n_embedding), dtype float32
        """
        parts = [self.classifier._embed(part) for part in self._match_colours(X)]
        return np.concatenate(parts)

    @property
    def familiarity_(self):
        """The classifier's detector of images that do not resemble its own."""
        return self.classifier.familiarity_

    @property
    def image_shape_(self):
        """Shape (H, W, C) of an image."""
        return self.classifier.image_shape_

    @property
    def n_features_in_(self):
        """Number of values in an image."""
        return self.classifier.n_features_in_

    def _logits(self, X):
        forward = self.classifier._logits_of_images
        parts = [forward(part) for part in self._match_colours(X)]
        used = np.isin(self.classifier.classes_, self.classes_)
        return np.concatenate(parts)[:, used]

    def _match_colours(self, X):
        """Yield the images in parts, with the colours of the training images."""
        check_is_fitted(self)
        images = self.classifier._check_new_images(X)
        pixel_range = self.classifier.pixel_range_
        matrix = torch.from_numpy(self.density_matrix_)
        shift = torch.from_numpy(self.density_shift_)
        for start in range(0, len(images), CHUNK):
            pixels = torch.from_numpy(images[start : start + CHUNK].astype(np.float32))
            density = to_optical_density(pixels, pixel_range)
            density = density @ matrix.to(density).T + shift.to(density)
            yield from_optical_density(density, pixel_range).numpy()
