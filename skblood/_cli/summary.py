"""What the commands say about all predictions together."""

import shlex
from collections import Counter

# From this fraction of unfamiliar images on, the model probably does not know the
# microscope or the stain.
MANY = 0.2


class Tally:
    """Counts the images of each class and the doubtful ones, part by part."""

    def __init__(self):
        self.n_images = self.n_unsure = self.n_unfamiliar = self.n_ambiguous = 0
        self.counts = Counter()
        self.has_familiarity = True

    def add(self, found):
        """Count some images.

        Parameters
        ----------
        found : Bunch
            The return value of `skblood.assess`, also with `sets`.
        """
        self.n_images += len(found.labels)
        self.counts.update(map(str, found.labels[~found.is_doubtful]))
        self.n_unsure += int((found.is_doubtful & ~found.is_unfamiliar).sum())
        self.n_unfamiliar += int(found.is_unfamiliar.sum())
        self.has_familiarity = found.familiarity is not None
        if found.get("sets") is not None:
            self.n_ambiguous += int((found.sets.sum(axis=1) > 1).sum())

    def describe(self):
        """Return the number of images of each class, and of doubtful predictions.

        Returns
        -------
        str
        """
        counts = self.counts.most_common()
        counts += [("unsure", self.n_unsure), ("unfamiliar", self.n_unfamiliar)]
        text = ", ".join(f"{k} {name}" for name, k in counts if k > 0)
        return f"{self.n_images} image{'' if self.n_images == 1 else 's'}: {text}"


def describe_doubts(found, is_wrong):
    """Return how many errors are among the doubtful predictions.

    Parameters
    ----------
    found : Bunch
        The return value of `skblood.assess`.
    is_wrong : ndarray of bool, of shape (n,)
        Whether each prediction is wrong.

    Returns
    -------
    str
    """
    n_found = int(is_wrong[found.is_doubtful].sum())
    return (
        f"Doubtful predictions: {int(found.is_doubtful.sum())} of {len(is_wrong)} "
        f"({int(found.is_unfamiliar.sum())} of them unfamiliar). Errors: "
        f"{int(is_wrong.sum())} ({n_found} of them among the doubtful predictions)."
    )


def describe_familiarity(tally, options):
    """Return a warning if images are not checked for familiarity, or many lack it.

    Parameters
    ----------
    tally : Tally
    options : argparse.Namespace
        The arguments of the command.

    Returns
    -------
    message : str or None
    next_command : str or None
        What to type next.
    """
    if tally.n_images == 0:
        return None, None
    if not tally.has_familiarity:
        return describe_missing_familiarity(options.model), None
    if tally.n_unfamiliar < MANY * tally.n_images:
        return None, None
    from skblood.pretrained import pretrained_names

    better = (
        ""
        if options.adapt
        else (
            "With --adapt, predictions for cells are often better, but not reliable. "
        )
    )
    return (
        f"Warning: unfamiliar images: {tally.n_unfamiliar} of {tally.n_images}. They "
        f"do not resemble the images on which {options.model} was trained: they show "
        "another microscope, stain or magnification, or no single cell in the middle. "
        f"Do not rely on the predictions for them. {better}If they show cells, train a "
        "model of your own. This command begins with the 50 images that are worth "
        "labelling first:"
    ), make_command(
        *("suggest", "IMAGES", "-n", 50, "-o", "to-label"),
        options=options,
        # Its default is the pretrained model that is best for this.
        has_model=options.model not in pretrained_names(),
    )


def describe_missing_familiarity(model):
    """Return what follows from a model without a detector of unfamiliar images.

    Parameters
    ----------
    model : str
        Name or path.

    Returns
    -------
    str
    """
    return (
        f"The model {model} has no familiarity, so images that do not resemble its "
        "training images are not marked. Train it again, with at least 20 images, or "
        "call fit_familiarity in Python."
    )


def make_command(*arguments, options, has_model=True):
    """Return a command line with the crop and the model of the current one.

    Parameters
    ----------
    *arguments : object
        The command and its arguments.
    options : argparse.Namespace
        The arguments of the current command.
    has_model : bool, default=True
        Whether the command line names the model.

    Returns
    -------
    str
    """
    parts = ["skblood", *arguments]
    if has_model:
        parts += ["--start" if arguments[0] == "train" else "--model", options.model]
    if options.crop is not None:
        parts += ["--crop", options.crop]
    return shlex.join(map(str, parts))
