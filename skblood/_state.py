"""What is pickled: parameters and plain arrays in place of torch objects."""

import copy
import warnings

import numpy as np
import sklearn
import torch

from . import __version__
from ._device import resolve_device
from ._randomness import seeded_torch


class PickledAsArrays:
    """Lets a classifier be pickled and copied without its net.

    The classifier builds its module with ``_make_module()`` and a net around it with
    ``_make_net(module)``.
    """

    def __getstate__(self):
        """Return the state as parameters and NumPy arrays.

        The net is left out: its weights stand in ``_weights``, from which it is built
        again. In the middle of `partial_fit`, the optimiser's running averages stand
        in ``_averages``, so that the stream goes on as if nothing had been. A model
        trained on a GPU thus opens on a machine without one.
        """
        state = dict(super().__getstate__())
        net = state.pop("net_", None)
        if net is not None:
            state["_weights"] = module_arrays(net.module_)
            if self._streaming:
                state["_averages"] = optimizer_arrays(net.optimizer_)
        # Of the training, however often the model has been loaded since.
        state.setdefault("_versions", versions())
        return state

    def __setstate__(self, state):
        warn_of_versions(state["_versions"], type(self).__name__, stacklevel=3)
        self._restore(state)

    def _restore(self, state):
        state = dict(state)
        weights = state.pop("_weights", None)
        averages = state.pop("_averages", None)
        super().__setstate__(state)
        if weights is not None:
            self._restore_net(weights, averages)

    def _restore_net(self, weights, averages):
        try:
            resolve_device(self.device_)
        except ValueError:
            self.device_ = str(resolve_device("auto"))
        with seeded_torch(self._seed, self.device_):
            module = self._make_module()
        load_module_arrays(module, weights)
        # What goes on from here makes a net of its own, but for a stream's averages.
        self.net_ = self._make_net(module, trains=averages is not None)
        self.net_.history.extend(copy.deepcopy(self.history_))
        if averages is not None:
            load_optimizer_arrays(self.net_.optimizer_, averages)


def warn_of_versions(then, name, stacklevel):
    """Warn if a classifier was saved by other versions than are here now.

    Parameters
    ----------
    then : dict of str to str
        What `versions` returned.
    name : str
        Of the classifier.
    stacklevel : int
        As of `warnings.warn`, for the caller.
    """
    now = versions()
    changed = [
        f"{package} {then.get(package, 'unknown')} (now {version})"
        for package, version in now.items()
        if then.get(package) != version
    ]
    if changed:
        warnings.warn(
            f"This {name} was saved with {', '.join(changed)}; its predictions may "
            "differ.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def versions():
    """Return the versions that a model depends on, by the names of packages."""
    return {
        "skblood": __version__,
        "torch": torch.__version__.split("+")[0],
        "scikit-learn": sklearn.__version__,
    }


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
    groups = optimizer.state_dict()["param_groups"]
    indices = [index for group in groups for index in group["params"]]
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    like = dict(zip(indices, weights, strict=True))
    state = {
        index: {name: _to_average(value, like[index]) for name, value in values.items()}
        for index, values in arrays.items()
    }
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _to_average(value, weight):
    """Return a tensor that lies in memory as its weight does, if it has its shape.

    Fused steps go through both in the order of the memory.
    """
    tensor = _to_tensor(value)
    if torch.is_tensor(tensor) and tensor.shape == weight.shape:
        return torch.empty_like(weight, dtype=tensor.dtype).copy_(tensor)
    return tensor


def _to_array(value):
    return value.detach().cpu().numpy().copy() if torch.is_tensor(value) else value


def _to_tensor(value):
    # A copy: the array may be memory-mapped and read-only.
    return torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
