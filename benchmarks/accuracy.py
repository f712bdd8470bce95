"""Measure the accuracy of a recipe on BloodMNIST.

A recipe is trained on the train split with several seeds and scored on the test split:
each seed alone, the ensemble of the seeds (soft voting), and both with test-time
augmentation. The scores are also given without the six test images that have a
duplicate in another split.

    python benchmarks/accuracy.py --recipe default --seeds 5
    python benchmarks/accuracy.py --recipe all

Use ``--split val`` to compare recipes on the validation split while choosing one. That
prints the scores and writes no results.
"""

from functools import partial

import numpy as np
import torch
from common.command_line import make_parser
from common.recipes import RECIPES
from common.recording import PREDICTIONS, write_results
from common.scoring import (
    format_mean,
    summarize_predictions,
    summarize_without_duplicates,
)
from common.timing import seconds_of
from joblib import Parallel, delayed
from torch.utils.flop_counter import FlopCounterMode

from skblood import BloodCNNClassifier, load_bloodmnist


def fit_and_predict(recipe, seed, train, X):
    """Train one seed; return its probabilities and the cost of its training.

    The probabilities are a dict with ``plain`` and, for the convolutional networks,
    ``augmented``, which uses test-time augmentation.
    """
    model = RECIPES[recipe](random_state=seed)
    cost = {
        "seed": seed,
        "fit_seconds": seconds_of(partial(model.fit, *train)),
        "threads": torch.get_num_threads(),
        **network_size(model),
    }
    probas = {"plain": model.predict_proba(X)}
    if isinstance(model, BloodCNNClassifier):
        model.set_params(test_time_augmentation=True)
        probas["augmented"] = model.predict_proba(X)
    return probas, cost


def network_size(model):
    """Return a network's number of parameters, multiplications per image and epochs."""
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
    """Train all seeds; return the scores, and the classes that each seed predicts."""
    fits = Parallel(n_jobs=options.jobs)(
        delayed(fit_and_predict)(recipe, seed, train, X)
        for seed in range(options.seeds)
    )
    plain = [probas["plain"] for probas, _ in fits]
    figures = {
        "recipe": recipe,
        "split": options.split,
        "fits_at_a_time": options.jobs,
        **summarize_predictions(y, plain, [cost for _, cost in fits]),
    }
    if "augmented" in fits[0][0]:
        augmented = [probas["augmented"] for probas, _ in fits]
        figures["test_time_augmentation"] = summarize_predictions(y, augmented)
    if options.split == "test":
        figures["without_twins"] = summarize_without_duplicates(y, plain)
    return figures, np.array([proba.argmax(axis=1) for proba in plain], np.uint8)


def record(recipe, figures, predicted):
    """Write a recipe's scores, and the classes that each of its seeds predicts."""
    PREDICTIONS.mkdir(parents=True, exist_ok=True)
    np.save(PREDICTIONS / f"{recipe}.npy", predicted)
    write_results(f"accuracy_{recipe}", figures)


def print_figures(figures):
    print(f"\n{figures['recipe']}, {figures['split']} split")
    print_summary("plain", figures)
    if "test_time_augmentation" in figures:
        print_summary("test-time augmentation", figures["test_time_augmentation"])
    if "without_twins" in figures:
        print_summary("without duplicates", figures["without_twins"])
    recalls = " ".join(f"{recall:.3f}" for recall in figures["mean_recall"])
    print(f"  recall by class {recalls}; fit {figures['mean']['fit_seconds']:.0f} s")


def print_summary(title, summary):
    mean = summary["mean"]
    ensemble = ""
    if "vote" in summary:
        ensemble = f", ensemble of all seeds {summary['vote']['accuracy']:.4f}"
    print(
        f"  {title:>22}: accuracy {format_mean(summary)}{ensemble}, AUC "
        f"{mean['auc']:.5f}, macro F1 {mean['macro_f1']:.4f}, NLL {mean['nll']:.4f}, "
        f"ECE {mean['ece']:.4f}",
        flush=True,
    )


def main():
    parser = make_parser(__doc__, seeds=5, jobs=1)
    parser.add_argument(
        "--recipe",
        choices=[*RECIPES, "all"],
        default="default",
        help="model to train (default: %(default)s)",
    )
    parser.add_argument(
        "--split",
        choices=["val", "test"],
        default="test",
        help="split to score on (default: %(default)s)",
    )
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
