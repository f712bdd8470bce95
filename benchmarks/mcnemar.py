"""Test whether a recipe's accuracy differs from that of the report's CNN.

McNemar's exact test compares each seed of a recipe with the same seed of the report's
CNN, on the test split. It uses the predictions that accuracy.py has written.

    python benchmarks/mcnemar.py
"""

import numpy as np
from common.command_line import make_parser
from common.recipes import RECIPES
from common.recording import PREDICTIONS, write_results
from common.scoring import mcnemar_test

from skblood import load_bloodmnist

REFERENCE = "report_cnn"


def main():
    make_parser(__doc__).parse_args()
    y = load_bloodmnist(split="test").target
    theirs = np.load(PREDICTIONS / f"{REFERENCE}.npy")
    results = {}
    for name in RECIPES:
        path = PREDICTIONS / f"{name}.npy"
        if name == REFERENCE or not path.exists():
            continue
        # Not strict, because some recipes were run with a single seed.
        pairs = zip(np.load(path), theirs, strict=False)
        results[name] = [mcnemar_test(y, own, reference) for own, reference in pairs]
        print(f"{name:>24}: p = {results[name][0]['p']:.2g} (seed 0)")
    write_results("accuracy_mcnemar", {"reference": REFERENCE, "seeds": results})


if __name__ == "__main__":
    main()
