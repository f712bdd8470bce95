"""Dropout that need not draw from torch's global generator.

torch's own does, so trainings in several threads would have to wait for each other.
"""

from contextlib import contextmanager

import torch
from torch import nn


class Dropout(nn.Dropout):
    """torch's dropout, but from a generator of its own if it has been lent one."""

    generator = None

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * keep.div_(1 - self.p)


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
