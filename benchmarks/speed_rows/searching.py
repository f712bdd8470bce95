"""The report's grid search, by scikit-learn's own tools: ours beside plain skorch.

The search is the report's, 3 × 2 × 3 settings in 5 folds, stopped early with a patience
of 5, on a part of the train split that is drawn once.
"""

import warnings
from functools import partial

import numpy as np
from recipes import REPORT
from references import plain_skorch
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedKFold,
)
from timing import compare

from skblood import BloodCNNClassifier, BloodFNNClassifier, load_bloodmnist

GRID = {"batch_size": [64, 128, 256], "max_epochs": [30, 50], "lr": [1e-3, 1e-2, 1e-1]}
N_ROWS = {"cnn": 200, "fnn": 2_000}
FOLDS = StratifiedKFold(5, shuffle=True, random_state=42)


def grid_search(n_pairs, network):
    """Time the search with ours against the same with plain skorch, two at a time."""
    X, y = _subset(network)
    search = partial(GridSearchCV, param_grid=GRID, cv=FOLDS, n_jobs=2, refit=False)
    ours = search(_ours(network))
    theirs = search(plain_skorch.make_net(network, early_stopping=True))
    figures = compare(
        partial(_fit, ours, X, y),
        partial(_fit, theirs, plain_skorch.as_floats(X), y),
        n_pairs,
        faster=True,
    )
    return {"n_rows": len(X), **figures, "ours": _best(ours), "skorch": _best(theirs)}


def halving(n_pairs):
    """Time halving over epochs against the whole grid, both ours."""
    X, y = _subset("fnn")
    grid = {name: values for name, values in GRID.items() if name != "max_epochs"}
    halved = HalvingGridSearchCV(
        _ours("fnn"),
        grid,
        resource="max_epochs",
        min_resources=5,
        max_resources=50,
        cv=FOLDS,
        n_jobs=2,
        refit=False,
        random_state=0,
    )
    whole = GridSearchCV(_ours("fnn"), GRID, cv=FOLDS, n_jobs=2, refit=False)
    figures = compare(
        partial(_fit, halved, X, y), partial(_fit, whole, X, y), n_pairs, faster=True
    )
    return {
        "n_rows": len(X),
        **figures,
        "halving": _best(halved),
        "grid": _best(whole),
        "points_lost": 100 * (whole.best_score_ - halved.best_score_),
    }


def _ours(network):
    if network == "fnn":
        return BloodFNNClassifier(early_stopping=True, random_state=0, **REPORT)
    return BloodCNNClassifier(
        architecture="report",
        augmentation=None,
        early_stopping=True,
        random_state=0,
        **REPORT,
    )


def _subset(network):
    X, y = load_bloodmnist(return_X_y=True)
    rows = np.random.default_rng(0).choice(len(X), N_ROWS[network], replace=False)
    return X[rows], y[rows]


def _fit(search, X, y):
    with warnings.catch_warnings():
        # At the largest learning rate some trainings diverge: that is the grid's.
        warnings.simplefilter("ignore", FitFailedWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "One or more of the test scores")
        search.fit(X, y)


def _best(search):
    return {"best_score": float(search.best_score_), "best_params": search.best_params_}
