"""Checks of the state in a model file, most of them before a network is built.

An attacker may have written the file. Its parameters are checked against the
constraints of the classifier's parameters. Its weights are checked against the shapes
of a network on torch's "meta" device, which allocates no memory. A small file therefore
cannot make skblood build a large network.
"""

from inspect import signature
from math import prod

import numpy as np
import torch

from .._base import LARGEST_SEED
from .._sklearn_compat import validate_parameter_constraints
from .._training.spec import NetworkSpec, resolve_dtype
from ..networks import FeedForwardNetwork, ReportNetwork, ResidualNetwork
from ..optimizers import state_names
from ._validate_confidence import check_calibration, check_familiarity, require

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
# Limit for the number of values in an image: enough for 4,096 × 4,096 colour pixels.
MAX_FEATURES = 2**26
# Number of weight arrays. A residual block has two convolution kernels, and two
# normalisation layers with two arrays each. A hidden layer has a matrix and a bias.
WEIGHTS_PER_BLOCK, WEIGHTS_PER_LAYER = 6, 2
REQUIRED = {
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
OPTIONAL = {
    "feature_names_in_": np.ndarray,
    "pixel_range_": tuple,
    "precision_": str,
    "_averages": dict,  # the optimizer state
    "_calibration": dict,  # the attributes of a Calibration
    "_familiarity": dict,  # the fitted attributes of a FamiliarityDetector
    "_sklearn_output_config": dict,
}


def check_state(classifier, state):
    """Raise an error unless a fitted classifier can have this state.

    Parameters
    ----------
    classifier : BaseBloodClassifier
        A classifier with the parameters of the file, not fitted. It is not changed.
    state : dict
        What `skblood._training.state.pack_state` returns, without the parameters.

    Raises
    ------
    Exception
        Usually ValueError; torch may raise errors of other types.
    """
    classifier._validate_params()
    _check_entries(state)
    _check_images(state)
    _check_classes(state["classes_"])
    _check_scaling(state["_scaling"], state["image_shape_"])
    if "pixel_range_" in state:
        _check_pixel_range(state["pixel_range_"])
    _check_history(state)
    _check_net_options(type(classifier), state["_net_options"])
    _check_network(type(classifier), state)
    if "_calibration" in state:
        check_calibration(state["_calibration"], len(state["classes_"]))


def check_optimizer_state(classifier, package_classes):
    """Raise ValueError if the optimizer state does not match the weights.

    Parameters
    ----------
    classifier : BaseBloodClassifier
        The classifier that was restored from the file.
    package_classes : tuple of type
        Classes of this package. The optimizer state is checked if the optimizer is one
        of these classes or is given by name. Any other optimizer class may have any
        state.
    """
    option = classifier._training_spec.optimizer
    if not isinstance(option, str) and option not in package_classes:
        return
    optimizer = classifier.net_.optimizer_
    for group in optimizer.param_groups:
        expected = state_names(optimizer, group)
        for weight in group["params"]:
            values = optimizer.state.get(weight, {})
            require(
                set(values) in (set(), expected),
                f"expected the optimizer state {sorted(expected)}, got "
                f"{sorted(map(str, values))}",
            )
            for name, value in values.items():
                _check_state_tensor(name, value, weight)


def _check_state_tensor(name, value, weight):
    # torch's fused optimizers do not check shapes, and would write outside of tensors
    # that are too small.
    shape, dtype = weight.shape, weight.dtype
    if name == "step":
        shape, dtype = (), torch.float32
    require(
        torch.is_tensor(value) and value.shape == shape and value.dtype == dtype,
        f"optimizer state {name!r} must be a {dtype} tensor of shape {tuple(shape)}",
    )


def _check_entries(state):
    types = REQUIRED | OPTIONAL
    missing, unexpected = set(REQUIRED) - set(state), set(state) - set(types)
    require(not missing, f"missing entries: {', '.join(sorted(missing))}")
    require(not unexpected, f"unexpected entries: {', '.join(sorted(unexpected))}")
    for name, value in state.items():
        require(
            type(value) is types[name],
            f"{name} must be a {types[name].__name__}, got a {type(value).__name__}",
        )
    versions = state["_versions"].values()
    require(all(isinstance(v, str) for v in versions), "versions must be strings")
    outputs = state.get("_sklearn_output_config", {})
    require(
        set(outputs) <= {"transform"} and set(outputs.values()) <= set(OUTPUTS),
        f"invalid set_output configuration: {outputs}",
    )
    has_optimizer_state = "_averages" in state
    require(
        has_optimizer_state or not state["_streaming"],
        "optimizer state missing, although the last call was partial_fit",
    )
    require(
        state["_streaming"] or not has_optimizer_state,
        "optimizer state given, although the last call was not partial_fit",
    )


def _check_images(state):
    shape = state["image_shape_"]
    require(
        len(shape) == 3
        and all(type(side) is int and side > 0 for side in shape)
        and shape[2] in (1, 3),
        f"image_shape_ must be (H, W, 1) or (H, W, 3), got {shape}",
    )
    n_features = state["n_features_in_"]
    require(
        n_features == prod(shape),
        f"n_features_in_ must be {prod(shape)} for images of shape {shape}, got "
        f"{n_features}",
    )
    require(
        n_features <= MAX_FEATURES,
        f"images must have at most {MAX_FEATURES:,} values, got {n_features:,}",
    )
    names = state.get("feature_names_in_")
    if names is not None:
        require(
            names.shape == (n_features,),
            f"expected {n_features} feature names, got {names.size}",
        )
        require(
            all(isinstance(name, str) for name in names),
            "feature names must be strings",
        )


def _check_pixel_range(pixel_range):
    require(
        len(pixel_range) == 2
        and all(isinstance(value, float) for value in pixel_range)
        and pixel_range[0] <= pixel_range[1],
        f"pixel_range_ must be two floats in increasing order, got {pixel_range}",
    )


def _check_classes(classes):
    require(
        classes.ndim == 1 and len(classes) > 1,
        f"classes_ must hold at least 2 labels, got shape {classes.shape}",
    )
    in_order = np.array_equal(np.unique(classes), classes)
    require(in_order, "classes_ must be sorted and without duplicates")


def _check_scaling(scaling, image_shape):
    require(
        len(scaling) == 2,
        f"scaling must be a center and a scale, got {len(scaling)} arrays",
    )
    for array in scaling:
        require(
            isinstance(array, np.ndarray)
            and array.dtype == np.float64
            and array.shape in (image_shape[2:], image_shape)
            and np.isfinite(array).all(),
            f"scaling must be finite float64 arrays of shape {image_shape[2:]} or "
            f"{image_shape}",
        )
    require((scaling[1] > 0).all(), "the scale of the pixels must be positive")


def _check_history(state):
    values = [value for epoch in state["history_"] for value in epoch.values()]
    require(len(state["history_"]) > 0, "history must hold at least one epoch")
    require(
        all(isinstance(value, int | float | str) for value in values)
        and all(isinstance(loss, float) for loss in state["loss_curve_"]),
        "history must hold numbers or strings, and losses must be floats",
    )
    require(
        0 <= state["_seed"] <= LARGEST_SEED,
        f"the seed must be between 0 and {LARGEST_SEED}, got {state['_seed']}",
    )


def _check_net_options(classifier_class, options):
    """Check the options of the last training against the parameter constraints."""
    names = set(options)
    require(
        NET_OPTIONS <= names,
        f"missing training options: {sorted(NET_OPTIONS - names)}",
    )
    unexpected = names - NET_OPTIONS - CNN_OPTIONS
    require(not unexpected, f"unexpected training options: {sorted(unexpected)}")
    options = dict(options)
    # The stored precision is the one that was used: never "auto", and sometimes
    # "float64", which is not a value of the parameter.
    precision = options.pop("precision", "float32")
    require(
        precision in PRECISIONS,
        f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}",
    )
    _check_parameters(classifier_class, options)


def _check_parameters(classifier_class, values):
    constraints = classifier_class._parameter_constraints
    require(
        set(values) <= set(constraints),
        f"unexpected parameters: {sorted(set(values) - set(constraints))}",
    )
    validate_parameter_constraints(
        constraints, values, caller_name=classifier_class.__name__
    )


def _check_network(classifier_class, state):
    network_class, options = state["_network"]
    require(
        isinstance(network_class, type),
        f"the network must be a class, got a {type(network_class).__name__}",
    )
    expected = _option_names(network_class)
    require(
        set(options) == expected,
        f"expected the network options {sorted(expected)}, got {sorted(options)}",
    )
    _check_parameters(classifier_class, options)
    weights = state["_weights"]
    _check_depth(options, len(weights))
    spec = NetworkSpec(
        network_class,
        options,
        state["image_shape_"],
        *state["_scaling"],
        pixel_range=None,
        dtype=resolve_dtype(state["image_shape_"], state["device_"]),
    )
    expected_weights = _build_without_memory(spec, len(state["classes_"])).state_dict()
    require(
        set(weights) == set(expected_weights),
        f"the names of the weights are not those of a {network_class.__name__}",
    )
    for name, array in weights.items():
        _check_weight(name, array, expected_weights[name])
    if "_familiarity" in state:
        n_embedding = None
        if network_class in KNOWN_NETWORKS:
            n_embedding = expected_weights["network.head.weight"].shape[1]
        check_familiarity(
            state["_familiarity"], state["image_shape_"], n_embedding, classifier_class
        )


def _option_names(network_class):
    if network_class not in KNOWN_NETWORKS:
        return set()
    parameters = signature(network_class).parameters.values()
    return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}


def _check_depth(options, n_weights):
    """Check that the weights suffice for all layers, before torch builds the layers."""
    n_blocks = 2 * options.get("depth", 0)
    n_layers = len(options.get("hidden_layer_sizes", ()))
    fewest = WEIGHTS_PER_BLOCK * n_blocks + WEIGHTS_PER_LAYER * n_layers
    require(
        fewest <= n_weights,
        f"expected at least {fewest} weight arrays, got {n_weights}",
    )


def _build_without_memory(spec, n_classes):
    try:
        with torch.device("meta"):
            return spec.build(n_classes)
    except Exception:
        # A custom network class does not have to support the "meta" device.
        if spec.network_class in KNOWN_NETWORKS:
            raise
        return spec.build(n_classes)


def _check_weight(name, array, expected):
    shape = tuple(expected.shape)
    dtype = torch.empty(0, dtype=expected.dtype).numpy().dtype
    require(
        isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype,
        f"{name} must be a {dtype} array of shape {shape}",
    )
    require(np.isfinite(array).all(), f"{name} must be finite")
