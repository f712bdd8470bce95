"""What both classifiers share: their parameters, fit and partial_fit."""

import copy
from contextlib import contextmanager
from functools import partial
from inspect import signature
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from . import _distributed
from ._input.images import check_images, check_pixel_range
from ._input.targets import (
    apply_class_weight,
    drop_zero_weights,
    encode_labels,
    find_classes,
    split_indices,
    warn_of_missing_classes,
)
from ._predictions import PredictionMixin
from ._runtime.hardware import resolve_device
from ._sklearn_compat import (
    DocumentationLinkMixin,
    Interval,
    StrOptions,
    fit_context,
)
from ._training.arrays import optimizer_arrays
from ._training.batches import ImageDataset, count_batches
from ._training.distillation import Teachers, check_teachers
from ._training.fit import (
    build_network,
    copy_as_trained,
    replace_output_layer,
    train_network,
)
from ._training.history import (
    count_steps,
    finished_epochs,
    warn_of_interruption,
)
from ._training.scaling import find_pixel_range, fit_scaling
from ._training.sklearn_callbacks import (
    RUNNING,
    CallbackSupportMixin,
    EpochTasks,
    FitTask,
)
from ._training.spec import NetworkSpec, TrainingSpec, resolve_dtype
from ._training.state import pack_state, unpack_state, versions, warn_of_versions

LARGEST_SEED = 2**31 - 1


class BaseBloodClassifier(
    CallbackSupportMixin,
    DocumentationLinkMixin,
    PredictionMixin,
    BaseEstimator,
):
    """A scikit-learn classifier around a torch network that skorch trains.

    A subclass declares the parameters, implements `_resolve_network`, and sets
    `_auto_epochs` and `_auto_steps`, from which ``max_epochs="auto"`` is computed.
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

    # -- training ----------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, teachers=None):
        """Fit the network to images and their labels.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, C, H, W), (n, H, W) or (n, H * W * C)
            Images with one or three channels in any numeric dtype, or images flattened
            to rows. Contiguous uint8 images with the channels last are not copied.
            Those of a :class:`~skblood.datasets.LazyImages` stay on the disk.
        y : array-like of shape (n,)
            Labels.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights. Samples of weight 0 are ignored.
        X_val : array-like, default=None
            Validation images, in any form that `X` can have. Their loss and accuracy
            after each epoch are kept in `history_`. With ``early_stopping=True`` they
            are used instead of a part of `X`.
        y_val : array-like of shape (n_val,), default=None
            Labels of `X_val`.
        teachers : list of classifiers, default=None
            Fitted classifiers of skblood for images of this shape and these classes,
            from which this one learns (knowledge distillation [1]_). Half of each
            training target is then the mean of the probabilities that they predict
            for the transformed image, without test-time augmentation. The classifier
            does not keep them. Do not test it on their training images.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        TypeError, ValueError
            If a parameter or the data are invalid, or if training diverges. The
            classifier then stays as it was before the call. In several processes of
            ``torch.distributed``, also if their data or parameters differ.
        RuntimeError
            If another process of ``torch.distributed`` ends during the training. The
            classifier then stays as it was before the call.
        KeyboardInterrupt
            If the training is interrupted with Ctrl-C. The classifier is then fitted as
            far as the last epoch that was finished, and a warning says so. If no epoch
            was finished, it stays as it was before the call.

        References
        ----------
        .. [1] Beyer et al., "Knowledge Distillation: A Good Teacher Is Patient and
           Consistent", CVPR 2022, arXiv:2106.05237.
        """
        with self._unchanged_on_error():
            # Check the input.
            continues = self.warm_start and hasattr(self, "net_")
            images, labels = check_images(self, X, y, reset=not continues)
            labels, weights, indices = drop_zero_weights(sample_weight, labels)
            classes = find_classes(labels)
            same_classes = continues and np.array_equal(classes, self.classes_)
            device = self.device_ if continues else str(resolve_device(self.device))
            if teachers is not None:
                check_teachers(
                    teachers, classes, self.image_shape_, BaseBloodClassifier
                )
            seed = self._training_spec.seed if same_classes else self._draw_seed()
            train = self._make_dataset(images, labels, weights, indices, classes)
            train.normalize_weights()
            valid = self._check_validation_data(X_val, y_val, classes)
            if self.early_stopping and valid is None:
                train, valid = self._split(train, classes, seed)

            # Resolve the parameters.
            earlier = self.history_ if same_classes else []
            network = (
                self._network_spec
                if continues
                else self._make_network_spec(train, device)
            )
            training = self._make_training_spec(
                network,
                train,
                n_classes=len(classes),
                device=device,
                seed=seed,
                n_earlier_epochs=len(earlier),
                n_earlier_steps=count_steps(earlier),
                max_epochs=self._count_epochs(len(train)),
                lr_schedule=self.lr_schedule,
                patience=self.n_iter_no_change if self.early_stopping else None,
                tol=self.tol,
                # With early stopping, the length of the training is not known. A warm
                # start continues with the images on which the network predicts.
                resizing=None
                if continues or self.early_stopping
                else self._resolve_resizing(),
            )
            check_pixel_range(self, images, network.pixel_range)
            for teacher in teachers or ():
                check_pixel_range(teacher, images, teacher.pixel_range_)
            if valid is not None:
                check_pixel_range(self, valid.images, network.pixel_range)

            # Train.
            fitted_attributes = partial(
                self._fitted_attributes, network, training, classes, earlier
            )
            task = FitTask(self, X, y, sample_weight, training.max_epochs)
            epochs = EpochTasks(
                task,
                lambda net: fitted_attributes(copy_as_trained(net, training, train)),
            )
            if same_classes:
                module = copy.deepcopy(self.net_.module_)
            elif continues:
                warn_of_missing_classes(classes, self.classes_)
                module = replace_output_layer(
                    self.net_.module_, network, len(classes), seed, device
                )
            else:
                module = build_network(network, len(classes), seed, device)
            net = train_network(
                module,
                training,
                train,
                valid,
                callbacks=[epochs],
                teachers=teachers and Teachers(teachers, network, device),
            )

            # Keep the result.
            vars(self).update(fitted_attributes(net))
            task.end()
        if net.was_interrupted_:
            warn_of_interruption(self.n_iter_ - len(earlier), training.max_epochs)
            # A search ends here too. Otherwise it would score an unfinished classifier.
            raise KeyboardInterrupt
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on a part of the data, at a constant learning rate.

        The number of calls is not known in advance, so there is no learning rate
        schedule. A tenth of the `lr` that suits `fit` is a good start. The first call
        computes the scaling of the pixels, unless `fit` was called before.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, C, H, W), (n, H, W) or (n, H * W * C)
            Images, as in `fit`.
        y : array-like of shape (n,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that can occur in any call. Required in the first call, unless
            the classifier is already fitted.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights. Unlike in `fit`, they are not scaled: weights with a
            mean of 2 double the loss.

        Returns
        -------
        self : object
            The classifier after one more epoch.

        Raises
        ------
        TypeError, ValueError
            If a parameter or the data are invalid, or if a label is not in `classes`.
            The classifier then stays as it was before the call.
        """
        with self._unchanged_on_error():
            # Check the input.
            is_first = not hasattr(self, "net_")
            self._check_partial_fit(classes, is_first)
            images, y = check_images(self, X, y, reset=is_first)
            y, weights, indices = drop_zero_weights(sample_weight, y)
            classes = self._resolve_classes(classes, is_first)
            device = str(resolve_device(self.device)) if is_first else self.device_
            seed = self._draw_seed() if is_first else self._training_spec.seed
            train = self._make_dataset(images, y, weights, indices, classes)

            # Resolve the parameters.
            earlier = [] if is_first else self.history_
            network = (
                self._make_network_spec(train, device)
                if is_first
                else self._network_spec
            )
            training = self._make_training_spec(
                network,
                train,
                n_classes=len(classes),
                device=device,
                seed=seed,
                n_earlier_epochs=len(earlier),
                n_earlier_steps=count_steps(earlier),
                streaming=True,
            )
            check_pixel_range(self, images, network.pixel_range)

            # Train.
            optimizer_state = None
            if is_first:
                module = build_network(network, len(classes), seed, device)
            else:
                module = copy.deepcopy(self.net_.module_)
                last = self._training_spec
                if last.streaming and last.optimizer == self.optimizer:
                    optimizer_state = optimizer_arrays(self.net_.optimizer_)
            net = train_network(
                module, training, train, optimizer_state=optimizer_state
            )

            # Keep the result.
            vars(self).update(
                self._fitted_attributes(network, training, classes, earlier, net)
            )
        return self

    @contextmanager
    def _unchanged_on_error(self):
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            running = {name: vars(self)[name] for name in RUNNING if name in vars(self)}
            vars(self).clear()
            vars(self).update(before | running)
            raise

    def _check_partial_fit(self, classes, is_first):
        if is_first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which does "
                "not see all samples. Pass the weights as a dict."
            )

    def _resolve_classes(self, classes, is_first):
        if is_first:
            return find_classes(np.asarray(classes))
        if classes is not None and not np.array_equal(
            np.unique(classes), self.classes_
        ):
            raise ValueError(
                f"classes={np.unique(classes).tolist()} is not the same as in earlier "
                f"calls: {self.classes_.tolist()}. To train for other classes and keep "
                "the feature layers, use fit with warm_start=True."
            )
        return self.classes_

    def _draw_seed(self):
        seed = check_random_state(self.random_state).randint(LARGEST_SEED)
        # Processes of torch.distributed that train together use the same seed.
        return _distributed.from_first(seed)

    def _make_dataset(self, images, y, weights, indices, classes):
        y_encoded = encode_labels(y, classes)
        weights = apply_class_weight(self.class_weight, classes, y_encoded, weights)
        return ImageDataset(images, y_encoded, weights, indices)

    def _check_validation_data(self, X_val, y_val, classes):
        if (X_val is None) != (y_val is None):
            given = "y_val" if X_val is None else "X_val"
            raise ValueError(f"Expected both X_val and y_val, got {given} alone.")
        if X_val is None:
            return None
        images, y = check_images(self, X_val, y_val, reset=False)
        return ImageDataset(images, encode_labels(y, classes))

    def _split(self, data, classes, seed):
        parts = split_indices(data.targets, self.validation_fraction, classes, seed)
        if data.block_size is not None:
            # In the order in which they are stored, each block is read only once.
            parts = [np.sort(part) for part in parts]
        return [data.subset(part) for part in parts]

    def _count_epochs(self, n_samples):
        if self.max_epochs != "auto":
            return self.max_epochs
        n_steps = count_batches(n_samples, self.batch_size)
        return self._auto_epochs + -(-self._auto_steps // n_steps)

    def _make_network_spec(self, train, device):
        network_class, options = self._resolve_network()
        return NetworkSpec(
            network_class,
            options,
            self.image_shape_,
            *fit_scaling(train, self.scaling),
            find_pixel_range(train),
            resolve_dtype(self.image_shape_, device),
        )

    def _make_training_spec(self, network, train, *, device, **settings):
        return TrainingSpec(
            device=device,
            optimizer=self.optimizer,
            lr=self.lr,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            label_smoothing=self.label_smoothing,
            precision=self._resolve_precision(device),
            callbacks=self.callbacks or [],
            verbose=self.verbose,
            **self._cnn_options(network, train),
            **settings,
        )

    def _resolve_precision(self, device):
        return str(resolve_dtype(self.image_shape_, device)).removeprefix("torch.")

    def _resolve_resizing(self):
        """Return what makes images smaller early in a training, or None."""
        return None

    def _cnn_options(self, network, train):
        """Return the training options that only `BloodCNNClassifier` has."""
        return {}

    def _fitted_attributes(self, network, training, classes, earlier, net):
        """Return the fitted attributes; `net` continues the history `earlier`."""
        history = [*earlier, *finished_epochs(net.history, len(earlier))]
        return {
            "net_": net,
            "classes_": classes,
            "device_": training.device,
            "precision_": training.precision,
            "pixel_range_": network.pixel_range,
            "history_": history,
            "loss_curve_": [epoch["train_loss"] for epoch in history],
            "n_iter_": len(history),
            "_network_spec": network,
            "_training_spec": training,
            "_versions": versions(),
            "calibration_": None,
            # What was familiar to the earlier network says little about this one.
            "_familiarity": None,
        }

    # -- pickles and copies ------------------------------------------------------------

    def __getstate__(self):
        """Return the state as parameters and NumPy arrays.

        The net is replaced by its weights, from which it is built again. A model that
        was trained on a GPU can thus be opened on a machine without one.
        """
        return pack_state(super().__getstate__())

    def __setstate__(self, state):
        warn_of_versions(state["_versions"], type(self).__name__)
        self._restore(state)

    def _restore(self, state):
        # A pickle of an earlier version lacks the parameters that are newer.
        parameters = signature(type(self).__init__).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        super().__setstate__(defaults | unpack_state(state))
