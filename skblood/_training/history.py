"""The history of a training: a list with a dict for each epoch."""

from .._warnings import warn


def finished_epochs(history, n_earlier):
    """Return the finished epochs of a skorch history, without its records of batches.

    Parameters
    ----------
    history : skorch.history.History
    n_earlier : int
        Number of epochs before the first one of `history`; their numbers continue.

    Returns
    -------
    list of dict
    """
    return [
        {
            **{key: value for key, value in epoch.items() if key != "batches"},
            "epoch": n_earlier + epoch["epoch"],
        }
        for epoch in history
        if "train_loss" in epoch  # An interrupted epoch has no loss.
    ]


def count_steps(history):
    """Return the number of training steps in all epochs.

    Parameters
    ----------
    history : list of dict

    Returns
    -------
    int
    """
    return sum(epoch.get("train_batch_count", 0) for epoch in history)


def warn_of_interruption(n_finished, n_epochs):
    """Warn that the user has interrupted a training.

    Parameters
    ----------
    n_finished, n_epochs : int
        How many epochs were finished, and of how many.
    """
    warn(
        f"The training was interrupted after {n_finished} of {n_epochs} epochs. The "
        "classifier keeps these epochs. Call fit again to train it completely."
    )
