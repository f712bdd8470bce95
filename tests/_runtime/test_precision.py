"""The parameter `precision`: how "auto" is resolved, and what each format changes."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skblood import BloodCNNClassifier, load_bloodmnist_sample
from skblood._runtime.hardware import resolve_precision

SMALL = {"width": 4, "depth": 1, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def cells():
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
def test_auto_on_the_cpu(processor, capabilities, resolved):
    processor(**capabilities)
    assert resolve_precision("auto", "cpu") == resolved


def test_auto_if_torch_does_not_report_capabilities(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert resolve_precision("auto", "cpu") == "float32"


@pytest.mark.parametrize("supported", [True, False])
def test_auto_on_a_gpu(monkeypatch, supported):
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: supported
    )
    expected = "bfloat16" if supported else "float32"
    assert resolve_precision("auto", "cuda:0") == expected


def test_auto_on_other_devices():
    assert resolve_precision("auto", "mps") == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_named_format(processor, precision):
    processor()
    assert resolve_precision(precision, "cpu") == precision


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_weights_and_predictions_are_float32(cells, precision):
    clf = BloodCNNClassifier(precision=precision, **SMALL).fit(*cells)
    assert clf.precision_ == precision
    assert {p.dtype for p in clf.net_.module_.parameters()} == {torch.float32}
    # Predictions in bfloat16 would differ by about 1 % between batches.
    assert_allclose(
        clf.decision_function(cells[0][:1]),
        clf.decision_function(cells[0])[:1],
        rtol=1e-4,
        atol=1e-5,
    )


def test_training_in_bfloat16_is_reproducible_and_differs_from_float32(cells):
    float32, bfloat16, repeated = (
        BloodCNNClassifier(precision=precision, **SMALL).fit(*cells)
        for precision in ("float32", "bfloat16", "bfloat16")
    )
    X = cells[0]
    logits = bfloat16.decision_function(X)
    assert_array_equal(repeated.decision_function(X), logits)
    assert not np.array_equal(float32.decision_function(X), logits)
    assert abs(float32.loss_curve_[-1] - bfloat16.loss_curve_[-1]) < 0.1


def test_tabular_input_uses_float64():
    X = np.random.default_rng(0).normal(size=(40, 5))
    clf = BloodCNNClassifier(precision="bfloat16", max_epochs=1).fit(X, X[:, 0] > 0)
    assert clf.precision_ == "float64"
    assert clf.net_.module_.center.dtype == torch.float64


def test_precision_can_change_between_fits(cells):
    clf = BloodCNNClassifier(precision="float32", warm_start=True, **SMALL).fit(*cells)
    assert clf.set_params(precision="bfloat16").precision_ == "float32"
    assert clf.fit(*cells).precision_ == "bfloat16"


def test_bad_precision(cells):
    with pytest.raises(ValueError, match=r"'precision' parameter .* Got 'float16'"):
        BloodCNNClassifier(precision="float16").fit(*cells)
