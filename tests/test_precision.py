"""What `precision` stands for, and what it leaves as it is."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skblood import BloodCNNClassifier, load_bloodmnist_sample
from skblood._precision import resolve_precision

SMALL = {"width": 4, "depth": 1, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def cells():
    X, y = load_bloodmnist_sample("train", return_X_y=True)
    return X[:400], y[:400]


@pytest.fixture
def processor(monkeypatch):
    """Return a function that makes the processor look as if it could other things."""

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


def test_auto_with_a_torch_that_does_not_tell(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert resolve_precision("auto", "cpu") == "float32"


@pytest.mark.parametrize("supported", [True, False])
def test_auto_on_a_gpu(monkeypatch, supported):
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: supported
    )
    expected = "bfloat16" if supported else "float32"
    assert resolve_precision("auto", "cuda:0") == expected


def test_auto_elsewhere():
    assert resolve_precision("auto", "mps") == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_named(processor, precision):
    processor()
    assert resolve_precision(precision, "cpu") == precision


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_weights_and_predictions_are_single(cells, precision):
    clf = BloodCNNClassifier(precision=precision, **SMALL).fit(*cells)
    assert clf.precision_ == precision
    assert {p.dtype for p in clf.net_.module_.parameters()} == {torch.float32}
    # A prediction in bfloat16 would move by parts in a hundred with its batch.
    assert_allclose(
        clf.decision_function(cells[0][:1]),
        clf.decision_function(cells[0])[:1],
        rtol=1e-4,
        atol=1e-5,
    )


def test_bfloat16_learns_other_weights_the_same_each_time(cells):
    single, half, again = (
        BloodCNNClassifier(precision=precision, **SMALL).fit(*cells)
        for precision in ("float32", "bfloat16", "bfloat16")
    )
    X = cells[0]
    assert_array_equal(half.decision_function(X), again.decision_function(X))
    assert not np.array_equal(single.decision_function(X), half.decision_function(X))
    assert abs(single.loss_curve_[-1] - half.loss_curve_[-1]) < 0.1


def test_strips_stay_double(cells):
    X = np.random.default_rng(0).normal(size=(40, 5))
    clf = BloodCNNClassifier(precision="bfloat16", max_epochs=1).fit(X, X[:, 0] > 0)
    assert clf.precision_ == "float64"
    assert clf.net_.module_.center.dtype == torch.float64


def test_can_change_between_fits(cells):
    clf = BloodCNNClassifier(precision="float32", warm_start=True, **SMALL).fit(*cells)
    assert clf.set_params(precision="bfloat16").precision_ == "float32"
    assert clf.fit(*cells).precision_ == "bfloat16"


def test_bad_precision(cells):
    with pytest.raises(ValueError, match=r"'precision' parameter .* Got 'float16'"):
        BloodCNNClassifier(precision="float16").fit(*cells)
