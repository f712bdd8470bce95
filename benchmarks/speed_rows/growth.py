"""How the time of `fit` grows with the number and the size of the images."""

from functools import partial
from statistics import median

import numpy as np
from common.timing import seconds_of

from skblood import BloodCNNClassifier, load_bloodmnist

from .declaration import speed_row

N_IMAGES = [1_000, 12_000, 48_000]
SIDES = [28, 56, 112]


@speed_row(
    "growth-rows",
    "time of fit against the number of images, slope on logarithmic axes",
    figure="slope",
    at_most=1.05,
    n_pairs=3,
)
def growth_with_images(n_repeats):
    """Time from 1,000 to 48,000 images. The larger sets repeat the train split."""
    X, y = load_bloodmnist(return_X_y=True)
    data = [(np.resize(X, (n, *X.shape[1:])), np.resize(y, n)) for n in N_IMAGES]
    return {"n_rows": N_IMAGES, **_growth(data, N_IMAGES, n_repeats)}


@speed_row(
    "growth-pixels",
    "time of fit against the number of pixels, slope on logarithmic axes",
    figure="slope",
    at_most=1.05,
    n_pairs=3,
)
def growth_with_pixels(n_repeats):
    """Time images with sides of 28 to 112 pixels. The larger ones repeat each pixel."""
    X, y = load_bloodmnist(return_X_y=True)
    X, y = X[:1_000], y[:1_000]
    data = [
        (X.repeat(side // 28, axis=1).repeat(side // 28, axis=2), y) for side in SIDES
    ]
    n_pixels = [side**2 for side in SIDES]
    return {"sides": SIDES, **_growth(data, n_pixels, n_repeats)}


def _growth(data, sizes, n_repeats):
    """Time one epoch on each data set, and fit a line to the logarithms."""
    # A fixed stride, because "auto" would reduce the resolution of larger images.
    model = BloodCNNClassifier(stem_stride=1, max_epochs=1, random_state=0)
    seconds = [[] for _ in data]
    model.fit(*data[0])
    for _ in range(n_repeats):
        for own, (X, y) in zip(seconds, data, strict=True):
            own.append(seconds_of(partial(model.fit, X, y)))
    medians = [median(own) for own in seconds]
    slope, _ = np.polyfit(np.log(sizes), np.log(medians), 1)
    return {"seconds": seconds, "median_seconds": medians, "slope": float(slope)}
