"""Measure what each part of the default recipe contributes.

The default classifier is trained with one parameter changed at a time, for 4 epochs,
which is an eighth of its usual number. 10,000 images of the train split are used for
training. The other train images and the validation split are used for scoring, so that
differences are measured on 3,671 images instead of 1,712. The test split is not read.

    python benchmarks/ablation.py --jobs 2
"""

from functools import partial
from itertools import islice

import numpy as np
from common.command_line import make_parser
from common.recording import write_results
from common.scoring import score_probabilities, summarize
from common.timing import seconds_of
from joblib import Parallel, delayed

from skblood import BloodCNNClassifier, load_bloodmnist
from skblood.augmentation import random_dihedral, random_shift

N_TRAIN = 10_000
EPOCHS = 4


def shift_up_to_4_pixels(images, generator):
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
    "shifts of up to 4 pixels": {"augmentation": shift_up_to_4_pixels},
}


def load_train_and_scored():
    """Return 10,000 train images, and the other train images with the validation split.

    Both are returned as a pair of images and labels.
    """
    X, y = load_bloodmnist(split="train", return_X_y=True)
    X_val, y_val = load_bloodmnist(split="val", return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    fit, held_out = order[:N_TRAIN], order[N_TRAIN:]
    scored = np.concatenate([X_val, X[held_out]]), np.concatenate([y_val, y[held_out]])
    return (X[fit], y[fit]), scored


def score_variant(parameters, seed, train, scored):
    parameters = {"max_epochs": EPOCHS, **parameters}
    model = BloodCNNClassifier(random_state=seed, **parameters)
    seconds = seconds_of(partial(model.fit, *train))
    X, y = scored
    return {
        "seed": seed,
        **score_probabilities(y, model.predict_proba(X)),
        "train_loss": model.loss_curve_[-1],
        "fit_seconds": seconds,
    }


def main():
    parser = make_parser(__doc__, seeds=1, jobs=1)
    parser.add_argument(
        "--variants",
        nargs="+",
        default=list(VARIANTS),
        help=f"variants to train (default: all of {', '.join(VARIANTS)})",
    )
    options = parser.parse_args()
    train, scored = load_train_and_scored()
    run = partial(score_variant, train=train, scored=scored)
    runs = Parallel(n_jobs=options.jobs, return_as="generator")(
        delayed(run)(VARIANTS[name], seed)
        for name in options.variants
        for seed in range(options.seeds)
    )
    figures = {}
    for name in options.variants:
        figures[name] = {
            "parameters": {
                key: getattr(value, "__name__", value)
                for key, value in VARIANTS[name].items()
            },
            **summarize(list(islice(runs, options.seeds))),
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
