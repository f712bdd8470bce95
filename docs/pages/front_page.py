"""Draw docs/images/cells.png: one cell of each kind, and what a model says about it.

It shows the first test image of each kind in the sample, whether the prediction of the
pretrained model is right or wrong.

    python docs/pages/front_page.py
"""

import argparse

import numpy as np
from tables import DOCS

from skblood import load_bloodmnist_sample, load_pretrained
from skblood.display import CellGridDisplay


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
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
    display.figure_.savefig(DOCS / "images" / "cells.png", dpi=96)


if __name__ == "__main__":
    main()
