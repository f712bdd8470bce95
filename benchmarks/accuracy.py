"""How well does a recipe tell the cells of BloodMNIST apart?

Each recipe is trained on the train split with several seeds and scored on the test
split, with and without the six test images that have a copy in another split.

    python benchmarks/accuracy.py --recipe default --seeds 5
    python benchmarks/accuracy.py --recipe all

A recipe is chosen on the validation split, ``--split val``, and writes no results.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from medmnist.evaluator import getACC, getAUC
from recording import RESULTS, write_results
from report_2024 import RECIPE as REPORT_RECIPE
from scipy.stats import binomtest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss, recall_score, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from torch.utils.flop_counter import FlopCounterMode

from skblood import BloodCNNClassifier, BloodFNNClassifier, load_bloodmnist
from skblood.metrics import expected_calibration_error

TWINS = [1323, 2491, 2664, 2966, 3126, 3218]  # test images with a copy elsewhere


def on_rows(*steps):
    """Return a pipeline of scikit-learn's that sees images as standardised rows."""
    rows = FunctionTransformer(lambda X: X.reshape(len(X), -1))
    return make_pipeline(rows, StandardScaler(), *steps)


RECIPES = {
    # First, since the others are compared with it.
    "report_cnn": partial(
        BloodCNNClassifier,
        architecture="report",
        augmentation=None,
        max_epochs=30,
        **REPORT_RECIPE,
    ),
    "report_fnn": partial(BloodFNNClassifier, max_epochs=50, **REPORT_RECIPE),
    "default": BloodCNNClassifier,
    "default_tta": partial(BloodCNNClassifier, test_time_augmentation=True),
    "fnn": BloodFNNClassifier,
    "logistic_regression": lambda random_state: on_rows(
        LogisticRegression(C=0.01, max_iter=200)
    ),
    "svc": lambda random_state: on_rows(
        PCA(100, random_state=random_state),
        CalibratedClassifierCV(SVC(C=10), ensemble=False),
    ),
    "mlp": lambda random_state: on_rows(
        MLPClassifier(early_stopping=True, random_state=random_state)
    ),
    "hist_gradient_boosting": lambda random_state: on_rows(
        HistGradientBoostingClassifier(random_state=random_state)
    ),
}


def fit_and_predict(recipe, seed, train, X):
    """Return the probabilities of one seed, and what it cost."""
    model = RECIPES[recipe](random_state=seed)
    start = time.perf_counter()
    model.fit(*train)
    cost = {
        "seed": seed,
        "fit_seconds": time.perf_counter() - start,
        "threads": torch.get_num_threads(),
        **count_size(model),
    }
    return model.predict_proba(X), cost


def count_size(model):
    """Return a network's parameters, and multiplications for one view of an image."""
    if not hasattr(model, "net_"):
        return {}
    module = model.net_.module_
    image = torch.zeros(1, *model.image_shape_)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.eval()(image)
    return {
        "parameters": sum(p.numel() for p in module.parameters()),
        "macs": counter.get_total_flops() // 2,
        "epochs": model.n_iter_,
    }


def measure(y, proba):
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
    names = [name for name in runs[0] if name not in ("seed", "recall")]
    values = {name: np.array([run[name] for run in runs], float) for name in names}
    return {
        "mean": {name: v.mean() for name, v in values.items()},
        "std": {
            name: v.std(ddof=1) if len(v) > 1 else None for name, v in values.items()
        },
        "mean_recall": np.mean([run["recall"] for run in runs], axis=0).tolist(),
    }


def compare(y, ours, theirs):
    """McNemar's exact test of two models' predictions."""
    ours_right, theirs_right = ours == y, theirs == y
    only_ours = int((ours_right & ~theirs_right).sum())
    only_theirs = int((~ours_right & theirs_right).sum())
    n = only_ours + only_theirs
    return {
        "only_ours_right": only_ours,
        "only_theirs_right": only_theirs,
        "p": float(binomtest(only_ours, n).pvalue) if n else 1.0,
    }


def predictions_file(recipe):
    return RESULTS / "predictions" / f"{recipe}.npy"


def run_recipe(recipe, options, train, X, y):
    fits = Parallel(n_jobs=options.jobs)(
        delayed(fit_and_predict)(recipe, seed, train, X)
        for seed in range(options.seeds)
    )
    kept = np.setdiff1d(np.arange(len(y)), TWINS if options.split == "test" else [])
    runs = [{**cost, **measure(y, proba)} for proba, cost in fits]
    without = [measure(y[kept], proba[kept]) for proba, _ in fits]
    figures = {
        "recipe": recipe,
        "split": options.split,
        "fits_at_a_time": options.jobs,
        **summarize(runs),
        "without_twins": summarize(without),
        "runs": runs,
    }
    if len(fits) > 1:
        figures["vote"] = measure(y, np.mean([proba for proba, _ in fits], axis=0))
    if options.split == "test":
        predicted = np.array([proba.argmax(axis=1) for proba, _ in fits], np.uint8)
        np.save(predictions_file(recipe), predicted)
        if predictions_file("report_cnn").exists() and recipe != "report_cnn":
            theirs = np.load(predictions_file("report_cnn"))[0]
            figures["mcnemar_report_cnn_seed_0"] = compare(y, predicted[0], theirs)
        write_results(f"accuracy_{recipe}", figures)
    print_figures(figures)


def print_figures(figures):
    mean, std = figures["mean"], figures["std"]
    spread = "" if std["accuracy"] is None else f" ± {std['accuracy']:.4f}"
    print(
        f"{figures['recipe']}, {figures['split']}: accuracy {mean['accuracy']:.4f}"
        f"{spread}, AUC {mean['auc']:.5f}, macro F1 {mean['macro_f1']:.4f}, "
        f"NLL {mean['nll']:.4f}, ECE {mean['ece']:.4f}, "
        f"lowest recall {min(figures['mean_recall']):.4f}, "
        f"fit {mean['fit_seconds']:.0f} s"
    )
    if "vote" in figures:
        print(f"  their vote: accuracy {figures['vote']['accuracy']:.4f}")
    without = figures["without_twins"]["mean"]["accuracy"]
    print(f"  without the six twins: accuracy {without:.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", choices=[*RECIPES, "all"], default="default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--split", choices=["val", "test"], default="test")
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time")
    options = parser.parse_args()
    Path(RESULTS / "predictions").mkdir(parents=True, exist_ok=True)
    train = load_bloodmnist(split="train", return_X_y=True)
    X, y = load_bloodmnist(split=options.split, return_X_y=True)
    for recipe in RECIPES if options.recipe == "all" else [options.recipe]:
        run_recipe(recipe, options, train, X, y)


if __name__ == "__main__":
    main()
