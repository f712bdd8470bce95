"""Randomness that leaves the global generators as it found them."""

import threading
from contextlib import contextmanager

import torch
from torch.nn.modules.dropout import _DropoutNd

_GLOBAL_GENERATOR = threading.RLock()


@contextmanager
def seeded_torch(seed, device):
    """Seed torch's global generators for a while, one thread at a time.

    Modules draw their first weights, and dropout its masks, from the global
    generator: there is no other to give them.
    """
    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    with _GLOBAL_GENERATOR, torch.random.fork_rng(devices):
        # Not torch.manual_seed, which also seeds devices that are not forked.
        torch.default_generator.manual_seed(seed)
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def draws_in_training(module):
    """Tell whether a module may draw from torch's generator while it trains."""
    if not type(module).__module__.startswith(f"{__package__}."):
        return True  # somebody's own module: who knows
    return any(isinstance(m, _DropoutNd) and m.p > 0 for m in module.modules())
