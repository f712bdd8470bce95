"""What a fitted classifier can do: predictions, and what it learns for them."""

from functools import partial

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import (
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from ._input.images import check_images, check_pixel_range
from ._input.targets import check_kind_of_labels, encode_labels
from .calibration import calibrate
from .familiarity import FamiliarityDetector


class PredictionMixin(
    ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin
):
    """The methods of both classifiers that need a trained network."""

    # -- learned after the training ----------------------------------------------------

    def fit_familiarity(self, X, *, X_val=None, contamination=0.0025):
        """Learn how the training images look, to detect images that look different.

        The result is kept in `familiarity_`, also in pickles and model files, until the
        next call of `fit` or `partial_fit`.

        Parameters
        ----------
        X : array-like
            The training images, or a part of them, in any form that `fit` accepts.
        X_val : array-like, default=None
            Images that were not used for training. They make the rate of false alarms
            more accurate.
        contamination : float, default=0.0025
            Rate of false alarms, see `FamiliarityDetector`.

        Returns
        -------
        self : object
            The classifier. Its predictions do not change.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If the images are invalid, or fewer than 5.

        Examples
        --------
        >>> from skblood import BloodFNNClassifier, load_bloodmnist_sample
        >>> X, y = load_bloodmnist_sample("train", return_X_y=True)
        >>> clf = BloodFNNClassifier(max_epochs=2, random_state=0).fit(X, y)
        >>> clf.fit_familiarity(X).familiarity_.predict(X[:1] // 2)
        array([-1])
        """
        detector = FamiliarityDetector(self, contamination=contamination)
        self._familiarity = detector.fit(X, X_val=X_val)._get_fitted()
        return self

    @property
    def familiarity_(self):
        # The detector refers to the classifier. If the classifier kept it, the memory
        # of both would be freed late, by the garbage collector.
        if self._familiarity is None:
            return None
        return FamiliarityDetector(self)._set_fitted(self._familiarity)

    def fit_calibration(self, X, y):
        """Learn how the probabilities have to change, so that they can be relied on.

        This is temperature scaling [1]_: the logits are divided by the number for which
        the negative log-likelihood of the labels is smallest. Afterwards,
        `predict_proba` returns calibrated probabilities: about 90 % of the predictions
        with a probability of 0.9 are correct. The labels that `predict` returns stay
        the same.
        The result is kept in `calibration_`, also in pickles and model files, until the
        next call of `fit` or `partial_fit`. :func:`~skblood.prediction_sets` uses it.

        Parameters
        ----------
        X : array-like
            Images from the source of the images to predict, in any form that `fit`
            accepts. They must not have been used for training: the probabilities of
            training images are too high. A few hundred are enough.
        y : array-like of shape (n,)
            Labels.

        Returns
        -------
        self : object
            The calibrated classifier.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        TypeError, ValueError
            If the data are invalid, or if a label is not in `classes_`. The classifier
            then stays as it was before the call.

        Warns
        -----
        UserWarning
            If all images are classified correctly, so that the temperature cannot be
            estimated. It is then 1.

        See Also
        --------
        sklearn.calibration.CalibratedClassifierCV : Has the same method, and others.

        References
        ----------
        .. [1] C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017,
           eq. 9, https://arxiv.org/abs/1706.04599.

        Examples
        --------
        >>> from skblood import BloodFNNClassifier, load_bloodmnist_sample
        >>> X, y = load_bloodmnist_sample("train", return_X_y=True)
        >>> clf = BloodFNNClassifier(max_epochs=2, random_state=0).fit(X[:800], y[:800])
        >>> clf.fit_calibration(X[800:], y[800:]).calibration_.temperature > 1
        True
        """
        images = self._check_new_images(X)
        y = column_or_1d(y, warn=True)
        check_consistent_length(images, y)
        targets = encode_labels(y, self.classes_)
        # Only BloodCNNClassifier has this parameter.
        has_views = getattr(self, "test_time_augmentation", False)
        logits = self._network_logits(images)
        self.calibration_ = calibrate(logits, targets, has_views)
        return self

    # -- predictions -------------------------------------------------------------------

    def decision_function(self, X):
        """Return the logits of the images, after `fit_calibration` the calibrated ones.

        Parameters
        ----------
        X : array-like
            Images in any form that `fit` accepts.

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
            Images in any form that `fit` accepts.

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
            Images in any form that `fit` accepts.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float64. The values are finite even where the probability is too small to
            be represented.
        """
        return log_softmax(self._logits(X), axis=1)

    def predict(self, X):
        """Return the most probable label of each image.

        Parameters
        ----------
        X : array-like
            Images in any form that `fit` accepts.

        Returns
        -------
        ndarray of shape (n,)
            Labels, with values from `classes_`.
        """
        winners = self._logits(X).argmax(axis=1)
        return self.classes_[winners]

    def score(self, X, y, sample_weight=None):
        """Return the accuracy: the fraction of labels that are predicted correctly.

        Parameters
        ----------
        X : array-like
            Images in any form that `fit` accepts.
        y : array-like of shape (n,)
            True labels.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If X is invalid, or if the labels are numbers and `classes_` are names.
        """
        check_is_fitted(self)
        check_kind_of_labels(y, self.classes_)
        return super().score(X, y, sample_weight)

    def transform(self, X):
        """Return the embeddings: the input of the network's last layer.

        Parameters
        ----------
        X : array-like
            Images in any form that `fit` accepts.

        Returns
        -------
        ndarray of shape (n, n_embedding)
            In the dtype of X if that is float32 or float64, else float32.

        Raises
        ------
        TypeError
            If the network has no method ``embed``.
        """
        images = self._check_new_images(X)
        dtype = images.dtype if images.dtype in (np.float32, np.float64) else np.float32
        return self._embed(images).astype(dtype, copy=False)

    @property
    def _n_features_out(self):
        one_image = np.zeros((1, *self.image_shape_), dtype=np.uint8)
        return self._embed(one_image).shape[1]

    def _logits(self, X):
        return self._logits_of_images(self._check_new_images(X))

    def _logits_of_images(self, images):
        logits = self._network_logits(images)
        return logits / self.calibration_.temperature if self.calibration_ else logits

    def _network_logits(self, images):
        forward = partial(self.net_.module_, views=self._resolve_views())
        logits = self.net_.predict_batches(
            images, forward, self._resolve_prediction_precision()
        )
        return logits.astype(np.float64)

    def _resolve_views(self):
        """Return the function for test-time augmentation, or None if it is off."""
        return None

    def _resolve_prediction_precision(self):
        """Return the number format of predictions; "float32" is that of the network."""
        return "float32"

    def _embed(self, images):
        if not self._has_embeddings():
            raise TypeError(
                "transform needs a network with a method embed(images), which "
                f"{type(self.net_.module_.network).__name__} does not have."
            )
        return self.net_.predict_batches(images, self.net_.module_.embed)

    def _has_embeddings(self):
        return hasattr(self.net_.module_.network, "embed")

    def _embed_or_logits(self, images):
        """Return embeddings, or logits if the network has no embeddings."""
        module = self.net_.module_
        forward = module.embed if self._has_embeddings() else module
        return self.net_.predict_batches(images, forward)

    def _check_new_images(self, X):
        check_is_fitted(self)
        images = check_images(self, X, reset=False)
        check_pixel_range(self, images, self.pixel_range_)
        return images
