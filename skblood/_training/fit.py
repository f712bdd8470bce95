"""Functions that build and train a network according to a specification."""

import copy
import sys

import numpy as np
import torch
from skorch.helper import predefined_split

from .. import _distributed
from .._layers import use_generator
from .._runtime.randomness import seeded_torch, uses_global_rng
from .._runtime.threads import limit_worker_threads
from .arrays import load_optimizer_arrays
from .batch_norm import ENOUGH_STEPS, recompute_batch_statistics
from .callbacks import OneCycle, early_stopping_callback
from .net import ImageNet
from .parallel import check_processes


def train_network(
    module,
    spec,
    train,
    valid=None,
    *,
    optimizer_state=None,
    callbacks=(),
    teachers=None,
):
    """Train a network.

    Parameters
    ----------
    module : ScaledNetwork
        Its weights are changed in place.
    spec : TrainingSpec
    train : ImageDataset
    valid : ImageDataset, optional
        Its loss and accuracy are computed after each epoch.
    optimizer_state : dict, optional
        State of an earlier optimizer, from `optimizer_arrays`, to continue from.
    callbacks : sequence of skorch callbacks
        Further callbacks beside those of `spec`. They are called first.
    teachers : Teachers, optional
        The net does not keep them.

    Returns
    -------
    ImageNet
        The skorch net around the trained module, with the history of this call. Its
        attribute `was_interrupted_` tells whether the user interrupted the training
        (Ctrl-C). It then has the weights of the last epoch that was finished.

    Raises
    ------
    KeyboardInterrupt
        If no epoch was finished.
    ValueError
        If training diverged, or if the processes of torch.distributed cannot train
        together.
    """
    n_teachers = 0 if teachers is None else len(teachers.modules)
    check_processes(spec, train, valid, n_teachers)
    net = make_net(
        module,
        spec,
        callbacks=[*callbacks, *_callbacks_of(spec), *_copy_callbacks(spec.callbacks)],
        max_epochs=spec.max_epochs,
        train_split=predefined_split(valid) if valid else None,
        teachers=teachers,
    )
    if optimizer_state is not None:
        load_optimizer_arrays(net.optimizer_, optimizer_state)
    with _seeded_layers(module, spec), limit_worker_threads():
        # skorch's method: it runs all epochs, but does not initialise the net again.
        net.partial_fit(train)
    if not net.history or "train_loss" not in net.history[0]:
        # skorch catches KeyboardInterrupt and returns. No epoch was finished, so there
        # is nothing to keep: interrupt again.
        raise KeyboardInterrupt
    if net.n_steps_ < ENOUGH_STEPS:
        recompute_batch_statistics(net, train)
    net.check_convergence(train)
    return net


def copy_as_trained(net, spec, train):
    """Return a copy of a net in training, as if the training had ended.

    Parameters
    ----------
    net : ImageNet
        It is not changed.
    spec : TrainingSpec
    train : ImageDataset

    Returns
    -------
    ImageNet
        It has no optimizer.
    """
    copied = make_net(copy.deepcopy(net.module_), spec, with_optimizer=False)
    copied.history.extend(copy.deepcopy(net.history))
    if net.n_steps_ < ENOUGH_STEPS:
        recompute_batch_statistics(copied, train)
    return copied


def make_net(module, spec, **options):
    """Return an initialized skorch net around a module.

    Parameters
    ----------
    module : ScaledNetwork
    spec : TrainingSpec
    **options
        Further parameters of `ImageNet`.

    Returns
    -------
    ImageNet
    """
    net = ImageNet(
        module,
        optimizer=spec.optimizer,
        lr=spec.lr,
        batch_size=spec.batch_size,
        weight_decay=spec.weight_decay,
        label_smoothing=spec.label_smoothing,
        augmentation=spec.augmentation,
        resizing=spec.resizing,
        data_pruning=spec.data_pruning,
        precision=spec.precision,
        seed=(spec.seed, spec.n_earlier_epochs),
        n_earlier_steps=spec.n_earlier_steps,
        classes=np.arange(spec.n_classes),
        device=spec.device,
        verbose=spec.verbose,
        **options,
    )
    return net.initialize()


def build_network(spec, n_classes, seed, device):
    """Return a network with initial weights from a seeded generator.

    Parameters
    ----------
    spec : NetworkSpec
    n_classes : int
    seed : int
    device : str

    Returns
    -------
    ScaledNetwork
    """
    with seeded_torch(seed, device):
        return spec.build(n_classes)


def replace_output_layer(module, spec, n_classes, seed, device):
    """Return a network for other classes that keeps the weights of the feature layers.

    A weight belongs to the feature layers if its shape does not depend on the number of
    classes. All other weights are initialised again.

    Parameters
    ----------
    module : ScaledNetwork
        The trained network. It is not changed.
    spec : NetworkSpec
        Its specification.
    n_classes : int
        Number of classes of the new network.
    seed : int
    device : str

    Returns
    -------
    ScaledNetwork
    """
    trained = module.state_dict()
    new = build_network(spec, n_classes, seed, device)
    larger = build_network(spec, n_classes + 1, seed, device).state_dict()
    weights = new.state_dict()
    kept = {
        name: trained[name]
        for name, value in weights.items()
        if value.shape == larger[name].shape == trained[name].shape
    }
    new.load_state_dict(weights | kept)
    return new


def _callbacks_of(spec):
    callbacks = []
    if spec.lr_schedule == "one_cycle":
        callbacks.append(("lr_schedule", OneCycle()))
    if spec.patience is not None:
        stop = early_stopping_callback(spec.patience, spec.tol)
        callbacks.append(("early_stopping", stop))
    return callbacks


def _copy_callbacks(callbacks):
    """Return copies, so that training does not change the callbacks that users pass.

    The trials of Optuna are not copied. The copy of a trial may report to a copy of its
    study. The study then compares no trials, and prunes none.
    """
    optuna = sys.modules.get("optuna")
    kept = {}
    if optuna is not None:
        for callback in callbacks:
            if isinstance(callback, tuple):  # (name, callback)
                callback = callback[1]
            attributes = getattr(callback, "__dict__", {}).values()
            trials = [a for a in attributes if isinstance(a, optuna.trial.BaseTrial)]
            kept |= {id(trial): trial for trial in trials}
    # `deepcopy` returns an object in this dict instead of a copy.
    return copy.deepcopy(callbacks, kept)


def _seeded_layers(module, spec):
    """Return the context in which the random draws of the network's layers are seeded.

    Shuffling and augmentation have generators of their own, see `ImageNet`.
    """
    # Processes that train together draw different numbers, each for its own images.
    seed = spec.seed + spec.n_earlier_epochs + _distributed.rank() * 2**32
    if uses_global_rng(module.network):
        return seeded_torch(seed, spec.device)
    return use_generator(torch.Generator(spec.device).manual_seed(seed), module)
