"""ResNet-18 in the form that MedMNIST's benchmark uses for images of 28 pixels.

The first convolution is 3×3 and is not followed by pooling, so that small images keep
their resolution through the first stage. See He et al., "Deep Residual Learning for
Image Recognition", CVPR 2016, and Yang et al., "MedMNIST v2", Scientific Data 2023.
"""

from torch import nn
from torch.nn.functional import relu


class ResNet18(nn.Module):
    """A network that takes images (n, C, H, W) and returns logits (n, n_classes)."""

    def __init__(self, image_shape, n_classes):
        super().__init__()
        layers = [_conv3x3(image_shape[2], 64), nn.BatchNorm2d(64), nn.ReLU()]
        n_in = 64
        for n_out, stride in [(64, 1), (128, 2), (256, 2), (512, 2)]:
            layers += [_BasicBlock(n_in, n_out, stride), _BasicBlock(n_out, n_out, 1)]
            n_in = n_out
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.embed = nn.Sequential(*layers)
        self.head = nn.Linear(n_in, n_classes)

    def forward(self, images):
        return self.head(self.embed(images))


class _BasicBlock(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.residual = nn.Sequential(
            _conv3x3(n_in, n_out, stride),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            _conv3x3(n_out, n_out),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )

    def forward(self, x):
        return relu(self.residual(x) + self.shortcut(x))


def _conv3x3(n_in, n_out, stride=1):
    return nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
