"""Progress of a training: a line that is updated on a terminal, a table elsewhere."""

import sys

from skorch.callbacks import PrintLog
from skorch.utils import Ansi
from tqdm import tqdm

from .. import _distributed

# What stands behind the bar, with its name there.
SHOWN = {
    "train_loss": "loss",
    "train_acc": "accuracy",
    "valid_loss": "validation loss",
    "valid_acc": "validation accuracy",
}


class InterruptibleBar(tqdm):
    """A progress bar that Ctrl-C may interrupt while it is drawn."""

    def refresh(self, nolock=False, lock_args=None):
        """Draw the bar.

        When it is interrupted, tqdm's own method does not release its lock. tqdm's
        thread then waits for the lock, and Python for the thread, so it never ends.
        """
        if nolock:
            return super().refresh(nolock=True)
        with self.get_lock():
            return super().refresh(nolock=True)


class TrainingProgress(PrintLog):
    """Show the progress of a training if the net is verbose.

    With ``verbose=1`` and a terminal, one line is updated after each batch. Otherwise a
    table has one line for each epoch, without colours, because their codes would be
    written to log files.
    """

    def on_train_begin(self, net, **kwargs):
        """Draw an empty bar."""
        self.bar_ = None
        # Of several processes that train together, one shows the progress.
        self.is_silent_ = not net.verbose or _distributed.rank() > 0
        if self.is_silent_:
            return
        if net.verbose == 1 and sys.stdout.isatty():
            self.bar_ = InterruptibleBar(
                total=net.max_epochs, unit=" epochs", file=sys.stdout
            )

    def on_batch_end(self, net, training=False, **kwargs):
        """Move the bar forward."""
        if self.bar_ is not None and training:
            # A tenth of an epoch is fine enough, and short to read.
            self.bar_.n = round(net.progress_ * net.max_epochs, 1)
            # The bar is drawn at most ten times a second.
            self.bar_.update(0)

    def on_epoch_end(self, net, **kwargs):
        """Show loss and accuracy."""
        if self.is_silent_:
            return
        if self.bar_ is None:
            super().on_epoch_end(net, **kwargs)
            return
        epoch = net.history[-1]
        shown = {SHOWN[key]: f"{epoch[key]:.4f}" for key in SHOWN if key in epoch}
        self.bar_.n = len(net.history)
        self.bar_.set_postfix(shown)

    def on_train_end(self, net, **kwargs):
        """Leave the last state of the bar on the terminal."""
        if self.bar_ is not None:
            self.bar_.close()
        self.bar_ = None

    def format_row(self, row, key, color):
        """Return a value of the table as text, without colours."""
        text = super().format_row(row, key, color="")
        return text.replace(Ansi.ENDC.value, "") if isinstance(text, str) else text
