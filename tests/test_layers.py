"""Dropout layers that draw from a given generator."""

import pytest
import torch

from skblood._layers import Dropout, StochasticDepth, use_generator


@pytest.mark.parametrize("layer_class", [Dropout, StochasticDepth])
def test_draws_only_from_the_generator(layer_class):
    layer, x = layer_class(0.5), torch.ones(50, 3, 2, 2)
    before = torch.get_rng_state()
    outputs = []
    for _ in range(2):
        with use_generator(torch.Generator().manual_seed(0), layer):
            outputs.append(layer(x))
    assert torch.equal(*outputs)
    assert torch.equal(torch.get_rng_state(), before)


def test_layers_have_no_generator_after_an_error():
    layer, generator = Dropout(0.5), torch.Generator()
    with pytest.raises(RuntimeError), use_generator(generator, layer):
        assert layer.generator is generator
        raise RuntimeError
    assert layer.generator is None


def test_dropout_keeps_the_mean():
    kept = Dropout(0.25)(torch.ones(100_000))
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert kept.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("layer_class", [Dropout, StochasticDepth])
def test_nothing_is_dropped_in_predictions(layer_class):
    x = torch.rand(5, 3, 2, 2)
    assert torch.equal(layer_class(0.5).eval()(x), x)
    assert torch.equal(layer_class(0.0)(x), x)
