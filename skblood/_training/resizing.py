"""Progressive resizing: a training that starts with small images."""

from torch.nn.functional import interpolate

# Pairs: the end of a phase as a fraction of the training, and the sides of the images
# in this phase as a fraction of their full length. Chosen on validation images.
PHASES = ((0.3, 4 / 7), (0.5, 5 / 7), (0.65, 6 / 7))
# Images are not made smaller than this.
SMALLEST_SIDE = 16


class ProgressiveResizing:
    """Makes the images smaller in the first two thirds of a training [1]_.

    Half the side takes about a quarter of the time. The last third of the training uses
    the whole images, on which the classifier predicts.

    Parameters
    ----------
    image_shape : tuple (H, W, C)
    multiple : int
        The sides of the smaller images are multiples of this number, so that each stage
        of the network halves them without a remainder.

    References
    ----------
    .. [1] Tan and Le, "EfficientNetV2: Smaller Models and Faster Training", ICML 2021,
       section 4, arXiv:2104.00298.
    """

    def __init__(self, image_shape, multiple):
        self.phases = [
            (end, tuple(_shorten(side, part, multiple) for side in image_shape[:2]))
            for end, part in PHASES
        ]

    def __call__(self, images, progress):
        """Return a batch (n, C, H, W) in the size for this fraction of the training."""
        for end, size in self.phases:
            if progress < end:
                return _resize(images, size)
        return images


def _shorten(side, part, multiple):
    shorter = round(side * part / multiple) * multiple
    return min(side, max(shorter, SMALLEST_SIDE))


def _resize(images, size):
    if images.shape[2:] == size:
        return images
    return interpolate(images, size, mode="bilinear", antialias=True)
