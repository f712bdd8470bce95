"""From checked images and labels to a trained net that the classifier keeps."""

import copy
import warnings
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state
from skorch.helper import predefined_split

from ._batches import ImageDataset, count_batches
from ._callbacks import OneCycle, early_stopping_callback
from ._device import resolve_device
from ._dropout import drawing_from
from ._images import check_images, is_strip
from ._randomness import may_draw_globally, seeded_torch
from ._samples import encode_labels, split_rows, weigh_classes
from ._scaling import learn_scaling
from ._state import load_optimizer_arrays, optimizer_arrays, versions
from ._threads import sharing_cores
from ._training import ImageNet
from .networks import ScaledNetwork

LARGEST_SEED = 2**31 - 1


class FitsNetwork:
    """How a classifier goes about `fit` and `partial_fit`.

    The classifier has the parameters, `_network_class_and_options` and `_augmentation`
    that follow from them, and in `_auto_epochs` and `_auto_steps` what
    ``max_epochs="auto"`` stands for.
    """

    def _start(self, classes):
        """Settle what the first call settles for all that follow."""
        self.classes_ = classes
        self.device_ = str(resolve_device(self.device))
        self.history_ = []
        self._seed = self._draw_seed()
        vars(self).pop("net_", None)

    def _start_other_classes(self, classes):
        """Keep what the network has learnt to see; what it calls it begins anew."""
        earlier = self.net_.module_.state_dict()
        self._warn_of_missing(classes)
        self.classes_ = classes
        self.history_ = []
        self._seed = self._draw_seed()
        with seeded_torch(self._seed, self.device_):
            module = self._make_module()
            larger = self._make_module(n_classes=len(classes) + 1).state_dict()
        weights = module.state_dict()
        kept = {
            name: earlier[name]
            for name, value in weights.items()
            if value.shape == larger[name].shape == earlier[name].shape
        }
        module.load_state_dict(weights | kept)
        self.net_ = self._make_net(module, trains=False)

    def _warn_of_missing(self, classes):
        """All labels known, but some not there: that may be an oversight."""
        known, found = set(self.classes_.tolist()), set(classes.tolist())
        if found < known:
            missing = [label for label in self.classes_.tolist() if label not in found]
            warnings.warn(
                f"y lacks the classes {missing} that were learnt before. The last "
                "layer begins anew without them.",
                UserWarning,
                stacklevel=4,
            )

    def _draw_seed(self):
        return check_random_state(self.random_state).randint(LARGEST_SEED)

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
            callbacks=([] if streaming else self._own_callbacks())
            + copy.deepcopy(self.callbacks or []),
            max_epochs=n_epochs,
            train_split=predefined_split(valid) if valid else None,
        )
        if goes_on:
            load_optimizer_arrays(net.optimizer_, optimizer_arrays(earlier.optimizer_))
        with self._seeded(module), sharing_cores():
            net.partial_fit(train)
        if "train_loss" not in net.history[0]:
            raise KeyboardInterrupt  # skorch returns, but nothing has been learnt
        net.check_convergence(train)
        self.net_ = net
        self._versions = versions()
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

    def _make_module(self, n_classes=None):
        return self._add_scaling(self._make_network(n_classes))

    def _make_network(self, n_classes=None):
        """Build the network of the first fit, whatever the parameters are by now."""
        network_class, options = self._network
        n_classes = n_classes or len(self.classes_)
        network = network_class(self.image_shape_, n_classes, **options)
        return network.to(self._network_dtype())

    def _add_scaling(self, network):
        module = ScaledNetwork(network, *self._scaling, self._network_dtype())
        return module.to(memory_format=torch.channels_last)

    def _network_dtype(self):
        # Strips are small: in double precision a prediction does not move with the
        # other rows of its batch, nor with their order. MPS has no doubles.
        double = is_strip(self.image_shape_) and not self.device_.startswith("mps")
        return torch.float64 if double else torch.float32

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

    def _own_callbacks(self):
        callbacks = []
        if self.lr_schedule == "one_cycle":
            callbacks.append(("lr_schedule", OneCycle()))
        if self.early_stopping:
            stop = early_stopping_callback(self.n_iter_no_change, self.tol)
            callbacks.append(("early_stopping", stop))
        return callbacks

    def _seeded(self, module):
        """Return the context in which a module's draws follow from `random_state`."""
        seed = self._seed + len(self.history_)
        if may_draw_globally(module.network):
            return seeded_torch(seed, self.device_)
        return drawing_from(torch.Generator(self.device_).manual_seed(seed), module)

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
