"""Measure how corruptions of the images change the accuracy.

The eleven corruptions of MedMNIST-C (`common/corruptions.py`) are applied with five
severities to the test split. The measure is the balanced accuracy of each kind and
severity, and its mean over all 55. The intervals are 95 % bootstrap intervals over the
test images of each class.

The models are the default classifier, the one with ``augmentation="robust"``, and the
CNN of the 2024 report, trained with several seeds each, and two models of the package.
None of them uses test-time augmentation. Trained models are read from FOLDER. Those
that are missing are trained first, which takes minutes for each, and kept there.

    python benchmarks/corruptions.py --models FOLDER --jobs 2

Use ``--split val`` while choosing a recipe. That prints the figures and writes no
results.
"""

from pathlib import Path

import numpy as np
from common.command_line import make_parser
from common.corruptions import KINDS, N_SEVERITIES, corrupt
from common.fitted import fitted_model
from common.recording import write_results
from joblib import Parallel, delayed

from skblood import load_bloodmnist, load_pretrained

RECIPES = ["default", "robust", "report_cnn"]
PRETRAINED = ["bloodmnist-28", "bloodmnist-28-robust"]
# Each pair of models whose errors are compared: the first one relative to the second.
COMPARED = [
    ("robust", "default"),
    ("bloodmnist-28-robust", "bloodmnist-28"),
    ("default", "report_cnn"),
]
# The robust recipe relative to the default one: the largest ratio of the mean errors
# with corruptions, and the largest difference of the errors without.
TARGETS = {"error_ratio": 0.5, "clean_difference": 0.005}
N_BOOTSTRAP = 2000
SEVERITIES = range(1, N_SEVERITIES + 1)


# -- predictions -----------------------------------------------------------------------


def load_models(options):
    """Return a list of fitted models for each name: one per seed, or a single one."""
    recipes = {
        recipe: [
            fitted_model(recipe, seed, options.models) for seed in range(options.seeds)
        ]
        for recipe in options.recipes
    }
    return recipes | {name: [load_pretrained(name)] for name in PRETRAINED}


def find_errors(models, X, y, names):
    """Return for each model which images each seed gets wrong: bool (n_seeds, n)."""
    is_wrong = {}
    for model, fits in models.items():
        predicted = [clf.predict(X) for clf in fits]
        # The models of the package predict names, the others the encoded labels.
        true = names[y] if predicted[0].dtype.kind in "UO" else y
        is_wrong[model] = np.array(predicted) != true
    return is_wrong


def measure_kind(kind, models, X, y, names):
    """Return each model's errors, and the mean pixel change, of each severity.

    The errors of a model are a bool array of shape (5, n_seeds, n).
    """
    errors, changes = [], []
    for severity in SEVERITIES:
        corrupted = corrupt(X, kind, severity)
        changes.append(float(np.abs(corrupted.astype(np.int16) - X).mean()))
        errors.append(find_errors(models, corrupted, y, names))
    print(f"{kind:>17}: pixels change by", *(f"{c:5.1f}" for c in changes), flush=True)
    return {model: np.stack([e[model] for e in errors]) for model in models}, changes


# -- figures ---------------------------------------------------------------------------


def balanced_accuracy(is_wrong, y):
    """Return the mean recall of the classes; the images are the last axis."""
    recalls = [1 - is_wrong[..., y == label].mean(axis=-1) for label in np.unique(y)]
    return np.mean(recalls, axis=0)


def bootstrap_errors(error, y):
    """Return bootstrap values of the mean over the classes of an error per image.

    The images of each class are drawn with replacement. All calls with the same labels
    draw the same images, so the values of several models can be compared one by one.
    """
    rng = np.random.default_rng(0)
    means = []
    for label in np.unique(y):
        of_class = error[y == label]
        n = len(of_class)
        counts = rng.multinomial(n, np.full(n, 1 / n), size=N_BOOTSTRAP)
        means.append(counts @ of_class / n)
    return np.mean(means, axis=0)


def interval(values):
    return np.quantile(values, [0.025, 0.975]).tolist()


def summarize_model(clean, corrupted, y):
    """Return the figures of one model.

    `clean` has shape (n_seeds, n), and `corrupted` (n_kinds, 5, n_seeds, n).
    """
    by_kind = balanced_accuracy(corrupted, y)
    runs = {
        "accuracy": 1 - clean.mean(axis=1),
        "balanced_accuracy": balanced_accuracy(clean, y),
        "corrupted_balanced_accuracy": by_kind.mean(axis=(0, 1)),
    }
    n_seeds = len(clean)
    boot = bootstrap_errors(corrupted.mean(axis=(0, 1, 2)), y)
    return {
        "n_seeds": n_seeds,
        "mean": {name: float(values.mean()) for name, values in runs.items()},
        "std": {
            name: float(values.std(ddof=1)) if n_seeds > 1 else None
            for name, values in runs.items()
        },
        "interval": interval(1 - boot),
        "by_kind": dict(zip(KINDS, by_kind.mean(axis=2).tolist(), strict=True)),
        "runs": {name: values.tolist() for name, values in runs.items()},
    }


def compare(name, reference, clean, corrupted, y):
    """Return the ratio of two models' errors, and the difference without corruption."""
    ours, theirs = (
        corrupted[model].mean(axis=(0, 1, 2)) for model in (name, reference)
    )
    balanced = [1 - balanced_accuracy(error, y) for error in (ours, theirs)]
    ratios = bootstrap_errors(ours, y) / bootstrap_errors(theirs, y)
    # Also for each image the mean over the seeds, so that both models have one value.
    clean_ours, clean_theirs = (
        clean[model].mean(axis=0) for model in (name, reference)
    )
    difference = bootstrap_errors(clean_ours - clean_theirs, y)
    return {
        "error_ratio": float(balanced[0] / balanced[1]),
        "error_ratio_interval": interval(ratios),
        "clean_balanced_difference": float(
            balanced_accuracy(clean_theirs, y) - balanced_accuracy(clean_ours, y)
        ),
        "clean_balanced_difference_interval": interval(difference),
        "clean_difference": float((clean_ours - clean_theirs).mean()),
    }


def summarize(models, clean, measured, y):
    corrupted = {
        model: np.stack([errors[model] for errors, _ in measured]) for model in models
    }
    return {
        "n_images": len(y),
        "targets": TARGETS,
        "pixel_change": {
            kind: changes for kind, (_, changes) in zip(KINDS, measured, strict=True)
        },
        "models": {
            model: summarize_model(clean[model], corrupted[model], y)
            for model in models
        },
        "compared": {
            f"{name} / {reference}": compare(name, reference, clean, corrupted, y)
            for name, reference in COMPARED
            if {name, reference} <= set(models)
        },
    }


def print_figures(figures):
    for model, values in figures["models"].items():
        mean, (low, high) = values["mean"], values["interval"]
        print(
            f"\n{model} (seeds: {values['n_seeds']}): accuracy {mean['accuracy']:.4f}, "
            f"balanced {mean['balanced_accuracy']:.4f}; with corruptions "
            f"{mean['corrupted_balanced_accuracy']:.4f} ({low:.4f} to {high:.4f})"
        )
        for kind, accuracies in values["by_kind"].items():
            print(f"{kind:>17}:", *(f"{a:.3f}" for a in accuracies))
    for pair, values in figures["compared"].items():
        low, high = values["error_ratio_interval"]
        print(
            f"{pair}: ratio of the errors {values['error_ratio']:.3f} ({low:.3f} to "
            f"{high:.3f}); without corruptions, the balanced error differs by "
            f"{100 * values['clean_balanced_difference']:+.2f} points, and the error "
            f"by {100 * values['clean_difference']:+.2f}"
        )


def main():
    parser = make_parser(__doc__, seeds=5, jobs=1)
    parser.add_argument(
        "--models",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder of the trained models",
    )
    parser.add_argument(
        "--recipes",
        nargs="*",
        choices=RECIPES,
        default=RECIPES,
        help="recipes to measure (default: all)",
    )
    parser.add_argument(
        "--split",
        choices=["val", "test"],
        default="test",
        help="split to corrupt (default: %(default)s)",
    )
    options = parser.parse_args()
    data = load_bloodmnist(split=options.split)
    X, y, names = data.images, data.target, np.array(data.target_names)
    models = load_models(options)
    clean = find_errors(models, X, y, names)
    measured = Parallel(n_jobs=options.jobs)(
        delayed(measure_kind)(kind, models, X, y, names) for kind in KINDS
    )
    figures = summarize(models, clean, measured, y)
    print_figures(figures)
    if options.split == "test":
        write_results("corruptions", figures)


if __name__ == "__main__":
    main()
