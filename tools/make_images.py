"""Draw the images of the README and of the documentation's first pages.

They are stored in docs/images, because the README is also read where nothing is built.

    python tools/make_images.py
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skblood import load_bloodmnist_sample, load_pretrained
from skblood.display import CellGridDisplay

DOCS = Path(__file__).parents[1] / "docs"
IMAGES = DOCS / "images"


def draw_predictions():
    """Draw the first test cell of each kind, whether its prediction is right or not."""
    X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    _, first = np.unique(y, return_index=True)
    clf = load_pretrained()
    probabilities = clf.predict_proba(X[first])
    display = CellGridDisplay.from_predictions(
        X[first],
        clf.classes_[probabilities.argmax(axis=1)],
        y_true=y[first],
        probabilities=probabilities.max(axis=1),
    )
    return display.figure_


def draw_kinds(n_cells=10):
    """Draw the first training cells of each kind in a row."""
    cells = load_bloodmnist_sample("train", labels="names")
    figure, axes = plt.subplots(
        8, n_cells, figsize=(9, 7.2), gridspec_kw={"wspace": 0.03, "hspace": 0.03}
    )
    for row, name in zip(axes, cells.target_names, strict=True):
        images = cells.images[cells.target == name]
        for ax, image in zip(row, images, strict=False):
            ax.imshow(image)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        row[0].set_ylabel(
            name.replace(" ", "\n"), rotation=0, ha="right", va="center", fontsize=11
        )
    figure.subplots_adjust(left=0.17, right=0.99, top=0.99, bottom=0.01)
    return figure


def draw_training_time():
    """Draw the accuracy against the training time, from benchmarks/results."""
    sys.path.insert(0, str(DOCS))
    from measured.results import load
    from measured.training_time import draw_training_time

    return draw_training_time(load("accuracy_budgets"))


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    draw_predictions().savefig(IMAGES / "cells.png", dpi=96)
    draw_kinds().savefig(IMAGES / "kinds.webp", dpi=96)
    draw_training_time().savefig(IMAGES / "training_time.png", dpi=96)


if __name__ == "__main__":
    main()
