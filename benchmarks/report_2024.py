"""Does skblood reproduce the 2024 report it starts from?

The report (Hobelsberger, Hassan, Savvides, Bharwani, "Optimizing Blood Cell
Classification with Convolutional Neural Networks", 2024) trains two models on
BloodMNIST, pixels scaled to [-1, 1], Adam at 1e-3, batches of 128, cross-entropy, early
stopping with a patience of 5. This script trains the same two models by the same
recipe, in two protocols:

``split``  trained on the train split, stopped on the validation split, scored once on
           the test split, with several seeds;
``folds``  5-fold cross-validation over train and validation together, as they did, with
           their seed, 30 epochs.

The feed-forward network's batch size, epochs and learning rate are those of the
report's grid that do best on the validation split.

    python benchmarks/report_2024.py             # both protocols, 5 seeds
    python benchmarks/report_2024.py --quick     # a few epochs on part of the data
"""

import argparse

import numpy as np
from joblib import Parallel, delayed
from recipes import REPORT, REPORT_CNN
from recording import write_results
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.model_selection import ParameterGrid, StratifiedKFold

from skblood import BloodCNNClassifier, BloodFNNClassifier, load_bloodmnist

PUBLISHED = {
    "CNN": {"accuracy": 0.914, "precision": 0.905, "recall": 0.910, "f1": 0.907},
    "FNN": {"accuracy": 0.834, "precision": 0.820, "recall": 0.825, "f1": 0.822},
    "FNN, as their code prints": {
        "accuracy": 0.781,
        "precision": 0.775,
        "recall": 0.738,
        "f1": 0.748,
    },
}
MEASURES = list(PUBLISHED["CNN"])
GRID = {"batch_size": [64, 128, 256], "max_epochs": [30, 50], "lr": [1e-3, 1e-2, 1e-1]}
FOLD_SEED = 42


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


def fit_and_score(name, seed, parameters, train, test, valid=None):
    """Fit one model; return its scores and its epochs."""
    model = make_model(name, seed, early_stopping=valid is not None, **parameters)
    validation = {} if valid is None else {"X_val": valid[0], "y_val": valid[1]}
    model.fit(*train, **validation)
    scores = score(model, *test)
    print(f"{name} seed {seed}: {scores['accuracy']:.4f}, {model.n_iter_} epochs")
    return {**scores, "seed": seed, "epochs": model.n_iter_}


def search_fnn(train, valid, grid, parallel):
    """Return the grid's best parameters by accuracy on the validation split."""
    settings = list(ParameterGrid(grid))
    runs = parallel(
        delayed(fit_and_score)("FNN", FOLD_SEED, setting, train, valid)
        for setting in settings
    )
    best = int(np.argmax([run["accuracy"] for run in runs]))
    searched = [
        {**setting, "valid_accuracy": run["accuracy"]}
        for setting, run in zip(settings, runs, strict=True)
    ]
    return settings[best], searched


def by_folds(name, parameters, X, y, parallel):
    folds = StratifiedKFold(5, shuffle=True, random_state=FOLD_SEED).split(X, y)
    return parallel(
        delayed(fit_and_score)(
            name, FOLD_SEED, parameters, (X[fit], y[fit]), (X[held_out], y[held_out])
        )
        for fit, held_out in folds
    )


def summarize(runs):
    values = {m: [run[m] for run in runs] for m in [*MEASURES, "epochs"]}
    means = {measure: float(np.mean(v)) for measure, v in values.items()}
    deviations = {m: float(np.std(values[m], ddof=1)) for m in MEASURES}
    return {"mean": means, "std": deviations, "runs": runs}


def print_data():
    cells = {split: load_bloodmnist(split=split) for split in ("train", "val", "test")}
    print("Images by class, split by split (the report's text says 17,094 in all)\n")
    print(f"{'':>24}" + "".join(f"{split:>8}" for split in cells) + f"{'all':>8}")
    counts = np.array([np.bincount(c.target, minlength=8) for c in cells.values()])
    names = [*(n.split("(")[0] for n in cells["train"].target_names), "all"]
    for name, row in zip(names, [*counts.T, counts.sum(axis=1)], strict=True):
        print(f"{name:>24}" + "".join(f"{n:>8}" for n in [*row, row.sum()]))
    return counts.sum(axis=1).tolist()


def print_scores(results):
    print(f"\n{'':>38}" + "".join(f"{measure:>16}" for measure in MEASURES))
    for name, published in PUBLISHED.items():
        row = "".join(f"{published[measure]:>16.3f}" for measure in MEASURES)
        print(f"{'report, ' + name:>38}" + row)
    for protocol, models in results.items():
        for name, result in models.items():
            row = "".join(
                f"{result['mean'][m]:>9.4f} ±{result['std'][m]:.4f}" for m in MEASURES
            )
            n = len(result["runs"])
            print(f"{f'ours, {name}, {protocol}, {n} runs':>38}" + row)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="fits at a time")
    parser.add_argument("--quick", action="store_true", help="2 epochs, 1,000 images")
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
    seeds = range(options.seeds)

    best_fnn, searched = search_fnn(
        train, valid, {**GRID, "max_epochs": [2]} if options.quick else GRID, parallel
    )
    parameters = {"CNN": {"max_epochs": 50, **epochs}, "FNN": {**best_fnn, **epochs}}
    results = {"split": {}, "folds": {}}
    for name in ("FNN", "CNN"):
        runs = parallel(
            delayed(fit_and_score)(name, seed, parameters[name], train, test, valid)
            for seed in seeds
        )
        results["split"][name] = summarize(runs)
    for name in ("FNN", "CNN"):
        setting = {**parameters[name], **({"max_epochs": 30} | epochs)}
        results["folds"][name] = summarize(by_folds(name, setting, *both, parallel))
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
