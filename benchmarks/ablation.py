"""What does each part of the default recipe do for it?

The default with one thing changed at a time, at an eighth of its epochs. Part of the
train split is held out and joins the validation split, so that the differences are
measured on 3,671 images instead of 1,712; the test split is not read.

    python benchmarks/ablation.py --jobs 2
"""

import argparse
import time
from functools import partial
from itertools import islice

import numpy as np
from joblib import Parallel, delayed
from recording import write_results
from scoring import measure, summarize

from skblood import BloodCNNClassifier, load_bloodmnist
from skblood.augmentation import random_dihedral, random_shift

N_TRAIN = 10_000
EPOCHS = 4


def shift_further(images, generator):
    dihedral = random_dihedral(images, generator)
    return random_shift(dihedral, generator, max_pixels=4)


VARIANTS = {
    "as it is": {},
    "twice the epochs": {"max_epochs": 2 * EPOCHS},
    "width 16": {"width": 16},
    "depth 1": {"depth": 1},
    "stochastic_depth 0": {"stochastic_depth": 0.0},
    "data_pruning 0.5": {"data_pruning": 0.5},
    "float32": {"precision": "float32"},
    "AdamW, lr 0.01": {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.05},
    "Nesterov SGD, lr 0.05": {"optimizer": "sgd", "lr": 0.05, "weight_decay": 5e-4},
    "lr 0.08": {"lr": 0.08},
    "constant lr 0.004": {"lr": 0.004, "lr_schedule": "constant"},
    "weight_decay 0": {"weight_decay": 0.0},
    "batches of 128": {"batch_size": 128},
    "label_smoothing 0.1": {"label_smoothing": 0.1},
    "no augmentation": {"augmentation": None},
    "no shifts": {"augmentation": random_dihedral},
    "no flips and turns": {"augmentation": random_shift},
    "shifts of up to 4 pixels": {"augmentation": shift_further},
}


def load_parts():
    """Return 10,000 images to train on, and the others of train with all of val."""
    X, y = load_bloodmnist(split="train", return_X_y=True)
    X_val, y_val = load_bloodmnist(split="val", return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    fit, held_out = order[:N_TRAIN], order[N_TRAIN:]
    scored = np.concatenate([X_val, X[held_out]]), np.concatenate([y_val, y[held_out]])
    return (X[fit], y[fit]), scored


def fit_and_score(parameters, seed, train, scored):
    parameters = {"max_epochs": EPOCHS, **parameters}
    start = time.perf_counter()
    model = BloodCNNClassifier(random_state=seed, **parameters).fit(*train)
    seconds = time.perf_counter() - start
    X, y = scored
    return {
        "seed": seed,
        **measure(y, model.predict_proba(X)),
        "train_loss": model.loss_curve_[-1],
        "fit_seconds": seconds,
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time")
    options = parser.parse_args()
    train, scored = load_parts()
    run = partial(fit_and_score, train=train, scored=scored)
    runs = Parallel(n_jobs=options.jobs, return_as="generator")(
        delayed(run)(VARIANTS[name], seed)
        for name in options.variants
        for seed in range(options.seeds)
    )
    figures = {}
    for name in options.variants:
        own = list(islice(runs, options.seeds))
        figures[name] = {
            "parameters": {
                key: getattr(value, "__name__", value)
                for key, value in VARIANTS[name].items()
            },
            **summarize(own),
            "runs": own,
        }
        mean = figures[name]["mean"]
        print(f"{name:>26}: {mean['accuracy']:.4f}, NLL {mean['nll']:.4f}", flush=True)
    write_results(
        "accuracy_ablation",
        {"n_train": N_TRAIN, "epochs": EPOCHS, "n_scored": len(scored[1])}
        | {"fits_at_a_time": options.jobs, "variants": figures},
    )


if __name__ == "__main__":
    main()
