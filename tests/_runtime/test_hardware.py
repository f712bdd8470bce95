"""The choice of the device, and results on a GPU if this machine has one."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skblood._runtime.hardware import resolve_device

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="requires a GPU with CUDA"
)


@pytest.fixture
def machine(monkeypatch):
    """Return a function that sets the devices that torch reports for this machine."""

    def change(*, n_gpus=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: n_gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return change


@pytest.mark.parametrize(
    "devices, device, resolved",
    [
        ({}, "auto", "cpu"),
        ({}, "cpu", "cpu"),
        ({"mps": True}, "auto", "mps"),
        ({"n_gpus": 1}, "auto", "cuda"),
        ({"n_gpus": 1}, "cpu", "cpu"),
        ({"n_gpus": 2}, "cuda:1", "cuda:1"),
    ],
)
def test_available_devices(machine, devices, device, resolved):
    machine(**devices)
    assert str(resolve_device(device)) == resolved


@pytest.mark.parametrize(
    "devices, device, message",
    [
        ({}, "cuda", r"device='cuda' is not available: this machine has cpu\."),
        ({}, "mps", r"device='mps' is not available: this machine has cpu\."),
        ({}, "meta", "device='meta' is not available"),
        ({}, "", "device='' is not available"),
        ({"n_gpus": 2}, "cuda:2", r"this machine has cpu, cuda\."),
        ({"mps": True}, "cuda", r"this machine has cpu, mps\."),
    ],
)
def test_unavailable_devices(machine, devices, device, message):
    machine(**devices)
    with pytest.raises(ValueError, match=message):
        resolve_device(device)


def test_auto_is_resolved_in_fit(tiny_fnn, cells, machine):
    machine()
    clf = tiny_fnn(device="auto").fit(*cells)
    assert (clf.device, clf.device_) == ("auto", "cpu")


def test_state_from_a_machine_with_a_gpu(fitted, cells, machine):
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

    def test_partial_fit_after_unpickling(self, tiny, cells):
        X, y = cells
        clf = tiny(device="cuda").partial_fit(X, y, classes=range(8))
        unpickled = pickle.loads(pickle.dumps(clf))
        assert_array_equal(
            unpickled.partial_fit(X, y).predict_proba(X),
            clf.partial_fit(X, y).predict_proba(X),
        )

    def test_unpickling_without_a_gpu(self, tiny, cells, machine):
        X, y = cells
        clf = tiny(device="cuda").fit(X, y)
        pickled, proba = pickle.dumps(clf), clf.predict_proba(X)
        machine()
        unpickled = pickle.loads(pickled)
        assert unpickled.device_ == "cpu"
        assert_allclose(unpickled.predict_proba(X), proba, atol=1e-3)

    def test_tabular_input(self, tiny, cells):
        X, y = cells
        X = X.mean(axis=(1, 2))
        clf = tiny(device="cuda").fit(X, y)
        expected = tiny().fit(X, y).predict_proba(X)
        assert_allclose(clf.predict_proba(X), expected, atol=1e-6)

    def test_weights_validation_and_early_stopping(self, tiny, cells, new_cells):
        X, y = cells
        X_val, y_val = new_cells
        clf = tiny(device="cuda", early_stopping=True, class_weight="balanced")
        clf.fit(X, y, np.linspace(1, 2, 80), X_val=X_val, y_val=y_val)
        assert 0 <= clf.history_[-1]["valid_acc"] <= 1
