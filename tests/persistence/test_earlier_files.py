"""Files that earlier versions wrote open, and predict what they did then.

``tests/data`` holds two models of version 0.1.0, each as a model file and as a pickle.
One is a `BloodCNNClassifier` in the middle of `partial_fit`, with `Muon` passed as a
class; the other is a `BloodFNNClassifier` whose labels are strings. The probabilities
that they predicted are in ``predictions_0.1.0.npz``.
"""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skblood import load_bloodmnist_sample, load_model, save_model

DATA = Path(__file__).parents[1] / "data"
MODELS = ["cnn", "fnn"]


def open_model_file(name):
    return load_model(DATA / f"{name}_0.1.0.safetensors")


def open_pickle(name):
    return pickle.loads((DATA / f"{name}_0.1.0.pickle").read_bytes())


@pytest.fixture(autouse=True)
def no_version_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*was trained with", UserWarning)
        yield


@pytest.fixture
def images():
    """Return the images that the models predicted: parts of every twentieth cell."""
    cells = load_bloodmnist_sample("test").images[::20]
    return {"cnn": cells[:, 6:22, 6:22], "fnn": cells[:, 10:18, 10:18]}


@pytest.mark.parametrize("open_file", [open_model_file, open_pickle])
@pytest.mark.parametrize("name", MODELS)
def test_predictions(images, name, open_file):
    expected = np.load(DATA / "predictions_0.1.0.npz")[name]
    clf = open_file(name)
    # Other processors round differently, in the last digits of single precision.
    assert_allclose(clf.predict_proba(images[name]), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_both_files_hold_the_same_model(images, name):
    X = images[name]
    one, other = open_model_file(name), open_pickle(name)
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert one.history_ == other.history_
    assert one.precision_ == other.precision_ in {"float32", "bfloat16"}
    assert_array_equal(one.classes_, other.classes_)
    # Version 0.1.0 did not store it: there are no warnings of another range.
    assert one.pixel_range_ is other.pixel_range_ is None


@pytest.mark.parametrize("name", MODELS)
def test_saved_again(images, name, tmp_path):
    clf = open_model_file(name)
    save_model(clf, tmp_path / "again.safetensors")
    again = load_model(tmp_path / "again.safetensors")
    X = images[name]
    assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


def test_the_stream_continues(images):
    """The optimizer state is read too: both files continue to the same weights."""
    X, y = images["cnn"], np.arange(20) % 8
    streams = [open_model_file("cnn"), open_pickle("cnn")]
    proba = [clf.partial_fit(X, y).predict_proba(X) for clf in streams]
    assert_array_equal(*proba)
    assert streams[0].n_iter_ == 3
