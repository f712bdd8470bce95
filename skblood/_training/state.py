"""The state of a fitted classifier without objects of torch or skorch.

Pickles, copies and model files hold this state. Its keys are therefore fixed, whatever
the specifications are called.
"""

import copy

import sklearn
import torch

from .. import __version__
from .._runtime.hardware import resolve_device
from .._warnings import warn
from ..calibration import Calibration
from .arrays import (
    load_module_arrays,
    load_optimizer_arrays,
    module_arrays,
    optimizer_arrays,
)
from .fit import build_network, make_net
from .history import count_steps
from .spec import NetworkSpec, TrainingSpec, resolve_dtype

# Training options that are saved if they are parameters of the classifier.
SAVED_OPTIONS = (
    "optimizer",
    "lr",
    "batch_size",
    "weight_decay",
    "label_smoothing",
    "verbose",
    "precision",
    "data_pruning",
)


def pack_state(attributes):
    """Return the attributes of a classifier with arrays in place of its net.

    Parameters
    ----------
    attributes : dict
        What `vars` of the classifier returns, fitted or not.

    Returns
    -------
    dict
        For a fitted classifier, ``net_`` and both specifications are replaced by

        - ``_weights``, the arrays of the module,
        - ``_network``, the class of the network and its options,
        - ``_scaling``, the center and the scale of the pixels,
        - ``_net_options`` and ``_seed``, how it was trained,
        - ``_calibration``, the attributes of ``calibration_`` as a dict, if any,
        - ``_familiarity``, the fitted attributes of its `FamiliarityDetector`, if any,
        - ``_streaming``, whether `partial_fit` was the last call, and if so
        - ``_averages``, the optimizer state, from which `partial_fit` continues.
    """
    state = dict(attributes)
    net = state.pop("net_", None)
    if net is not None:
        del state["loss_curve_"]  # It is also in the history.
        network, training = state.pop("_network_spec"), state.pop("_training_spec")
        state |= {
            "_weights": module_arrays(net.module_),
            "_network": (network.network_class, network.options),
            "_scaling": (network.center, network.scale),
            "_net_options": {
                name: getattr(training, name)
                for name in SAVED_OPTIONS
                if name in attributes
            },
            "_seed": training.seed,
            "_streaming": training.streaming,
        }
        if network.pixel_range is None:
            del state["pixel_range_"]
        if state["_familiarity"] is None:
            del state["_familiarity"]
        calibration = state.pop("calibration_")
        if calibration is not None:
            state["_calibration"] = dict(vars(calibration))
        if training.streaming:
            state["_averages"] = optimizer_arrays(net.optimizer_)
    # A loaded model keeps the versions with which it was trained.
    state.setdefault("_versions", versions())
    return state


def unpack_state(state):
    """Return the attributes of a classifier from what `pack_state` returned.

    A classifier that was fitted on a device that is not available here gets the one
    that ``device="auto"`` stands for.

    Parameters
    ----------
    state : dict

    Returns
    -------
    dict
    """
    state = dict(state)
    if "_weights" not in state:
        return state
    state["device_"] = _available_device(state["device_"])
    n_classes, device = len(state["classes_"]), state["device_"]
    dtype = resolve_dtype(state["image_shape_"], device)
    # Files that were written before these attributes existed do not hold them.
    state.setdefault("precision_", str(dtype).removeprefix("torch."))
    state.setdefault("_familiarity", None)
    state["loss_curve_"] = [epoch["train_loss"] for epoch in state["history_"]]
    calibration = state.pop("_calibration", None)
    state["calibration_"] = None if calibration is None else Calibration(**calibration)
    network = NetworkSpec(
        *state.pop("_network"),
        state["image_shape_"],
        *state.pop("_scaling"),
        state.setdefault("pixel_range_", None),
        dtype,
    )
    options = {"precision": state["precision_"], **state.pop("_net_options")}
    training = TrainingSpec(
        n_classes=n_classes,
        device=device,
        seed=state.pop("_seed"),
        n_earlier_epochs=len(state["history_"]),
        n_earlier_steps=count_steps(state["history_"]),
        streaming=state.pop("_streaming"),
        **options,
    )
    module = build_network(network, n_classes, training.seed, device)
    load_module_arrays(module, state.pop("_weights"))
    # The optimizer is only needed after partial_fit, whose next call continues with its
    # state. torch takes a second to import what an optimizer needs.
    net = make_net(module, training, with_optimizer=training.streaming)
    net.history.extend(copy.deepcopy(state["history_"]))
    if training.streaming:
        load_optimizer_arrays(net.optimizer_, state.pop("_averages"))
    return {
        **state,
        "_network_spec": network,
        "_training_spec": training,
        "net_": net,
    }


def versions():
    """Return the versions of the packages that a model's predictions depend on.

    Returns
    -------
    dict of str to str
    """
    return {
        "skblood": __version__,
        "torch": torch.__version__.split("+")[0],
        "scikit-learn": sklearn.__version__,
    }


def warn_of_versions(saved, name):
    """Warn if a classifier was trained with other versions than those installed.

    Parameters
    ----------
    saved : dict of str to str
        From `versions`.
    name : str
        Name of the classifier, for the message.
    """
    changed = [
        f"{package} {saved.get(package, 'unknown')} (now {version})"
        for package, version in versions().items()
        if saved.get(package) != version
    ]
    if changed:
        warn(
            f"This {name} was trained with {', '.join(changed)}; its predictions may "
            "differ."
        )


def _available_device(device):
    try:
        return str(resolve_device(device))
    except ValueError:
        return str(resolve_device("auto"))
