"""Measure how far the pretrained model can be relied on with other microscopes.

The folder in the environment variable SKBLOOD_MICROSCOPES has the sub-folders tecom and
cellavision, with one sub-folder of images for each of five kinds of cells. These images
are only used here: no model of the package was trained on them.

unlike
    How well `FamiliarityDetector` tells images of other microscopes, and images made
    from the test split that show no usual cells, from the test split of BloodMNIST: the
    area under the ROC curve, the fraction that is marked at 1 % of false alarms on the
    validation split, and the fraction that is marked with the default settings.
doubts
    What `assess` says: the fraction of the predictions that is doubtful, the fraction
    that is wrong and not doubtful, and the fraction of the errors that is doubtful.
    Also for the test split in other light.
without labels
    Accuracy of each pretrained model on the five kinds of cells of both microscopes:
    unchanged, if only these five classes can be predicted, with matched colours
    (`AdaptedClassifier`), with both, and with test-time augmentation as well. Also with
    the crop of `suggest_crop`.
robust
    The recipe with ``augmentation="robust"``, trained with several seeds: accuracy on
    the test split, and the same accuracies on both microscopes. The classifiers are
    read from a folder, those that are missing are trained first.
fit time
    Seconds of two epochs with ``augmentation="robust"`` and with the default.
few labels
    Accuracy on the other cells of a microscope after fitting to 100 labelled cells of
    Tecom or 50 of CellaVision, without basophils, of which there are too few. The cells
    are drawn at random or chosen by `suggest_images`, and the training starts from
    random weights or from those of a pretrained model. Also the fraction of the other
    cells that is unfamiliar after `fit_familiarity` with the labelled cells.
unseen kinds
    A network is trained without one of the eight kinds of cells, and the area under the
    ROC curve tells how well this kind is found among the test images.

    python benchmarks/microscopes.py
    python benchmarks/microscopes.py --parts doubts "few labels"
"""

import os
from functools import partial
from pathlib import Path

import numpy as np
from common.command_line import make_parser
from common.fitted import fitted_model
from common.recording import update_results
from common.scoring import format_mean, summarize
from common.timing import seconds_of
from familiarity import CROPS, FALSE_ALARMS, FAST, N_CHANGED, change_images
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from skblood import (
    AdaptedClassifier,
    BloodCNNClassifier,
    FamiliarityDetector,
    assess,
    load_bloodmnist,
    load_cell_images,
    load_pretrained,
    suggest_images,
)
from skblood._cli.inputs import choose_crop, find_files
from skblood.pretrained import pretrained_names

N_LABELLED = {"tecom": 100, "cellavision": 50}
LEFT_OUT = "basophil"
STARTS = ["bloodmnist-28", "bloodmnist-28-robust"]
# Powers of the pixel values, which go from 0 for black to 1 for white.
LIGHTS = {"a little darker": 1.3, "darker": 1.6, "a little lighter": 0.7}
PARTS = [
    "unlike",
    "doubts",
    "without labels",
    "robust",
    "fit time",
    "few labels",
    "unseen kinds",
]


def load_splits():
    return {
        name: load_bloodmnist(split=name, return_X_y=True, labels="names")
        for name in ("train", "val", "test")
    }


def load_microscopes():
    folder = os.environ.get("SKBLOOD_MICROSCOPES")
    if not folder:
        raise SystemExit("Set SKBLOOD_MICROSCOPES to the folder of the microscopes.")
    return {
        name: load_cell_images(
            Path(folder, name), crop=crop, labels="names", return_X_y=True
        )
        for name, crop in CROPS.items()
    }


def measure_unlike(clf, splits, microscopes):
    detector = clf.familiarity_
    score = {name: detector.score_samples(X) for name, (X, _) in splits.items()}
    threshold = 100 * FALSE_ALARMS
    figures = {"test": marked_fractions(score["test"], threshold, detector)}
    images = {name: X for name, (X, _) in microscopes.items()}
    for name, X in (images | change_images(splits["test"][0][:N_CHANGED])).items():
        found = detector.score_samples(X)
        figures[name] = {
            "auroc": auroc(score["test"], found),
            **marked_fractions(found, threshold, detector),
        }
    return figures


def marked_fractions(familiarity, threshold, detector):
    return {
        "marked_at_false_alarms": float(np.mean(familiarity < threshold)),
        "marked_by_default": float(np.mean(familiarity < detector.offset_)),
    }


def auroc(usual, unlike):
    is_unlike = np.repeat([0, 1], [len(usual), len(unlike)])
    return float(roc_auc_score(is_unlike, -np.concatenate([usual, unlike])))


def change_light(images, power):
    return np.rint(255 * (images / 255) ** power).astype(np.uint8)


def measure_doubts(clf, X, y):
    found = assess(clf, X)
    is_wrong = found.labels != y
    return {
        "n": len(y),
        "accuracy": float(np.mean(~is_wrong)),
        "mean_probability": float(found.probabilities.max(axis=1).mean()),
        "doubtful": float(found.is_doubtful.mean()),
        "unfamiliar": float(found.is_unfamiliar.mean()),
        "wrong_and_not_doubtful": float(np.mean(is_wrong & ~found.is_doubtful)),
        "errors_doubtful": float(found.is_doubtful[is_wrong].mean()),
    }


def in_other_light(test, microscopes):
    """Return the test split as it is and in other light, and other microscopes."""
    X, y = test
    changed = {
        f"test, {light}": (change_light(X, power), y) for light, power in LIGHTS.items()
    }
    return {"test": test, **changed, **microscopes}


def measure_without_labels(clf, microscopes):
    """Return the accuracies on each microscope, by the way of adaptation."""
    return {
        f"{name}{note}": measure_adaptation(clf, X, y)
        for name, data in microscopes.items()
        for note, (X, y) in {
            "": data,
            ", suggested crop": crop_cells(clf, name),
        }.items()
    }


def measure_adaptation(clf, X, y):
    kinds = np.unique(y)
    adapted = AdaptedClassifier(clf, classes=kinds).fit(X)
    of_kinds = clf.predict_proba(X)[:, np.isin(clf.classes_, kinds)]
    return {
        "unchanged": clf.score(X, y),
        "five classes": float(np.mean(kinds[of_kinds.argmax(axis=1)] == y)),
        "matched colours": AdaptedClassifier(clf).fit(X).score(X, y),
        "matched colours, five classes": adapted.score(X, y),
        "with test-time augmentation": score_with_augmentation(adapted, X, y),
    }


def score_with_augmentation(adapted, X, y):
    """Return the accuracy with test-time augmentation."""
    adapted.classifier.set_params(test_time_augmentation=True)
    accuracy = adapted.score(X, y)
    adapted.classifier.set_params(test_time_augmentation=False)
    return accuracy


def crop_cells(clf, name):
    """Return the cells of a microscope in the crop that ``--crop auto`` chooses."""
    folder = Path(os.environ["SKBLOOD_MICROSCOPES"], name)
    crop = choose_crop(find_files([str(folder)]), clf)
    print(f"{name}: suggested crop of {crop} pixels")
    return load_cell_images(folder, crop=crop, labels="names", return_X_y=True)


def measure_robust(splits, microscopes, options):
    runs = Parallel(n_jobs=options.jobs)(
        delayed(measure_robust_seed)(splits, microscopes, seed, options.models)
        for seed in range(options.seeds)
    )
    return {name: summarize([run[name] for run in runs]) for name in runs[0]}


def measure_robust_seed(splits, microscopes, seed, folder):
    (X, y), (X_val, _), test = splits.values()
    clf = fitted_model("robust", seed, folder)
    # It was fitted to class numbers, which are in the order of the class names.
    clf.classes_ = np.unique(y)
    clf.fit_familiarity(X, X_val=X_val)
    figures = {
        "test": {"accuracy": clf.score(*test)},
        **measure_without_labels(clf, microscopes),
    }
    print("robust", seed, figures, flush=True)
    return {name: {"seed": seed, **values} for name, values in figures.items()}


def measure_fit_time(splits, n_times=3):
    """Return the seconds of short fits with both augmentations, measured in turn."""
    X, y = splits["train"]
    seconds = {"auto": [], "robust": []}
    for _ in range(n_times):
        for augmentation, times in seconds.items():
            clf = BloodCNNClassifier(augmentation=augmentation, max_epochs=2)
            times.append(seconds_of(partial(clf.fit, X, y)))
    auto, robust = map(np.median, seconds.values())
    return {"seconds": seconds, "robust over auto": robust / auto}


def measure_unseen_kinds(splits, seeds, recipe):
    return {
        kind: summarize(
            [
                {"seed": seed, "auroc": measure_unseen_kind(kind, splits, seed, recipe)}
                for seed in range(seeds)
            ]
        )
        for kind in np.unique(splits["test"][1]).tolist()
    }


def measure_unseen_kind(kind, splits, seed, recipe):
    """Return the AUROC for a kind of cells that the network has not seen."""
    (X, y), (X_val, y_val), (X_test, y_test) = splits.values()
    clf = BloodCNNClassifier(**recipe, random_state=seed)
    clf.fit(X[y != kind], y[y != kind])
    detector = FamiliarityDetector(clf)
    detector.fit(X[y != kind], X_val=X_val[y_val != kind])
    familiarity = detector.score_samples(X_test)
    return auroc(familiarity[y_test != kind], familiarity[y_test == kind])


def measure_few_labels(name, X, y, options):
    """Return the accuracy for each start of the training, and choice of the cells."""
    kept = y != LEFT_OUT
    runs = Parallel(n_jobs=options.jobs)(
        delayed(measure_few_labels_seed)(name, X[kept], y[kept], seed)
        for seed in range(options.seeds)
    )
    return {method: summarize([run[method] for run in runs]) for method in runs[0]}


def measure_few_labels_seed(name, X, y, seed):
    n_labelled, runs = N_LABELLED[name], {}
    random = np.random.default_rng(seed).permutation(len(y))[:n_labelled]
    for start in [None, *STARTS]:
        choices = {"random": random}
        if start is not None:
            embedding = load_pretrained(start)
            choices["suggested"] = suggest_images(
                embedding, X, n_labelled, random_state=seed
            )
        for choice, chosen in choices.items():
            clf = BloodCNNClassifier() if start is None else load_pretrained(start)
            clf.set_params(warm_start=True, random_state=seed)
            figures = fit_and_score(clf, X, y, chosen)
            method = f"{start or 'random weights'}, {choice} cells"
            runs[method] = {"seed": seed, **figures}
    return runs


def fit_and_score(clf, X, y, chosen):
    others = np.setdiff1d(np.arange(len(y)), chosen)
    clf.fit(X[chosen], y[chosen]).fit_familiarity(X[chosen])
    found = assess(clf, X[others])
    clf.set_params(test_time_augmentation=True)
    return {
        "accuracy": float(np.mean(found.labels == y[others])),
        "accuracy_of_eight_views": clf.score(X[others], y[others]),
        "unfamiliar": float(found.is_unfamiliar.mean()),
    }


def main():
    parser = make_parser(__doc__, seeds=5, jobs=1)
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        metavar="PART",
        help=f"parts to measure: {', '.join(PARTS)} (default: all)",
    )
    parser.add_argument(
        "--models",
        type=Path,
        default=Path("fitted-models"),
        metavar="FOLDER",
        help="folder of the trained robust classifiers; those that are missing are "
        "trained first (default: %(default)s)",
    )
    parser.add_argument(
        "--kind-seeds",
        type=int,
        default=1,
        help="number of seeds for each unseen kind (default: %(default)s)",
    )
    parser.add_argument(
        "--default-recipe",
        action="store_true",
        help="train the networks for unseen kinds by the default recipe, which takes "
        "ten times as long",
    )
    options = parser.parse_args()
    splits, microscopes = load_splits(), load_microscopes()
    clf = load_pretrained()
    recipe = {} if options.default_recipe else FAST
    measures = {
        "unlike": lambda: measure_unlike(clf, splits, microscopes),
        "doubts": lambda: {
            name: measure_doubts(clf, *data)
            for name, data in in_other_light(splits["test"], microscopes).items()
        },
        "without labels": lambda: {
            name: measure_without_labels(load_pretrained(name), microscopes)
            for name in pretrained_names()
        },
        "robust": lambda: measure_robust(splits, microscopes, options),
        "fit time": lambda: measure_fit_time(splits),
        "few labels": lambda: {
            name: measure_few_labels(name, *data, options)
            for name, data in microscopes.items()
        },
        "unseen kinds": lambda: measure_unseen_kinds(
            splits, options.kind_seeds, recipe
        ),
    }
    for part in options.parts:
        figures = measures[part]()
        print_figures(part, figures)
        update_results("microscopes", {part: figures})


def print_figures(part, figures):
    for name, values in figures.items():
        if part == "robust":
            for measure in values["mean"]:
                print(part, name, measure, format_mean(values, measure), flush=True)
        elif part == "few labels":
            for method, summary in values.items():
                print(part, name, method, format_mean(summary), flush=True)
        elif part == "unseen kinds":
            print(part, name, format_mean(values, "auroc"), flush=True)
        else:
            print(part, name, values, flush=True)


if __name__ == "__main__":
    main()
