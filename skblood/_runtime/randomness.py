"""Random draws that leave the global generators unchanged."""

import threading
from contextlib import contextmanager

import torch

_GLOBAL_RNG_LOCK = threading.RLock()


@contextmanager
def seeded_torch(seed, device):
    """Seed torch's global generators, and restore their state at the end.

    Modules draw their initial weights from the global generator, and torch's dropout
    layers draw their masks from it; neither accepts another generator. Only one thread
    at a time can be in this context.

    Parameters
    ----------
    seed : int
    device : torch.device or str
        The generators of the CPU and of this device are seeded.
    """
    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    with _GLOBAL_RNG_LOCK, torch.random.fork_rng(devices):
        # torch.manual_seed would also seed devices whose state is not restored.
        torch.default_generator.manual_seed(seed)
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def uses_global_rng(network):
    """Return whether training a network may draw from torch's global generators.

    The networks of this package do not draw from them (see `skblood._layers.Dropout`).
    Any other network may contain torch's own dropout layers, which do.
    """
    package = __name__.partition(".")[0]
    return type(network).__module__.partition(".")[0] != package
