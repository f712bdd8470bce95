"""scikit-learn's callbacks, which are told of each epoch, such as its `ProgressBar`.

They are experimental. All that depends on them is in this file.
"""

from functools import partial

import skorch

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:
        """Stands for scikit-learn's class of this name, without `set_callbacks`."""

        def _init_callback_context(self, **kwargs):
            return NoTask()


# Attributes that a classifier has only while `fit` runs. scikit-learn needs them to end
# the callbacks, after an error too.
RUNNING = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


class NoTask:
    """Stands for scikit-learn's `CallbackContext` where nobody listens."""

    def subcontext(self, task_name):
        """Return a subtask."""
        return self

    def call_on_fit_task_begin(self, **kwargs):
        """Do nothing."""

    def call_on_fit_task_end(self, **kwargs):
        """Do not ask for a stop."""
        return False


class FitTask:
    """The task of a call of `fit`, of which each epoch is a subtask.

    Parameters
    ----------
    classifier : BaseBloodClassifier
    X, y, sample_weight : array-like
        The arguments of `fit`.
    n_epochs : int
        Largest number of epochs.
    """

    def __init__(self, classifier, X, y, sample_weight, n_epochs):
        self.context = classifier._init_callback_context(max_subtasks=n_epochs)
        self.classifier = classifier
        weights = None if sample_weight is None else {"sample_weight": sample_weight}
        self.arguments = {"estimator": classifier, "X": X, "y": y, "metadata": weights}
        self.context.call_on_fit_task_begin(**self.arguments)

    def end(self):
        """Tell the callbacks that the classifier is fitted."""
        self.context.call_on_fit_task_end(
            **self.arguments,
            # A copy of the classifier has all attributes by now.
            reconstruction_attributes=dict,
        )


class EpochTasks(skorch.callbacks.Callback):
    """Tell scikit-learn's callbacks of each epoch, and stop the training if one asks.

    Parameters
    ----------
    task : FitTask
    fitted_attributes : callable
        ``fitted_attributes(net)`` returns the attributes that the classifier would have
        if the training ended now. It is called only if a callback needs them, since
        this copies the network.
    """

    def __init__(self, task, fitted_attributes):
        self.task = task
        self.fitted_attributes = fitted_attributes

    def on_train_begin(self, net, **kwargs):
        """No epoch has begun."""
        self.epoch_ = None

    def on_epoch_begin(self, net, **kwargs):
        """Begin the subtask of the epoch."""
        self.epoch_ = self.task.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(**self.task.arguments)

    def on_epoch_end(self, net, **kwargs):
        """End the subtask of the epoch."""
        epoch, self.epoch_ = self.epoch_, None
        net.is_stopped_ |= epoch.call_on_fit_task_end(
            **self.task.arguments,
            reconstruction_attributes=partial(self.fitted_attributes, net),
        )
        if net.is_stopped_:
            raise KeyboardInterrupt  # skorch's way for a callback to stop training

    def on_train_end(self, net, **kwargs):
        """End the subtask of an epoch that was not finished."""
        if self.epoch_ is not None:
            self.epoch_.call_on_fit_task_end(estimator=self.task.classifier)
        # The net lives on with the classifier. The training images need not.
        self.epoch_ = self.task = self.fitted_attributes = None
