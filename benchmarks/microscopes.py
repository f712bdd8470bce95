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
    What `assess` says: the fraction of images that is marked as unsure, the fraction
    that is wrong and not marked, and the fraction of the errors that is marked.
unseen kinds
    A network is trained without one of the eight kinds of cells, and the area under the
    ROC curve tells how well this kind is found among the test images.

    python benchmarks/microscopes.py
"""

import os
from pathlib import Path

import numpy as np
from common.command_line import make_parser
from common.recording import write_results
from familiarity import CROPS, FAST, change_images
from sklearn.metrics import roc_auc_score

from skblood import (
    BloodCNNClassifier,
    FamiliarityDetector,
    assess,
    load_bloodmnist,
    load_cell_images,
    load_pretrained,
)

FALSE_ALARMS = 0.01
N_CHANGED = 500


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


def measure_doubts(clf, X, y):
    found = assess(clf, X)
    is_wrong = found.labels != y
    return {
        "n": len(y),
        "accuracy": float(np.mean(~is_wrong)),
        "mean_probability": float(found.probabilities.max(axis=1).mean()),
        "unsure": float(found.is_unsure.mean()),
        "unfamiliar": float(found.is_unfamiliar.mean()),
        "wrong_and_not_marked": float(np.mean(is_wrong & ~found.is_unsure)),
        "errors_marked": float(found.is_unsure[is_wrong].mean()),
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


def main():
    parser = make_parser(__doc__, seeds=1)
    parser.add_argument(
        "--default-recipe",
        action="store_true",
        help="train the networks for unseen kinds by the default recipe, which takes "
        "ten times as long",
    )
    options = parser.parse_args()
    recipe = {} if options.default_recipe else FAST
    splits, microscopes = load_splits(), load_microscopes()
    clf = load_pretrained()
    results = {
        "false_alarms": FALSE_ALARMS,
        "unlike": measure_unlike(clf, splits, microscopes),
        "doubts": {
            name: measure_doubts(clf, *data)
            for name, data in {"test": splits["test"], **microscopes}.items()
        },
        "unseen_kinds": {"recipe": recipe},
    }
    for part in ("unlike", "doubts"):
        for name, figures in results[part].items():
            print(part, name, figures, flush=True)
    write_results("microscopes", results)
    for kind in clf.classes_:
        areas = [
            measure_unseen_kind(kind, splits, seed, recipe)
            for seed in range(options.seeds)
        ]
        results["unseen_kinds"][str(kind)] = areas
        print("unseen kind", kind, areas, flush=True)
        write_results("microscopes", results)


if __name__ == "__main__":
    main()
