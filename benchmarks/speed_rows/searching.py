"""The report's grid search with scikit-learn, compared with plain skorch.

The search has 3 × 2 × 3 settings in 5 folds, and early stopping with a patience of 5
epochs, as in the report. It uses a random part of the train split, which is the same in
every run.
"""

import warnings
from functools import partial

import numpy as np
from common.recipes import REPORT, REPORT_FOLDS, REPORT_GRID
from common.timing import compare_times
from references import plain_skorch
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV

from skblood import BloodCNNClassifier, BloodFNNClassifier, load_bloodmnist

from .declaration import speed_row

N_IMAGES = {"cnn": 200, "fnn": 2_000}


@speed_row(
    "grid-cnn", "grid search, the report's CNN: plain skorch / skblood", at_least=2
)
def grid_search_cnn(n_pairs):
    return _compare_grid_searches(n_pairs, "cnn")


@speed_row(
    "grid-fnn", "grid search, the report's FNN: plain skorch / skblood", at_least=2
)
def grid_search_fnn(n_pairs):
    return _compare_grid_searches(n_pairs, "fnn")


@speed_row(
    "halving",
    "search, the report's FNN in skblood: whole grid / successive halving",
    at_least=3,
)
def halving_search(n_pairs):
    """Time successive halving, whose resource is the number of epochs."""
    X, y = _subset("fnn")
    grid = {name: v for name, v in REPORT_GRID.items() if name != "max_epochs"}
    halved = HalvingGridSearchCV(
        _classifier("fnn"),
        grid,
        resource="max_epochs",
        min_resources=5,
        max_resources=50,
        cv=REPORT_FOLDS,
        n_jobs=2,
        refit=False,
        random_state=0,
    )
    whole = _grid_search(_classifier("fnn"))
    figures = compare_times(
        partial(_fit, halved, X, y), partial(_fit, whole, X, y), n_pairs, faster=True
    )
    return {
        "n_rows": len(X),
        **figures,
        "halving": _best(halved),
        "grid": _best(whole),
        "points_lost": 100 * (whole.best_score_ - halved.best_score_),
    }


def _compare_grid_searches(n_pairs, network):
    X, y = _subset(network)
    ours = _grid_search(_classifier(network))
    theirs = _grid_search(plain_skorch.make_net(network, early_stopping=True))
    figures = compare_times(
        partial(_fit, ours, X, y),
        partial(_fit, theirs, plain_skorch.as_floats(X), y),
        n_pairs,
        faster=True,
    )
    return {"n_rows": len(X), **figures, "ours": _best(ours), "skorch": _best(theirs)}


def _grid_search(model):
    return GridSearchCV(model, REPORT_GRID, cv=REPORT_FOLDS, n_jobs=2, refit=False)


def _classifier(network):
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
    rng = np.random.default_rng(0)
    indices = rng.choice(len(X), N_IMAGES[network], replace=False)
    return X[indices], y[indices]


def _fit(search, X, y):
    with warnings.catch_warnings():
        # With the largest learning rate of the grid, some trainings diverge.
        warnings.simplefilter("ignore", FitFailedWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "One or more of the test scores")
        search.fit(X, y)


def _best(search):
    return {"best_score": float(search.best_score_), "best_params": search.best_params_}
