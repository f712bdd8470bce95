"""How well does a recipe tell the cells of BloodMNIST apart?

Each recipe is trained on the train split with several seeds and scored on the test
split: as it comes, with test-time augmentation, and by the vote of its seeds; with and
without the six test images that have a copy in another split.

    python benchmarks/accuracy.py --recipe default --seeds 5
    python benchmarks/accuracy.py --recipe all

A recipe is chosen on the validation split, ``--split val``, and writes no results.
"""

import argparse
import time

import numpy as np
import torch
from joblib import Parallel, delayed
from recipes import RECIPES
from recording import RESULTS, write_results
from scoring import summarize_predictions, without_twins
from torch.utils.flop_counter import FlopCounterMode

from skblood import BloodCNNClassifier, load_bloodmnist

PREDICTIONS = RESULTS / "predictions"


def fit_and_predict(recipe, seed, train, X):
    """Return the probabilities of one seed, also those of all views, and its cost."""
    model = RECIPES[recipe](random_state=seed)
    start = time.perf_counter()
    model.fit(*train)
    cost = {
        "seed": seed,
        "fit_seconds": time.perf_counter() - start,
        "threads": torch.get_num_threads(),
        **count_size(model),
    }
    probas = {"proba": model.predict_proba(X)}
    if isinstance(model, BloodCNNClassifier):
        model.set_params(test_time_augmentation=True)
        probas["proba_of_views"] = model.predict_proba(X)
    return probas, cost


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


def run_recipe(recipe, options, train, X, y):
    """Fit all seeds; return the figures, and each seed's predictions."""
    fits = Parallel(n_jobs=options.jobs)(
        delayed(fit_and_predict)(recipe, seed, train, X)
        for seed in range(options.seeds)
    )
    probas = [outputs["proba"] for outputs, _ in fits]
    figures = {
        "recipe": recipe,
        "split": options.split,
        "fits_at_a_time": options.jobs,
        **summarize_predictions(y, probas, [cost for _, cost in fits]),
    }
    if "proba_of_views" in fits[0][0]:
        of_views = [outputs["proba_of_views"] for outputs, _ in fits]
        figures["test_time_augmentation"] = summarize_predictions(y, of_views)
    if options.split == "test":
        figures["without_twins"] = without_twins(y, probas)
    return figures, np.array([proba.argmax(axis=1) for proba in probas], np.uint8)


def record(recipe, figures, predicted):
    """Write a recipe's figures, and what each of its seeds predicted."""
    PREDICTIONS.mkdir(parents=True, exist_ok=True)
    np.save(PREDICTIONS / f"{recipe}.npy", predicted)
    write_results(f"accuracy_{recipe}", figures)


def print_figures(figures):
    print(f"\n{figures['recipe']}, {figures['split']} split")
    print_summary("as it comes", figures)
    if "test_time_augmentation" in figures:
        print_summary("all views", figures["test_time_augmentation"])
    if "without_twins" in figures:
        print_summary("without twins", figures["without_twins"])
    recalls = " ".join(f"{recall:.3f}" for recall in figures["mean_recall"])
    print(f"  recall by class {recalls}; fit {figures['mean']['fit_seconds']:.0f} s")


def print_summary(title, summary):
    mean, std = summary["mean"], summary["std"]
    spread = "" if std["accuracy"] is None else f" ± {std['accuracy']:.4f}"
    vote = f", vote {summary['vote']['accuracy']:.4f}" if "vote" in summary else ""
    print(
        f"  {title:>13}: accuracy {mean['accuracy']:.4f}{spread}{vote}, AUC "
        f"{mean['auc']:.5f}, macro F1 {mean['macro_f1']:.4f}, NLL {mean['nll']:.4f}, "
        f"ECE {mean['ece']:.4f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", choices=[*RECIPES, "all"], default="default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--split", choices=["val", "test"], default="test")
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time")
    options = parser.parse_args()
    train = load_bloodmnist(split="train", return_X_y=True)
    X, y = load_bloodmnist(split=options.split, return_X_y=True)
    for recipe in RECIPES if options.recipe == "all" else [options.recipe]:
        figures, predicted = run_recipe(recipe, options, train, X, y)
        print_figures(figures)
        if options.split == "test":
            record(recipe, figures, predicted)


if __name__ == "__main__":
    main()
