"""What the state of a fitted classifier has to be before anything is built from it.

A file may come from anybody. Its parameters are held to their own constraints, and its
weights to the shapes that torch gives the module on its "meta" device, which takes no
memory. Nothing is thus built that is larger than the file.
"""

from inspect import signature
from math import prod

import numpy as np
import torch

from ._fitting import LARGEST_SEED
from .networks import FeedForwardNetwork, ReportNetwork, ResidualNetwork
from .optimizers import names_of_averages

KNOWN_NETWORKS = (ResidualNetwork, ReportNetwork, FeedForwardNetwork)
NET_OPTIONS = {
    "optimizer",
    "lr",
    "batch_size",
    "weight_decay",
    "label_smoothing",
    "verbose",
}
CNN_OPTIONS = {"precision", "data_pruning"}
PRECISIONS = ("float32", "bfloat16", "float64")
OUTPUTS = ("default", "pandas", "polars")
# Values in an image: 4,096 × 4,096 in colour, and a little.
MOST_FEATURES = 2**26
# A block has two convolutions and two normalisations, a hidden layer is linear.
FEWEST_WEIGHTS_OF_BLOCK, WEIGHTS_OF_LAYER = 6, 2
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
SOMETIMES = {
    "feature_names_in_": np.ndarray,
    "precision_": str,
    "_averages": dict,
    "_sklearn_output_config": dict,
}


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
    _check_net_options(trial, state["_net_options"])
    _check_network(trial, state["_weights"])


def check_averages(classifier, own_classes):
    """Raise ValueError if the optimiser's averages do not suit the weights.

    Parameters
    ----------
    classifier : BaseBloodClassifier
        As it was restored.
    own_classes : tuple of type
        Of the optimisers among them, and of those with a name, it is known what they
        keep. A class that was passed in may keep what it likes.
    """
    option = classifier._net_options["optimizer"]
    if not isinstance(option, str) and option not in own_classes:
        return
    optimizer = classifier.net_.optimizer_
    for group in optimizer.param_groups:
        wanted = names_of_averages(optimizer, group)
        for weight in group["params"]:
            averages = optimizer.state.get(weight, {})
            names = set(averages)
            _require(names in (set(), wanted), f"averages {names}, not {wanted}")
            for name, value in averages.items():
                _check_average(name, value, weight)


def _check_average(name, value, weight):
    # Torch's fused steps do not look before they write.
    shape, dtype = weight.shape, weight.dtype
    if name == "step":
        shape, dtype = (), torch.float32
    _require(
        torch.is_tensor(value) and value.shape == shape and value.dtype == dtype,
        f"an average {name} that does not suit its weight",
    )


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
    outputs = state.get("_sklearn_output_config", {})
    _require(
        set(outputs) <= {"transform"} and set(outputs.values()) <= set(OUTPUTS),
        "another configuration of outputs",
    )
    streams = "_averages" in state
    _require(streams == state["_streaming"], "a stream that is none")


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
    _require(n_features <= MOST_FEATURES, f"images of {n_features:,} values")
    names = state.get("feature_names_in_")
    if names is not None:
        _require(names.shape == (n_features,), f"{names.size} names of features")
        _require(all(isinstance(name, str) for name in names), "unnamed features")


def _check_classes(classes):
    _require(classes.ndim == 1 and len(classes) > 1, f"classes_ {classes.shape}")
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
    _require(len(state["history_"]) > 0, "no history")
    _require(
        all(isinstance(value, int | float | str) for value in values)
        and all(isinstance(loss, float) for loss in state["loss_curve_"]),
        "a history that is none",
    )
    _require(0 <= state["_seed"] <= LARGEST_SEED, f"_seed={state['_seed']}")


def _make_trial(classifier, state):
    """Return a copy of the classifier that knows what its module depends on."""
    trial = type(classifier)(**classifier.get_params(deep=False))
    for name in ("image_shape_", "classes_", "device_", "_network", "_scaling"):
        setattr(trial, name, state[name])
    return trial


def _check_net_options(trial, options):
    """Hold what the last training was made with to what parameters may be."""
    names = set(options)
    _require(
        NET_OPTIONS <= names <= NET_OPTIONS | CNN_OPTIONS,
        f"a training with {sorted(names)}",
    )
    parameters = dict(options)
    # What "auto" became, and strips have one that cannot be asked for.
    precision = parameters.pop("precision", "float32")
    _require(precision in PRECISIONS, f"precision {precision!r}")
    trial.set_params(**parameters)._validate_params()


def _check_network(trial, weights):
    network_class, options = trial._network
    _require(isinstance(network_class, type), "a network that is none")
    _require(set(options) == _options_of(network_class), "a network of other options")
    trial.set_params(**options)._validate_params()
    _check_depth(options, len(weights))
    wanted = trial._add_scaling(_make_empty_network(trial)).state_dict()
    _require(set(weights) == set(wanted), "the weights of another network")
    for name, array in weights.items():
        _check_weight(name, array, wanted[name])


def _options_of(network_class):
    if network_class not in KNOWN_NETWORKS:
        return set()
    parameters = signature(network_class).parameters.values()
    return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}


def _check_depth(options, n_weights):
    """Every layer has weights: what asks for more would keep torch building."""
    n_blocks = 2 * options.get("depth", 0)
    n_layers = len(options.get("hidden_layer_sizes", ()))
    fewest = FEWEST_WEIGHTS_OF_BLOCK * n_blocks + WEIGHTS_OF_LAYER * n_layers
    _require(fewest <= n_weights, f"{n_weights} weights for {fewest} and more")


def _make_empty_network(trial):
    """Return a network whose weights take no memory."""
    try:
        with torch.device("meta"):
            return trial._make_network()
    except Exception:
        # A class of one's own, which was passed in, need not know of "meta".
        if trial._network[0] in KNOWN_NETWORKS:
            raise
        return trial._make_network()


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
