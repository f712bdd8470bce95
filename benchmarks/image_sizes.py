"""Measure how the default classifier trains on larger images, and what it costs.

The 28-pixel images of BloodMNIST are enlarged to 64 pixels by bicubic interpolation.
Enlarged images contain no new detail. The benchmark therefore measures the training
time, and whether training works. It does not measure what real 64-pixel images would
bring.

    python benchmarks/image_sizes.py
"""

import numpy as np
from common.command_line import make_parser
from common.recording import write_results
from PIL import Image

from skblood import BloodCNNClassifier, load_bloodmnist

SIZES = [28, 64]
N_TRAIN = 1000  # with which a training takes a few minutes


def enlarge(images, size):
    """Return uint8 images (n, H, W, 3) at another size, by bicubic interpolation."""
    if images.shape[1] == size:
        return images
    large = [Image.fromarray(i).resize((size, size), Image.BICUBIC) for i in images]
    return np.stack([np.asarray(image) for image in large])


def score_size(size, seed, train, test):
    (X, y), (X_test, y_test) = train, test
    indices = np.random.default_rng(seed).permutation(len(X))[:N_TRAIN]
    model = BloodCNNClassifier(random_state=seed)
    model.fit(enlarge(X[indices], size), y[indices])
    # The first epoch is left out because it includes warming up.
    seconds = [epoch["dur"] for epoch in model.history_[1:]]
    return {
        "size": size,
        "seed": seed,
        "epochs": model.n_iter_,
        "accuracy": model.score(enlarge(X_test, size), y_test),
        "seconds_an_epoch": float(np.median(seconds)),
    }


def main():
    options = make_parser(__doc__, seeds=1).parse_args()
    train = load_bloodmnist(split="train", return_X_y=True)
    test = load_bloodmnist(split="test", return_X_y=True)
    runs = [
        score_size(size, seed, train, test)
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
    print(f"{pixels:.2f} times as many pixels take {ratio:.2f} times as long")
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
