"""Copies and pickles predict the same, and hold no objects of torch or skorch."""

import copy
import io
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skblood import BloodCNNClassifier, load_pretrained


def pickle_copy(clf):
    return pickle.loads(pickle.dumps(clf))


def joblib_copy(clf):
    file = io.BytesIO()
    joblib.dump(clf, file)
    file.seek(0)
    return joblib.load(file)


COPIES = [pickle_copy, joblib_copy, copy.copy, copy.deepcopy]


@pytest.mark.parametrize("duplicate", COPIES)
def test_copies_of_a_fitted_classifier(fitted, cells, duplicate):
    X, _ = cells
    copied = duplicate(fitted)
    assert_array_equal(copied.predict_proba(X), fitted.predict_proba(X))
    assert_array_equal(copied.transform(X), fitted.transform(X))
    for name in ["n_iter_", "loss_curve_", "history_", "image_shape_", "device_"]:
        assert getattr(copied, name) == getattr(fitted, name)
    assert [epoch["train_loss"] for epoch in copied.net_.history] == fitted.loss_curve_


@pytest.mark.parametrize("duplicate", [*COPIES, clone])
def test_copies_of_an_unfitted_classifier(tiny, fitted, cells, duplicate):
    clf = duplicate(tiny())
    assert not hasattr(clf, "classes_")
    assert clf.get_params() == tiny().get_params()
    X, y = cells
    assert_array_equal(clf.fit(X, y).predict_proba(X), fitted.predict_proba(X))


def test_clone_of_a_fitted_classifier(fitted, cells):
    X, y = cells
    cloned = clone(fitted)
    assert not hasattr(cloned, "net_")
    assert_array_equal(cloned.fit(X, y).predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("duplicate", [pickle_copy, copy.copy, copy.deepcopy])
def test_training_a_copy_does_not_change_the_original(tiny, cells, duplicate):
    X, y = cells
    clf = tiny().partial_fit(X, y, classes=range(8))
    proba = clf.predict_proba(X)
    copied = duplicate(clf).partial_fit(X, y)
    assert not np.array_equal(copied.predict_proba(X), proba)
    assert_array_equal(clf.predict_proba(X), proba)
    assert clf.n_iter_ == 1


OPTIMIZERS = ["muon", "adamw", "adam", "sgd", torch.optim.RMSprop]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_partial_fit_continues_after_unpickling(tiny, cells, optimizer):
    X, y = cells
    clf = tiny(optimizer=optimizer, dropout=0.2)
    clf.partial_fit(X, y, classes=range(8)).partial_fit(X, y)
    copied = pickle_copy(pickle_copy(clf))
    for _ in range(2):
        clf.partial_fit(X, y)
        copied.partial_fit(X, y)
    assert_array_equal(copied.predict_proba(X), clf.predict_proba(X))
    assert copied.loss_curve_ == clf.loss_curve_


@pytest.mark.parametrize("optimizer", ["muon", "adam", "sgd"])
def test_partial_fit_restores_the_optimizer_state_of_each_weight(
    tiny_cnn, cells, optimizer
):
    X, y = cells
    options = {"optimizer": optimizer, "lr_schedule": "constant", "lr": 1e-3}
    options |= {"augmentation": None, "stochastic_depth": 0.0, "batch_size": 80}
    options["precision"] = "float32"
    clf = tiny_cnn(**options).partial_fit(X, y, classes=range(8))
    module, copied = clf.net_.module_, pickle_copy(clf)
    # The expected weights are from one more step of the original optimizer, in plain
    # PyTorch.
    module.train()
    optimizer = clf.net_.optimizer_
    loss = torch.nn.functional.cross_entropy(module(torch.tensor(X)), torch.tensor(y))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    copied.partial_fit(X, y)
    for name, weight in copied.net_.module_.named_parameters():
        expected = dict(module.named_parameters())[name].detach()
        torch.testing.assert_close(weight.detach(), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_training_continues_after_unpickling(tiny, cells, method):
    X, y = cells
    clf = tiny(warm_start=True, dropout=0.2).fit(X, y)
    copied = pickle_copy(clf)
    getattr(clf, method)(X, y)
    getattr(copied, method)(X, y)
    assert_array_equal(copied.predict_proba(X), clf.predict_proba(X))


def test_parameters_set_after_fit_have_no_effect_on_copies(fitted, cells):
    X, _ = cells
    changed = copy.deepcopy(fitted)
    changed.set_params(lr=-1, optimizer="none", batch_size=0, device="abacus")
    changed.set_params(scaling=None, image_shape=(1, 1), callbacks="none")
    assert_array_equal(pickle_copy(changed).predict_proba(X), fitted.predict_proba(X))


def test_predictions_in_another_process(tiny_cnn, tiny_fnn, cells, tmp_path):
    X, y = cells
    clfs = [tiny_cnn().fit(X, y), tiny_fnn().fit(X, y)]
    joblib.dump((clfs, X), tmp_path / "models.joblib")
    script = (
        "import joblib, numpy, sys\n"
        "clfs, X = joblib.load(sys.argv[1])\n"
        "numpy.save(sys.argv[2], [clf.predict_proba(X) for clf in clfs])"
    )
    subprocess.run(
        [sys.executable, "-c", script, tmp_path / "models.joblib", tmp_path / "p.npy"],
        check=True,
    )
    expected = [clf.predict_proba(X) for clf in clfs]
    assert_array_equal(np.load(tmp_path / "p.npy"), expected)


def test_memory_mapped_model(fitted, cells, tmp_path):
    X, y = cells
    joblib.dump(fitted, tmp_path / "model.joblib")
    clf = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))
    assert clf.partial_fit(X, y).n_iter_ == 3


def test_pickles_of_earlier_versions_get_the_defaults_of_newer_parameters(fitted_cnn):
    state = fitted_cnn.__getstate__()
    del state["prediction_precision"]
    clf = BloodCNNClassifier.__new__(BloodCNNClassifier)
    clf.__setstate__(state)
    assert clf.get_params() == fitted_cnn.get_params()


@pytest.mark.parametrize("dump", [pickle.dump, joblib.dump])
def test_pickles_are_hardly_larger_than_the_weights(dump, tmp_path):
    clf = load_pretrained()
    with open(tmp_path / "model", "wb") as file:
        dump(clf, file)
    n_bytes = sum(w.nbytes for w in clf.net_.module_.state_dict().values())
    assert (tmp_path / "model").stat().st_size < 1.05 * n_bytes


def leaves(value):
    """Yield the values and keys in nested dicts, lists, tuples and sets."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple | set):
        for item in value:
            yield from leaves(item)
    else:
        yield value


@pytest.mark.parametrize("optimizer", OPTIMIZERS[:-1])
def test_state_has_no_objects_of_torch_or_skorch(tiny, cells, optimizer):
    X, y = cells
    clf = tiny(optimizer=optimizer).partial_fit(X, y, classes=range(8))
    types = {type(value) for value in leaves(clf.__getstate__())}
    assert np.ndarray in types
    assert not {t for t in types if t.__module__.startswith(("torch", "skorch"))}


def test_warning_for_other_versions(tiny, cells, monkeypatch):
    X, y = cells
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", "1.0.0")
        fitted = tiny().fit(X, y)
    pickled = pickle.dumps(fitted)
    with pytest.warns(UserWarning, match=r"trained with torch 1\.0\.0 \(now "):
        clf = pickle.loads(pickled)
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.filterwarnings("error")
def test_no_warning_for_the_same_versions(fitted):
    pickle_copy(fitted)
