"""The skorch net: batches cut whole from arrays in memory, schedule, weights."""

import math
import warnings
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNetClassifier
from skorch.callbacks import EarlyStopping, EpochTimer, LRScheduler, PrintLog
from skorch.utils import noop
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset

from .optimizers import make_optimizer

# Rows in a forward pass without gradients: as many as keep the activations in the
# processor's cache, and never so many that large images fill the memory.
PREDICT_PIXELS = 256 * 28 * 28
PREDICT_ROWS = 1024


class Batch(tuple):
    """An (images, targets) pair, as skorch wants it, that also carries weights."""

    def __new__(cls, images, targets, weights):
        batch = super().__new__(cls, (images, targets))
        batch.weights = weights
        return batch


class ImageDataset(Dataset):
    """Images in memory or memory-mapped, and what is known of the rows in use.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        Never copied.
    targets : ndarray of shape (n_rows,), optional
        Class indices.
    weights : ndarray of shape (n_rows,), optional
        Sample weights.
    rows : ndarray of shape (n_rows,), optional
        The images in use; all by default.
    """

    def __init__(self, images, targets=None, weights=None, rows=None):
        self.images = images
        self.targets = targets
        self.weights = weights
        self.rows = rows

    def __len__(self):
        return len(self.images) if self.rows is None else len(self.rows)

    def __getitem__(self, index):
        image = self.images[index if self.rows is None else self.rows[index]]
        return image, 0 if self.targets is None else self.targets[index]

    def arrays(self, index):
        """Return images, targets and weights at an index array or slice."""
        rows = index if self.rows is None else self.rows[index]
        targets = None if self.targets is None else self.targets[index]
        weights = None if self.weights is None else self.weights[index]
        return self.images[rows], targets, weights

    def batch(self, index):
        """Return the same as a `Batch` of tensors."""
        images, targets, weights = self.arrays(index)
        return Batch(
            torch.from_numpy(_copy_for_torch(images)),
            None if targets is None else torch.from_numpy(targets),
            None if weights is None else torch.from_numpy(weights),
        )

    def normalize_weights(self):
        """Bring the weights' mean to 1, so that the learning rate keeps its meaning."""
        if self.weights is not None:
            self.weights = self.weights / self.weights.mean()

    def subset(self, index):
        """Return a dataset of the same images with only the rows at an index array."""
        _, targets, weights = self.arrays(index)
        rows = index if self.rows is None else self.rows[index]
        return ImageDataset(self.images, targets, weights, rows)


def _copy_for_torch(images):
    """Copy an array, which may be read-only, in a byte order and width torch has."""
    dtype = images.dtype.newbyteorder("=")
    return images.astype(np.float64 if dtype == np.longdouble else dtype)


class BatchIterator:
    """Cuts a dataset into batches whose sizes differ by one row at most.

    So no last batch is left with a row or two, whose statistics would say little.

    Parameters
    ----------
    dataset : ImageDataset
    batch_size : int
        The most rows in a batch.
    rng : numpy.random.Generator, optional
        Shuffles the rows anew for every pass; without it they keep their order.
    """

    def __init__(self, dataset, batch_size, rng=None):
        self.dataset = dataset
        self.batch_size = batch_size
        self.rng = rng

    def __len__(self):
        return count_batches(len(self.dataset), self.batch_size)

    def __iter__(self):
        n = len(self.dataset)
        edges = np.linspace(0, n, len(self) + 1).astype(int)
        order = None if self.rng is None or len(self) == 1 else self.rng.permutation(n)
        for start, stop in pairwise(edges):
            batch = slice(start, stop)
            yield self.dataset.batch(batch if order is None else order[batch])


def count_batches(n_samples, batch_size):
    """Return how many batches, and so how many steps, an epoch has."""
    return -(-n_samples // batch_size)


def one_cycle(step, n_steps):
    """Return the share of the peak learning rate: linear up, then a cosine to zero.

    After Smith, "Super-convergence", 2018. The first steps are small while batch
    statistics settle; the last ones let the weights settle.
    """
    warm_up = 0.3 * n_steps
    if step < warm_up:
        return 0.04 + 0.96 * step / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (n_steps - warm_up)))


class ImageNet(NeuralNetClassifier):
    """A skorch net on whole batches of images, with sample weights.

    Parameters
    ----------
    module : ScaledNetwork
        Takes images as they are stored.
    optimizer : str or type
        See `skblood.optimizers.make_optimizer`.
    weight_decay, label_smoothing : float
    augmentation : callable or None
        ``augmentation(images, generator)`` on standardised images (n, C, H, W).
    precision : {"float32", "bfloat16"}
        What training multiplies in; weights, losses and predictions stay as they are.
    seed : sequence of int
        Of the shuffling and of the augmentation.
    **options
        skorch's own.
    """

    def __init__(
        self,
        module,
        *,
        optimizer,
        weight_decay=0.0,
        label_smoothing=0.0,
        augmentation=None,
        precision="float32",
        seed=(0,),
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
        self.precision = precision
        self.seed = seed

    def get_default_callbacks(self):
        return [("epoch_timer", EpochTimer()), ("print_log", PrintLog())]

    def initialize_optimizer(self, triggered_directly=None):
        self.optimizer_ = make_optimizer(
            self.optimizer, self.module_, lr=self.lr, weight_decay=self.weight_decay
        )
        return self

    def get_iterator(self, dataset, training=False):
        if training:
            return BatchIterator(dataset, self.batch_size, self.shuffling_)
        pixels = math.prod(dataset.images.shape[1:3])
        rows = max(1, min(PREDICT_ROWS, PREDICT_PIXELS // pixels))
        return BatchIterator(dataset, rows)

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        super().on_train_begin(net, X=X, y=y, **kwargs)
        shuffle_seed, augment_seed = np.random.SeedSequence(self.seed).spawn(2)
        self.shuffling_ = np.random.default_rng(shuffle_seed)
        # torch wants one integer of 63 bits.
        self.augmenting_ = torch.Generator().manual_seed(
            int(augment_seed.generate_state(1, np.uint64)[0] >> np.uint64(1))
        )

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run an epoch; loss and accuracy are summed on the device, read once."""
        if iterator is None:
            return
        loss = correct = n_samples = 0
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            rows = len(batch[0])
            loss += step["loss"].detach() * rows
            correct += step["n_correct"]
            n_samples += rows
            self.history.record_batch(f"{prefix}_batch_size", rows)
            self.notify("on_batch_end", batch=batch, training=training, **step)
        self._record(f"{prefix}_loss", float(loss) / n_samples, best=min)
        self._record(f"{prefix}_acc", float(correct) / n_samples, best=max)
        self.history.record(f"{prefix}_batch_count", len(iterator))

    def _record(self, key, value, best):
        earlier = [epoch[key] for epoch in self.history[:-1]]
        self.history.record(key, value)
        self.history.record(f"{key}_best", best([*earlier, value]) == value)

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        super().on_epoch_end(net, dataset_train, dataset_valid, **kwargs)
        if not math.isfinite(self.history[-1, "train_loss"]):
            raise KeyboardInterrupt  # which is how skorch's callbacks stop a training

    def check_convergence(self, dataset):
        """Raise unless the trained net, best epoch restored, gives finite logits.

        The last loss does not tell: it was computed before the last step.
        """
        # An epoch that was interrupted has no loss.
        losses = [e["train_loss"] for e in self.history if "train_loss" in e]
        images = dataset.batch(slice(0, self.batch_size))[0]
        self._set_training(False)
        with torch.inference_mode():
            logits = self.module_(self._to_device(images))
        if not torch.isfinite(logits).all():
            raise ValueError(
                f"Training diverged in epoch {len(losses)}, with a training loss of "
                f"{losses[-1]}: the learning rate may be too high (lr={self.lr}), or "
                "sample weights or pixels may be too large."
            )
        if not math.isfinite(losses[-1]):
            warnings.warn(
                f"Training stopped in epoch {len(losses)}, when its loss became "
                f"{losses[-1]}. The weights kept are finite: those of the best epoch, "
                "if early stopping looked for it.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _to_device(self, images):
        # Cast where they are: not every device has doubles.
        if images.dtype == torch.float64:
            images = images.to(self.module_.center.dtype)
        return images.to(self.device)

    def train_step_single(self, batch, **fit_params):
        if not self.module_.training:
            self._set_training(True)
        images, targets = self._to_device(batch[0]), batch[1].to(self.device)
        images = self.module_.standardize(images)
        if self.augmentation is not None:
            images = self.augmentation(images, self.augmenting_)
        with self._autocast():
            logits = self.module_.network(images)
        logits = logits.to(images.dtype)
        loss = self._weighted_loss(logits, targets, batch.weights, self.label_smoothing)
        loss.backward()
        return self._step_result(loss, logits, targets)

    def _autocast(self):
        return torch.autocast(
            torch.device(self.device).type,
            dtype=torch.bfloat16,
            enabled=self.precision == "bfloat16",
        )

    def validation_step(self, batch, **fit_params):
        self._set_training(False)
        images, targets = self._to_device(batch[0]), batch[1].to(self.device)
        with torch.inference_mode():
            logits = self.module_(images)
            loss = self._weighted_loss(logits, targets, batch.weights)
        return self._step_result(loss, logits, targets)

    def _weighted_loss(self, logits, targets, weights, label_smoothing=0.0):
        losses = cross_entropy(
            logits, targets, reduction="none", label_smoothing=label_smoothing
        )
        if weights is None:
            return losses.mean()
        # In `fit` the weights' mean is 1 over the data, so in expectation over batches
        # this is their weighted mean; dividing by a batch's own sum would be biased.
        return (losses * weights.to(losses)).mean()

    def _step_result(self, loss, logits, targets):
        n_correct = (logits.detach().argmax(dim=1) == targets).sum()
        return {"loss": loss, "y_pred": logits, "n_correct": n_correct}

    def infer_all(self, images, method):
        """Apply a method of the module to all images, batch by batch.

        Parameters
        ----------
        images : ndarray of shape (n, H, W, C)
        method : callable
            From a tensor of images to a tensor with as many rows.

        Returns
        -------
        ndarray of shape (n, ...)
        """
        self._set_training(False)
        batches = self.get_iterator(ImageDataset(images))
        with torch.inference_mode():
            outputs = [method(self._to_device(batch[0])).cpu() for batch in batches]
        return torch.cat(outputs).numpy()


def one_cycle_callback(n_steps):
    """Return the callback that follows `one_cycle` over a training of `n_steps`."""
    return LRScheduler(
        LambdaLR,
        lr_lambda=partial(one_cycle, n_steps=n_steps),
        step_every="batch",
        event_name=None,
    )


def early_stopping_callback(n_iter_no_change, tol):
    """Return the callback that stops, and brings the best epoch's weights back.

    The weights wait in memory: files of parallel searches would overwrite each other.
    """
    return EarlyStopping(
        monitor="valid_loss",
        patience=n_iter_no_change,
        threshold=tol,
        threshold_mode="abs",
        load_best=True,
        sink=noop,
    )
