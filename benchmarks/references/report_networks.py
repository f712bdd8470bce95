"""The two networks of the 2024 report, made of torch's own layers.

Both take images of shape (n, C, H, W).
"""

from torch import nn

N_CLASSES = 8


def make_cnn():
    """Return the convolutional network, with the layers in the order of the report."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Conv2d(64, 64, 2),
        nn.ReLU(inplace=True),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(64 * 12 * 12, 64),
        nn.Dropout(0.25),
        nn.Linear(64, N_CLASSES),
    )


def make_one_layer():
    """Return the feed-forward network, which has a single linear layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(28 * 28 * 3, N_CLASSES))
