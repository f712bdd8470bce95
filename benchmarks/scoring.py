"""How predictions are scored, over several seeds, and compared."""

import numpy as np
from medmnist.evaluator import getACC, getAUC
from scipy.stats import binomtest
from sklearn.metrics import f1_score, log_loss, recall_score, roc_auc_score

from skblood.metrics import expected_calibration_error

# Test images with a byte-identical copy in another split.
TWINS = [1323, 2491, 2664, 2966, 3126, 3218]


def measure(y, proba):
    """Score probabilities (n, n_classes) by every measure that has a column."""
    predicted = proba.argmax(axis=1)
    return {
        "accuracy": float(np.mean(predicted == y)),
        "auc": float(roc_auc_score(y, proba, multi_class="ovr")),
        "medmnist_accuracy": float(getACC(y[:, None], proba, "multi-class")),
        "medmnist_auc": float(getAUC(y[:, None], proba, "multi-class")),
        "macro_f1": float(f1_score(y, predicted, average="macro")),
        "nll": float(log_loss(y, proba)),
        "ece": expected_calibration_error(y, proba),
        "recall": recall_score(y, predicted, average=None).tolist(),
    }


def summarize(runs):
    """Return the mean and the standard deviation of what several runs have in common.

    Of a single run there is no deviation, so it is None.
    """
    names = [name for name in runs[0] if name not in ("seed", "recall")]
    values = {name: np.array([run[name] for run in runs], float) for name in names}
    summary = {
        "mean": {name: float(v.mean()) for name, v in values.items()},
        "std": {
            name: float(v.std(ddof=1)) if len(v) > 1 else None
            for name, v in values.items()
        },
    }
    if "recall" in runs[0]:
        recalls = np.array([run["recall"] for run in runs])
        summary["mean_recall"] = recalls.mean(axis=0).tolist()
    return summary


def summarize_predictions(y, probas, costs=None):
    """Score each run's probabilities, all of them together, and without the twins."""
    costs = costs or [{} for _ in probas]
    runs = [{**c, **measure(y, p)} for c, p in zip(costs, probas, strict=True)]
    figures = {**summarize(runs), "runs": runs}
    if len(probas) > 1:
        figures["vote"] = measure(y, np.mean(probas, axis=0))
    return figures


def without_twins(y, probas):
    """Summarize on the test split without the images that have a copy elsewhere."""
    kept = np.setdiff1d(np.arange(len(y)), TWINS)
    return summarize([measure(y[kept], proba[kept]) for proba in probas])


def compare(y, ours, theirs):
    """Compare two models' predictions by McNemar's exact test."""
    ours_right, theirs_right = ours == y, theirs == y
    only_ours = int((ours_right & ~theirs_right).sum())
    only_theirs = int((~ours_right & theirs_right).sum())
    n = only_ours + only_theirs
    return {
        "only_ours_right": only_ours,
        "only_theirs_right": only_theirs,
        "p": float(binomtest(only_ours, n).pvalue) if n else 1.0,
    }
