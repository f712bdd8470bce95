"""Fitted classifiers in files that are read without running code."""

import warnings

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._encoding import decode, encode, name_of
from ._model_check import check_averages, check_state
from ._model_file import read_model_file, write_model_file
from ._state import warn_of_versions
from .cnn import BloodCNNClassifier
from .fnn import BloodFNNClassifier
from .networks import FeedForwardNetwork, ReportNetwork, ResidualNetwork
from .optimizers import Muon

CLASSIFIERS = {cls.__name__: cls for cls in (BloodCNNClassifier, BloodFNNClassifier)}
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
        If a parameter was set after `fit` to what it may not be.
    OSError
        If the file cannot be written.

    Warns
    -----
    UserWarning
        If a parameter is code or a generator, such as an entry of `callbacks`: it is
        left out, and has its default in what is loaded.

    See Also
    --------
    load_model : Reads the file.
    skblood.export.to_onnx : For use without skblood and torch.

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
    classifier._validate_params()
    state = classifier.__getstate__()
    names = classifier.get_params(deep=False)
    parameters = {name: state.pop(name) for name in names}
    weights = state.pop("_weights")
    history = state.pop("history_")
    for name in ("n_iter_", "loss_curve_"):
        del state[name]  # follows from the history
    arrays = {
        WEIGHTS + name: _halve(array) if half_precision else array
        for name, array in weights.items()
    }
    description = {
        "classifier": type(classifier).__name__,
        "parameters": _encode_parameters(parameters, arrays),
        "fitted": {name: encode(state[name], arrays, name) for name in state},
        "history": encode(_to_columns(history), arrays, "history"),
    }
    write_model_file(path, description, arrays)


def load_model(path, *, custom_classes=()):
    """Read a classifier from a file of `save_model`.

    No code in the file is run, whoever made it: it can only hold arrays and text, which
    are compared with what skblood itself could have written before anything is built
    from them.

    Parameters
    ----------
    path : str or path-like
    custom_classes : sequence of type, default=()
        The classes of one's own that the model was made with: its `architecture` or
        `optimizer`.

    Returns
    -------
    BloodCNNClassifier or BloodFNNClassifier
        On the device that it was fitted on, if there is one here, else on the CPU.

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
        If it was saved by other versions of skblood, torch or scikit-learn.

    See Also
    --------
    save_model : Writes the file.
    skblood.load_pretrained : A model that is part of the package.
    """
    classifier, versions = read_model(path, custom_classes)
    warn_of_versions(versions, type(classifier).__name__, stacklevel=2)
    return classifier


def read_model(path, custom_classes=()):
    """Return the classifier of a file, and the versions that it was saved by.

    Parameters
    ----------
    path : str or path-like
    custom_classes : sequence of type, default=()

    Returns
    -------
    classifier : BloodCNNClassifier or BloodFNNClassifier
    versions : dict of str to str

    Raises
    ------
    OSError, ValueError
        See `load_model`.
    """
    classes = {name_of(cls): cls for cls in (*OWN_CLASSES, *custom_classes)}
    try:
        return _restore(*read_model_file(path), classes)
    except OSError:
        raise
    # Whatever the content of a file makes fail, the content is at fault.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} cannot be loaded as a model: {reason}.") from error


def _restore(description, arrays, classes):
    parameters, state = (
        {name: decode(value, arrays, classes) for name, value in part.items()}
        for part in (description["parameters"], description["fitted"])
    )
    classifier = CLASSIFIERS[description["classifier"]](**parameters)
    state["_weights"] = {
        name.removeprefix(WEIGHTS): _widen(arrays.pop(name))
        for name in list(arrays)
        if name.startswith(WEIGHTS)
    }
    history = _from_columns(decode(description["history"], arrays, classes))
    if arrays:
        raise ValueError(f"it has arrays of no use: {', '.join(sorted(arrays))}")
    state["history_"] = history
    state["loss_curve_"] = [epoch["train_loss"] for epoch in history]
    state["n_iter_"] = len(history)
    check_state(classifier, state)
    classifier._restore({**vars(classifier), **state})
    if "_averages" in state:
        check_averages(classifier)
    return classifier, state["_versions"]


def _encode_parameters(parameters, arrays):
    """Return the parameters that are not code."""
    encoded = {}
    for name, value in parameters.items():
        try:
            encoded[name] = encode(value, arrays, f"parameters/{name}")
        except TypeError:
            warnings.warn(
                f"{name}={value!r} is not saved: what is loaded has its default.",
                UserWarning,
                stacklevel=3,
            )
    return encoded


def _halve(array):
    if array.dtype != np.float32:
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
    return [
        {
            name: value
            for name, value in zip(columns, epoch, strict=True)
            if value is not None
        }
        for epoch in zip(*columns.values(), strict=True)
    ]
