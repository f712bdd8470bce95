"""Scores predictions, summarizes runs with several seeds, and compares two models."""

import numpy as np
from medmnist.evaluator import getACC, getAUC
from scipy.stats import binomtest
from sklearn.metrics import f1_score, log_loss, recall_score, roc_auc_score

from skblood.metrics import expected_calibration_error

# Indices of the test images that are byte-identical to an image of another split.
DUPLICATES = [1323, 2491, 2664, 2966, 3126, 3218]


def score_probabilities(y, proba):
    """Return all measures of predicted probabilities of shape (n, n_classes)."""
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


def mean_and_std(runs):
    """Return the mean and the standard deviation of each figure over several runs.

    The standard deviation of a single run is None. The recall of each class, which is a
    list, only gets a mean.
    """
    names = [
        name
        for name, value in runs[0].items()
        if name != "seed" and not isinstance(value, list)
    ]
    values = {name: np.array([run[name] for run in runs], float) for name in names}
    summary = {
        "mean": {name: float(v.mean()) for name, v in values.items()},
        "std": {
            name: float(v.std(ddof=1)) if len(v) > 1 else None
            for name, v in values.items()
        },
    }
    if isinstance(runs[0].get("recall"), list):
        recalls = np.array([run["recall"] for run in runs])
        summary["mean_recall"] = recalls.mean(axis=0).tolist()
    return summary


def summarize(runs):
    """Return the mean, the standard deviation and the runs themselves."""
    return {**mean_and_std(runs), "runs": runs}


def summarize_predictions(y, probas, costs=None):
    """Summarize the scores of several runs, and score their ensemble.

    `probas` holds the probabilities of each run, and `costs` a dict with further
    figures of each run. The ensemble averages the probabilities of all runs (soft
    voting).
    """
    costs = costs or [{} for _ in probas]
    figures = summarize(
        [
            {**cost, **score_probabilities(y, proba)}
            for cost, proba in zip(costs, probas, strict=True)
        ]
    )
    if len(probas) > 1:
        figures["vote"] = score_probabilities(y, np.mean(probas, axis=0))
    return figures


def summarize_without_duplicates(y, probas):
    """Summarize the test scores without the images that other splits contain too."""
    kept = np.setdiff1d(np.arange(len(y)), DUPLICATES)
    return mean_and_std([score_probabilities(y[kept], proba[kept]) for proba in probas])


def format_mean(summary, name="accuracy"):
    """Return a mean as text, with its standard deviation if there are several runs."""
    mean, std = summary["mean"][name], summary["std"][name]
    return f"{mean:.4f}" if std is None else f"{mean:.4f} ± {std:.4f}"


def mcnemar_test(y, ours, theirs):
    """Compare the predictions of two models by McNemar's exact test."""
    ours_right, theirs_right = ours == y, theirs == y
    only_ours = int((ours_right & ~theirs_right).sum())
    only_theirs = int((~ours_right & theirs_right).sum())
    n = only_ours + only_theirs
    return {
        "only_ours_right": only_ours,
        "only_theirs_right": only_theirs,
        "p": float(binomtest(only_ours, n).pvalue) if n else 1.0,
    }
