"""Saving fitted classifiers to files, and loading them without running code."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._io import atomic_write
from .._training.state import warn_of_versions
from .._warnings import warn
from ..cnn import BloodCNNClassifier
from ..fnn import BloodFNNClassifier
from ..networks import FeedForwardNetwork, ReportNetwork, ResidualNetwork
from ..optimizers import Muon
from ._codec import Decoder, encode, name_of
from ._container import pack, read, unpack
from ._validate import OPTIONAL, REQUIRED, check_optimizer_state, check_state

CLASSIFIERS = {cls.__name__: cls for cls in (BloodCNNClassifier, BloodFNNClassifier)}
# Entries of the state that are stored in another form, or computed from such entries.
CONVERTED = {"history_", "loss_curve_", "n_iter_", "_weights"}
# Entries of the state that are stored under "fitted".
STORED = {*REQUIRED, *OPTIONAL} - CONVERTED
# Names of weights have this prefix among the arrays of a file.
WEIGHT_PREFIX = "weights/"
PACKAGE_CLASSES = (ResidualNetwork, ReportNetwork, FeedForwardNetwork, Muon)


def save_model(classifier, path, *, half_precision=False):
    """Write a fitted classifier to a file that contains no code.

    The file has the safetensors format [1]_: weights and other numeric arrays are
    stored as tensors, everything else as JSON. Unless `half_precision` is True, the
    classifier that `load_model` returns predicts exactly the same probabilities on the
    same machine. If writing fails, an existing file at `path` stays unchanged.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier
        The fitted classifier.
    path : str or path-like
        Path of the file. Its name usually ends in ``.safetensors``.
    half_precision : bool, default=False
        Store float32 weights as float16, which halves the size of the file.
        Probabilities then change in about the third decimal.

    Raises
    ------
    TypeError
        If `classifier` is not one of skblood's two classifiers. Pipelines and
        subclasses cannot be saved.
    NotFittedError
        If the classifier is not fitted.
    ValueError
        If `load_model` would refuse the file: because a parameter was set to an invalid
        value after `fit`, because weights are not finite, because a callback added
        values to `history_` that are neither numbers nor strings, or because the JSON
        part is larger than 1 MiB (about 10,000 epochs, or several times as many feature
        names).
    OSError
        If the file cannot be written.

    Warns
    -----
    UserWarning
        If a parameter cannot be stored because it is code, such as callbacks, or a
        random number generator. The loaded classifier has the default value instead.
        Attributes that other code added to the classifier are not saved either.

    See Also
    --------
    load_model : Reads the file.
    skblood.to_onnx : Writes a model for use without skblood and torch.

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
            f"Expected a {' or a '.join(CLASSIFIERS)}, got a "
            f"{type(classifier).__name__}. Save other estimators with skops.io."
        )
    check_is_fitted(classifier)
    state = classifier.__getstate__()
    known_classes = {name_of(cls): cls for cls in _classes_within(state)}
    content = pack(*_describe(classifier, state, half_precision))
    try:
        _build_classifier(*unpack(content), known_classes)
    except Exception as error:
        raise ValueError(
            f"This {type(classifier).__name__} cannot be saved, because load_model "
            f"would refuse the file: {_reason(error)}."
        ) from error
    atomic_write(path, content)


def load_model(path, *, custom_classes=()):
    """Load a classifier from a file that `save_model` wrote.

    Loading runs no code from the file, so files from other people are safe to open: a
    file holds only arrays and text. They are checked against what skblood itself can
    write before one of its networks is built; the optimizer state that `partial_fit`
    needs is checked afterwards.

    Parameters
    ----------
    path : str or path-like
        Path of the file.
    custom_classes : sequence of type, or dict of str to type, default=()
        Your own classes that the model uses as its `architecture` or `optimizer`. Pass
        a dict if a class has another name now; its keys are the full names at the time
        of saving, such as ``{"__main__.MyNetwork": MyNetwork}``. The file decides the
        arguments with which these classes are called, so they must not do harm with
        any argument.

    Returns
    -------
    BloodCNNClassifier or BloodFNNClassifier
        On the device that it was fitted on if that is available, else on the device
        that ``device="auto"`` selects.

    Raises
    ------
    TypeError
        If `custom_classes` is a class instead of a list or dict of classes.
    OSError
        If the file cannot be read.
    ValueError
        If the file was not written by `save_model`, is damaged, or needs a class that
        is not in `custom_classes`.

    Warns
    -----
    UserWarning
        If the model was trained with other versions of skblood, torch or scikit-learn
        than the installed ones, or if some of its parameters could not be saved.

    See Also
    --------
    save_model : Writes the file.
    skblood.load_pretrained : Loads a model that is part of the package.

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
    ...     load_model(Path(folder, "cells.safetensors"))
    BloodFNNClassifier(max_epochs=2, random_state=0)
    """
    classifier, not_saved = read_model(path, custom_classes)
    warn_of_versions(classifier._versions, type(classifier).__name__)
    if not_saved:
        warn(
            "These parameters could not be saved with the model and have their default "
            f"values: {', '.join(not_saved)}."
        )
    return classifier


def read_model(path, custom_classes=()):
    """Return the classifier in a file, and the parameters that the file does not hold.

    Parameters
    ----------
    path : str or path-like
    custom_classes : sequence of type or dict of str to type

    Returns
    -------
    classifier : BloodCNNClassifier or BloodFNNClassifier
    not_saved : list of str
        Names of the parameters that could not be saved.

    Raises
    ------
    TypeError, OSError, ValueError
        See `load_model`.
    """
    known_classes = {
        **{name_of(cls): cls for cls in PACKAGE_CLASSES},
        **_check_custom_classes(custom_classes),
    }
    try:
        return _build_classifier(*unpack(read(path)), known_classes)
    except OSError:
        raise
    # The content of a file can make any step fail, with any type of error.
    except Exception as error:
        reason = _reason(error)
        raise ValueError(f"{path} cannot be loaded as a model: {reason}.") from error


def _check_custom_classes(classes):
    if isinstance(classes, type):
        raise TypeError(
            "Expected custom_classes to be a list of classes, or a dict from names to "
            f"classes, got the class {classes.__name__}. Pass [{classes.__name__}]."
        )
    if isinstance(classes, dict):
        return classes
    return {name_of(cls): cls for cls in classes}


def _reason(error):
    if isinstance(error, KeyError):
        return f"the entry {error} is missing"
    return str(error).rstrip(".") or type(error).__name__


def _classes_within(state):
    """Return the classes that a classifier uses as its network or optimizer."""
    values = [*state.values(), *state["_net_options"].values(), *state["_network"]]
    return {value for value in values if isinstance(value, type)}


def _describe(classifier, state, half_precision):
    """Return the JSON part of a file as a dict, and its arrays."""
    arrays = {
        WEIGHT_PREFIX + name: _to_half_precision(name, array)
        if half_precision
        else array
        for name, array in state["_weights"].items()
    }
    parameters, not_saved = {}, []
    for name in classifier.get_params(deep=False):
        try:
            parameters[name] = encode(state[name], arrays, f"parameters/{name}")
        except TypeError:
            not_saved.append(name)
    others = set(state) - set(classifier.get_params(deep=False)) - STORED - CONVERTED
    for name in [*not_saved, *sorted(others)]:
        warn(f"{name}={state[name]!r} is not saved.")
    description = {
        "classifier": type(classifier).__name__,
        "parameters": parameters,
        "not_saved": not_saved,
        "fitted": {
            name: encode(state[name], arrays, name)
            for name in sorted(STORED & set(state))
        },
        "history": encode(_to_columns(state["history_"]), {}, "history")["dict"],
    }
    return description, arrays


def _build_classifier(description, arrays, known_classes):
    decoder = Decoder(arrays, known_classes)
    parameters, state = (
        {name: decoder.decode(value) for name, value in part.items()}
        for part in (description["parameters"], description["fitted"])
    )
    classifier = CLASSIFIERS[description["classifier"]](**parameters)
    state["_weights"] = {
        name.removeprefix(WEIGHT_PREFIX): _to_single_precision(arrays.pop(name))
        for name in list(arrays)
        if name.startswith(WEIGHT_PREFIX)
    }
    if arrays:
        raise ValueError(f"unexpected arrays: {', '.join(sorted(arrays))}")
    history = _from_columns(description["history"])
    state["history_"] = history
    state["loss_curve_"] = [epoch["train_loss"] for epoch in history]
    state["n_iter_"] = len(history)
    check_state(classifier, state)
    classifier._restore({**vars(classifier), **state})
    if "_averages" in state:
        check_optimizer_state(classifier, PACKAGE_CLASSES)
    not_saved = description["not_saved"]
    return classifier, [name for name in classifier.get_params() if name in not_saved]


def _to_half_precision(name, array):
    # The scaling of the pixels may overflow float16 and takes little space: keep
    # float32.
    if array.dtype != np.float32 or not name.startswith("network."):
        return array
    with np.errstate(over="ignore"):
        halved = array.astype(np.float16)
    return halved if np.isfinite(halved).all() else array


def _to_single_precision(array):
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _to_columns(history):
    """Return the history as a dict with a list of one value per epoch for each key."""
    names = dict.fromkeys(name for epoch in history for name in epoch)
    return {name: [epoch.get(name) for epoch in history] for name in names}


def _from_columns(columns):
    if not all(type(column) is list for column in columns.values()):
        raise ValueError("history must hold lists")
    return [
        {
            name: value
            for name, value in zip(columns, epoch, strict=True)
            if value is not None
        }
        for epoch in zip(*columns.values(), strict=True)
    ]
