"""What the commands say about all predictions together."""

from collections import Counter

# From this fraction of unfamiliar images on, the model probably does not know the
# microscope or the stain.
MANY = 0.2


class Tally:
    """Counts the images of each class and the doubtful ones, part by part."""

    def __init__(self):
        self.n_images = self.n_unsure = self.n_unfamiliar = 0
        self.counts = Counter()
        self.has_familiarity = True

    def add(self, found):
        """Count some images.

        Parameters
        ----------
        found : Bunch
            The return value of `skblood.assess`.
        """
        self.n_images += len(found.labels)
        self.counts.update(map(str, found.labels[~found.is_unsure]))
        self.n_unsure += int((found.is_unsure & ~found.is_unfamiliar).sum())
        self.n_unfamiliar += int(found.is_unfamiliar.sum())
        self.has_familiarity = found.familiarity is not None

    def describe(self, model):
        """Return lines with all counts, and a warning if many images are unfamiliar.

        Parameters
        ----------
        model : str
            Name or file of the model.

        Returns
        -------
        list of str
            Empty if there were no images.
        """
        if self.n_images == 0:
            return []
        counts = self.counts.most_common()
        counts += [("unsure", self.n_unsure), ("unfamiliar", self.n_unfamiliar)]
        text = ", ".join(f"{k} {name}" for name, k in counts if k > 0)
        return [
            f"{self.n_images} image{'' if self.n_images == 1 else 's'}: {text}",
            *_describe_familiarity(
                self.n_unfamiliar, self.n_images, self.has_familiarity, model
            ),
        ]


def describe_doubts(found, is_wrong, model):
    """Return lines that say how many errors are among the doubtful predictions.

    Parameters
    ----------
    found : Bunch
        The return value of `skblood.assess`.
    is_wrong : ndarray of bool, of shape (n,)
        Whether each prediction is wrong.
    model : str
        Name or file of the model.

    Returns
    -------
    list of str
    """
    n, n_unsure = len(is_wrong), int(found.is_unsure.sum())
    n_unfamiliar = int(found.is_unfamiliar.sum())
    n_wrong, n_found = int(is_wrong.sum()), int(is_wrong[found.is_unsure].sum())
    lines = [
        f"Doubtful predictions: {n_unsure} of {n} ({n_unfamiliar} of them unfamiliar). "
        f"Errors: {n_wrong} ({n_found} of them among the doubtful predictions)."
    ]
    has_familiarity = found.familiarity is not None
    return lines + _describe_familiarity(n_unfamiliar, n, has_familiarity, model)


def describe_next_step(folder, model):
    """Return lines that say what to do with the images that `suggest` chose.

    Parameters
    ----------
    folder : Path
    model : str
        Name or file of the model.

    Returns
    -------
    list of str
    """
    return [
        f"Move each image to a sub-folder of {folder} with the name of its class. Then "
        "train:",
        f"  skblood train {folder} --start {model} -o my-model.safetensors",
    ]


def _describe_familiarity(n_unfamiliar, n, has_familiarity, model):
    if not has_familiarity:
        return [
            f"The model {model} has no familiarity, so images that do not resemble its "
            "training images are not marked. Train it again, or call fit_familiarity "
            "in Python."
        ]
    if n_unfamiliar < MANY * n:
        return []
    return [
        f"Warning: unfamiliar images: {n_unfamiliar} of {n}. They do not resemble the "
        f"images on which {model} was trained: they show another microscope, stain or "
        "magnification, or no single cell in the middle. Do not rely on the "
        "predictions for them. If they show cells, train a model of your own. This "
        "command begins with the 50 images that are worth labelling first:",
        f"  skblood suggest IMAGES -n 50 -o to-label --model {model}",
    ]
