"""The descriptions of the data: texts in descr/, filled with names and counts."""

from importlib.resources import files


def describe(filename, *, n_samples, target_names, **fields):
    """Return the text of a description.

    Parameters
    ----------
    filename : str
        The file in descr/, in which `{counts}`, `{classes}` and the names of `fields`
        stand for what is filled in.

    n_samples : dict of str to int
        The number of images in each split.

    target_names : list of str
        The names of the classes, in the order of the labels.

    **fields : object
        Whatever else the text asks for.

    Returns
    -------
    str
        The text.
    """
    template = files("skblood.datasets").joinpath("descr", filename)
    return template.read_text(encoding="utf-8").format(
        counts=", ".join(f"{n} in {split}" for split, n in n_samples.items()),
        classes="\n".join(f"- {i}: {name}" for i, name in enumerate(target_names)),
        **fields,
    )
