"""Several fits at once: they run in parallel, with no more threads than cores."""

import os
import subprocess
import sys
import threading

import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback

# This script runs in another process, because the tests run with one thread.
COUNT_THREADS = """
import os
os.environ.pop("OMP_NUM_THREADS", None)
import numpy as np, torch
from joblib import Parallel, delayed, parallel_config
from skorch.callbacks import Callback
from skblood import BloodFNNClassifier

class Count(Callback):
    def on_batch_end(self, net, **kwargs):
        net.n_threads_ = torch.get_num_threads()

    def on_epoch_end(self, net, dataset_train, **kwargs):
        # A prediction in a callback must not end the limit for the next epoch.
        net.predict_batches(dataset_train.images, net.module_)

def fit(seed):
    rng = np.random.default_rng(seed)
    clf = BloodFNNClassifier(max_epochs=2, random_state=seed, callbacks=[Count()])
    clf.fit(rng.normal(size=(40, 12)), np.arange(40) % 2)
    return clf.net_.n_threads_

if __name__ == "__main__":
    torch.set_num_threads(4)
    assert fit(0) == 4
    {context}
        counts = Parallel(n_jobs=2)(delayed(fit)(seed) for seed in range(4))
    # New threads get the thread count that torch keeps for threads that start later.
    after = Parallel(n_jobs=2, backend="threading")(
        delayed(torch.get_num_threads)() for _ in range(2)
    )
    print(max(counts), torch.get_num_threads(), max(after))
"""
CLIENT = "from distributed import Client; client = Client(dashboard_address=None, {})"
BACKENDS = {
    "threading": "with parallel_config(backend='threading'):",
    "loky": "with parallel_config(backend='loky'):",
    "dask, threads": CLIENT.format("processes=False, n_workers=1, threads_per_worker=2")
    + "\n    with client, parallel_config(backend='dask'):",
    "dask, processes": CLIENT.format("n_workers=2, threads_per_worker=1")
    + "\n    with client, parallel_config(backend='dask'):",
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_workers_do_not_use_more_threads_than_cores(backend, tmp_path):
    script = tmp_path / "count_threads.py"
    script.write_text(COUNT_THREADS.replace("{context}", BACKENDS[backend]))
    output = subprocess.run(
        [sys.executable, script], check=True, capture_output=True, text=True
    ).stdout
    maximum, in_main, in_new_threads = map(int, output.split())
    # With "loky", joblib gives each worker process an equal part of the cores.
    assert maximum <= (max(1, os.cpu_count() // 2) if backend == "loky" else 1)
    assert in_main == in_new_threads == 4


# The first worker ends, and restores the count, while the second is still limited.
END_ONE_WORKER = """
import threading
import torch
from joblib import Parallel, delayed
from skblood._runtime.threads import limit_worker_threads

both_limited, one_ended = threading.Barrier(2), threading.Event()

def work(i):
    with limit_worker_threads():
        both_limited.wait()
        if i == 1:
            one_ended.wait()
            return torch.get_num_threads()
    one_ended.set()

torch.set_num_threads(4)
print(Parallel(n_jobs=2, backend="threading")(delayed(work)(i) for i in range(2)))
"""


def test_the_limit_lasts_when_another_worker_ends(tmp_path):
    script = tmp_path / "end_one_worker.py"
    script.write_text(END_ONE_WORKER)
    env = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    for _ in range(5):
        output = subprocess.run(
            [sys.executable, script],
            check=True,
            capture_output=True,
            text=True,
            env=env,
        ).stdout
        assert output.strip() == "[None, 1]"


class WaitForOtherFit(Callback):
    """Wait at the end of each epoch until another fit is at the end of an epoch."""

    def on_epoch_end(self, net, **kwargs):
        self.barrier.wait()


@pytest.mark.parametrize("params", [{}, {"dropout": 0.5}], ids=["plain", "dropout"])
def test_fits_in_threads_run_in_parallel(tiny, cells, monkeypatch, params):
    X, y = cells
    expected = tiny(**params).fit(X, y).predict_proba(X)
    # The barrier is an attribute of the class, because `fit` copies its callbacks. If
    # the fits do not run in parallel, the barrier raises an error after a minute.
    barrier = threading.Barrier(2, timeout=60)
    monkeypatch.setattr(WaitForOtherFit, "barrier", barrier, raising=False)
    models = Parallel(n_jobs=2, backend="threading")(
        delayed(tiny(callbacks=[WaitForOtherFit()], **params).fit)(X, y)
        for _ in range(2)
    )
    for model in models:
        assert_array_equal(model.predict_proba(X), expected)
