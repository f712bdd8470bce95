"""Measure the accuracy after few training steps, with both kinds of batch statistics.

The default classifier is trained on a random part of the sample and scored on the
sample's test images. "running averages" are torch's statistics of batch
normalisation, without the second computation at the end of a short training.

    python benchmarks/short_trainings.py
"""

from functools import partial
from unittest.mock import patch

import numpy as np
from common.command_line import make_parser
from common.recording import write_results
from common.scoring import format_mean, summarize
from common.timing import seconds_of

from skblood import BloodCNNClassifier, load_bloodmnist_sample

N_IMAGES = [300, 1600]
N_EPOCHS = [1, 2, 4, 8]
STATISTICS = {"recomputed": None, "running averages": 0}


def score_short_training(n_images, n_epochs, seed, enough_steps):
    """Train on a random part of the sample, and score the test images."""
    X, y = load_bloodmnist_sample("train", return_X_y=True)
    chosen = np.random.default_rng(seed).permutation(len(X))[:n_images]
    clf = BloodCNNClassifier(max_epochs=n_epochs, random_state=seed)
    fit = partial(clf.fit, X[chosen], y[chosen])
    if enough_steps is None:
        seconds = seconds_of(fit)
    else:
        with (
            patch("skblood._training.fit.ENOUGH_STEPS", enough_steps),
            patch("skblood._training.net.ENOUGH_STEPS", enough_steps),
        ):
            seconds = seconds_of(fit)
    test = load_bloodmnist_sample("test", return_X_y=True)
    return {"seed": seed, "accuracy": clf.score(*test), "fit_seconds": seconds}


def main():
    options = make_parser(__doc__, seeds=5).parse_args()
    results = []
    for n_images in N_IMAGES:
        for n_epochs in N_EPOCHS:
            row = {"n_images": n_images, "n_epochs": n_epochs}
            for name, enough_steps in STATISTICS.items():
                runs = [
                    score_short_training(n_images, n_epochs, seed, enough_steps)
                    for seed in range(options.seeds)
                ]
                row[name] = summarize(runs)
                print(
                    f"{n_images:>5} images, {n_epochs} epochs, {name:>17}: "
                    f"{format_mean(row[name])}",
                    flush=True,
                )
            results.append(row)
    write_results("short_trainings", {"results": results})


if __name__ == "__main__":
    main()
