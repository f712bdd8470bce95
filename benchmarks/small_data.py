"""How many images of each class does it take?

Everything at its defaults, trained on few images of each class out of the train split,
drawn anew for each seed, and scored on the test split, beside what scikit-learn has.

    python benchmarks/small_data.py --jobs 2
"""

import argparse
import time

import numpy as np
from joblib import Parallel, delayed
from recipes import RECIPES
from recording import write_results
from scoring import summarize

from skblood import load_bloodmnist

N_PER_CLASS = [10, 25, 50, 100, 200, 500]
MODELS = ["default", "logistic_regression", "mlp"]


def draw(y, n_per_class, seed):
    """Return the rows of as many images of each class, drawn at random."""
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(y == label), n_per_class, replace=False)
            for label in np.unique(y)
        ]
    )


def fit_and_score(name, n_per_class, seed, train, test):
    X, y = train
    rows = draw(y, n_per_class, seed)
    model = RECIPES[name](random_state=seed)
    start = time.perf_counter()
    model.fit(X[rows], y[rows])
    seconds = time.perf_counter() - start
    return {"seed": seed, "accuracy": model.score(*test), "fit_seconds": seconds}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time")
    options = parser.parse_args()
    train = load_bloodmnist(split="train", return_X_y=True)
    test = load_bloodmnist(split="test", return_X_y=True)
    parallel = Parallel(n_jobs=options.jobs)
    results = {name: {} for name in MODELS}
    for n_per_class in N_PER_CLASS:
        for name in MODELS:
            runs = parallel(
                delayed(fit_and_score)(name, n_per_class, seed, train, test)
                for seed in range(options.seeds)
            )
            figures = {**summarize(runs), "runs": runs}
            results[name][n_per_class] = figures
            print(
                f"{n_per_class:>4} of each class, {name:>20}: "
                f"{figures['mean']['accuracy']:.4f} ± {figures['std']['accuracy']:.4f}",
                flush=True,
            )
        figures = {"fits_at_a_time": options.jobs, "results": results}
        write_results("accuracy_small_data", figures)


if __name__ == "__main__":
    main()
