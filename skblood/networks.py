"""Neural networks as torch modules.

A network is built from ``(image_shape, n_classes, **options)``. It takes scaled float
images ``(n, C, H, W)`` and returns logits ``(n, n_classes)``. Its method ``embed``
returns the embeddings ``(n, n_embedding)``, the input of the output layer.
"""

from functools import partial
from math import prod

import torch
from torch import nn

from ._input.images import is_tabular
from ._layers import Dropout, StochasticDepth

ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
    "identity": nn.Identity,
}


class ScaledNetwork(nn.Module):
    """A network that takes images as they are stored and scales their pixels first.

    Parameters
    ----------
    network : torch.nn.Module
        Takes scaled images (n, C, H, W).
    center, scale : ndarray of shape (C,), or (H, W, C) for tabular input
        The input of `network` is ``(pixels - center) / scale``.
    dtype : torch.dtype
        The dtype of the scaled images.
    """

    def __init__(self, network, center, scale, dtype=torch.float32):
        super().__init__()
        self.network = network
        self.register_buffer("center", torch.tensor(center, dtype=dtype))
        self.is_tabular = self.center.ndim > 1
        self.register_buffer("inverse_scale", 1 / torch.tensor(scale, dtype=dtype))

    def standardizer(self, image_shape):
        """Return the function that scales stored images to network input.

        Parameters
        ----------
        image_shape : tuple (H, W, C)

        Returns
        -------
        callable
            Takes a tensor of shape (n, H, W, C) and returns one of shape (n, C, H, W).
        """
        # Expanded to the shape of an image, they let torch vectorise over all values of
        # an image. In the shape (C,), they would limit it to one pixel.
        center, inverse_scale = (
            values.expand(image_shape).contiguous()
            for values in (self.center, self.inverse_scale)
        )
        return partial(_standardize, center=center, inverse_scale=inverse_scale)

    def standardize(self, images):
        """Scale stored images (n, H, W, C) to network input (n, C, H, W)."""
        return self.standardizer(images.shape[1:])(images)

    def forward(self, images, views=None):
        """Return the logits of stored images.

        Parameters
        ----------
        images : torch.Tensor of shape (n, H, W, C)
        views : callable, optional
            Turns a batch of scaled images into a list of transformed batches. The
            logits of these batches are averaged (test-time augmentation).

        Returns
        -------
        torch.Tensor of shape (n, n_classes)
        """
        images = self.standardize(images)
        if views is None:
            return self.network(images)
        return torch.stack([self.network(view) for view in views(images)]).mean(dim=0)

    def embed(self, images):
        """Return the embeddings (n, n_embedding) of stored images (n, H, W, C)."""
        return self.network.embed(self.standardize(images))


def _standardize(images, center, inverse_scale):
    pixels = images.to(center.dtype, copy=True).sub_(center).mul_(inverse_scale)
    # Permuting the axes copies nothing. The result is in the channels-last memory
    # format, like the weights of the convolutions.
    return pixels.permute(0, 3, 1, 2)


class ResidualNetwork(nn.Module):
    """A small residual network for images of any size and for tabular input.

    The first convolution, called the stem, is followed by three stages of residual
    blocks [1]_. The stages have `width`, 2 · `width` and 4 · `width` channels. The
    first stage works at the resolution of the stem's output, the second at half of this
    resolution and the third at a quarter of it. The embedding is the average over all
    positions.

    An input with a side below 8 pixels is tabular: each value is a feature of its own.
    For tabular input, the embedding holds the values at all positions instead of their
    average. For tabular input, each sample is also normalised on its own: with batch
    normalisation, a sample weight of 2 would not be equivalent to two copies of the
    sample.

    Parameters
    ----------
    image_shape : tuple (H, W, C)
        Shape of an image.
    n_classes : int
        Number of logits.
    width : int, default=32
        Number of channels in the first stage. The computing time grows with its square.
    depth : int, default=2
        Number of residual blocks in each of the second and third stages. The first
        stage has one block.
    stem_stride : int, default=1
        Stride of the stem. A stride of 2 cuts the computing time to about a quarter and
        loses fine detail. The kernel of the stem has 3 pixels per side, or
        2 · `stem_stride` - 1 if that is larger. No effect on tabular input.
    dropout : float, default=0.0
        Probability that a value of the embedding is set to zero in training.
    stochastic_depth : float, default=0.1
        Probability that a sample skips the last residual block in training. For earlier
        blocks it is lower, in proportion to their position [2]_. No effect on tabular
        input.

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
        *sides, n_channels = image_shape
        tabular = is_tabular(image_shape)
        norm = _sample_norm if tabular else nn.BatchNorm2d
        # Along a side of one pixel, a kernel of size 3 would see only padding besides
        # that pixel.
        kernel_size = [1 if side == 1 else 3 for side in sides]
        conv = partial(
            nn.Conv2d,
            kernel_size=kernel_size,
            padding=[size // 2 for size in kernel_size],
            bias=False,
        )
        blocks = [(width, 1)]
        for n_out in (2 * width, 4 * width):
            blocks += [(n_out, 2), *[(n_out, 1)] * (depth - 1)]
        if tabular:
            stem = conv(n_channels, width)
        else:
            stem = _stem(n_channels, width, stem_stride)
        layers = [stem, norm(width), nn.ReLU(inplace=True)]
        n_in = width
        for i, (n_out, stride) in enumerate(blocks, start=1):
            drop = 0.0 if tabular else stochastic_depth * i / len(blocks)
            layers.append(_ResidualBlock(n_in, n_out, stride, drop, conv, norm))
            n_in = n_out
        self.features = nn.Sequential(*layers)
        self.pool = nn.Flatten() if tabular else _GlobalAverage()
        # The third stage has a quarter of the resolution, rounded up.
        n_positions = prod(-(-side // 4) for side in sides) if tabular else 1
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(n_in * n_positions, n_classes)

    def embed(self, images):
        return self.pool(self.features(images))

    def forward(self, images):
        return self.head(self.dropout(self.embed(images)))


def _stem(n_in, n_out, stride):
    """Return the first convolution.

    Neighbouring kernel positions overlap, so every pixel is used.
    """
    size = max(3, 2 * stride - 1)
    return nn.Conv2d(n_in, n_out, size, stride=stride, padding=size // 2, bias=False)


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
                # ceil_mode rounds half of an odd side up, as the strided convolution
                # does.
                nn.AvgPool2d(stride, ceil_mode=True),
                nn.Conv2d(n_in, n_out, 1, bias=False),
                norm(n_out),
            )
        # With this weight at 0, an untrained block outputs only its shortcut. A deeper
        # network is then as easy to train in its first steps as a shallow one.
        nn.init.zeros_(self.residual[-1].weight)
        self.drop = StochasticDepth(drop)

    def forward(self, x):
        return torch.relu_(self.drop(self.residual(x)) + self.shortcut(x))


class _GlobalAverage(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


def _sample_norm(n_channels):
    """Return a layer that normalises each sample on its own, over all its values."""
    return nn.GroupNorm(1, n_channels)


class ReportNetwork(nn.Module):
    """The convolutional network of the 2024 report, layer by layer.

    For 28×28 RGB images of 8 classes, the layers are Conv(3→64, 2×2), ReLU,
    max-pooling 2×2, dropout 0.25, Conv(64→64, 2×2), ReLU, dropout 0.25,
    Linear(9216→64), dropout 0.25, Linear(64→8) [1]_. Along a side of one pixel, the
    kernels have a size of 1.

    Parameters
    ----------
    image_shape : tuple (H, W, C)
        Shape of an image.
    n_classes : int
        Number of logits.

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
        *sides, n_channels = image_shape
        first, sides = _fit_kernel(sides, stride=1)
        pool, sides = _fit_kernel(sides, stride=2)
        second, sides = _fit_kernel(sides, stride=1)
        self.features = nn.Sequential(
            nn.Conv2d(n_channels, 64, first),
            # Max-pooling commutes with ReLU. Pooling first is faster, because ReLU then
            # has only a quarter of the values to compute.
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


def _fit_kernel(sides, stride):
    """Return the largest kernel up to 2×2 that fits, and the sides of its output."""
    kernel = tuple(min(2, side) for side in sides)
    if stride == 1:
        return kernel, [side - k + 1 for side, k in zip(sides, kernel, strict=True)]
    return kernel, [side // k for side, k in zip(sides, kernel, strict=True)]


class FeedForwardNetwork(nn.Module):
    """Fully connected layers on the flattened image.

    Without hidden layers, it is a linear model.

    Parameters
    ----------
    image_shape : tuple (H, W, C)
        Shape of an image.
    n_classes : int
        Number of logits.
    hidden_layer_sizes : sequence of int, default=()
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        Activation function after each hidden layer.
    dropout : float, default=0.0
        Probability that a unit of a hidden layer is set to zero in training.

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
        # The features in X have the order (H, W, C). Images are in the channels-last
        # memory format, so flattening them in this order needs no copy.
        return images.permute(0, 2, 3, 1).flatten(1)
