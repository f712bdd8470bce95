"""How `device` and `precision` are resolved, and what they change in the results."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skorch.callbacks import Callback

from skblood import AdaptedClassifier, BloodCNNClassifier, load_bloodmnist_sample
from skblood._runtime.hardware import resolve_device, resolve_precision
from skblood._training import device_data
from skblood._training.state import _available_device

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="requires a GPU with CUDA"
)


# -- device ----------------------------------------------------------------------------


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
        ({"n_gpus": 2}, "auto", "cuda"),
        ({"n_gpus": 2}, "cuda", "cuda"),
    ],
)
def test_resolve_an_available_device(machine, devices, device, resolved):
    machine(**devices)
    assert str(resolve_device(device)) == resolved


@pytest.mark.parametrize(
    "devices, device, message",
    [
        ({}, "cuda", r"device='cuda' is not available: this machine has cpu\."),
        ({}, "mps", r"device='mps' is not available: this machine has cpu\."),
        ({}, "meta", "device='meta' is not available"),
        ({}, "", "device='' is not available"),
        ({"n_gpus": 2}, "cuda:2", r"this machine has cpu, cuda:0, cuda:1\."),
        ({"mps": True}, "cuda", r"this machine has cpu, mps\."),
    ],
)
def test_resolve_an_unavailable_device(machine, devices, device, message):
    machine(**devices)
    with pytest.raises(ValueError, match=message):
        resolve_device(device)


def test_fit_resolves_the_device(tiny_fnn, cells, machine):
    machine()
    clf = tiny_fnn(device="auto").fit(*cells)
    assert (clf.device, clf.device_) == ("auto", "cpu")


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_state_from_a_machine_with_a_gpu(fitted, cells, machine, device):
    state = dict(fitted.__getstate__(), device_=device)
    machine()
    clf = object.__new__(type(fitted))
    clf.__setstate__(state)
    assert clf.device_ == "cpu"
    assert_array_equal(clf.predict_proba(cells[0]), fitted.predict_proba(cells[0]))


@pytest.mark.parametrize(
    "n_gpus, restored", [(0, "cpu"), (1, "cuda"), (2, "cuda:1"), (4, "cuda:1")]
)
def test_device_of_a_classifier_from_the_second_gpu(machine, n_gpus, restored):
    machine(n_gpus=n_gpus)
    assert _available_device("cuda:1") == restored


# This script runs in a new process, whose first worker processes have the numbers 1 to
# 4. Four tasks wait for each other, so that each worker does one of them.
RESOLVE_IN_WORKERS = """
import time
from pathlib import Path
from tempfile import mkdtemp
import torch
from joblib import Parallel, delayed
from skblood._runtime.hardware import resolve_device

def resolve(device, n_gpus, task, folder):
    torch.cuda.is_available, torch.cuda.device_count = lambda: True, lambda: n_gpus
    Path(folder, str(task)).touch()
    while len(list(Path(folder).iterdir())) < 4:
        time.sleep(0.01)
    return str(resolve_device(device))

def run(backend, device, n_gpus):
    folder = mkdtemp()
    devices = Parallel(n_jobs=4, backend=backend)(
        delayed(resolve)(device, n_gpus, task, folder) for task in range(4)
    )
    print(*sorted(devices))

if __name__ == "__main__":
    run("loky", "auto", 4)
    run("loky", "cuda", 2)
    run("loky", "cuda:1", 4)
    run("loky", "auto", 1)
    run("multiprocessing", "auto", 4)
    run("threading", "auto", 4)
"""


def test_worker_processes_take_the_gpus_in_turn(tmp_path):
    script = tmp_path / "resolve_in_workers.py"
    script.write_text(RESOLVE_IN_WORKERS)
    output = subprocess.run(
        [sys.executable, script], check=True, capture_output=True, text=True
    ).stdout
    assert output.splitlines() == [
        "cuda:0 cuda:1 cuda:2 cuda:3",
        "cuda:0 cuda:0 cuda:1 cuda:1",
        "cuda:1 cuda:1 cuda:1 cuda:1",
        "cuda cuda cuda cuda",
        "cuda:0 cuda:1 cuda:2 cuda:3",
        "cuda cuda cuda cuda",
    ]


# -- precision -------------------------------------------------------------------------

SMALL_CNN = {"width": 4, "depth": 1, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def sample():
    """Return 400 images and their labels."""
    X, y = load_bloodmnist_sample("train", return_X_y=True)
    return X[:400], y[:400]


@pytest.fixture
def processor(monkeypatch):
    """Return a function that sets the capabilities that torch reports for the CPU."""

    def change(**capabilities):
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda: capabilities, raising=False
        )

    return change


@pytest.mark.parametrize(
    "capabilities, resolved",
    [
        ({"avx512_bf16": True}, "bfloat16"),
        ({"avx512_bf16": False, "avx2": True}, "float32"),
        ({}, "float32"),
    ],
)
def test_resolve_auto_precision_on_the_cpu(processor, capabilities, resolved):
    processor(**capabilities)
    assert resolve_precision("auto", "cpu") == resolved


def test_resolve_auto_precision_if_torch_reports_no_capabilities(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert resolve_precision("auto", "cpu") == "float32"


@pytest.mark.parametrize("supported", [True, False])
def test_resolve_auto_precision_on_a_gpu(monkeypatch, supported):
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: supported
    )
    expected = "bfloat16" if supported else "float32"
    assert resolve_precision("auto", "cuda:0") == expected


def test_resolve_auto_precision_on_other_devices():
    assert resolve_precision("auto", "mps") == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_resolve_a_named_precision(processor, precision):
    processor()
    assert resolve_precision(precision, "cpu") == precision


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_weights_and_predictions_are_float32(sample, precision):
    clf = BloodCNNClassifier(precision=precision, **SMALL_CNN).fit(*sample)
    assert clf.precision_ == precision
    assert {p.dtype for p in clf.net_.module_.parameters()} == {torch.float32}
    # Predictions in bfloat16 would differ by about 1 % between batches.
    assert_allclose(
        clf.decision_function(sample[0][:1]),
        clf.decision_function(sample[0])[:1],
        rtol=1e-4,
        atol=1e-5,
    )


def test_training_in_bfloat16_is_reproducible_and_differs_from_float32(sample):
    float32, bfloat16, repeated = (
        BloodCNNClassifier(precision=precision, **SMALL_CNN).fit(*sample)
        for precision in ("float32", "bfloat16", "bfloat16")
    )
    X = sample[0]
    logits = bfloat16.decision_function(X)
    assert_array_equal(repeated.decision_function(X), logits)
    assert not np.array_equal(float32.decision_function(X), logits)
    assert abs(float32.loss_curve_[-1] - bfloat16.loss_curve_[-1]) < 0.1


def test_tabular_input_uses_float64():
    X = np.random.default_rng(0).normal(size=(40, 5))
    clf = BloodCNNClassifier(precision="bfloat16", max_epochs=1).fit(X, X[:, 0] > 0)
    assert clf.precision_ == "float64"
    assert clf.net_.module_.center.dtype == torch.float64


def test_precision_can_change_between_fits(sample):
    clf = BloodCNNClassifier(precision="float32", warm_start=True, **SMALL_CNN).fit(
        *sample
    )
    assert clf.set_params(precision="bfloat16").precision_ == "float32"
    assert clf.fit(*sample).precision_ == "bfloat16"


def test_predictions_in_bfloat16(sample):
    X, y = sample
    clf = BloodCNNClassifier(**SMALL_CNN).fit(X, y)
    logits, embeddings = clf.decision_function(X), clf.transform(X)
    clf.set_params(prediction_precision="bfloat16")
    changed = clf.decision_function(X)
    assert changed.dtype == np.float64
    assert not np.array_equal(changed, logits)
    assert_allclose(changed, logits, rtol=0.02, atol=0.1)
    assert_array_equal(clf.transform(X), embeddings)
    clf.set_params(test_time_augmentation=True, prediction_precision="float32")
    logits = clf.decision_function(X)
    clf.set_params(prediction_precision="bfloat16")
    assert_allclose(clf.decision_function(X), logits, rtol=0.02, atol=0.1)
    assert clf.predict_proba(X[:1]).shape == (1, 8)


def test_predictions_for_tabular_input_stay_in_float64():
    X = np.random.default_rng(0).normal(size=(40, 5))
    clf = BloodCNNClassifier(max_epochs=1, random_state=0).fit(X, X[:, 0] > 0)
    proba = clf.predict_proba(X)
    clf.set_params(prediction_precision="bfloat16")
    assert_array_equal(clf.predict_proba(X), proba)


def test_bad_prediction_precision(sample):
    X, y = sample
    clf = BloodCNNClassifier(**SMALL_CNN).fit(X, y)
    clf.set_params(prediction_precision="bf16")
    with pytest.raises(ValueError, match="to be 'float32' or 'bfloat16', got 'bf16'"):
        clf.predict(X)


def test_bad_precision(sample):
    with pytest.raises(ValueError, match=r"'precision' parameter .* Got 'float16'"):
        BloodCNNClassifier(precision="float16").fit(*sample)


# -- results on a GPU, if this machine has one -----------------------------------------


@needs_cuda
class TestCuda:
    def test_agrees_with_the_cpu(self, tiny, fitted, cells):
        X, y = cells
        clf = tiny(device="cuda").fit(X, y)
        assert clf.device_ == "cuda"
        assert_allclose(clf.predict_proba(X), fitted.predict_proba(X), atol=0.05)
        assert clf.transform(X).shape == fitted.transform(X).shape

    @pytest.mark.parametrize("params", [{}, {"dropout": 0.5}])
    def test_same_seed_gives_the_same_model(self, tiny, cells, params):
        X, y = cells
        before = torch.cuda.get_rng_state()
        proba = [
            tiny(device="cuda", **params).fit(X, y).predict_proba(X) for _ in range(2)
        ]
        assert_array_equal(*proba)
        assert torch.equal(torch.cuda.get_rng_state(), before)

    def test_robust_augmentation_and_adaptation(self, tiny_cnn, cells):
        X, y = cells
        clf, other = (
            tiny_cnn(device="cuda", augmentation="robust").fit(X, y) for _ in range(2)
        )
        proba = clf.predict_proba(X)
        assert_array_equal(other.predict_proba(X), proba)
        adapted = AdaptedClassifier(clf.fit_familiarity(X)).fit(X)
        assert_allclose(adapted.predict_proba(X), proba, atol=0.05)

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

    @pytest.mark.parametrize("fraction", [0, 0.5], ids=["on the host", "on the GPU"])
    @pytest.mark.parametrize(
        "params", [{}, {"augmentation": "robust", "data_pruning": 0.5}], ids=str
    )
    def test_no_waiting_within_an_epoch(
        self, tiny_cnn, cells, params, fraction, monkeypatch
    ):
        X, y = cells
        monkeypatch.setattr(device_data, "MEMORY_FRACTION", fraction)

        class RaisesIfTheHostWaits(Callback):
            """Makes torch raise an error if a training step waits for the GPU."""

            def on_batch_begin(self, net, training=False, **kwargs):
                torch.cuda.set_sync_debug_mode("error" if training else "default")

            def on_batch_end(self, net, **kwargs):
                torch.cuda.set_sync_debug_mode("default")

        try:
            clf = tiny_cnn(device="cuda", callbacks=[RaisesIfTheHostWaits()], **params)
            clf.fit(X, y, np.linspace(1, 2, len(X)))
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert clf.n_iter_ > 1

    def test_images_on_the_device_give_the_same_model(self, tiny, cells, monkeypatch):
        X, y = cells
        proba = tiny(device="cuda").fit(X, y).predict_proba(X)
        monkeypatch.setattr(device_data, "MEMORY_FRACTION", 0)
        from_host = tiny(device="cuda").fit(X, y)
        assert_array_equal(from_host.predict_proba(X), proba)

    def test_progressive_resizing_pruning_and_teachers(self, tiny, tiny_cnn, cells):
        X, y = cells
        teacher = tiny(device="cuda").fit(X, y)
        clf = tiny_cnn(device="cuda", data_pruning=0.5, progressive_resizing=True)
        proba = clf.fit(X, y, teachers=[teacher]).predict_proba(X)
        assert_array_equal(clf.fit(X, y, teachers=[teacher]).predict_proba(X), proba)

    def test_predictions_in_bfloat16(self, tiny_cnn, cells):
        X, y = cells
        clf = tiny_cnn(device="cuda").fit(X, y)
        proba = clf.predict_proba(X)
        clf.set_params(prediction_precision="bfloat16")
        assert_allclose(clf.predict_proba(X), proba, atol=0.05)
