"""Progressive resizing: a training that starts with small images."""

from torch.nn.functional import interpolate

# Until which fraction of the training the sides of the images have which fraction of
# their length. Chosen on the validation split.
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
        Of which the smaller sides are multiples, so that each stage of the network
        halves them without a remainder.

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
