"""Compare three searches for parameters, for one budget of computing time.

    python benchmarks/search.py

This takes about a quarter of an hour on one core; `--short` tries the script on few
images and writes no file. Three searches are compared, each in its usual form:

grid
    `GridSearchCV` over 27 combinations, in a random order.
halving
    `HalvingGridSearchCV` over the same combinations: all are trained for 1 epoch, the
    best 9 for 3 epochs, and the best 3 of these for 9 epochs.
tpe
    Optuna's TPE sampler with its median pruner, over the ranges that the grid spans.

The budget is the time of the whole grid. TPE searches for as long; successive halving
ends by itself. All times are processor time, so that other programs on the same machine
hardly change them. All searches train with a random part of the train split, which each
seed draws again, and score with the validation split. The test split is not used.
"""

from itertools import product
from statistics import mean
from time import process_time

import numpy as np
import optuna
import torch
from common.command_line import make_parser
from common.recording import write_results
from optuna_integration import SkorchPruningCallback
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV

from skblood import BloodCNNClassifier, load_bloodmnist

N_IMAGES = 1_200
N_EPOCHS = 9
GRID = {
    "lr": [0.005, 0.02, 0.08],
    "batch_size": [32, 64, 128],
    "stochastic_depth": [0.0, 0.1, 0.2],
}
RECIPE = {"width": 8, "device": "cpu"}


class Trainings:
    """The trainings of one search, in the order in which they end."""

    def __init__(self):
        self.start = process_time()
        self.finished = []

    def seconds(self):
        return process_time() - self.start

    def add(self, clf, accuracy):
        training = {"seconds": self.seconds(), "accuracy": accuracy}
        training["epochs"] = clf.n_iter_
        training["params"] = {name: getattr(clf, name) for name in GRID}
        self.finished.append(training)

    def score(self, clf, X, y):
        """Score a classifier for scikit-learn, and record it."""
        accuracy = clf.score(X, y)
        self.add(clf, accuracy)
        return accuracy


def shuffled_grid(seed):
    """Return all combinations in a random order, as scikit-learn's searches take it."""
    combinations = list(product(*GRID.values()))
    order = np.random.default_rng(seed).permutation(len(combinations))
    return [
        {name: [value] for name, value in zip(GRID, combinations[i], strict=True)}
        for i in order
    ]


def search_with_scikit_learn(make_search, clf, train, valid, seed):
    X, y = (np.concatenate(parts) for parts in zip(train, valid, strict=True))
    split = np.split(np.arange(len(X)), [len(train[0])])
    trainings = Trainings()
    make_search(
        clf,
        shuffled_grid(seed),
        scoring=trainings.score,
        cv=[split],
        refit=False,
        return_train_score=False,
        error_score="raise",
    ).fit(X, y)
    epochs = sum(training["epochs"] for training in trainings.finished)
    return describe(trainings, epochs)


def grid(clf, train, valid, seed, budget):
    clf.set_params(max_epochs=N_EPOCHS)
    return search_with_scikit_learn(GridSearchCV, clf, train, valid, seed)


def halving(clf, train, valid, seed, budget):
    def make_search(*args, **options):
        epochs = {"min_resources": 1, "max_resources": N_EPOCHS, "factor": 3}
        return HalvingGridSearchCV(*args, resource="max_epochs", **epochs, **options)

    return search_with_scikit_learn(make_search, clf, train, valid, seed)


def tpe(clf, train, valid, seed, budget):
    trainings = Trainings()
    lr, batch_size, stochastic_depth = GRID.values()

    def objective(trial):
        clf.set_params(
            max_epochs=N_EPOCHS,
            lr=trial.suggest_float("lr", lr[0], lr[-1], log=True),
            batch_size=trial.suggest_categorical("batch_size", batch_size),
            stochastic_depth=trial.suggest_float(
                "stochastic_depth", stochastic_depth[0], stochastic_depth[-1]
            ),
            callbacks=[SkorchPruningCallback(trial, "valid_acc")],
        )
        clf.fit(*train, X_val=valid[0], y_val=valid[1])
        accuracy = clf.history_[-1]["valid_acc"]
        trainings.add(clf, accuracy)
        return accuracy

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    while trainings.seconds() < budget:
        study.optimize(objective, n_trials=1)
    epochs = sum(len(trial.intermediate_values) for trial in study.trials)
    pruned = sum(trial.state.name == "PRUNED" for trial in study.trials)
    # The last training may have ended after the budget. It does not count.
    trainings.finished = [t for t in trainings.finished if t["seconds"] <= budget]
    return {**describe(trainings, epochs), "pruned": pruned}


def describe(trainings, epochs):
    best = max(trainings.finished, key=lambda training: training["accuracy"])
    return {
        "seconds": trainings.seconds(),
        "epochs": epochs,
        "best": best,
        "trainings": trainings.finished,
    }


SEARCHES = {"grid": grid, "halving": halving, "tpe": tpe}


def run_searches(seed, train, valid, n_images):
    """Run all searches with the same images and the same seed."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(train[0]), n_images, replace=False)
    part = [array[chosen] for array in train]
    results = {}
    for name, search in SEARCHES.items():
        clf = BloodCNNClassifier(random_state=seed, **RECIPE)
        budget = results["grid"]["seconds"] if results else None
        results[name] = {"seed": seed, **search(clf, part, valid, seed, budget)}
        best = results[name]["best"]
        print(
            f"seed {seed}, {name:>7}: {best['accuracy']:.4f} after "
            f"{best['seconds']:.0f} of {results[name]['seconds']:.0f} s, "
            f"{results[name]['epochs']} epochs, {best['params']}",
            flush=True,
        )
    return results


def main():
    parser = make_parser(__doc__, seeds=3)
    parser.add_argument(
        "--short", action="store_true", help="one seed and 100 images, without a file"
    )
    options = parser.parse_args()
    n_seeds, n_images = (1, 100) if options.short else (options.seeds, N_IMAGES)
    # With one thread, the time is that of one core.
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    train = load_bloodmnist(split="train", return_X_y=True)
    valid = load_bloodmnist(split="val", return_X_y=True)
    if options.short:
        valid = [array[:100] for array in valid]
    # The first fit loads more of torch.
    BloodCNNClassifier(max_epochs=1, **RECIPE).fit(train[0][:100], train[1][:100])
    by_seed = [run_searches(seed, train, valid, n_images) for seed in range(n_seeds)]
    runs = {name: [results[name] for results in by_seed] for name in SEARCHES}
    for name, of_search in runs.items():
        accuracy = mean(run["best"]["accuracy"] for run in of_search)
        seconds = mean(run["seconds"] for run in of_search)
        print(f"{name:>7}: {accuracy:.4f} in {seconds:.0f} s")
    if options.short:
        return
    write_results(
        "search",
        {
            "optuna": optuna.__version__,
            "threads": torch.get_num_threads(),
            "n_images": n_images,
            "n_epochs": N_EPOCHS,
            "n_valid": len(valid[0]),
            "grid": GRID,
            "recipe": RECIPE,
            "searches": runs,
        },
    )


if __name__ == "__main__":
    main()
