"""Dropout that need not draw from torch's global generator, and draws faster.

torch's own does, so trainings in several threads would have to wait for each other.
"""

from contextlib import contextmanager

import torch
from torch import nn

# Shares are multiples of 1 / LEVELS, since a draw of 16 bits decides on each value.
LEVELS = 2**16


class Dropout(nn.Dropout):
    """torch's dropout, but from a generator of its own if it has been lent one.

    On the CPU torch draws value by value; here one draw of 64 bits serves four values.
    """

    generator = None

    def forward(self, x):
        n_dropped = round(self.p * LEVELS)
        if not self.training or n_dropped == 0:
            return x
        if n_dropped == LEVELS:
            return torch.zeros_like(x)
        keep = self._draw(x) >= n_dropped - LEVELS // 2
        return x * keep.to(x.dtype).mul_(LEVELS / (LEVELS - n_dropped))

    def _draw(self, x):
        """Return as many int16 as x has values, in the order that it has in memory."""
        draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        draws.random_(torch.iinfo(torch.int64).min, None, generator=self.generator)
        flat = draws.view(torch.int16)[: x.numel()]
        return flat.as_strided(x.size(), torch.empty_like(x).stride())


class StochasticDepth(Dropout):
    """Dropout of all that a sample's residual adds."""

    def forward(self, residual):
        if not self.training or self.p == 0:
            return residual
        return residual * super().forward(residual.new_ones(len(residual), 1, 1, 1))


@contextmanager
def drawing_from(generator, module):
    """Lend the generator, which is on the module's device, to all of its dropout."""
    layers = [layer for layer in module.modules() if isinstance(layer, Dropout)]
    for layer in layers:
        layer.generator = generator
    try:
        yield
    finally:
        for layer in layers:
            del layer.generator
