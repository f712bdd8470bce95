"""Specifications of a network and of its training, as immutable dataclasses."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from .._input.images import is_tabular
from .._runtime.hardware import most_precise_dtype
from ..networks import ScaledNetwork


@dataclass(frozen=True, eq=False)
class NetworkSpec:
    """All that is needed to build a network, except its weights and number of classes.

    Parameters
    ----------
    network_class : type
        Subclass of `torch.nn.Module`, called with
        ``(image_shape, n_classes, **options)``.
    options : dict
    image_shape : tuple (H, W, C)
    center, scale : ndarray of shape (C,), or (H, W, C) for tabular input
        The network's input is ``(pixels - center) / scale``.
    pixel_range : tuple of float (low, high), or None
        Smallest and largest pixel value of the images to which the scaling was fitted.
        None for tabular input, and if it is not known.
    dtype : torch.dtype
        Dtype of the weights. The network computes in it, except in mixed-precision
        training.
    """

    network_class: type
    options: dict
    image_shape: tuple
    center: np.ndarray
    scale: np.ndarray
    pixel_range: tuple | None
    dtype: torch.dtype

    def build(self, n_classes):
        """Return a `ScaledNetwork` with weights from torch's global generator."""
        network = self.network_class(self.image_shape, n_classes, **self.options)
        module = ScaledNetwork(
            network.to(self.dtype), self.center, self.scale, self.dtype
        )
        return module.to(memory_format=torch.channels_last)


def resolve_dtype(image_shape, device):
    """Return the dtype in which a network computes.

    For tabular input it is float64, which costs little because the rows are small. The
    other rows of a batch then change a prediction by rounding errors of about 1e-16
    only. Images, and all input on MPS devices, which have no float64, use float32.

    Parameters
    ----------
    image_shape : tuple (H, W, C)
    device : str

    Returns
    -------
    torch.dtype
    """
    return most_precise_dtype(device) if is_tabular(image_shape) else torch.float32


@dataclass(frozen=True, eq=False)
class TrainingSpec:
    """How a network is trained in one call of `fit` or `partial_fit`.

    Parameters
    ----------
    n_classes : int
    device : str
    seed : int
        Seeds the shuffling, the augmentation, dropout and stochastic depth.
    n_earlier_epochs : int
        Number of epochs of the earlier calls that this call continues. It is part of
        the seed, so that each call draws other numbers.
    n_earlier_steps : int
        Number of steps of these calls.
    max_epochs : int
    optimizer : str or type
        See `skblood.optimizers.make_optimizer`.
    lr, weight_decay, label_smoothing : float
    batch_size : int
    lr_schedule : {"one_cycle", "constant"}
    patience : int or None
        Number of epochs without improvement after which training stops. None disables
        early stopping.
    tol : float
        Smallest decrease of the validation loss that counts as an improvement.
    augmentation : callable or None
    resizing : ProgressiveResizing or None
    data_pruning : float
    precision : {"float32", "bfloat16", "float64"}
    callbacks : sequence of skorch callbacks
    verbose : int
    streaming : bool
        Whether the call is `partial_fit`, which keeps the optimizer state for the next
        call, and not `fit`.
    """

    n_classes: int
    device: str
    seed: int
    n_earlier_epochs: int
    n_earlier_steps: int
    optimizer: str | type
    lr: float
    batch_size: int
    weight_decay: float
    label_smoothing: float
    max_epochs: int = 1
    lr_schedule: str = "constant"
    patience: int | None = None
    tol: float = 0.0
    augmentation: Callable | None = None
    resizing: Callable | None = None
    data_pruning: float = 0.0
    precision: str = "float32"
    callbacks: list = field(default_factory=list)
    verbose: int = 0
    streaming: bool = False
