"""The skorch net: training steps, epochs, and predictions in batches."""

import inspect
import math
from contextlib import nullcontext

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNetClassifier
from skorch.callbacks import EpochTimer
from torch.nn.functional import cross_entropy

from .. import _distributed
from .._runtime.hardware import copy_to_device, most_precise_dtype
from .._runtime.threads import limit_worker_threads, raise_mmap_threshold
from .._warnings import warn
from ..optimizers import make_optimizer
from .batch_norm import (
    ENOUGH_STEPS,
    average_over_processes,
    recompute_batch_statistics,
)
from .batches import BatchIterator, ImageDataset
from .callbacks import OneCycle
from .device_data import move_to_device
from .distillation import DISTILLATION_WEIGHT
from .epoch_sums import EpochSums
from .parallel import parallel_forward
from .progress import TrainingProgress
from .pruning import DataPruning
from .sklearn_callbacks import EpochTasks

# Largest batch of a prediction: at most so many pixels, and at most so many samples. On
# a CPU, larger batches are slower, because their activations need memory blocks that
# are too large for the allocator to reuse (see `raise_mmap_threshold`).
PREDICT_PIXELS, PREDICT_PIXELS_CUDA = 64 * 28 * 28, 1024 * 28 * 28
PREDICT_SAMPLES = 1024
# Callbacks that never stop a training, or say so themselves.
OWN_CALLBACKS = (EpochTimer, OneCycle, TrainingProgress, EpochTasks)


class ImageNet(NeuralNetClassifier):
    """A skorch net that works on batches of images and supports sample weights.

    Parameters
    ----------
    module : ScaledNetwork
        Takes images as they are stored.
    optimizer : str or type
        See `skblood.optimizers.make_optimizer`.
    weight_decay, label_smoothing : float
    augmentation : callable or None
        ``augmentation(images, generator)`` on scaled images (n, C, H, W). If it has a
        parameter named ``progress``, this is the fraction of the training that is over.
    resizing : ProgressiveResizing or None
        Makes the transformed images smaller.
    teachers : Teachers or None
        Their predictions for the transformed images are a part of the targets.
    data_pruning : float
        Fraction of the easy images that an epoch leaves out, see `DataPruning`.
    precision : {"float32", "bfloat16", "float64"}
        With "bfloat16", the forward pass of training runs under `torch.autocast`.
        Weights, losses and predictions keep the dtype of the module.
    seed : sequence of int
        Seeds the shuffling and the augmentation.
    n_earlier_steps : int
        Number of steps that the module was trained for before.
    with_optimizer : bool
        Without an optimizer the net can only predict. Building one takes a second,
        for torch's imports.
    **options
        Parameters of skorch's net.
    """

    def __init__(
        self,
        module,
        *,
        optimizer,
        weight_decay=0.0,
        label_smoothing=0.0,
        augmentation=None,
        resizing=None,
        teachers=None,
        data_pruning=0.0,
        precision="float32",
        seed=(0,),
        n_earlier_steps=0,
        with_optimizer=True,
        **options,
    ):
        super().__init__(
            module,
            # The loss is computed below; this tells skorch that outputs are logits.
            criterion=torch.nn.CrossEntropyLoss,
            dataset=ImageDataset,
            optimizer=optimizer,
            **{"train_split": None, **options},
        )
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.augmentation = augmentation
        self.resizing = resizing
        self.teachers = teachers
        self.data_pruning = data_pruning
        self.precision = precision
        self.seed = seed
        self.n_earlier_steps = n_earlier_steps
        self.with_optimizer = with_optimizer

    def get_default_callbacks(self):
        return [("epoch_timer", EpochTimer()), ("print_log", TrainingProgress())]

    def initialize_optimizer(self, triggered_directly=None):
        if not self.with_optimizer:
            return self
        # A batch of tabular input often holds all samples, so that its gradient has
        # little noise. Muon's steps do not shrink with the gradients: with a smaller
        # momentum, classes of tiny weights take over once the other classes are fitted.
        rising = {"n_rising_steps": 0} if self.module_.is_tabular else {}
        self.optimizer_ = make_optimizer(
            self.optimizer,
            self.module_,
            lr=self.lr,
            weight_decay=self.weight_decay,
            **rising,
        )
        return self

    def get_iterator(self, dataset, training=False):
        if training:
            dataset = move_to_device(dataset, self.device)
            self.pruning_ = None
            if self.data_pruning:
                self.pruning_ = DataPruning(
                    len(dataset), self.data_pruning, self.max_epochs
                )
            return BatchIterator(
                dataset, self.batch_size, self.shuffling_, self.pruning_, in_parts=True
            )
        return self._prediction_batches(dataset)

    def _prediction_batches(self, dataset):
        pixels = math.prod(dataset.images.shape[1:3])
        is_cuda = torch.device(self.device).type == "cuda"
        most_pixels = PREDICT_PIXELS_CUDA if is_cuda else PREDICT_PIXELS
        batch_size = max(1, min(PREDICT_SAMPLES, most_pixels // pixels))
        return BatchIterator(dataset, batch_size)

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.is_stopped_ = self.was_interrupted_ = False
        self.n_finished_, self.finished_weights_ = 0, None
        super().on_train_begin(net, X=X, y=y, **kwargs)
        raise_mmap_threshold()
        self.n_steps_ = self.n_earlier_steps
        self.forward_ = parallel_forward(self.module_.network)
        self.standardize_ = self.module_.standardizer(X.images.shape[1:])
        shuffle_seed, augment_seed = np.random.SeedSequence(self.seed).spawn(2)
        if _distributed.rank() > 0:
            # Each process changes its images in its own way.
            augment_seed = augment_seed.spawn(_distributed.rank())[-1]
        self.shuffling_ = np.random.default_rng(shuffle_seed)
        # torch takes one non-negative integer of 63 bits as a seed.
        self.augmenting_ = torch.Generator().manual_seed(
            int(augment_seed.generate_state(1, np.uint64)[0] >> np.uint64(1))
        )
        self.takes_progress_ = _takes_progress(self.augmentation)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run an epoch, and record its loss and accuracy.

        Both are summed on the device and read once, since reading makes a GPU wait.
        Processes that train together all record the loss and accuracy of all images.
        """
        if iterator is None:
            return
        if not training:
            iterator = self._prediction_batches(_part_of(iterator.dataset))
        dtype = self.module_.center.dtype
        if not training:
            dtype = most_precise_dtype(self.device)
        sums = EpochSums(iterator, dtype, self.device)
        for i, batch in enumerate(iterator):
            if training:
                n_epochs = len(self.history) - 1 + i / len(iterator)
                self.progress_ = n_epochs / self.max_epochs
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            sums.add(step["loss"], step["y_pred"], step["targets"], step["counts"])
            self.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
            self.notify("on_batch_end", batch=batch, training=training, **step)
        loss, correct, n_samples = self._sum_over_processes(*sums.total())
        if training:
            average_over_processes(self.module_)
            self.n_steps_ += len(iterator)
            if self.train_split is not None and self.n_steps_ < ENOUGH_STEPS:
                # The validation loss is to be that of the finished classifier.
                recompute_batch_statistics(self, iterator.dataset)
        self._record(f"{prefix}_loss", loss / n_samples, best=min)
        self._record(f"{prefix}_acc", correct / n_samples, best=max)
        self.history.record(f"{prefix}_batch_count", len(iterator))

    def _sum_over_processes(self, *values):
        """Return numbers or tensors as floats, summed over all processes."""
        if _distributed.n_processes() == 1:
            return [float(value) for value in values]
        sums = torch.tensor([float(v) for v in values], device=self.device)
        return _distributed.sum_over_processes(sums.double()).tolist()

    def _record(self, key, value, best):
        earlier = [epoch[key] for epoch in self.history[:-1]]
        self.history.record(key, value)
        self.history.record(f"{key}_best", best([*earlier, value]) == value)

    def notify(self, method_name, **kwargs):
        try:
            super().notify(method_name, **kwargs)
        except KeyboardInterrupt:
            # Without other callbacks, this is Ctrl-C while a callback runs.
            self.is_stopped_ |= any(
                not isinstance(callback, OWN_CALLBACKS)
                for _, callback in self.callbacks_
            )
            raise

    def fit_loop(self, *args, **kwargs):
        """Run all epochs, and find out why they end early.

        skorch catches KeyboardInterrupt, with which callbacks stop the training. One
        that does not come from a callback is the user's (Ctrl-C). The unfinished epoch
        is then undone, and `was_interrupted_` is True.
        """
        try:
            super().fit_loop(*args, **kwargs)
        except KeyboardInterrupt:
            self.was_interrupted_ = not self.is_stopped_
            if self.was_interrupted_:
                self._undo_unfinished_epoch()
            raise
        finally:
            self.finished_weights_ = self.forward_ = self.standardize_ = None
            self.teachers = None
        return self

    def _undo_unfinished_epoch(self):
        del self.history[self.n_finished_ :]
        if self.finished_weights_ is not None:
            self.module_.load_state_dict(self.finished_weights_)

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        super().on_epoch_end(net, dataset_train, dataset_valid, **kwargs)
        weights = self.module_.state_dict()
        self.n_finished_ = len(self.history)
        self.finished_weights_ = {name: w.clone() for name, w in weights.items()}
        if not math.isfinite(self.history[-1, "train_loss"]):
            self.is_stopped_ = True
            raise KeyboardInterrupt  # skorch's way for a callback to stop training

    def check_convergence(self, dataset):
        """Raise ValueError if training diverged, so that the logits are not finite.

        The last loss is not enough to tell, since it was computed before the last
        step. If the last loss is not finite but the logits are, warn: early stopping
        has restored an earlier epoch.
        """
        # An interrupted epoch has no loss.
        losses = [e["train_loss"] for e in self.history if "train_loss" in e]
        images = dataset.batch(slice(0, self.batch_size))[0]
        self._set_training(False)
        with torch.inference_mode():
            logits = self.module_(self.to_device(images))
        if not torch.isfinite(logits).all():
            raise ValueError(
                f"Training diverged in epoch {len(losses)}, with a training loss of "
                f"{losses[-1]}. Lower the learning rate (lr={self.lr}), or check for "
                "very large sample weights or pixel values."
            )
        if not math.isfinite(losses[-1]):
            warn(
                f"Training stopped in epoch {len(losses)}, when its loss became "
                f"{losses[-1]}. The weights that are kept are finite: with early "
                "stopping, they are those of the best epoch.",
                ConvergenceWarning,
            )

    def to_device(self, images):
        """Return a batch of stored images on the device of the net."""
        # Cast on the CPU, since some devices have no double precision.
        if images.dtype == torch.float64:
            images = images.to(self.module_.center.dtype)
        return copy_to_device(images, self.device)

    def train_step_single(self, batch, **fit_params):
        if not self.module_.training:
            self._set_training(True)
        images, targets = (
            self.to_device(batch[0]),
            copy_to_device(batch[1], self.device),
        )
        images = self.standardize_(images)
        if self.augmentation is not None:
            images = self._augment(images)
        soft_targets = None if self.teachers is None else self._soft_targets(images)
        if self.resizing is not None:
            images = self.resizing(images, self.progress_)
        with self._autocast(self.precision):
            logits = self.forward_(images)
        logits = logits.to(images.dtype)
        losses = self._losses(logits, targets, soft_targets)
        counts = None
        if self.pruning_ is not None:
            counts = self.pruning_.record(batch.index, losses.detach())
        loss = _weighted_mean(losses, batch.weights, counts)
        # torch averages the gradients of all processes.
        (loss if batch.share == 1 else loss * batch.share).backward()
        return _step_result(loss, logits, targets, counts)

    def _soft_targets(self, images):
        with self._autocast(self.precision):
            return self.teachers(images)

    def _losses(self, logits, targets, soft_targets):
        losses = cross_entropy(
            logits, targets, reduction="none", label_smoothing=self.label_smoothing
        )
        if soft_targets is None:
            return losses
        return losses.lerp(
            cross_entropy(logits, soft_targets, reduction="none"), DISTILLATION_WEIGHT
        )

    def _augment(self, images):
        if self.takes_progress_:
            return self.augmentation(images, self.augmenting_, progress=self.progress_)
        return self.augmentation(images, self.augmenting_)

    def _autocast(self, precision):
        if precision != "bfloat16":
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)

    def validation_step(self, batch, **fit_params):
        self._set_training(False)
        images, targets = (
            self.to_device(batch[0]),
            copy_to_device(batch[1], self.device),
        )
        with torch.inference_mode():
            # As precise as the probabilities of the classifier.
            logits = self.module_(images).to(most_precise_dtype(self.device))
            losses = cross_entropy(logits, targets, reduction="none")
        loss = _weighted_mean(losses, batch.weights)
        return _step_result(loss, logits, targets)

    def predict_batches(self, images, forward, precision="float32"):
        """Apply a function to all images, batch by batch, without gradients.

        Parameters
        ----------
        images : ndarray or ImageReader of shape (n, H, W, C)
        forward : callable
            Takes a tensor of stored images (n_batch, H, W, C) and returns a tensor of
            shape (n_batch, ...).
        precision : {"float32", "bfloat16"}
            With "bfloat16", the function runs under `torch.autocast`.

        Returns
        -------
        ndarray of shape (n, ...)
        """
        if self.module_.training:
            self._set_training(False)
        raise_mmap_threshold()
        batches = self._prediction_batches(ImageDataset(images))
        outputs, n_done = None, 0
        with torch.inference_mode(), limit_worker_threads(), self._autocast(precision):
            for batch in batches:
                output = forward(self.to_device(batch[0]))
                # Outputs that were kept one by one would lie between the freed blocks
                # of the batches, so that the allocator could not reuse these.
                if outputs is None:
                    shape = (len(images), *output.shape[1:])
                    # NumPy has no bfloat16.
                    outputs = output.new_empty(shape, dtype=self.module_.center.dtype)
                outputs[n_done : n_done + len(output)] = output
                n_done += len(output)
        # Read once, at the end, since reading makes a GPU wait.
        return outputs.cpu().numpy()


def _part_of(dataset):
    """Return the images that this process validates."""
    if _distributed.n_processes() == 1:
        return dataset
    return dataset.subset(np.arange(len(dataset))[_distributed.part_of(len(dataset))])


def _takes_progress(function):
    """Return whether an augmentation has a parameter named ``progress``."""
    try:
        return "progress" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # None, or a function that is not written in Python
        return False


def _weighted_mean(losses, weights, counts=None):
    """Return the mean loss of a batch, weighted by sample weights and by counts.

    `fit` scales the sample weights to a mean of 1 over all samples. The expectation of
    this mean over batches is then the weighted mean of all samples; dividing by the sum
    of a batch's own weights would be biased.
    """
    for factor in (weights, counts):
        if factor is not None:
            losses = losses * copy_to_device(factor, losses.device).to(losses.dtype)
    return losses.mean()


def _step_result(loss, logits, targets, counts=None):
    return {"loss": loss, "y_pred": logits, "targets": targets, "counts": counts}
