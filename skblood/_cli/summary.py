"""What the commands say about all predictions together."""

from collections import Counter

import numpy as np

# From this fraction of unfamiliar images on, the model probably does not know the
# microscope or the stain.
MANY = 0.2


def describe_predictions(parts, model):
    """Return lines with the number of images of each class, and how many are doubtful.

    Parameters
    ----------
    parts : list of Bunch
        Return values of `skblood.assess`.
    model : str
        Name or file of the model.

    Returns
    -------
    list of str
    """
    is_unsure = np.concatenate([part.is_unsure for part in parts])
    is_unfamiliar = np.concatenate([part.is_unfamiliar for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    n, n_unfamiliar = len(labels), int(is_unfamiliar.sum())
    counts = Counter(map(str, labels[~is_unsure])).most_common()
    counts += [("unsure", int(is_unsure.sum()) - n_unfamiliar)]
    counts += [("unfamiliar", n_unfamiliar)]
    text = ", ".join(f"{k} {name}" for name, k in counts if k > 0)
    lines = [f"{n} image{'' if n == 1 else 's'}: {text}"]
    return lines + _describe_familiarity(n_unfamiliar, n, parts[0].familiarity, model)


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
    return lines + _describe_familiarity(n_unfamiliar, n, found.familiarity, model)


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


def _describe_familiarity(n_unfamiliar, n, familiarity, model):
    if familiarity is None:
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
