"""Fitted classifiers in files that are read without running code."""

import warnings

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._encoding import Decoder, encode, name_of
from ._model_check import ALWAYS, SOMETIMES, check_averages, check_state
from ._model_file import pack, read, unpack
from ._state import warn_of_versions
from ._writing import write_whole
from .cnn import BloodCNNClassifier
from .fnn import BloodFNNClassifier
from .networks import FeedForwardNetwork, ReportNetwork, ResidualNetwork
from .optimizers import Muon

CLASSIFIERS = {cls.__name__: cls for cls in (BloodCNNClassifier, BloodFNNClassifier)}
# What is described under "fitted", and what follows from the other parts of a file.
FOLLOWING = {"history_", "loss_curve_", "n_iter_", "_weights"}
ENTRIES = {*ALWAYS, *SOMETIMES} - FOLLOWING
# What the names of weights begin with, among a file's arrays.
WEIGHTS = "weights/"
OWN_CLASSES = (ResidualNetwork, ReportNetwork, FeedForwardNetwork, Muon)


def save_model(classifier, path, *, half_precision=False):
    """Write a fitted classifier to a file that holds no code.

    The file is in the format of safetensors [1]_: weights as arrays, all else as JSON.
    `load_model` returns a classifier that predicts the same, bit for bit. Whatever
    happens on the way, there is afterwards the whole new file, or what was there.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier
        A fitted one.
    path : str or path-like
        Of the file; by custom its name ends in ``.safetensors``.
    half_precision : bool, default=False
        Store weights of 32 bits in 16, in half the space. Probabilities then differ in
        the third digit or so.

    Raises
    ------
    TypeError
        If it is not one of skblood's classifiers, but a pipeline, say, or a class
        derived from one.
    NotFittedError
        If it is not fitted.
    ValueError
        If `load_model` would refuse it: a parameter was set after `fit` to what it may
        not be, weights are not finite, a callback put into `history_` what is no number
        or text, or the description is longer than 1 MiB, which takes some ten thousand
        epochs or named features.
    OSError
        If the file cannot be written.

    Warns
    -----
    UserWarning
        If a parameter is code or a generator, such as an entry of `callbacks`: it is
        left out, and has its default in what is loaded. So is what others put on the
        classifier.

    See Also
    --------
    load_model : Reads the file.
    to_onnx : For use without skblood and torch.

    References
    ----------
    .. [1] https://huggingface.co/docs/safetensors

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skblood import BloodFNNClassifier, load_bloodmnist_sample
    >>> from skblood import load_model, save_model
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True)
    >>> clf = BloodFNNClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     save_model(clf, Path(folder, "cells.safetensors"))
    ...     loaded = load_model(Path(folder, "cells.safetensors"))
    >>> bool((loaded.predict_proba(X) == clf.predict_proba(X)).all())
    True
    """
    if type(classifier) not in CLASSIFIERS.values():
        raise TypeError(
            f"save_model takes a {' or a '.join(CLASSIFIERS)}, got a "
            f"{type(classifier).__name__}. Others can be saved with skops.io."
        )
    check_is_fitted(classifier)
    state = classifier.__getstate__()
    known_classes = {name_of(cls): cls for cls in _classes_within(state)}
    content = pack(*_describe(classifier, state, half_precision))
    try:
        _restore(*unpack(content), known_classes)
    except Exception as error:
        raise ValueError(
            f"This {type(classifier).__name__} cannot be saved, since it could not be "
            f"loaded again: {_reason(error)}."
        ) from error
    write_whole(path, content)


def load_model(path, *, custom_classes=()):
    """Read a classifier from a file of `save_model`.

    No code in the file is run, whoever made it: it can only hold arrays and text.
    Before a network is built, they are held to what skblood itself could have written.

    Parameters
    ----------
    path : str or path-like
    custom_classes : sequence of type, or dict of str to type, default=()
        The classes of one's own that the model was made with: its `architecture` or
        `optimizer`. A dict has them by the full names that they had then, such as
        ``{"__main__.MyNetwork": MyNetwork}``. They are trusted: one that does harm with
        what a file asks for is not held back.

    Returns
    -------
    BloodCNNClassifier or BloodFNNClassifier
        On the device that it was fitted on, if that is here, else as with
        ``device="auto"``.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not a whole file of `save_model`, or asks for a class that was not
        given.

    Warns
    -----
    UserWarning
        If it was trained with other versions of skblood, torch or scikit-learn, or if
        parameters could not be saved.

    See Also
    --------
    save_model : Writes the file.
    skblood.load_pretrained : A model that is part of the package.
    """
    classifier, not_saved = read_model(path, custom_classes)
    warn_of_versions(classifier._versions, type(classifier).__name__, stacklevel=2)
    if not_saved:
        warnings.warn(
            f"{', '.join(not_saved)} could not be saved with this model, and has its "
            "default.",
            UserWarning,
            stacklevel=2,
        )
    return classifier


def read_model(path, custom_classes=()):
    """Return the classifier of a file, and what could not be saved of it.

    Parameters
    ----------
    path : str or path-like
    custom_classes : sequence of type or dict of str to type

    Returns
    -------
    classifier : BloodCNNClassifier or BloodFNNClassifier
    not_saved : list of str
        Names of parameters.

    Raises
    ------
    OSError, ValueError
        See `load_model`.
    """
    known_classes = {
        **{name_of(cls): cls for cls in OWN_CLASSES},
        **_check_custom_classes(custom_classes),
    }
    try:
        return _restore(*unpack(read(path)), known_classes)
    except OSError:
        raise
    # Whatever the content of a file makes fail, the content is at fault.
    except Exception as error:
        reason = _reason(error)
        raise ValueError(f"{path} cannot be loaded as a model: {reason}.") from error


def _check_custom_classes(classes):
    if isinstance(classes, type):
        raise TypeError(
            "custom_classes must be a list of classes, or a dict of names and classes, "
            f"got the class {classes.__name__} itself."
        )
    if isinstance(classes, dict):
        return classes
    return {name_of(cls): cls for cls in classes}


def _reason(error):
    return str(error).rstrip(".") or type(error).__name__


def _classes_within(state):
    """Return the classes that a classifier is made with."""
    values = [*state.values(), *state["_net_options"].values(), *state["_network"]]
    return {value for value in values if isinstance(value, type)}


def _describe(classifier, state, half_precision):
    """Return the description of a classifier and its arrays."""
    arrays = {
        WEIGHTS + name: _halve(name, array) if half_precision else array
        for name, array in state["_weights"].items()
    }
    parameters, not_saved = {}, []
    for name in classifier.get_params(deep=False):
        try:
            parameters[name] = encode(state[name], arrays, f"parameters/{name}")
        except TypeError:
            not_saved.append(name)
    others = set(state) - set(classifier.get_params(deep=False)) - ENTRIES - FOLLOWING
    for name in [*not_saved, *sorted(others)]:
        warnings.warn(
            f"{name}={state[name]!r} is not saved.", UserWarning, stacklevel=3
        )
    description = {
        "classifier": type(classifier).__name__,
        "parameters": parameters,
        "not_saved": not_saved,
        "fitted": {
            name: encode(state[name], arrays, name)
            for name in sorted(ENTRIES & set(state))
        },
        "history": encode(_to_columns(state["history_"]), {}, "history")["dict"],
    }
    return description, arrays


def _restore(description, arrays, known_classes):
    decoder = Decoder(arrays, known_classes)
    parameters, state = (
        {name: decoder.decode(value) for name, value in part.items()}
        for part in (description["parameters"], description["fitted"])
    )
    classifier = CLASSIFIERS[description["classifier"]](**parameters)
    state["_weights"] = {
        name.removeprefix(WEIGHTS): _widen(arrays.pop(name))
        for name in list(arrays)
        if name.startswith(WEIGHTS)
    }
    if arrays:
        raise ValueError(f"it has arrays of no use: {', '.join(sorted(arrays))}")
    history = _from_columns(description["history"])
    state["history_"] = history
    state["loss_curve_"] = [epoch["train_loss"] for epoch in history]
    state["n_iter_"] = len(history)
    check_state(classifier, state)
    classifier._restore({**vars(classifier), **state})
    if "_averages" in state:
        check_averages(classifier, OWN_CLASSES)
    not_saved = description["not_saved"]
    return classifier, [name for name in classifier.get_params() if name in not_saved]


def _halve(name, array):
    # What pixels are scaled by may be of any size, and is hardly anything.
    if array.dtype != np.float32 or not name.startswith("network."):
        return array
    with np.errstate(over="ignore"):
        halved = array.astype(np.float16)
    return halved if np.isfinite(halved).all() else array


def _widen(array):
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _to_columns(history):
    """Return the epochs' records as one list for each of their entries."""
    names = dict.fromkeys(name for epoch in history for name in epoch)
    return {name: [epoch.get(name) for epoch in history] for name in names}


def _from_columns(columns):
    if not all(type(column) is list for column in columns.values()):
        raise ValueError("it has a history that is none")
    return [
        {
            name: value
            for name, value in zip(columns, epoch, strict=True)
            if value is not None
        }
        for epoch in zip(*columns.values(), strict=True)
    ]
