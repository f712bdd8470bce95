"""How many errors in the labels `audit_labels` finds, and which duplicates.

The parts of the result:

- "whole": all three splits of BloodMNIST together, and the pairs of equal images.
- "suspects": where the 11 test images rank that are probably mislabelled, among the
  3,421 test images. Four strong networks for 224 pixels all give them the same other
  label. "default, 5 seeds" are models that were fitted to the train split only.
  "plain" is `audit_labels` with its default values, on the test split alone.
- "changed": labels of the test split that were changed at random, and how many of
  them are found. In "fitted to these labels", the embeddings come from a classifier
  that was fitted to the changed labels.
- "near": 500 images of BloodMNIST that were changed slightly, and the fraction whose
  original is found among all images.
- "strength": accuracy of the logistic regression for three strengths of its penalty,
  on the val split and on two other microscopes.

The folder of the microscopes is in the variable SKBLOOD_MICROSCOPES. The models are
read from ``--models`` or, if they are missing, fitted and written there.
"""

import io
import time
from pathlib import Path

import numpy as np
from common.command_line import make_parser
from common.fitted import fitted_model
from common.recording import update_results
from common.scoring import mean_and_std
from microscopes import load_microscopes
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skblood import (
    BloodCNNClassifier,
    FamiliarityDetector,
    audit_labels,
    load_bloodmnist,
    load_pretrained,
)
from skblood.auditing._audit import DEFAULT_MODEL, MIN_SIMILARITY
from skblood.auditing._duplicates import find_duplicates

SPLITS = ["train", "val", "test"]
# Test images that four strong networks for 224 pixels all miss in the same way.
SUSPECTS = [35, 340, 658, 839, 1629, 1750, 1762, 2512, 2960, 3126, 3373]
N_CHANGED, STRENGTHS = 500, [0.01, 0.1, 1]
FRACTION_WRONG = 0.02


def measure_whole(splits):
    """Audit all splits together, and name the pairs of equal images."""
    X = np.concatenate([splits[name][0] for name in SPLITS])
    y = np.concatenate([splits[name][1] for name in SPLITS])
    names = [f"{name} {i}" for name in SPLITS for i in range(len(splits[name][0]))]
    start = time.perf_counter()
    found = audit_labels(X, y)
    pairs = found.duplicates
    reasons, counts = np.unique(found.table["reason"], return_counts=True)
    listed = [
        {
            "images": [names[pairs["first"][i]], names[pairs["second"][i]]],
            "similarity": round(float(pairs["similarity"][i]), 4),
            "is_exact": bool(pairs["is_exact"][i]),
            "is_contradictory": bool(pairs["is_contradictory"][i]),
        }
        for i in range(len(pairs["first"]))
    ]
    return {
        "n": len(X),
        "seconds": time.perf_counter() - start,
        "identical_pairs": int(pairs["is_exact"].sum()),
        "near_pairs": int((~pairs["is_exact"]).sum()),
        "contradictory_pairs": int(pairs["is_contradictory"].sum()),
        "first_of_table": [names[i] for i in found.table["index"][:11]],
        "reasons": dict(zip(reasons.tolist(), counts.tolist(), strict=True)),
        "n_label_errors": found.n_label_errors,
        "pairs": listed,
    }


def rank_suspects(quality):
    """Return how many of the suspects are among the first images, and their ranks."""
    ranks = np.argsort(np.argsort(quality, kind="stable"))[SUSPECTS] + 1
    return {
        "among_11": int((ranks <= 11).sum()),
        "among_50": int((ranks <= 50).sum()),
        "precision_at_11": float((ranks <= 11).mean()),
        "precision_at_50": float((ranks <= 50).sum() / 50),
        "recall_at_50": float((ranks <= 50).mean()),
        "ranks": sorted(ranks.tolist()),
    }


def measure_suspects(splits, n_seeds, folder):
    """Rank the test images by models of the train split, and by the plain audit."""
    X, y = splits["test"]
    probas = [
        fitted_model("default", seed, folder).predict_proba(X)
        for seed in range(n_seeds)
    ]
    runs = [rank_suspects(proba[np.arange(len(y)), y]) for proba in probas]
    figures = {
        "default, runs": {**mean_and_std(runs), "n_seeds": n_seeds, "runs": runs},
        "default, vote": rank_suspects(np.mean(probas, axis=0)[np.arange(len(y)), y]),
    }
    for model in (DEFAULT_MODEL, "bloodmnist-28"):
        start = time.perf_counter()
        found = audit_labels(X, y, load_pretrained(model))
        seconds = time.perf_counter() - start
        n_contradicted = int((found.y_proba.argmax(axis=1) != y).sum())
        figures[f"plain, {model}"] = {
            **rank_suspects(found.quality),
            "accuracy": 1 - n_contradicted / len(y),
            "contradicted": n_contradicted,
            "n_label_errors": found.n_label_errors,
            "seconds": seconds,
            "n": len(y),
        }
    return figures


def measure_changed(splits, seed=0):
    """Change labels at random, and count how many of them are found."""
    X, y = splits["test"]
    rng = np.random.default_rng(seed)
    wrong = rng.choice(len(y), round(FRACTION_WRONG * len(y)), replace=False)
    y = y.copy()
    y[wrong] = (y[wrong] + rng.integers(1, 8, len(wrong))) % 8
    fitted = BloodCNNClassifier(
        width=10, stochastic_depth=0, max_epochs=30, random_state=seed
    ).fit(X, y)
    figures = {}
    for name, clf in [
        (DEFAULT_MODEL, load_pretrained(DEFAULT_MODEL)),
        ("fitted to these labels", fitted),
    ]:
        found = audit_labels(X, y, clf)
        first = np.argsort(found.quality, kind="stable")[: len(wrong)]
        listed = np.flatnonzero(found.y_proba.argmax(axis=1) != y)
        figures[name] = {
            "n_wrong": len(wrong),
            "precision_at_n_wrong": float(np.isin(first, wrong).mean()),
            "listed": len(listed),
            "listed_of_wrong": float(np.isin(wrong, listed).mean()),
            "n_label_errors": found.n_label_errors,
        }
    return figures


def change_slightly(images):
    """Return copies of images as they could be in another folder."""
    resized = [
        Image.fromarray(image).resize((32, 32)).resize((28, 28)) for image in images
    ]
    brighter = np.clip(images * 1.05, 0, 255).astype(np.uint8)
    return {
        "JPEG, quality 90": np.array([save_as_jpeg(image, 90) for image in images]),
        "JPEG, quality 75": np.array([save_as_jpeg(image, 75) for image in images]),
        "resized to 32 pixels and back": np.array([np.array(i) for i in resized]),
        "5 % brighter": brighter,
        "shifted by 1 pixel": np.roll(images, 1, axis=2),
        "shifted by 2 pixels": np.roll(images, 2, axis=1),
        "mirrored": images[:, :, ::-1],
        "rotated by 90 degrees": np.rot90(images, axes=(1, 2)),
    }


def save_as_jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def measure_near(splits):
    """Return the fraction of slightly changed images whose original is found."""
    X = np.concatenate([splits[name][0] for name in SPLITS])
    detector = FamiliarityDetector(load_pretrained(DEFAULT_MODEL))
    directions, _ = detector._features(X)
    chosen = np.random.default_rng(0).choice(len(X), N_CHANGED, replace=False)
    figures = {}
    for name, images in change_slightly(X[chosen]).items():
        images = np.ascontiguousarray(images)
        pairs = find_duplicates(
            np.concatenate([X, images]),
            np.concatenate([directions, detector._features(images)[0]]),
            MIN_SIMILARITY,
        )
        found = set(zip(pairs["first"], pairs["second"], strict=True))
        expected = list(zip(chosen, range(len(X), len(X) + N_CHANGED), strict=True))
        figures[name] = float(np.mean([pair in found for pair in expected]))
    return figures


def measure_strength(splits):
    """Return the accuracy of the logistic regression for several penalties."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    figures = {}
    for name, (X, y) in {"val": splits["val"], **load_microscopes()}.items():
        for model in (DEFAULT_MODEL, "bloodmnist-28"):
            embeddings = load_pretrained(model).transform(X)
            figures[f"{name}, {model}"] = {
                str(C): float(
                    cross_val_score(
                        make_pipeline(
                            StandardScaler(), LogisticRegression(C=C, max_iter=1000)
                        ),
                        *(embeddings, y),
                        cv=folds,
                    ).mean()
                )
                for C in STRENGTHS
            }
    return figures


def main():
    parser = make_parser(__doc__, seeds=5)
    parser.add_argument("--models", type=Path, default=Path("models"))
    names = ["whole", "suspects", "changed", "near", "strength"]
    parser.add_argument("--parts", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    splits = {name: load_bloodmnist(split=name, return_X_y=True) for name in SPLITS}
    measure = {
        "whole": lambda: measure_whole(splits),
        "suspects": lambda: measure_suspects(splits, options.seeds, options.models),
        "changed": lambda: measure_changed(splits),
        "near": lambda: measure_near(splits),
        "strength": lambda: measure_strength(splits),
    }
    for name in options.parts:
        figures = measure[name]()
        print(name, figures, flush=True)
        update_results("audit", {name: figures})


if __name__ == "__main__":
    main()
