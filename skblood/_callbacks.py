"""What happens between the steps: the learning rate, and an early end."""

import math

from skorch.callbacks import Callback, EarlyStopping
from skorch.utils import noop


class OneCycle(Callback):
    """Let the learning rate climb to its peak, and then fall to zero.

    After Smith, "Super-convergence", 2018. The first steps are small while batch
    statistics settle; the last ones let the weights settle.

    torch's schedulers want the number of steps beforehand, which nobody knows when
    epochs leave images out; so this one follows the net's own progress.
    """

    def on_train_begin(self, net, **kwargs):
        self.peaks_ = [group["lr"] for group in net.optimizer_.param_groups]

    def on_batch_begin(self, net, training=False, **kwargs):
        if not training:
            return
        share = one_cycle(net.progress_)
        for group, peak in zip(net.optimizer_.param_groups, self.peaks_, strict=True):
            group["lr"] = peak * share


def one_cycle(progress):
    """Return the share of the peak: linear up, then a cosine to zero."""
    warm_up = 0.3
    if progress < warm_up:
        return 0.04 + 0.96 * progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


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
