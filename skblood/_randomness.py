"""Randomness that leaves the global generators as it found them."""

import threading
from contextlib import contextmanager

import torch

_GLOBAL_GENERATOR = threading.RLock()


@contextmanager
def seeded_torch(seed, device):
    """Seed torch's global generators for a while, one thread at a time.

    Modules draw their first weights, and torch's own dropout its masks, from the
    global generator: there is no other to give them.
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


def may_draw_globally(module):
    """Tell whether a module may draw from torch's global generators as it trains."""
    # Ours do not; of somebody's own, who knows?
    return not type(module).__module__.startswith(f"{__package__}.")
