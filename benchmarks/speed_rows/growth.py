"""How the time of `fit` grows with the images' number and size."""

from statistics import median

import numpy as np
from timing import seconds_of

from skblood import BloodCNNClassifier, load_bloodmnist

N_ROWS = [1_000, 12_000, 48_000]
SIDES = [28, 56, 112]


def with_rows(n_pairs):
    """Measure the growth from 1,000 to 48,000 rows, the train split's over again."""
    X, y = load_bloodmnist(return_X_y=True)
    data = [(np.resize(X, (n, *X.shape[1:])), np.resize(y, n)) for n in N_ROWS]
    return {"n_rows": N_ROWS, **_growth(data, N_ROWS, n_pairs)}


def with_pixels(n_pairs):
    """Measure the growth from 28 to 112 pixels a side, every pixel repeated."""
    X, y = load_bloodmnist(return_X_y=True)
    X, y = X[:1_000], y[:1_000]
    data = [
        (X.repeat(side // 28, axis=1).repeat(side // 28, axis=2), y) for side in SIDES
    ]
    n_pixels = [side**2 for side in SIDES]
    return {"sides": SIDES, **_growth(data, n_pixels, n_pairs)}


def _growth(data, sizes, n_repeats):
    """Return the seconds of an epoch, and the slope of their logarithms."""
    # At one stride: "auto" would see larger images at a lower resolution.
    model = BloodCNNClassifier(stem_stride=1, max_epochs=1, random_state=0)
    seconds = [[] for _ in data]
    model.fit(*data[0])
    for _ in range(n_repeats):
        for own, (X, y) in zip(seconds, data, strict=True):
            own.append(seconds_of(lambda X=X, y=y: model.fit(X, y)))
    medians = [median(own) for own in seconds]
    slope, _ = np.polyfit(np.log(sizes), np.log(medians), 1)
    return {"seconds": seconds, "median_seconds": medians, "slope": float(slope)}
