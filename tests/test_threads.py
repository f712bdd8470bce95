"""Several trainings at a time: no more threads than cores, and no one waits."""

import os
import subprocess
import sys
import threading

import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback

# In a process of its own: the tests themselves run with one thread.
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
        net.infer_all(dataset_train.images, net.module_)  # the next epoch is as limited

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
    # A new thread asks torch anew.
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
def test_workers_share_the_cores(backend, tmp_path):
    script = tmp_path / "count_threads.py"
    script.write_text(COUNT_THREADS.replace("{context}", BACKENDS[backend]))
    output = subprocess.run(
        [sys.executable, script], check=True, capture_output=True, text=True
    ).stdout
    most, in_main, in_new_threads = map(int, output.split())
    # joblib gives each of its processes a part of the cores, the others one each.
    assert most <= (max(1, os.cpu_count() // 2) if backend == "loky" else 1)
    assert in_main == in_new_threads == 4


class Meet(Callback):
    """Wait in an epoch until another training is in one as well."""

    def on_epoch_end(self, net, **kwargs):
        self.barrier.wait()


@pytest.mark.parametrize("params", [{}, {"dropout": 0.5}], ids=["plain", "dropout"])
def test_trainings_in_threads_run_at_once(tiny, cells, monkeypatch, params):
    X, y = cells
    expected = tiny(**params).fit(X, y).predict_proba(X)
    # Of the class, since a callback is copied before a training. After a minute the
    # barrier breaks, and so does the test.
    barrier = threading.Barrier(2, timeout=60)
    monkeypatch.setattr(Meet, "barrier", barrier, raising=False)
    models = Parallel(n_jobs=2, backend="threading")(
        delayed(tiny(callbacks=[Meet()], **params).fit)(X, y) for _ in range(2)
    )
    for model in models:
        assert_array_equal(model.predict_proba(X), expected)
