"""Count which classes each recipe confuses, on the test split of BloodMNIST.

It uses the predictions that accuracy.py has written, of all seeds together.

    python benchmarks/confusion.py
"""

import numpy as np
from common.command_line import make_parser
from common.recipes import RECIPES
from common.recording import PREDICTIONS, write_results
from sklearn.metrics import confusion_matrix

from skblood import load_bloodmnist


def main():
    make_parser(__doc__).parse_args()
    test = load_bloodmnist(split="test")
    counts = {}
    for name in RECIPES:
        path = PREDICTIONS / f"{name}.npy"
        if path.exists():
            predicted = np.load(path)
            y = np.tile(test.target, (len(predicted), 1))
            counts[name] = confusion_matrix(y.ravel(), predicted.ravel()).tolist()
            print(f"{name:>24}: {len(predicted)} seeds")
    write_results(
        "accuracy_confusion",
        {"classes": test.target_names, "rows": "true classes", "counts": counts},
    )


if __name__ == "__main__":
    main()
