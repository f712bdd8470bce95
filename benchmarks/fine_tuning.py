"""Measure what pretrained features are worth when there are few images.

    python benchmarks/fine_tuning.py

This takes about half an hour. There are two tasks. Both use a few images of each class
of the validation split for training, drawn again for each seed, and the test split for
scoring.

new classes
    The pretrained network has never seen immature granulocytes, monocytes and
    neutrophils. The task is to classify all eight classes.
new stain
    The pretrained network is "bloodmnist-28-tiny". The task is to classify the same
    eight classes in changed colours (see the function `restain`).

Three methods are compared: "warm_start" continues the training of the pretrained
network, "new layer" is a logistic regression on its embeddings, and "scratch" trains a
new network.
"""

from copy import deepcopy
from functools import partial

import numpy as np
from common.command_line import make_parser
from common.data import draw_per_class
from common.recording import write_results
from common.scoring import format_mean, summarize
from common.timing import seconds_of
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skblood import BloodCNNClassifier, load_bloodmnist, load_pretrained

N_PER_CLASS = [5, 10, 20, 50]
N_SEEDS = 5
UNSEEN = ["immature granulocytes", "monocyte", "neutrophil"]
PRETRAINED = "bloodmnist-28-tiny"
# The parameters of PRETRAINED.
RECIPE = {"width": 14, "depth": 1, "stem_stride": 2, "stochastic_depth": 0.0}


def restain(images):
    """Make images bluer and darker, as another stain or another lamp can do."""
    light = (images / 255) ** [1.8, 1.4, 0.9]
    return np.rint(255 * light).astype(np.uint8)


def pretrain_without_unseen_classes():
    X, y = load_bloodmnist(split="train", return_X_y=True, labels="names")
    seen = ~np.isin(y, UNSEEN)
    return BloodCNNClassifier(random_state=0, **RECIPE).fit(X[seen], y[seen])


def make_methods(copy_pretrained, seed):
    """Return the methods to compare.

    `copy_pretrained` returns a new copy of the pretrained classifier at each call,
    because fitting changes the classifier.
    """
    return {
        "scratch": BloodCNNClassifier(random_state=seed, **RECIPE),
        "warm_start": copy_pretrained().set_params(warm_start=True, random_state=seed),
        "new layer": make_pipeline(
            FunctionTransformer(copy_pretrained().transform),
            StandardScaler(),
            LogisticRegression(max_iter=1000),
        ),
    }


def score_methods(copy_pretrained, few, test):
    """Return the scores of all seeds, for each number of images and each method."""
    results = {}
    for n_per_class in N_PER_CLASS:
        runs = {}
        for seed in range(N_SEEDS):
            indices = draw_per_class(few[1], n_per_class, seed)
            for name, model in make_methods(copy_pretrained, seed).items():
                run = fit_and_score(model, few[0][indices], few[1][indices], *test)
                runs.setdefault(name, []).append({"seed": seed, **run})
        results[n_per_class] = {
            name: summarize(runs_of_method) for name, runs_of_method in runs.items()
        }
        print_scores(n_per_class, results[n_per_class])
    return results


def fit_and_score(model, X, y, X_test, y_test):
    seconds = seconds_of(partial(model.fit, X, y))
    right = model.predict(X_test) == y_test
    return {
        "accuracy": float(right.mean()),
        "accuracy_of_unseen_classes": float(right[np.isin(y_test, UNSEEN)].mean()),
        "fit_seconds": seconds,
    }


def print_scores(n_per_class, results):
    scores = [f"{name} {format_mean(summary)}" for name, summary in results.items()]
    print(f"{n_per_class:>4} images per class: {', '.join(scores)}", flush=True)


def main():
    make_parser(__doc__).parse_args()
    few, test = (
        load_bloodmnist(split=split, return_X_y=True, labels="names")
        for split in ("val", "test")
    )
    few_restained, test_restained = ((restain(X), y) for X, y in (few, test))
    print("new classes")
    pretrained = pretrain_without_unseen_classes()
    new_classes = score_methods(partial(deepcopy, pretrained), few, test)
    print("new stain")
    unchanged = load_pretrained(PRETRAINED).score(*test_restained)
    print(f"     the pretrained model without further training: {unchanged:.4f}")
    new_stain = score_methods(
        partial(load_pretrained, PRETRAINED), few_restained, test_restained
    )
    write_results(
        "fine_tuning",
        {
            "recipe": RECIPE,
            "unseen_classes": UNSEEN,
            "new_classes": new_classes,
            "new_stain": {"pretrained_as_it_is": unchanged, **new_stain},
        },
    )


if __name__ == "__main__":
    main()
