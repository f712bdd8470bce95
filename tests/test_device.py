"""Which device is chosen; what a GPU computes, where there is one."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skblood._device import resolve_device

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU that CUDA runs on"
)


@pytest.fixture
def machine(monkeypatch):
    """Return a function that makes the machine look as if it had other devices."""

    def change(*, n_gpus=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: n_gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return change


@pytest.mark.parametrize(
    "has, device, resolved",
    [
        ({}, "auto", "cpu"),
        ({}, "cpu", "cpu"),
        ({"mps": True}, "auto", "mps"),
        ({"n_gpus": 1}, "auto", "cuda"),
        ({"n_gpus": 1}, "cpu", "cpu"),
        ({"n_gpus": 2}, "cuda:1", "cuda:1"),
    ],
)
def test_resolved(machine, has, device, resolved):
    machine(**has)
    assert str(resolve_device(device)) == resolved


@pytest.mark.parametrize(
    "has, device, message",
    [
        ({}, "cuda", "device='cuda' is not available: this machine has cpu;"),
        ({}, "mps", "device='mps' is not available: this machine has cpu;"),
        ({}, "meta", "device='meta' is not available"),
        ({}, "", "device='' is not available"),
        ({"n_gpus": 2}, "cuda:2", "this machine has cpu, cuda;"),
        ({"mps": True}, "cuda", "this machine has cpu, mps;"),
    ],
)
def test_not_available(machine, has, device, message):
    machine(**has)
    with pytest.raises(ValueError, match=message):
        resolve_device(device)


def test_auto_becomes_a_device(tiny_fnn, cells, machine):
    machine()
    clf = tiny_fnn(device="auto").fit(*cells)
    assert (clf.device, clf.device_) == ("auto", "cpu")


def test_model_of_a_machine_with_a_gpu(fitted, cells, machine):
    state = dict(fitted.__getstate__(), device_="cuda:3")
    machine()
    clf = object.__new__(type(fitted))
    clf.__setstate__(state)
    assert clf.device_ == "cpu"
    assert_array_equal(clf.predict_proba(cells[0]), fitted.predict_proba(cells[0]))


@needs_cuda
class TestCuda:
    def test_agrees_with_the_cpu(self, tiny, fitted, cells):
        X, y = cells
        clf = tiny(device="cuda").fit(X, y)
        assert clf.device_ == "cuda"
        assert_allclose(clf.predict_proba(X), fitted.predict_proba(X), atol=0.05)
        assert clf.transform(X).shape == fitted.transform(X).shape

    @pytest.mark.parametrize("params", [{}, {"dropout": 0.5}])
    def test_same_seed(self, tiny, cells, params):
        X, y = cells
        before = torch.cuda.get_rng_state()
        proba = [
            tiny(device="cuda", **params).fit(X, y).predict_proba(X) for _ in range(2)
        ]
        assert_array_equal(*proba)
        assert torch.equal(torch.cuda.get_rng_state(), before)

    def test_stream_and_pickle(self, tiny, cells):
        X, y = cells
        clf = tiny(device="cuda").partial_fit(X, y, classes=range(8))
        again = pickle.loads(pickle.dumps(clf))
        assert_array_equal(
            again.partial_fit(X, y).predict_proba(X),
            clf.partial_fit(X, y).predict_proba(X),
        )

    def test_pickle_opens_without_a_gpu(self, tiny, cells, machine):
        X, y = cells
        clf = tiny(device="cuda").fit(X, y)
        pickled, proba = pickle.dumps(clf), clf.predict_proba(X)
        machine()
        again = pickle.loads(pickled)
        assert again.device_ == "cpu"
        assert_allclose(again.predict_proba(X), proba, atol=1e-3)

    def test_strips(self, tiny, cells):
        X, y = cells
        strips = X.mean(axis=(1, 2))
        clf = tiny(device="cuda").fit(strips, y)
        expected = tiny().fit(strips, y).predict_proba(strips)
        assert_allclose(clf.predict_proba(strips), expected, atol=1e-6)

    def test_weights_validation_and_early_stopping(self, tiny, cells, new_cells):
        X, y = cells
        X_val, y_val = new_cells
        clf = tiny(device="cuda", early_stopping=True, class_weight="balanced")
        clf.fit(X, y, np.linspace(1, 2, 80), X_val=X_val, y_val=y_val)
        assert 0 <= clf.history_[-1]["valid_acc"] <= 1
