"""Load the fitted classifiers that are part of the package."""

from importlib.resources import as_file, files

from .persistence._files import read_model

SUFFIX = ".safetensors"


def load_pretrained(name="bloodmnist-28"):
    """Load a fitted classifier that is part of the package.

    Parameters
    ----------
    name : str, default="bloodmnist-28"
        One of these models, all fitted to the train split of BloodMNIST at 28 pixels:

        - "bloodmnist-28" has the default architecture.
        - "bloodmnist-28-robust" has ``augmentation="robust"``. It makes fewer errors on
          images of other microscopes, in particular with `AdaptedClassifier`, and more
          errors on those of BloodMNIST.
        - "bloodmnist-28-tiny" has fewer channels and layers, and works at half of the
          resolution: its file is about a seventh of the size, and it predicts more than
          ten times as fast.

        The first two also learned from five classifiers each, and the last one from
        "bloodmnist-28" (knowledge distillation). The model cards in ``skblood/models``
        state their accuracy.

    Returns
    -------
    BloodCNNClassifier
        It predicts class names. Its `classes_` are the ``target_names`` of
        :func:`~skblood.datasets.load_bloodmnist`, in the same order. Its `familiarity_`
        detects images that do not resemble those of BloodMNIST, see `assess`.

    Raises
    ------
    ValueError
        If there is no model with this name.

    See Also
    --------
    load_model : Loads a model from your own file.

    Examples
    --------
    Load the labels as names to score the classifier:

    >>> from skblood import load_bloodmnist_sample, load_pretrained
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    >>> clf = load_pretrained()
    >>> clf.predict(X[:3]).tolist()
    ['erythroblast', 'lymphocyte', 'lymphocyte']
    >>> clf.score(X, y) > 0.95
    True

    Test-time augmentation makes the predictions slower and slightly more accurate:

    >>> clf = load_pretrained().set_params(test_time_augmentation=True)

    Continue the training from these weights, also for other classes:

    >>> clf = load_pretrained("bloodmnist-28-tiny")
    >>> clf = clf.set_params(warm_start=True, max_epochs=2, random_state=0)
    >>> clf.fit(X, y == "platelet").classes_
    array([False,  True])
    """
    names = pretrained_names()
    if name not in names:
        raise ValueError(
            f"Expected the name of a pretrained model ({', '.join(names)}), got "
            f"{name!r}."
        )
    with as_file(_folder().joinpath(name + SUFFIX)) as path:
        # Unlike `load_model`, this does not warn about other versions of torch or
        # scikit-learn: a test scores these models with the installed versions.
        classifier, _ = read_model(path)
    return classifier


def pretrained_names():
    """Return the names that `load_pretrained` accepts.

    Returns
    -------
    list of str
        The names in alphabetical order.
    """
    names = [entry.name for entry in _folder().iterdir()]
    return sorted(n.removesuffix(SUFFIX) for n in names if n.endswith(SUFFIX))


def _folder():
    return files("skblood").joinpath("models")
