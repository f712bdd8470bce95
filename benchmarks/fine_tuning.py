"""What features that were learnt before are worth where there are few images.

    python benchmarks/fine_tuning.py

Takes about half an hour. Two tasks, each with few images of each class out of the
validation split, drawn anew for each seed, and scored on the test split:

new classes
    The features are those of a network that has never seen immature granulocytes,
    monocytes and neutrophils, and the task is to tell all eight classes apart.
new stain
    The features are the pretrained model's, and the task is the same eight classes in
    other colours (`restain`).

`warm_start` goes on from the features, everything else at its defaults; "new layer" is
a logistic regression on the features as they are; "scratch" starts from nothing.
"""

import time
from copy import deepcopy
from functools import partial

import numpy as np
from recording import write_results
from scoring import summarize
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from small_data import draw

from skblood import BloodCNNClassifier, load_bloodmnist, load_pretrained

N_PER_CLASS = [5, 10, 20, 50]
N_SEEDS = 5
UNSEEN = ["immature granulocytes", "monocyte", "neutrophil"]
RECIPE = {"width": 10, "stochastic_depth": 0.0}  # that of bloodmnist-28-tiny
PRETRAINED = "bloodmnist-28-tiny"


def load(split):
    cells = load_bloodmnist(split=split)
    return cells.images, np.array(cells.target_names)[cells.target]


def is_unseen(names):
    return np.isin([name.split("(")[0] for name in names], UNSEEN)


def restain(images):
    """Make images bluer and darker, as another dye and another lamp may do."""
    light = (images / 255) ** [1.8, 1.4, 0.9]
    return np.rint(255 * light).astype(np.uint8)


def features_without_some_classes():
    X, y = load("train")
    seen = ~is_unseen(y)
    return BloodCNNClassifier(random_state=0, **RECIPE).fit(X[seen], y[seen])


def methods(features, seed):
    """Return what is compared; `features` returns the network, new for each."""
    return {
        "scratch": BloodCNNClassifier(random_state=seed, **RECIPE),
        "warm_start": features().set_params(warm_start=True, random_state=seed),
        "new layer": make_pipeline(
            FunctionTransformer(features().transform),
            StandardScaler(),
            LogisticRegression(max_iter=1000),
        ),
    }


def compare(features, few, test):
    """Return, for each number of images and method, the scores of all seeds."""
    results = {}
    for n_per_class in N_PER_CLASS:
        runs = {}
        for seed in range(N_SEEDS):
            rows = draw(few[1], n_per_class, seed)
            for name, model in methods(features, seed).items():
                run = fit_and_score(model, few[0][rows], few[1][rows], *test)
                runs.setdefault(name, []).append({"seed": seed, **run})
        results[n_per_class] = {
            name: {**summarize(of_seeds), "runs": of_seeds}
            for name, of_seeds in runs.items()
        }
        print_line(n_per_class, results[n_per_class])
    return results


def fit_and_score(model, X, y, X_test, y_test):
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    right = model.predict(X_test) == y_test
    return {
        "accuracy": float(right.mean()),
        "accuracy_of_unseen_classes": float(right[is_unseen(y_test)].mean()),
        "fit_seconds": seconds,
    }


def print_line(n_per_class, figures):
    parts = [
        f"{name} {f['mean']['accuracy']:.4f} ± {f['std']['accuracy']:.4f}"
        for name, f in figures.items()
    ]
    print(f"{n_per_class:>4} of each class: {', '.join(parts)}", flush=True)


def main():
    few, test = load("val"), load("test")
    other_stain = [(restain(X), y) for X, y in (few, test)]
    print("new classes")
    learnt = features_without_some_classes()
    new_classes = compare(partial(deepcopy, learnt), few, test)
    print("new stain")
    as_it_is = load_pretrained(PRETRAINED).score(*other_stain[1])
    print(f"     the pretrained model as it is: {as_it_is:.4f}")
    new_stain = compare(partial(load_pretrained, PRETRAINED), *other_stain)
    write_results(
        "fine_tuning",
        {
            "recipe": RECIPE,
            "unseen_classes": UNSEEN,
            "new_classes": new_classes,
            "new_stain": {"pretrained_as_it_is": as_it_is, **new_stain},
        },
    )


if __name__ == "__main__":
    main()
