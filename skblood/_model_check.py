"""What the state of a fitted classifier has to be before anything is built from it.

A file may come from anybody. Its parameters are held to their own constraints, and its
weights to the shapes that torch gives the module on its "meta" device, which takes no
memory. Nothing is thus built that is larger than the file.
"""

from math import prod

import numpy as np
import torch

from .networks import FeedForwardNetwork, ReportNetwork, ResidualNetwork

KNOWN_NETWORKS = (ResidualNetwork, ReportNetwork, FeedForwardNetwork)
PRECISIONS = ("float32", "bfloat16", "float64")
ALWAYS = {
    "classes_": np.ndarray,
    "device_": str,
    "history_": list,
    "image_shape_": tuple,
    "loss_curve_": list,
    "n_features_in_": int,
    "n_iter_": int,
    "_net_options": dict,
    "_network": tuple,
    "_scaling": tuple,
    "_seed": int,
    "_streaming": bool,
    "_versions": dict,
    "_weights": dict,
}
SOMETIMES = {"feature_names_in_": np.ndarray, "precision_": str, "_averages": dict}


def check_state(classifier, state):
    """Raise an error unless a state is one that a classifier could have.

    Parameters
    ----------
    classifier : BaseBloodClassifier
        With the parameters, not fitted. It is left as it is.
    state : dict
        The rest of what `PickledAsArrays.__getstate__` returns.

    Raises
    ------
    Exception
        ValueError as a rule; where torch is asked, whatever it raises.
    """
    classifier._validate_params()
    _check_entries(state)
    _check_images(state)
    _check_classes(state["classes_"])
    _check_scaling(state["_scaling"], state["image_shape_"])
    _check_history(state)
    trial = _make_trial(classifier, state)
    _check_options(trial, state["_net_options"])
    _check_network(trial, state["_weights"])


def check_averages(classifier):
    """Raise ValueError if the optimiser's averages do not suit the weights.

    Parameters
    ----------
    classifier : BaseBloodClassifier
        As it was restored.
    """
    if not isinstance(classifier._net_options["optimizer"], str):
        return  # a class that was passed in may keep what it likes
    for weight, averages in classifier.net_.optimizer_.state.items():
        for name, value in averages.items():
            suits = torch.is_tensor(value) and value.shape in (weight.shape, ())
            _require(suits, f"an average {name} of another shape than its weight")


def _check_entries(state):
    wanted = ALWAYS | SOMETIMES
    missing, unknown = set(ALWAYS) - set(state), set(state) - set(wanted)
    _require(not missing, f"no {', '.join(sorted(missing))}")
    _require(not unknown, f"an unknown {', '.join(sorted(unknown))}")
    for name, value in state.items():
        _require(
            type(value) is wanted[name],
            f"a {name} of type {type(value).__name__}, not {wanted[name].__name__}",
        )
    versions = state["_versions"].values()
    _require(all(isinstance(v, str) for v in versions), "versions that are none")


def _check_images(state):
    shape = state["image_shape_"]
    _require(
        len(shape) == 3
        and all(type(side) is int and side > 0 for side in shape)
        and shape[2] in (1, 3),
        f"image_shape_={shape}",
    )
    n_features = state["n_features_in_"]
    _require(n_features == prod(shape), f"n_features_in_={n_features} for {shape}")
    names = state.get("feature_names_in_")
    _require(names is None or names.shape == (n_features,), "other feature names")


def _check_classes(classes):
    _require(classes.ndim == 1 and len(classes) > 0, f"classes_ {classes.shape}")
    in_order = np.array_equal(np.unique(classes), classes)
    _require(in_order, "classes_ that are not sorted, or not different")


def _check_scaling(scaling, image_shape):
    _require(len(scaling) == 2, f"{len(scaling)} arrays of scaling")
    for array in scaling:
        _require(
            isinstance(array, np.ndarray)
            and array.dtype == np.float64
            and array.shape in (image_shape[2:], image_shape)
            and np.isfinite(array).all(),
            "a scaling that does not suit the images",
        )
    _require((scaling[1] > 0).all(), "a scaling that is not positive")


def _check_history(state):
    values = [value for epoch in state["history_"] for value in epoch.values()]
    _require(
        all(isinstance(value, int | float | str) for value in values)
        and all(isinstance(loss, float) for loss in state["loss_curve_"]),
        "a history that is none",
    )
    _require(state["_seed"] >= 0, f"_seed={state['_seed']}")


def _make_trial(classifier, state):
    """Return a copy of the classifier that knows what its module depends on."""
    trial = type(classifier)(**classifier.get_params(deep=False))
    for name in ("image_shape_", "classes_", "device_", "_network", "_scaling"):
        setattr(trial, name, state[name])
    return trial


def _check_options(trial, options):
    """Hold what a network, or a training, was made with to what parameters may be."""
    parameters = dict(options)
    # What "auto" became, and strips have one that cannot be asked for.
    precision = parameters.pop("precision", "float32")
    _require(precision in PRECISIONS, f"precision {precision!r}")
    trial.set_params(**parameters)._validate_params()


def _check_network(trial, weights):
    network_class, options = trial._network
    _require(isinstance(network_class, type), "a network that is none")
    _check_options(trial, options)
    _check_depth(options, len(weights))
    # A class of one's own was passed in, so it is trusted, and need not know of "meta".
    device = "meta" if network_class in KNOWN_NETWORKS else "cpu"
    with torch.device(device):
        network = trial._make_network()
    wanted = trial._add_scaling(network).state_dict()
    _require(set(weights) == set(wanted), "the weights of another network")
    for name, array in weights.items():
        _check_weight(name, array, wanted[name])


def _check_depth(options, n_weights):
    """Every layer has a weight: what asks for more would keep torch building."""
    depth = options.get("depth", 0)
    n_hidden = len(options.get("hidden_layer_sizes", ()))
    _require(max(depth, n_hidden) <= n_weights, "more layers than weights")


def _check_weight(name, array, like):
    shape = tuple(like.shape)
    _require(
        isinstance(array, np.ndarray) and array.shape == shape,
        f"a {name} that is not an array of shape {shape}",
    )
    dtype = torch.empty(0, dtype=like.dtype).numpy().dtype
    _require(array.dtype == dtype, f"a {name} of {array.dtype}, not {dtype}")
    _require(np.isfinite(array).all(), f"a {name} that is not finite")


def _require(condition, problem):
    if not condition:
        raise ValueError(f"it has {problem}")
