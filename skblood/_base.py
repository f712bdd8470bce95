"""What both classifiers share: fit, partial_fit, predict."""

import copy
from contextlib import contextmanager, nullcontext
from numbers import Integral, Real

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from skorch.helper import predefined_split

from ._device import resolve_device
from ._images import check_images, is_strip
from ._randomness import draws_in_training, seeded_torch
from ._samples import (
    check_weights,
    encode_labels,
    find_classes,
    split_rows,
    weigh_classes,
)
from ._scaling import learn_scaling
from ._state import PickledAsArrays, load_optimizer_arrays, optimizer_arrays
from ._training import (
    ImageDataset,
    ImageNet,
    count_batches,
    early_stopping_callback,
    one_cycle_callback,
)
from .networks import ScaledNetwork

LARGEST_SEED = 2**31 - 1


class BaseBloodClassifier(
    PickledAsArrays,
    ClassNamePrefixFeaturesOutMixin,
    ClassifierMixin,
    TransformerMixin,
    BaseEstimator,
):
    """A scikit-learn classifier around a torch network that skorch trains.

    A subclass has the parameters, `_network_class_and_options` and `_augmentation`
    that follow from them, and in `_auto_epochs` and `_auto_steps` what
    ``max_epochs="auto"`` stands for.
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
            if not continues:
                self._start(find_classes(counting))
            elif not np.array_equal(find_classes(counting), self.classes_):
                raise ValueError(
                    "warm_start=True continues with the classes of the first fit: "
                    f"classes_={self.classes_.tolist()}, got "
                    f"{np.unique(counting).tolist()}."
                )
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
                    f"first call: {self.classes_.tolist()}."
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

    # -- how fit goes about it ---------------------------------------------------------

    def _start(self, classes):
        """Settle what the first call settles for all that follow."""
        self.classes_ = classes
        self.device_ = str(resolve_device(self.device))
        self.history_ = []
        self._seed = check_random_state(self.random_state).randint(LARGEST_SEED)
        vars(self).pop("net_", None)

    def _training_data(self, images, y, weights, rows):
        codes = encode_labels(y, self.classes_)
        weights = weigh_classes(self.class_weight, self.classes_, codes, weights)
        return ImageDataset(images, codes, weights, rows)

    def _validation_data(self, X_val, y_val):
        if (X_val is None) != (y_val is None):
            given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
            raise ValueError(f"{given} is provided, but {missing} was not provided.")
        if X_val is None:
            return None
        images, y = check_images(self, X_val, y_val, reset=False)
        return ImageDataset(images, encode_labels(y, self.classes_))

    def _split(self, data):
        parts = split_rows(
            data.targets, self.validation_fraction, self.classes_, self._seed
        )
        return [data.subset(part) for part in parts]

    def _count_epochs(self, train):
        if self.max_epochs != "auto":
            return self.max_epochs
        n_batches = count_batches(len(train), self.batch_size)
        return self._auto_epochs + -(-self._auto_steps // n_batches)

    def _train(self, train, valid=None, *, n_epochs, streaming=False):
        """Train a copy of the present network, or a new one, and then keep it.

        `fit` follows a schedule to its end; streaming, `partial_fit` goes on where
        the optimiser was.
        """
        earlier = getattr(self, "net_", None)
        goes_on = streaming and earlier and self._is_mid_stream()
        module = copy.deepcopy(earlier.module_) if earlier else self._new_module(train)
        self._net_options = self._current_net_options()
        net = self._make_net(
            module,
            # Copies: a search fits many clones with the callbacks it was given.
            callbacks=([] if streaming else self._own_callbacks(train, n_epochs))
            + copy.deepcopy(self.callbacks or []),
            max_epochs=n_epochs,
            train_split=predefined_split(valid) if valid else None,
        )
        if goes_on:
            load_optimizer_arrays(net.optimizer_, optimizer_arrays(earlier.optimizer_))
        with self._seeded(module):
            net.partial_fit(train)
        if "train_loss" not in net.history[0]:
            raise KeyboardInterrupt  # skorch returns, but nothing has been learnt
        net.check_convergence(train)
        self.net_ = net
        self._streaming = streaming
        self._record(net.history)

    def _is_mid_stream(self):
        """Tell whether the optimiser's averages are of use to the next partial_fit."""
        return self._streaming and self._net_options["optimizer"] == self.optimizer

    def _new_module(self, train):
        self._scaling = learn_scaling(train, self.scaling)
        self._network = self._network_class_and_options()
        with seeded_torch(self._seed, self.device_):
            return self._make_module()

    def _make_module(self):
        """Build the network of the first fit, whatever the parameters are by now."""
        network_class, options = self._network
        network = network_class(self.image_shape_, len(self.classes_), **options)
        # Strips are small: in double precision a prediction does not move with the
        # other rows of its batch, nor with their order. MPS has no doubles.
        double = is_strip(self.image_shape_) and not self.device_.startswith("mps")
        dtype = torch.float64 if double else torch.float32
        module = ScaledNetwork(network.to(dtype), *self._scaling, dtype)
        return module.to(memory_format=torch.channels_last)

    def _current_net_options(self):
        return {
            "optimizer": self.optimizer,
            "lr": self.lr,
            "batch_size": self.batch_size,
            "weight_decay": self.weight_decay,
            "label_smoothing": self.label_smoothing,
            "verbose": self.verbose,
        }

    def _make_net(self, module, **options):
        """Put a net around a module, by the parameters of the last training."""
        net = ImageNet(
            module,
            augmentation=self._augmentation(),
            seed=(self._seed, len(self.history_)),
            classes=np.arange(len(self.classes_)),
            device=self.device_,
            **self._net_options,
            **options,
        )
        return net.initialize()

    def _own_callbacks(self, train, n_epochs):
        callbacks = []
        if self.lr_schedule == "one_cycle":
            n_steps = n_epochs * count_batches(len(train), self.batch_size)
            callbacks.append(("lr_schedule", one_cycle_callback(n_steps)))
        if self.early_stopping:
            stop = early_stopping_callback(self.n_iter_no_change, self.tol)
            callbacks.append(("early_stopping", stop))
        return callbacks

    def _seeded(self, module):
        if draws_in_training(module.network):
            return seeded_torch(self._seed + len(self.history_), self.device_)
        return nullcontext()

    def _record(self, history):
        n_earlier = len(self.history_)
        self.history_ = self.history_ + [
            {
                **{key: value for key, value in epoch.items() if key != "batches"},
                "epoch": n_earlier + epoch["epoch"],
            }
            for epoch in history
            if "train_loss" in epoch  # an interrupted epoch has none
        ]
        self.loss_curve_ = [epoch["train_loss"] for epoch in self.history_]
        self.n_iter_ = len(self.history_)

    @contextmanager
    def _unchanged_on_error(self):
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
