"""What both classifiers share: fit, partial_fit, predict."""

from numbers import Integral, Real

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._fitting import FitsNetwork
from ._images import check_images
from ._samples import check_weights, find_classes
from ._state import PickledAsArrays


class BaseBloodClassifier(
    FitsNetwork,
    PickledAsArrays,
    ClassNamePrefixFeaturesOutMixin,
    ClassifierMixin,
    TransformerMixin,
    BaseEstimator,
):
    """A scikit-learn classifier around a torch network that skorch trains.

    A subclass has the parameters, and what `FitsNetwork` asks for.
    """

    _parameter_constraints: dict = {
        "max_epochs": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "optimizer": [StrOptions({"muon", "adamw", "adam", "sgd"}), type],
        "lr_schedule": [StrOptions({"one_cycle", "constant"})],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "scaling": [StrOptions({"standard", "minmax"})],
        "image_shape": [None, "array-like"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "device": [str],
        "callbacks": [None, list],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None):
        """Fit the network to images and their labels.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, C, H, W), (n, H, W) or (n, H * W * C)
            Images of one or three channels, in any numeric dtype; or the images
            flattened to rows. uint8 images are not copied.
        y : array-like of shape (n,)
            Labels.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights. A sample of weight 0 is as good as absent.
        X_val : array-like, default=None
            Images in any form that `X` can have. Their loss and accuracy after each
            epoch stand in `history_`; with ``early_stopping=True`` they decide.
        y_val : array-like of shape (n_val,), default=None
            Labels of `X_val`.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If the data or the parameters do not fit the contract. What was fitted
            before then stays as it was.
        """
        with self._unchanged_on_error():
            continues = self.warm_start and hasattr(self, "net_")
            images, y = check_images(self, X, y, reset=not continues)
            rows, weights = check_weights(sample_weight, images)
            counting = y if rows is None else y[rows]
            classes = find_classes(counting)
            if not continues:
                self._start(classes)
            elif not np.array_equal(classes, self.classes_):
                self._start_other_classes(classes)
            train = self._training_data(images, counting, weights, rows)
            train.normalize_weights()
            valid = self._validation_data(X_val, y_val)
            if self.early_stopping and valid is None:
                train, valid = self._split(train)
            self._train(train, valid, n_epochs=self._count_epochs(train))
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on a part of the data, at a constant learning rate.

        A stream has no end that a schedule could lead to; a tenth of the `lr` that
        suits `fit` is a good start. The first call, unless `fit` came before, learns
        the scaling of the pixels.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, C, H, W), (n, H, W) or (n, H * W * C)
            Images, as in `fit`.
        y : array-like of shape (n,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; required in the first call.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights. Unlike in `fit`, they are taken as they are: a part
            of mean weight 2 takes steps of twice the loss.

        Returns
        -------
        self : object
            The classifier after one more epoch.

        Raises
        ------
        ValueError
            If the data do not fit the contract or a label is not in `classes`. What
            was learnt before then stays as it was.
        """
        with self._unchanged_on_error():
            first = not hasattr(self, "net_")
            if first and classes is None:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit."
                )
            if self.class_weight == "balanced":
                raise ValueError(
                    "class_weight='balanced' is not supported by partial_fit, which "
                    "does not see all samples. Pass the weights as a dict."
                )
            images, y = check_images(self, X, y, reset=first)
            rows, weights = check_weights(sample_weight, images)
            if first:
                self._start(find_classes(np.asarray(classes)))
            elif classes is not None and not np.array_equal(
                np.unique(classes), self.classes_
            ):
                raise ValueError(
                    f"classes={np.unique(classes).tolist()} is not the same as in the "
                    f"first call: {self.classes_.tolist()}. To learn other classes "
                    "with the features that are there, use fit and warm_start=True."
                )
            counting = y if rows is None else y[rows]
            train = self._training_data(images, counting, weights, rows)
            self._train(train, n_epochs=1, streaming=True)
        return self

    def decision_function(self, X):
        """Return the logits of the images.

        Parameters
        ----------
        X : array-like
            Images in any form that `fit` accepts.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
            float64. Of two classes, the logit of the second.
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
            float64, in the order of `classes_`.
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
            float64, finite where `predict_proba` is too small for a float.
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
            Labels out of `classes_`.
        """
        winners = self._logits(X).argmax(axis=1)
        return self.classes_[winners]

    def transform(self, X):
        """Return the embeddings: what the network's last layer sees of each image.

        Parameters
        ----------
        X : array-like
            Images in any form that `fit` accepts.

        Returns
        -------
        ndarray of shape (n, n_embedding)
            In the dtype of X if that is a float of 32 or 64 bits, else float32.
        """
        images = self._check_new_images(X)
        dtype = images.dtype if images.dtype in (np.float32, np.float64) else np.float32
        return self._embed(images).astype(dtype, copy=False)

    @property
    def _n_features_out(self):
        one_image = np.zeros((1, *self.image_shape_), dtype=np.uint8)
        return self._embed(one_image).shape[1]

    def _logits(self, X):
        images = self._check_new_images(X)
        return self.net_.infer_all(images, self._infer_logits).astype(np.float64)

    def _infer_logits(self, images):
        """Return the logits of one batch of images as they are stored."""
        return self.net_.module_(images)

    def _embed(self, images):
        module = self.net_.module_
        if not hasattr(module.network, "embed"):
            raise TypeError(
                "transform needs a network with a method embed(images), which "
                f"{type(module.network).__name__} does not have."
            )
        return self.net_.infer_all(images, module.embed)

    def _check_new_images(self, X):
        check_is_fitted(self)
        return check_images(self, X, reset=False)
