"""Batch-normalisation statistics, computed again after a short training."""

from contextlib import contextmanager

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from .. import _distributed
from .batches import BatchIterator

# After so many steps, the running averages have followed the weights, and computing the
# statistics again no longer changes the accuracy (benchmarks/short_trainings.py).
ENOUGH_STEPS = 100
MAX_IMAGES = 2048
BATCH_SIZE = 64


def recompute_batch_statistics(net, data):
    """Compute the mean and variance of each batch-normalisation layer from the data.

    In training, the layers update running averages that begin at mean 0 and variance 1
    and change slowly. After few steps they still depend on these initial values, and
    on weights of earlier steps, so predictions are much worse than the weights allow.

    The same weights and data give the same statistics.

    Parameters
    ----------
    net : ImageNet
        Its module is changed in place. Its seed decides which images are used.
    data : ImageDataset
        The training data, of which at most 2,048 random images are used, without
        augmentation.
    """
    layers = _layers_of(net.module_)
    if not layers:
        return
    rng = np.random.default_rng(net.seed)
    chosen = rng.permutation(len(data))[:MAX_IMAGES]
    batches = BatchIterator(data.subset(chosen), BATCH_SIZE)
    with torch.no_grad(), _only_statistics(net.module_, layers):
        for images, _ in batches:
            net.module_(net.to_device(images))


def average_over_processes(module):
    """Average the running means and variances of all processes that train together.

    In a training step, each process normalises by the statistics of its own images.

    Parameters
    ----------
    module : torch.nn.Module
        It is changed in place.
    """
    n_processes = _distributed.n_processes()
    if n_processes == 1:
        return
    for layer in _layers_of(module):
        for statistic in (layer.running_mean, layer.running_var):
            _distributed.sum_over_processes(statistic).div_(n_processes)


def _layers_of(module):
    return [
        layer
        for layer in module.modules()
        if isinstance(layer, _BatchNorm) and layer.track_running_stats
    ]


@contextmanager
def _only_statistics(module, layers):
    """Let the layers average the statistics of all batches; all else predicts."""
    module.eval()
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # torch's value for a plain average over the batches
        layer.train()
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()
