"""The torch modules, and nothing else.

A network is built from ``(image_shape, n_classes, **options)``, takes standardised
float images ``(n, C, H, W)`` and returns logits ``(n, n_classes)``. Its ``embed``
method returns what the last linear layer sees, ``(n, n_embedding)``.
"""

from functools import partial
from math import prod

import torch
from torch import nn

from ._dropout import Dropout, StochasticDepth
from ._images import is_strip

ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
    "identity": nn.Identity,
}


class ScaledNetwork(nn.Module):
    """A network that takes pixels as they are stored and standardises them first.

    Parameters
    ----------
    network : torch.nn.Module
        Takes standardised images (n, C, H, W).
    center, scale : ndarray of shape (H, W, C) or (C,)
        What is subtracted from the pixels, and what they are then divided by.
    dtype : torch.dtype
        The precision of the computation.
    """

    def __init__(self, network, center, scale, dtype=torch.float32):
        super().__init__()
        self.network = network
        self.register_buffer("center", torch.tensor(center, dtype=dtype))
        self.register_buffer("inverse_scale", 1 / torch.tensor(scale, dtype=dtype))

    def standardize(self, images):
        """Turn stored images (n, H, W, C) into network input (n, C, H, W)."""
        # Whole images are wide enough for the processor's vectors, a pixel is not.
        center, inverse_scale = (
            values.expand(images.shape[1:]).contiguous()
            for values in (self.center, self.inverse_scale)
        )
        pixels = (images.to(center.dtype) - center).mul_(inverse_scale)
        # Channels-last memory for free: the pixels stay where they are.
        return pixels.permute(0, 3, 1, 2)

    def forward(self, images):
        return self.network(self.standardize(images))

    def embed(self, images):
        return self.network.embed(self.standardize(images))


class ResidualNetwork(nn.Module):
    """A small residual network for images of any size, and for strips.

    A 3×3 stem, then three stages of residual blocks at full, half and quarter
    resolution, `width`, 2 `width` and 4 `width` channels wide [1]_. Images are
    batch-normalised and averaged over their area. In strips, position means
    something, so they are flattened; and each sample is normalised by itself, so
    that a sample's weight is exactly its number of repetitions.

    Parameters
    ----------
    image_shape : tuple (H, W, C)
    n_classes : int
    width : int, default=32
        Channels of the first stage.
    depth : int, default=2
        Residual blocks in the second and third stage; the first has one.
    stem_stride : int, default=1
        Pixels s from one position of the stem to the next; above 2 its windows are of
        2s-1 pixels, so that they overlap. With 2, the stages are at
        half, quarter and eighth resolution. Not in strips.
    dropout : float, default=0.0
        Share of the embedding that is dropped in training.
    stochastic_depth : float, default=0.1
        Share of the samples that skip the last block in training; earlier blocks are
        skipped by less, in proportion to their depth [2]_. Not in strips.

    References
    ----------
    .. [1] He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
    .. [2] Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.

    Examples
    --------
    >>> import torch
    >>> from skblood.networks import ResidualNetwork
    >>> network = ResidualNetwork((28, 28, 3), 8, width=16)
    >>> network(torch.rand(5, 3, 28, 28)).shape
    torch.Size([5, 8])
    """

    def __init__(
        self,
        image_shape,
        n_classes,
        *,
        width=32,
        depth=2,
        stem_stride=1,
        dropout=0.0,
        stochastic_depth=0.1,
    ):
        super().__init__()
        height, breadth, channels = image_shape
        strip = is_strip(image_shape)
        norm = _sample_norm if strip else nn.BatchNorm2d
        # Along a side of one pixel there is nothing for a window to see.
        window = [1 if side == 1 else 3 for side in (height, breadth)]
        conv = partial(
            nn.Conv2d,
            kernel_size=window,
            padding=[side // 2 for side in window],
            bias=False,
        )
        blocks = [(width, 1)]
        for n_out in (2 * width, 4 * width):
            blocks += [(n_out, 2), *[(n_out, 1)] * (depth - 1)]
        layers = [
            conv(channels, width) if strip else _stem(channels, width, stem_stride),
            norm(width),
            nn.ReLU(inplace=True),
        ]
        n_in = width
        for i, (n_out, stride) in enumerate(blocks, start=1):
            drop = 0.0 if strip else stochastic_depth * i / len(blocks)
            layers.append(_ResidualBlock(n_in, n_out, stride, drop, conv, norm))
            n_in = n_out
        self.features = nn.Sequential(*layers)
        self.pool = nn.Flatten() if strip else _GlobalAverage()
        n_embedding = n_in * (-(-height // 4) * -(-breadth // 4) if strip else 1)
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(n_embedding, n_classes)

    def embed(self, images):
        return self.pool(self.features(images))

    def forward(self, images):
        return self.head(self.dropout(self.embed(images)))


def _stem(n_in, n_out, stride):
    """Return the first convolution; its windows overlap, so that no pixel is passed."""
    window = max(3, 2 * stride - 1)
    return nn.Conv2d(
        n_in, n_out, window, stride=stride, padding=window // 2, bias=False
    )


class _ResidualBlock(nn.Module):
    def __init__(self, n_in, n_out, stride, drop, conv, norm):
        super().__init__()
        self.residual = nn.Sequential(
            conv(n_in, n_out, stride=stride),
            norm(n_out),
            nn.ReLU(inplace=True),
            conv(n_out, n_out),
            norm(n_out),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(
                # ceil_mode keeps odd sides, and sides of 1, as the convolution does.
                nn.AvgPool2d(stride, ceil_mode=True),
                nn.Conv2d(n_in, n_out, 1, bias=False),
                norm(n_out),
            )
        # Each block starts as its shortcut, so depth costs nothing at the start.
        nn.init.zeros_(self.residual[-1].weight)
        self.drop = StochasticDepth(drop)

    def forward(self, x):
        return torch.relu_(self.drop(self.residual(x)) + self.shortcut(x))


class _GlobalAverage(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


def _sample_norm(n_channels):
    return nn.GroupNorm(1, n_channels)


class ReportNetwork(nn.Module):
    """The convolutional network of the 2024 report, layer by layer.

    Conv(3→64, 2×2), ReLU, max-pool 2, dropout .25, Conv(64→64, 2×2), ReLU,
    dropout .25, Linear(9216→64), dropout .25, Linear(64→8) for 28×28 RGB images
    of 8 classes [1]_. Sides too small for a 2×2 window keep their size.

    Parameters
    ----------
    image_shape : tuple (H, W, C)
    n_classes : int

    References
    ----------
    .. [1] Hobelsberger, Hassan, Savvides, Bharwani, "Optimizing Blood Cell
       Classification with Convolutional Neural Networks", 2024.

    Examples
    --------
    >>> from skblood.networks import ReportNetwork
    >>> ReportNetwork((28, 28, 3), 8).features[-1]
    Linear(in_features=9216, out_features=64, bias=True)
    """

    def __init__(self, image_shape, n_classes):
        super().__init__()
        *sides, channels = image_shape
        first, sides = _window(sides, stride=1)
        pool, sides = _window(sides, stride=2)
        second, sides = _window(sides, stride=1)
        self.features = nn.Sequential(
            nn.Conv2d(channels, 64, first),
            # Before ReLU, of which it is the same, since it leaves a quarter to do.
            nn.MaxPool2d(pool),
            nn.ReLU(inplace=True),
            Dropout(0.25),
            nn.Conv2d(64, 64, second),
            nn.ReLU(inplace=True),
            Dropout(0.25),
            nn.Flatten(),
            nn.Linear(64 * prod(sides), 64),
        )
        self.dropout = Dropout(0.25)
        self.head = nn.Linear(64, n_classes)

    def embed(self, images):
        return self.features(images)

    def forward(self, images):
        return self.head(self.dropout(self.embed(images)))


def _window(sides, stride):
    """Return the 2×2 window as far as it fits, and the sides it leaves."""
    window = tuple(min(2, side) for side in sides)
    if stride == 1:
        return window, [side - w + 1 for side, w in zip(sides, window, strict=True)]
    return window, [side // w for side, w in zip(sides, window, strict=True)]


class FeedForwardNetwork(nn.Module):
    """Fully connected layers on the flattened image; none hidden is a linear model.

    Parameters
    ----------
    image_shape : tuple (H, W, C)
    n_classes : int
    hidden_layer_sizes : sequence of int, default=()
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
    dropout : float, default=0.0
        Share of every hidden layer that is dropped in training.

    Examples
    --------
    >>> from skblood.networks import FeedForwardNetwork
    >>> FeedForwardNetwork((28, 28, 3), 8).head
    Linear(in_features=2352, out_features=8, bias=True)
    """

    def __init__(
        self,
        image_shape,
        n_classes,
        *,
        hidden_layer_sizes=(),
        activation="relu",
        dropout=0.0,
    ):
        super().__init__()
        layers = [_FlattenPixels()]
        n_in = prod(image_shape)
        for n_out in hidden_layer_sizes:
            layers += [
                nn.Linear(n_in, n_out),
                ACTIVATIONS[activation](),
                Dropout(dropout),
            ]
            n_in = n_out
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(n_in, n_classes)

    def embed(self, images):
        return self.features(images)

    def forward(self, images):
        return self.head(self.embed(images))


class _FlattenPixels(nn.Module):
    def forward(self, images):
        # In the order (H, W, C), that of their memory and of the rows of X: no copy.
        return images.permute(0, 2, 3, 1).flatten(1)
