"""Does the default train on larger pixels as it is, and at what price?

The 28-pixel images of BloodMNIST are enlarged to 64 by bicubic interpolation: they hold
nothing new, so this measures time and whether training works, not what real 64-pixel
images would bring.

    python benchmarks/image_sizes.py
"""

import argparse

import numpy as np
from PIL import Image
from recording import write_results

from skblood import BloodCNNClassifier, load_bloodmnist

SIZES = [28, 64]
# As many images of the train split as make a fit of minutes.
N_TRAIN = 1000


def enlarge(images, size):
    """Return uint8 images (n, H, W, 3) at another size, by bicubic interpolation."""
    if images.shape[1] == size:
        return images
    large = [Image.fromarray(i).resize((size, size), Image.BICUBIC) for i in images]
    return np.stack([np.asarray(image) for image in large])


def fit_and_score(size, seed, train, test, n_train):
    (X, y), (X_test, y_test) = train, test
    rows = np.random.default_rng(seed).permutation(len(X))[:n_train]
    model = BloodCNNClassifier(random_state=seed).fit(enlarge(X[rows], size), y[rows])
    # The first epoch also warms up.
    seconds = [epoch["dur"] for epoch in model.history_[1:]]
    return {
        "size": size,
        "seed": seed,
        "epochs": model.n_iter_,
        "accuracy": model.score(enlarge(X_test, size), y_test),
        "seconds_an_epoch": float(np.median(seconds)),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    train = load_bloodmnist(split="train", return_X_y=True)
    test = load_bloodmnist(split="test", return_X_y=True)
    runs = [
        fit_and_score(size, seed, train, test, N_TRAIN)
        for seed in range(options.seeds)
        for size in SIZES
    ]
    seconds = {
        size: np.mean([run["seconds_an_epoch"] for run in runs if run["size"] == size])
        for size in SIZES
    }
    pixels = (SIZES[1] / SIZES[0]) ** 2
    ratio = float(seconds[SIZES[1]] / seconds[SIZES[0]])
    for run in runs:
        print(run)
    print(f"{ratio:.2f} times the time for {pixels:.2f} times the pixels")
    figures = {
        "n_train": N_TRAIN,
        "enlarged": "bicubic, from 28 pixels",
        "time_ratio": ratio,
        "pixel_ratio": pixels,
        "time_over_linear": ratio / pixels,
        "runs": runs,
    }
    write_results("accuracy_image_sizes", figures)


if __name__ == "__main__":
    main()
