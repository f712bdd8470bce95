"""Seconds of one grid search: serial, with worker processes of joblib, and with dask.

Each fit has one thread. The ways are timed in turn, because the speed of a machine
changes over time. Starting the worker processes is not timed: each way makes a short
search first.
"""

import json
from statistics import median

from common.processes import run_in_new_process

N_RUNS = 3
N_IMAGES = 1_600  # all of the train split in the package
N_EPOCHS = 10
# A new process, so that the main program too has one thread for each fit.
WORK = """
import json, sys
import torch
from common.timing import seconds_of
from distributed import Client
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
from skblood import BloodCNNClassifier, load_bloodmnist_sample

torch.set_num_threads(1)
n_runs, n_images, n_epochs = map(int, sys.argv[1:])
X, y = load_bloodmnist_sample("train", return_X_y=True)
X, y = X[:n_images], y[:n_images]

def fit(max_epochs=n_epochs):
    clf = BloodCNNClassifier(
        width=8, max_epochs=max_epochs, precision="float32", device="cpu",
        random_state=0,
    )
    grid = {"lr": [0.01, 0.02, 0.04, 0.08]}
    return GridSearchCV(clf, grid, cv=2, refit=False).fit(X, y)

def serial(**params):
    return fit(**params)

def loky(**params):
    # inner_max_num_threads sets the number of threads of a fit.
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        return fit(**params)

def dask(**params):
    with parallel_config("dask", scatter=[X, y]):
        return fit(**params)

if __name__ == "__main__":
    ways = {"serial": serial, "n_jobs_2": loky, "dask_2_workers": dask}
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
        scores = [way(max_epochs=1).cv_results_ for way in ways.values()]
        seconds = {name: [] for name in ways}
        for run in range(n_runs):
            names = list(ways)[run % 3:] + list(ways)[:run % 3]
            for name in names:
                seconds[name].append(seconds_of(ways[name]))
    same = all(
        (other["mean_test_score"] == scores[0]["mean_test_score"]).all()
        for other in scores[1:]
    )
    print(json.dumps({"n_images": len(X), "seconds": seconds, "same_scores": same}))
"""


def measure(short=False):
    """Return the seconds of each way, and by which factor it is faster than serial."""
    arguments = (1, 160, 1) if short else (N_RUNS, N_IMAGES, N_EPOCHS)
    figures = json.loads(run_in_new_process(WORK, *arguments).splitlines()[-1])
    seconds = figures["seconds"]
    return {
        "n_fits": 8,
        "threads_of_a_fit": 1,
        **figures,
        "median_seconds": {name: median(runs) for name, runs in seconds.items()},
        "times_as_fast_as_serial": {
            name: median(
                serial / own
                for serial, own in zip(seconds["serial"], runs, strict=True)
            )
            for name, runs in seconds.items()
        },
    }
