"""Does a recipe make other mistakes than the report's network, or only by chance?

McNemar's exact test on the test split, each seed of a recipe against the same seed of
the report's network, from the predictions that accuracy.py has kept.

    python benchmarks/mcnemar.py
"""

import numpy as np
from accuracy import PREDICTIONS
from recipes import RECIPES
from recording import write_results
from scoring import compare

from skblood import load_bloodmnist

REFERENCE = "report_cnn"


def main():
    y = load_bloodmnist(split="test").target
    theirs = np.load(PREDICTIONS / f"{REFERENCE}.npy")
    results = {}
    for name in RECIPES:
        path = PREDICTIONS / f"{name}.npy"
        if name == REFERENCE or not path.exists():
            continue
        pairs = zip(np.load(path), theirs, strict=False)  # some have one seed only
        results[name] = [compare(y, own, reference) for own, reference in pairs]
        print(f"{name:>24}: p = {results[name][0]['p']:.2g} (seed 0)")
    write_results("accuracy_mcnemar", {"reference": REFERENCE, "seeds": results})


if __name__ == "__main__":
    main()
