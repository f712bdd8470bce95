"""Weights and optimizer states as NumPy arrays on the CPU, and back."""

import numpy as np
import torch


def module_arrays(module):
    """Return the parameters and buffers of a module.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    dict of str to ndarray
        By their names in the module's ``state_dict``.
    """
    return {name: _to_array(value) for name, value in module.state_dict().items()}


def load_module_arrays(module, arrays):
    """Copy arrays from `module_arrays` into a module with the same parameters."""
    module.load_state_dict({name: _to_tensor(value) for name, value in arrays.items()})


def optimizer_arrays(optimizer):
    """Return the state that an optimizer keeps for each parameter.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer

    Returns
    -------
    dict of int to dict of str to ndarray
        For the index of each parameter, the running averages and step counts by name.
    """
    return {
        index: {name: _to_array(value) for name, value in values.items()}
        for index, values in optimizer.state_dict()["state"].items()
    }


def load_optimizer_arrays(optimizer, arrays):
    """Copy arrays from `optimizer_arrays` into an optimizer of the same parameters."""
    groups = optimizer.state_dict()["param_groups"]
    indices = [index for group in groups for index in group["params"]]
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    weight_of = dict(zip(indices, weights, strict=True))
    state = {
        index: {
            name: _to_state_tensor(value, weight_of[index])
            for name, value in values.items()
        }
        for index, values in arrays.items()
    }
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _to_state_tensor(value, weight):
    """Return a tensor with the memory layout of its weight, if it has its shape.

    torch's fused optimizer steps read a weight and its state in the order in which
    they are stored in memory, so both must be stored in the same order. Convolution
    kernels are stored in channels-last order.
    """
    tensor = _to_tensor(value)
    if torch.is_tensor(tensor) and tensor.shape == weight.shape:
        return torch.empty_like(weight, dtype=tensor.dtype).copy_(tensor)
    return tensor


def _to_array(value):
    return value.detach().cpu().numpy().copy() if torch.is_tensor(value) else value


def _to_tensor(value):
    # A copy, since the array may be memory-mapped and read-only.
    return torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
