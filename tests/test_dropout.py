"""Dropout that draws from a generator it has been lent."""

import pytest
import torch

from skblood._dropout import Dropout, StochasticDepth, drawing_from


@pytest.mark.parametrize("kind", [Dropout, StochasticDepth])
def test_draws_from_the_generator_alone(kind):
    layer, x = kind(0.5), torch.ones(50, 3, 2, 2)
    before = torch.get_rng_state()
    outputs = []
    for _ in range(2):
        with drawing_from(torch.Generator().manual_seed(0), layer):
            outputs.append(layer(x))
    assert torch.equal(*outputs)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_generator_is_given_back():
    layer, generator = Dropout(0.5), torch.Generator()
    with pytest.raises(RuntimeError), drawing_from(generator, layer):
        assert layer.generator is generator
        raise RuntimeError
    assert layer.generator is None


def test_dropout_keeps_the_mean():
    kept = Dropout(0.25)(torch.ones(100_000))
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert kept.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("kind", [Dropout, StochasticDepth])
def test_nothing_is_dropped_in_predictions(kind):
    x = torch.rand(5, 3, 2, 2)
    assert torch.equal(kind(0.5).eval()(x), x)
    assert torch.equal(kind(0.0)(x), x)
