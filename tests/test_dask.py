"""Searches and predictions on dask, with two worker processes."""

import os
import signal
import time
from contextlib import contextmanager
from unittest import mock

import dask.array as da
import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster
from joblib import Parallel, delayed, parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from skblood import BloodCNNClassifier
from skblood._runtime.hardware import resolve_device
from skblood.datasets import LazyImages

GRID = {"lr": [1e-3, 1e-2], "max_epochs": [1, 2]}
SCORES = ["split0_test_score", "split1_test_score", "rank_test_score"]


@contextmanager
def start_cluster():
    """Start a cluster of two worker processes, and return a client of it."""
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=2, processes=True, **options) as cluster:
        with Client(cluster) as client:
            yield client


@pytest.fixture(scope="module")
def client():
    with start_cluster() as client:
        yield client


# dask deletes data a moment after its last use, and with it equal data that was sent
# meanwhile (dask/distributed issue 8576). The searches of all tests send equal images.
@pytest.fixture
def new_client():
    with start_cluster() as client:
        yield client


@pytest.fixture(scope="module")
def make_search(tiny):
    """Return a function that creates a search over a classifier from `tiny`."""

    def make(**params):
        clf = tiny(**params)
        if isinstance(clf, BloodCNNClassifier):
            # The default depends on the processor, and workers can have another one.
            clf.set_params(precision="float32")
        return GridSearchCV(clf, GRID, cv=2, error_score="raise")

    return make


@pytest.fixture(scope="module")
def serial(make_search, cells):
    """Return the search without dask, with one thread a fit as on the workers."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return make_search().fit(*cells)
    finally:
        torch.set_num_threads(n_threads)


def assert_same_scores(search, expected):
    for name in SCORES:
        assert_array_equal(search.cv_results_[name], expected.cv_results_[name])
    assert search.best_params_ == expected.best_params_


# The workers cannot import this file. Functions and classes that are defined inside a
# function are sent with their code.


def test_search_gives_the_scores_of_a_serial_search(
    new_client, make_search, serial, cells
):
    search = make_search()
    with parallel_config("dask", scatter=list(cells)):
        search.fit(*cells)
    assert_same_scores(search, serial)
    assert_array_equal(search.predict_proba(cells[0]), serial.predict_proba(cells[0]))


def test_two_searches_in_a_block_send_the_images_once(
    new_client, make_search, serial, cells
):
    # Otherwise dask deletes copies that no fit waits for.
    new_client.amm.stop()
    searches = [make_search(), make_search()]
    with parallel_config("dask", scatter=list(cells)):
        for search in searches:
            search.fit(*cells)
            assert_one_copy_on_each_worker(new_client, n_arrays=2)
    for search in searches:
        assert_same_scores(search, serial)


def assert_one_copy_on_each_worker(client, n_arrays):
    n_workers = len(client.has_what())
    n_copies = [
        len(workers)
        for key, workers in client.who_has().items()
        if key.startswith("ndarray")
    ]
    assert n_copies == [n_workers] * n_arrays


def test_search_goes_on_after_a_worker_was_killed(
    new_client, make_search, serial, cells, tmp_path
):
    class KillOneWorker(Callback):
        def on_epoch_end(self, net, **kwargs):
            try:
                (tmp_path / "process").touch(exist_ok=False)
            except FileExistsError:
                return
            (tmp_path / "process").write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)

    # Otherwise dask deletes copies of the images while fewer fits wait for them than
    # there are workers, and the last copy dies with its worker.
    new_client.amm.stop()
    workers = new_client.run(os.getpid)
    search = make_search(callbacks=[KillOneWorker()])
    with parallel_config("dask", scatter=list(cells)):
        search.fit(*cells)
    assert_same_scores(search, serial)
    assert int((tmp_path / "process").read_text()) in workers.values()


def send_once(client, clf):
    # With hash=True, equal models have the same key, and dask can delete a new model
    # together with an earlier one, as the images of searches above.
    return client.scatter(clf, broadcast=True, hash=False)


def predict(images, clf):
    return clf.predict(images)


def test_predictions_for_an_array_larger_than_memory(client, fitted, new_cells):
    X, _ = new_cells

    def predict_proba(images, clf):
        return clf.predict_proba(images)

    images = da.from_array(X, chunks=(4, 28, 28, 3))
    clf = send_once(client, fitted)
    labels = da.map_blocks(predict, images, clf, drop_axis=(1, 2, 3), dtype=int)
    assert labels.chunks == ((4,) * 10,)
    assert_array_equal(labels.compute(), fitted.predict(X))
    proba = da.map_blocks(
        predict_proba,
        images,
        clf,
        drop_axis=(2, 3),
        chunks=(images.chunks[0], (8,)),
        dtype=np.float32,
    )
    # The rounding depends on the number of images in a batch.
    assert_allclose(proba.compute(), fitted.predict_proba(X), rtol=1e-4, atol=1e-6)


def test_predictions_for_lazy_images(client, fitted, new_cells, tmp_path):
    X, _ = new_cells
    np.save(tmp_path / "images.npy", X)
    lazy = LazyImages(tmp_path / "images.npy")
    images = da.from_array(lazy, chunks=(7, 28, 28, 3))
    clf = send_once(client, fitted)
    labels = da.map_blocks(predict, images, clf, drop_axis=(1, 2, 3), dtype=int)
    assert_array_equal(labels.compute(), fitted.predict(X))


def test_the_model_is_sent_once_to_each_worker(client, fitted, new_cells, monkeypatch):
    images = da.from_array(new_cells[0], chunks=(4, 28, 28, 3))
    n_pickled = []
    get_state = type(fitted).__getstate__

    def count(clf):
        n_pickled.append(1)
        return get_state(clf)

    def identify(images, clf):
        time.sleep(0.01)  # so that both workers get some of the blocks
        return np.full((len(images), 2), [os.getpid(), id(clf)])

    monkeypatch.setattr(type(fitted), "__getstate__", count)
    clf = send_once(client, fitted)
    n_pickled.clear()
    models = da.map_blocks(
        identify, images, clf, drop_axis=(2, 3), chunks=(4, 2), dtype=int
    ).compute()
    assert n_pickled == []
    processes, n_models = np.unique(np.unique(models, axis=0)[:, 0], return_counts=True)
    assert set(processes) <= set(client.run(os.getpid).values())
    assert_array_equal(n_models, 1)


def test_a_worker_uses_the_first_gpu_that_it_sees(client):
    # dask-cuda gives each worker its own CUDA_VISIBLE_DEVICES.
    def resolve():
        with (
            mock.patch.object(torch.cuda, "is_available", lambda: True),
            mock.patch.object(torch.cuda, "device_count", lambda: 4),
        ):
            return str(resolve_device("auto"))

    with parallel_config("dask"):
        devices = Parallel()(delayed(resolve)() for _ in range(4))
    assert devices == ["cuda"] * 4
