"""Exported ONNX models return what the classifiers return, without torch."""

import logging
import pickle
import random
import subprocess
import sys
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

from skblood import BloodFNNClassifier, load_bloodmnist, load_pretrained, to_onnx

# `make test-oldest` does not install them: they need a later version of torch.
onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")

SCRIPT = Path(__file__).parents[1] / "examples" / "onnx_without_torch.py"


class OwnNetwork(nn.Module):
    def __init__(self, image_shape, n_classes):
        super().__init__()
        self.head = nn.Linear(np.prod(image_shape), n_classes)

    def forward(self, images):
        return self.head(images.reshape(len(images), -1))


class DecidingNetwork(OwnNetwork):
    """A network that cannot be one graph: its code depends on the values of images."""

    def forward(self, images):
        return super().forward(images if images.sum() > 0 else -images)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.onnx"


def run(path, images):
    """Return labels and probabilities as onnxruntime computes them."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["label", "probabilities"], {"images": images})


def assert_agrees(clf, path, images, **options):
    to_onnx(clf, path, **options)
    label, probabilities = run(path, images)
    assert_array_equal(label, clf.predict(images))
    assert_allclose(probabilities, clf.predict_proba(images), rtol=0, atol=1e-5)


# -- the exported model ----------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(fitted, tmp_path_factory):
    """Return the path of the exported model of `fitted`."""
    path = tmp_path_factory.mktemp("onnx") / "cells.onnx"
    to_onnx(fitted, path)
    return path


@pytest.mark.parametrize("n", [1, 3, 1000])
def test_any_number_of_images(exported, fitted, cells, n):
    X = np.resize(cells[0], (n, 28, 28, 3))
    label, probabilities = run(exported, X)
    assert (label.dtype, probabilities.dtype) == (np.int64, np.float32)
    assert_array_equal(label, fitted.predict(X))
    assert_allclose(probabilities, fitted.predict_proba(X), rtol=0, atol=1e-5)


def test_inputs_and_outputs(exported):
    session = onnxruntime.InferenceSession(exported)
    (images,) = session.get_inputs()
    assert (images.name, images.type) == ("images", "tensor(uint8)")
    assert images.shape == ["n", 28, 28, 3]
    label, probabilities = session.get_outputs()
    assert (label.name, label.shape) == ("label", ["n"])
    assert (probabilities.name, probabilities.shape) == ("probabilities", ["n", 8])


def test_one_file_without_paths_of_this_machine(exported):
    assert [file.name for file in exported.parent.iterdir()] == ["cells.onnx"]
    content = exported.read_bytes()
    assert str(Path.cwd()).encode() not in content
    assert b".py" not in content
    assert onnx.load_from_string(content).producer_name == "skblood"


def test_old_enough_for_onnxruntime_1_15(exported):
    model = onnx.load(exported)
    assert model.ir_version <= 8
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]


# -- every kind of classifier, image and label -----------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"architecture": "report"},
        {"architecture": OwnNetwork},
        {"architecture": OwnNetwork, "test_time_augmentation": True},
        {"depth": 2, "stem_stride": 2, "dropout": 0.5, "scaling": "minmax"},
    ],
    ids=str,
)
def test_convolutional(tiny_cnn, cells, new_cells, path, params):
    assert_agrees(tiny_cnn(**params).fit(*cells), path, new_cells[0])


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_feed_forward(tiny_fnn, cells, new_cells, path, activation):
    clf = tiny_fnn(hidden_layer_sizes=(8, 4), activation=activation, dropout=0.5)
    assert_agrees(clf.fit(*cells), path, new_cells[0])


@pytest.mark.parametrize(
    "of_cells",
    [
        lambda X: X[..., :1],
        lambda X: X[:, 3:, :25],
        lambda X: X[:, :21],
        lambda X: X.repeat(3, axis=1).repeat(3, axis=2),
    ],
    ids=["grey", "odd sides", "not square", "large"],
)
def test_other_images(tiny_cnn, cells, new_cells, path, of_cells):
    clf = tiny_cnn(stem_stride=1).fit(of_cells(cells[0]), cells[1])
    assert_agrees(clf, path, of_cells(new_cells[0]))


def test_test_time_augmentation_and_calibration(tiny_cnn, cells, new_cells, path):
    X = cells[0][:, :, :21]
    clf = tiny_cnn(test_time_augmentation=True).fit(X, cells[1])
    clf.fit_calibration(new_cells[0][:, :, :21], new_cells[1])
    assert abs(np.log(clf.calibration_.temperature)) > 0.05
    assert_agrees(clf, path, new_cells[0][:, :, :21])


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_tabular_input(tiny, cells, path, scale):
    X = cells[0][:, None, 14, :, :1] * scale + 1e3
    assert_agrees(tiny().fit(X, cells[1]), path, X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats(tiny, cells, path, dtype):
    X = (cells[0] / 255).astype(dtype)
    assert_agrees(tiny().fit(X, cells[1]), path, X, dtype=dtype)


@pytest.mark.parametrize(
    "labels, dtype",
    [
        (np.arange(8) * 10 - 30, np.int64),
        (np.arange(8, dtype=np.uint8), np.int64),
        (np.arange(8) > 3, np.bool_),
        (np.arange(8) // 4, np.int64),
        (np.array([f"naïve {i}" for i in range(8)]), np.object_),
        (np.array([f"Zelle {i}" for i in range(8)], dtype=object), np.object_),
    ],
    ids=["int", "uint8", "bool", "two", "str", "object"],
)
def test_labels(tiny_fnn, cells, path, labels, dtype):
    X, y = cells
    clf = tiny_fnn().fit(X, labels[y])
    assert_agrees(clf, path, X)
    assert run(path, X)[0].dtype == dtype


def test_partial_fit(tiny, cells, path):
    X, y = cells
    assert_agrees(tiny().partial_fit(X, y, classes=range(8)), path, X)


def test_pretrained_on_the_whole_test_split(bloodmnist_home, path):
    X = load_bloodmnist(split="test", data_home=bloodmnist_home).data
    assert len(X) == 3_421
    assert_agrees(load_pretrained("bloodmnist-28"), path, X)


# -- what the export does not change ---------------------------------------------------


def test_classifier_is_not_changed(fitted, cells, path):
    clf = deepcopy(fitted)
    clf.net_.module_.train()
    module, before = clf.net_.module_, pickle.dumps(clf)
    to_onnx(clf, path)
    assert clf.net_.module_ is module
    assert all(part.training for part in module.modules())
    assert pickle.dumps(clf) == before
    assert_array_equal(clf.predict_proba(cells[0]), fitted.predict_proba(cells[0]))


def test_fitted_on_another_device(fitted, cells, exported, path):
    clf = deepcopy(fitted)
    clf.device_ = "cuda:3"
    to_onnx(clf, path)
    assert clf.device_ == "cuda:3"
    assert path.read_bytes() == exported.read_bytes()


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU that CUDA runs on"
)
def test_fitted_on_a_gpu(tiny, cells, path):
    X, y = cells
    clf = tiny(device="cuda").fit(X, y)
    to_onnx(clf, path)
    assert next(clf.net_.module_.parameters()).is_cuda
    assert_allclose(run(path, X)[1], clf.predict_proba(X), rtol=0, atol=1e-3)


def test_quiet(fitted_cnn, path, capfd, caplog):
    caplog.set_level(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_onnx(fitted_cnn, path)
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


def test_global_generators_are_not_used(fitted_cnn, path):
    def states():
        numpy_state = np.random.get_state()  # noqa: NPY002 - other code may use it
        return random.getstate(), str(numpy_state), torch.get_rng_state()

    *before, torch_before = states()
    to_onnx(fitted_cnn, path)
    *after, torch_after = states()
    assert after == before
    assert torch.equal(torch_after, torch_before)


# -- errors ----------------------------------------------------------------------------


def test_not_fitted(tiny, path):
    with pytest.raises(NotFittedError):
        to_onnx(tiny(), path)


def test_other_estimators(fitted_cnn, path):
    pipeline = make_pipeline(FunctionTransformer(), fitted_cnn)
    with pytest.raises(TypeError, match=r"got Pipeline\. To export the classifier"):
        to_onnx(pipeline, path)


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_missing_extra(fitted_cnn, path, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r'pip install "skblood\[onnx\]"'):
        to_onnx(fitted_cnn, path)


@pytest.mark.parametrize(
    "labels",
    [
        np.arange(8) / 2 // 1,
        np.arange(2**64 - 8, 2**64, dtype=np.uint64),
    ],
    ids=["float", "beyond int64"],
)
def test_labels_that_onnx_does_not_support(tiny_fnn, cells, path, labels):
    X, y = cells
    clf = tiny_fnn().fit(X, labels[y])
    with pytest.raises(
        ValueError, match="labels that are strings, booleans or integers"
    ):
        to_onnx(clf, path)
    assert not path.exists()


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
@pytest.mark.parametrize(
    "of_cells",
    [lambda X: X / 255, lambda X: X / 127.5 - 1, lambda X: X.astype(np.uint16) * 257],
    ids=["0 to 1", "-1 to 1", "uint16"],
)
def test_pixels_that_are_not_uint8(tiny_fnn, cells, path, of_cells, scaling):
    clf = tiny_fnn(scaling=scaling).fit(of_cells(cells[0]), cells[1])
    with pytest.raises(ValueError, match="Pass dtype='float32' for a model that takes"):
        to_onnx(clf, path)
    assert not path.exists()


def test_binary_uint8_images(tiny_fnn, cells, path):
    masks = (cells[0] > 200).astype(np.uint8)
    assert_agrees(tiny_fnn().fit(masks, cells[1]), path, masks, dtype="uint8")


def test_unknown_dtype(fitted_cnn, path):
    with pytest.raises(ValueError, match=r"'float64'\), got 'int8'"):
        to_onnx(fitted_cnn, path, dtype="int8")


def test_network_that_torch_cannot_export(tiny_cnn, cells, path, capfd):
    clf = tiny_cnn(architecture=DecidingNetwork).fit(*cells)
    message = "torch cannot export DecidingNetwork with a variable number of images"
    with pytest.raises(ValueError, match=message):
        to_onnx(clf, path)
    assert capfd.readouterr().out == ""


def test_failed_writing_keeps_the_earlier_file(fitted_cnn, path, monkeypatch):
    path.write_text("earlier")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):
        to_onnx(fitted_cnn, path)
    assert path.read_text() == "earlier"
    assert [file.name for file in path.parent.iterdir()] == ["cells.onnx"]


# -- the script in the documentation ---------------------------------------------------

BLOCKED = """
import runpy, sys
sys.modules.update(dict.fromkeys(["torch", "skblood", "sklearn", "onnx"]))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("grey", [False, True])
def test_without_torch_or_skblood(cells, tmp_path, grey):
    X, y = cells
    X = X[..., :1] if grey else X
    names = np.array(list("abcdefgh"))
    clf = BloodFNNClassifier(max_epochs=5, random_state=0).fit(X, names[y])
    to_onnx(clf, tmp_path / "cells.onnx")
    for i, image in enumerate(X[:3].squeeze()):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    files = [f"{i}.png" for i in range(3)]
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, SCRIPT, "cells.onnx", *files],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    probabilities = clf.predict_proba(X[:3]).max(axis=1)
    expected = zip(files, clf.predict(X[:3]), probabilities, strict=True)
    assert done.stdout.splitlines() == [f"{f}: {n} ({p:.3f})" for f, n, p in expected]


def test_the_script_is_short():
    assert len(SCRIPT.read_text().splitlines()) <= 20
