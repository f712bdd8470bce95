"""skorch callbacks: the learning rate schedule and early stopping."""

import math

from skorch.callbacks import Callback, EarlyStopping
from skorch.utils import noop


class OneCycle(Callback):
    """Raise the learning rate to its peak, then lower it to zero [1]_.

    The first steps are small because batch statistics are not reliable yet; the last
    ones are small so that the weights converge.

    torch's schedulers need the number of steps in advance, which is not known with data
    pruning. This callback uses ``net.progress_``, the fraction of the training that is
    done.

    References
    ----------
    .. [1] Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks
       Using Large Learning Rates", 2018, arXiv:1708.07120.
    """

    def on_train_begin(self, net, **kwargs):
        """Remember the peak learning rates."""
        self.peaks_ = [group["lr"] for group in net.optimizer_.param_groups]

    def on_batch_begin(self, net, training=False, **kwargs):
        """Set the learning rates of a training step."""
        if not training:
            return
        factor = one_cycle(net.progress_)
        for group, peak in zip(net.optimizer_.param_groups, self.peaks_, strict=True):
            group["lr"] = peak * factor


def one_cycle(progress):
    """Return the factor of the peak learning rate: linear up, then a cosine to zero.

    Parameters
    ----------
    progress : float
        Fraction of the training that is done, between 0 and 1.

    Returns
    -------
    float
    """
    warm_up = 0.3
    if progress < warm_up:
        return 0.04 + 0.96 * progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def early_stopping_callback(patience, tol):
    """Return the callback that stops training and restores the best epoch's weights.

    The best weights are kept in memory: files of parallel searches would overwrite
    each other.

    Parameters
    ----------
    patience : int
        Epochs without improvement after which training stops.
    tol : float
        Smallest decrease of the validation loss that counts as an improvement.

    Returns
    -------
    skorch.callbacks.EarlyStopping
    """
    return EarlyStopping(
        monitor="valid_loss",
        patience=patience,
        threshold=tol,
        threshold_mode="abs",
        load_best=True,
        sink=noop,
    )
