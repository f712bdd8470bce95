"""Dropout layers that can draw random numbers from a generator of their own.

torch's dropout draws from torch's global generator, so fits in several threads would
have to wait for each other. These layers are also faster on the CPU.
"""

from contextlib import contextmanager

import torch
from torch import nn

# A random number of 16 bits decides for each value whether it is dropped, so dropout
# probabilities are rounded to multiples of 1 / LEVELS.
LEVELS = 2**16


class Dropout(nn.Dropout):
    """Dropout that draws from `generator`, or from torch's global one if it is None.

    On the CPU, torch draws a random number for each value. This layer draws one number
    of 64 bits for four values.
    """

    generator = None

    def forward(self, x):
        n_dropped = round(self.p * LEVELS)
        if not self.training or n_dropped == 0:
            return x
        if n_dropped == LEVELS:
            return torch.zeros_like(x)
        # The smallest int16 is -LEVELS // 2.
        keep = self._draw(x) >= n_dropped - LEVELS // 2
        return x * keep.to(x.dtype).mul_(LEVELS / (LEVELS - n_dropped))

    def _draw(self, x):
        """Return random int16 values with the shape and memory layout of x."""
        draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        draws.random_(torch.iinfo(torch.int64).min, None, generator=self.generator)
        flat = draws.view(torch.int16)[: x.numel()]
        return flat.as_strided(x.size(), torch.empty_like(x).stride())


class StochasticDepth(Dropout):
    """Dropout of the whole residual branch of randomly chosen samples."""

    def forward(self, residual):
        if not self.training or self.p == 0:
            return residual
        return residual * super().forward(residual.new_ones(len(residual), 1, 1, 1))


@contextmanager
def use_generator(generator, module):
    """Let all `Dropout` layers of a module draw from a generator.

    Parameters
    ----------
    generator : torch.Generator
        On the same device as the module.
    module : torch.nn.Module
    """
    layers = [layer for layer in module.modules() if isinstance(layer, Dropout)]
    for layer in layers:
        layer.generator = generator
    try:
        yield
    finally:
        for layer in layers:
            del layer.generator
