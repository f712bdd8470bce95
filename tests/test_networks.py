"""Networks: shapes, layers, and the scaling of inputs."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from skblood._layers import Dropout
from skblood.networks import (
    FeedForwardNetwork,
    ReportNetwork,
    ResidualNetwork,
    ScaledNetwork,
)

RESIDUAL = {"width": 4, "depth": 2, "dropout": 0.0}
SHAPES = [
    (side_h, side_w, channels)
    for side_h, side_w in [(1, 1), (1, 30), (2, 2), (8, 8), (9, 13), (28, 28), (64, 64)]
    for channels in (1, 3)
]


def batch_of(image_shape, n=3):
    height, width, channels = image_shape
    return torch.rand(n, channels, height, width, generator=torch.Generator())


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


def layers(module, layer_type):
    return [layer for layer in module.modules() if isinstance(layer, layer_type)]


@pytest.mark.parametrize("image_shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "make",
    [
        lambda shape: ResidualNetwork(shape, 5, **RESIDUAL),
        lambda shape: ReportNetwork(shape, 5),
        lambda shape: FeedForwardNetwork(
            shape, 5, hidden_layer_sizes=(6,), activation="relu", dropout=0.0
        ),
    ],
    ids=["residual", "report", "feed-forward"],
)
def test_networks_accept_every_image_shape(make, image_shape):
    network, images = make(image_shape).eval(), batch_of(image_shape)
    embedding = network.embed(images)
    assert embedding.shape == (3, network.head.in_features)
    torch.testing.assert_close(network(images), network.head(embedding))
    assert network(images).shape == (3, 5)
    network.train()(images).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize("image_shape", [(8, 8, 3), (28, 28, 1), (9, 13, 3)])
def test_embedding_of_images_is_an_average_over_positions(image_shape):
    network = ResidualNetwork(image_shape, 8, **RESIDUAL)
    assert network.head.in_features == 4 * RESIDUAL["width"]


@pytest.mark.parametrize("image_shape", [(1, 1, 1), (1, 30, 1), (7, 28, 3)])
def test_tabular_input_has_no_batch_normalisation(image_shape):
    network = ResidualNetwork(image_shape, 8, **RESIDUAL)
    assert not layers(network, nn.BatchNorm2d)
    assert layers(network, nn.GroupNorm)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_depth_and_width(depth):
    network = ResidualNetwork((28, 28, 3), 8, width=6, depth=depth, dropout=0.0)
    # The stem is one convolution, each block has two, and each of the two shortcuts
    # that change the shape has one.
    assert len(layers(network, nn.Conv2d)) == 1 + 2 * (1 + 2 * depth) + 2
    assert {conv.out_channels for conv in layers(network, nn.Conv2d)} == {6, 12, 24}


@pytest.mark.parametrize("stride, side", [(1, 7), (2, 4), (4, 2), (50, 1)])
def test_stem_stride(stride, side):
    network = ResidualNetwork((28, 28, 3), 8, width=4, stem_stride=stride)
    assert network.features(batch_of((28, 28, 3))).shape == (3, 16, side, side)


def test_stem_stride_has_no_effect_on_tabular_input():
    networks = [
        ResidualNetwork((1, 30, 1), 8, width=4, stem_stride=stride) for stride in (1, 2)
    ]
    assert n_parameters(networks[0]) == n_parameters(networks[1])


def test_dropout_of_the_residual_network():
    images = batch_of((28, 28, 3))
    network = ResidualNetwork(
        (28, 28, 3), 8, width=4, depth=1, dropout=0.5, stochastic_depth=0.0
    )
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def with_nonzero_residuals(network):
    """Set the weights of all normalisation layers to 1; some are initially 0."""
    for norm in layers(network, (nn.BatchNorm2d, nn.GroupNorm)):
        nn.init.ones_(norm.weight)
    return network


def test_stochastic_depth_is_only_active_in_training():
    # With 64 images, two draws practically never drop the residuals of the same images.
    images = batch_of((28, 28, 3), n=64)
    network = with_nonzero_residuals(
        ResidualNetwork((28, 28, 3), 8, width=4, depth=1, stochastic_depth=0.5)
    )
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_stochastic_depth_grows_with_depth():
    network = ResidualNetwork((28, 28, 3), 8, width=4, depth=2, stochastic_depth=0.5)
    probabilities = [layer.p for layer in layers(network, nn.Dropout)[:-1]]
    assert probabilities == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_stochastic_depth_drops_whole_residuals_and_keeps_their_mean():
    network = ResidualNetwork((28, 28, 3), 8, width=4, depth=1, stochastic_depth=0.5)
    drop = layers(network, nn.Dropout)[-2]
    kept = drop(torch.ones(10_000, 2, 3, 3)).flatten(1)
    assert torch.equal(kept.amin(dim=1), kept.amax(dim=1))
    assert set(kept[:, 0].tolist()) == {0.0, 2.0}
    assert kept.mean() == pytest.approx(1, abs=0.1)


def test_tabular_input_has_no_stochastic_depth():
    network = with_nonzero_residuals(ResidualNetwork((1, 30, 1), 8, width=4))
    images = batch_of((1, 30, 1))
    assert torch.equal(network(images), network(images))


def test_report_network_has_the_layers_of_the_report():
    network = ReportNetwork((28, 28, 3), 8)
    types = [type(layer) for layer in network.modules() if not list(layer.children())]
    assert types == [
        *(nn.Conv2d, nn.MaxPool2d, nn.ReLU, Dropout),
        *(nn.Conv2d, nn.ReLU, Dropout),
        *(nn.Flatten, nn.Linear, Dropout, nn.Linear),
    ]
    convs, linears = layers(network, nn.Conv2d), layers(network, nn.Linear)
    assert [conv.kernel_size for conv in convs] == [(2, 2), (2, 2)]
    assert [conv.out_channels for conv in convs] == [64, 64]
    assert [(layer.in_features, layer.out_features) for layer in linears] == [
        (64 * 12 * 12, 64),
        (64, 8),
    ]
    assert [layer.p for layer in layers(network, nn.Dropout)] == [0.25] * 3
    assert n_parameters(network) == 832 + 16448 + 589888 + 520


def test_report_network_equals_the_order_of_layers_in_the_report():
    reference = nn.Sequential(
        *(nn.Conv2d(3, 64, 2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 64, 2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(9216, 64), nn.Linear(64, 8)),
    )
    network = ReportNetwork((28, 28, 3), 8).eval()
    weights = zip(network.parameters(), reference.parameters(), strict=True)
    for weight, reference_weight in weights:
        reference_weight.data.copy_(weight)
    images = batch_of((28, 28, 3))
    gradients = []
    for module in (network, reference):
        module(images).square().sum().backward()
        gradients.append([weight.grad for weight in module.parameters()])
    assert_close(network(images), reference(images))
    assert_close(*gradients)


def test_feed_forward_layers():
    network = FeedForwardNetwork(
        (28, 28, 3), 8, hidden_layer_sizes=(20, 10), activation="tanh", dropout=0.3
    )
    linears = layers(network, nn.Linear)
    assert [layer.out_features for layer in linears] == [20, 10, 8]
    assert len(layers(network, nn.Tanh)) == 2
    assert [layer.p for layer in layers(network, nn.Dropout)] == [0.3, 0.3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3,), (8, 8, 3)], ids=["channels", "features"])
def test_scaled_network(dtype, shape):
    rng = np.random.RandomState(0)
    center, scale = rng.rand(*shape) * 100, rng.rand(*shape) + 50
    module = ScaledNetwork(nn.Flatten(), center, scale, dtype)
    images = rng.randint(0, 256, (4, 8, 8, 3)).astype(np.uint8)
    scaled = module.standardize(torch.from_numpy(images))
    assert scaled.shape == (4, 3, 8, 8)
    assert scaled.dtype == dtype
    expected = np.moveaxis((images - center) / scale, 3, 1)
    np.testing.assert_allclose(scaled, expected, atol=1e-5)
