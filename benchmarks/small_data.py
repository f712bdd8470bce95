"""Measure the accuracy with few training images of each class.

The default classifier is compared with two models of scikit-learn. Each is trained on a
few images of each class of the train split, drawn again for each seed, and scored on
the test split. Their parameters are those of the recipes in accuracy.py.

    python benchmarks/small_data.py --jobs 2
"""

from functools import partial

from common.command_line import make_parser
from common.data import draw_per_class
from common.recipes import RECIPES
from common.recording import write_results
from common.scoring import format_mean, summarize
from common.timing import seconds_of
from joblib import Parallel, delayed

from skblood import load_bloodmnist

N_PER_CLASS = [10, 25, 50, 100, 200, 500]
MODELS = ["default", "logistic_regression", "mlp"]


def score_on_few(name, n_per_class, seed, train, test):
    """Train a recipe on `n_per_class` images of each class, and score it."""
    X, y = train
    indices = draw_per_class(y, n_per_class, seed)
    model = RECIPES[name](random_state=seed)
    seconds = seconds_of(partial(model.fit, X[indices], y[indices]))
    return {"seed": seed, "accuracy": model.score(*test), "fit_seconds": seconds}


def main():
    options = make_parser(__doc__, seeds=5, jobs=1).parse_args()
    train = load_bloodmnist(split="train", return_X_y=True)
    test = load_bloodmnist(split="test", return_X_y=True)
    parallel = Parallel(n_jobs=options.jobs)
    results = {name: {} for name in MODELS}
    for n_per_class in N_PER_CLASS:
        for name in MODELS:
            summary = summarize(
                parallel(
                    delayed(score_on_few)(name, n_per_class, seed, train, test)
                    for seed in range(options.seeds)
                )
            )
            results[name][n_per_class] = summary
            print(
                f"{n_per_class:>4} images per class, {name:>20}: "
                f"{format_mean(summary)}",
                flush=True,
            )
        figures = {"fits_at_a_time": options.jobs, "results": results}
        write_results("accuracy_small_data", figures)


if __name__ == "__main__":
    main()
