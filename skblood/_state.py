"""Weights as plain arrays: what estimators pickle in place of torch objects."""

import numpy as np
import torch


def module_arrays(module):
    """Return a module's parameters and buffers as a dict of arrays, on the CPU."""
    return {name: _to_array(value) for name, value in module.state_dict().items()}


def load_module_arrays(module, arrays):
    """Put arrays of `module_arrays` into a module of the same layout."""
    module.load_state_dict({name: _to_tensor(value) for name, value in arrays.items()})


def optimizer_arrays(optimizer):
    """Return an optimiser's running averages as nested dicts of arrays."""
    return {
        index: {name: _to_array(value) for name, value in averages.items()}
        for index, averages in optimizer.state_dict()["state"].items()
    }


def load_optimizer_arrays(optimizer, arrays):
    """Put arrays of `optimizer_arrays` into an optimiser of the same parameters."""
    state = {
        index: {name: _to_tensor(value) for name, value in averages.items()}
        for index, averages in arrays.items()
    }
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _to_array(value):
    return value.detach().cpu().numpy().copy() if torch.is_tensor(value) else value


def _to_tensor(value):
    # A copy: the array may be memory-mapped and read-only.
    return torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
