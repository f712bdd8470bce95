"""Reproduce the results of the 2024 report that skblood starts from.

The report is Hobelsberger, Hassan, Savvides, Bharwani, "Optimizing Blood Cell
Classification with Convolutional Neural Networks", 2024. It trains two networks on
BloodMNIST: a CNN and an FNN with a single layer. Pixels are scaled to [-1, 1]; the
optimizer is Adam with a learning rate of 1e-3, the batch size is 128, the loss is the
cross-entropy, and early stopping has a patience of 5 epochs.

This script trains the same two networks by the same recipe, in two protocols:

``split``  training on the train split, early stopping on the validation split, and one
           scoring on the test split, with several seeds;
``folds``  5-fold cross-validation on the train and validation splits together, as in
           the report, with the report's seed and 30 epochs.

The batch size, number of epochs and learning rate of the FNN are the best of the
report's grid on the validation split.

    python benchmarks/report_2024.py             # both protocols, 5 seeds
    python benchmarks/report_2024.py --quick     # a few epochs on part of the data
"""

import numpy as np
from common.command_line import make_parser
from common.recipes import (
    REPORT,
    REPORT_ACCURACY,
    REPORT_CNN,
    REPORT_FOLDS,
    REPORT_GRID,
    REPORT_SEED,
)
from common.recording import write_results
from common.scoring import format_mean, summarize
from joblib import Parallel, delayed
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.model_selection import ParameterGrid

from skblood import BloodCNNClassifier, BloodFNNClassifier, load_bloodmnist

PUBLISHED = {
    "CNN": {
        "accuracy": REPORT_ACCURACY,
        "precision": 0.905,
        "recall": 0.910,
        "f1": 0.907,
    },
    "FNN": {"accuracy": 0.834, "precision": 0.820, "recall": 0.825, "f1": 0.822},
    "FNN, as their code prints": {
        "accuracy": 0.781,
        "precision": 0.775,
        "recall": 0.738,
        "f1": 0.748,
    },
}
MEASURES = list(PUBLISHED["CNN"])


def make_model(name, seed, **parameters):
    if name == "CNN":
        return BloodCNNClassifier(**{**REPORT_CNN, "random_state": seed, **parameters})
    return BloodFNNClassifier(**{**REPORT, "random_state": seed, **parameters})


def score(model, X, y):
    predicted = model.predict(X)
    averages = precision_recall_fscore_support(
        y, predicted, average="macro", zero_division=0
    )
    return dict(
        zip(MEASURES, [accuracy_score(y, predicted), *averages[:3]], strict=True)
    )


def run_model(name, seed, parameters, train, test, valid=None):
    """Train and score one model; return its scores and its number of epochs.

    With `valid`, training stops early on these data.
    """
    model = make_model(name, seed, early_stopping=valid is not None, **parameters)
    validation = {} if valid is None else {"X_val": valid[0], "y_val": valid[1]}
    model.fit(*train, **validation)
    scores = score(model, *test)
    print(f"{name} seed {seed}: {scores['accuracy']:.4f}, {model.n_iter_} epochs")
    return {**scores, "seed": seed, "epochs": model.n_iter_}


def search_fnn(train, valid, grid, parallel):
    """Return the best parameters on the validation split, and the whole search."""
    settings = list(ParameterGrid(grid))
    runs = parallel(
        delayed(run_model)("FNN", REPORT_SEED, setting, train, valid)
        for setting in settings
    )
    best = int(np.argmax([run["accuracy"] for run in runs]))
    searched = [
        {**setting, "valid_accuracy": run["accuracy"]}
        for setting, run in zip(settings, runs, strict=True)
    ]
    return settings[best], searched


def run_folds(name, parameters, X, y, parallel):
    return parallel(
        delayed(run_model)(
            name, REPORT_SEED, parameters, (X[fit], y[fit]), (X[held_out], y[held_out])
        )
        for fit, held_out in REPORT_FOLDS.split(X, y)
    )


def print_data():
    cells = {split: load_bloodmnist(split=split) for split in ("train", "val", "test")}
    print("Number of images (the report's text says 17,094 in total)\n")
    print(f"{'':>24}" + "".join(f"{split:>8}" for split in cells) + f"{'all':>8}")
    counts = np.array([np.bincount(c.target, minlength=8) for c in cells.values()])
    names = [*cells["train"].target_names, "all"]
    for name, row in zip(names, [*counts.T, counts.sum(axis=1)], strict=True):
        print(f"{name:>24}" + "".join(f"{n:>8}" for n in [*row, row.sum()]))
    return counts.sum(axis=1).tolist()


def print_scores(results):
    print(f"\n{'':>40}" + "".join(f"{measure:>16}" for measure in MEASURES))
    for name, published in PUBLISHED.items():
        row = "".join(f"{published[measure]:>16.3f}" for measure in MEASURES)
        print(f"{'report, ' + name:>40}" + row)
    for protocol, models in results.items():
        for name, summary in models.items():
            row = "".join(f"{format_mean(summary, m):>16}" for m in MEASURES)
            n = len(summary["runs"])
            print(f"{f'skblood, {name}, {protocol}, {n} runs':>40}" + row)


def main():
    parser = make_parser(__doc__, seeds=5, jobs=2)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="train for 2 epochs on 1,000 images, and write no results",
    )
    options = parser.parse_args()
    n_images = 1000 if options.quick else None
    epochs = {"max_epochs": 2} if options.quick else {}

    n_samples = print_data()
    train, valid, test = (
        tuple(part[:n_images] for part in load_bloodmnist(split=s, return_X_y=True))
        for s in ("train", "val", "test")
    )
    both = [np.concatenate(parts) for parts in zip(train, valid, strict=True)]
    parallel = Parallel(n_jobs=options.jobs)

    grid = {**REPORT_GRID, "max_epochs": [2]} if options.quick else REPORT_GRID
    best_fnn, searched = search_fnn(train, valid, grid, parallel)
    parameters = {"CNN": {"max_epochs": 50, **epochs}, "FNN": {**best_fnn, **epochs}}
    results = {"split": {}, "folds": {}}
    for name in ("FNN", "CNN"):
        runs = parallel(
            delayed(run_model)(name, seed, parameters[name], train, test, valid)
            for seed in range(options.seeds)
        )
        results["split"][name] = summarize(runs)
    for name in ("FNN", "CNN"):
        setting = {**parameters[name], **({"max_epochs": 30} | epochs)}
        results["folds"][name] = summarize(run_folds(name, setting, *both, parallel))
    print_scores(results)
    if not options.quick:
        figures = {
            "n_samples": dict(zip(("train", "val", "test"), n_samples, strict=True)),
            "published": PUBLISHED,
            "recipe": REPORT,
            "fnn_search": searched,
            "results": results,
        }
        write_results("report_2024", figures)


if __name__ == "__main__":
    main()
