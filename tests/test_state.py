"""Copies and pickles predict the same, anywhere, and hold nothing of torch."""

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

from skblood import load_pretrained


def by_pickle(clf):
    return pickle.loads(pickle.dumps(clf))


def by_joblib(clf):
    file = io.BytesIO()
    joblib.dump(clf, file)
    file.seek(0)
    return joblib.load(file)


COPIES = [by_pickle, by_joblib, copy.copy, copy.deepcopy]


@pytest.mark.parametrize("duplicate", COPIES)
def test_fitted(fitted, cells, duplicate):
    X, _ = cells
    again = duplicate(fitted)
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert_array_equal(again.transform(X), fitted.transform(X))
    for name in ["n_iter_", "loss_curve_", "history_", "image_shape_", "device_"]:
        assert getattr(again, name) == getattr(fitted, name)
    assert [epoch["train_loss"] for epoch in again.net_.history] == fitted.loss_curve_


@pytest.mark.parametrize("duplicate", [*COPIES, clone])
def test_unfitted(tiny, fitted, cells, duplicate):
    clf = duplicate(tiny())
    assert not hasattr(clf, "classes_")
    assert clf.get_params() == tiny().get_params()
    X, y = cells
    assert_array_equal(clf.fit(X, y).predict_proba(X), fitted.predict_proba(X))


def test_clone_of_a_fitted_one(fitted, cells):
    X, y = cells
    again = clone(fitted)
    assert not hasattr(again, "net_")
    assert_array_equal(again.fit(X, y).predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("duplicate", [by_pickle, copy.copy, copy.deepcopy])
def test_copies_part_ways(tiny, cells, duplicate):
    X, y = cells
    clf = tiny().partial_fit(X, y, classes=range(8))
    proba = clf.predict_proba(X)
    again = duplicate(clf).partial_fit(X, y)
    assert not np.array_equal(again.predict_proba(X), proba)
    assert_array_equal(clf.predict_proba(X), proba)
    assert clf.n_iter_ == 1


OPTIMIZERS = ["muon", "adamw", "adam", "sgd", torch.optim.RMSprop]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_stream_goes_on_after_pickling(tiny, cells, optimizer):
    X, y = cells
    clf = tiny(optimizer=optimizer, dropout=0.2)
    clf.partial_fit(X, y, classes=range(8)).partial_fit(X, y)
    again = by_pickle(by_pickle(clf))
    for _ in range(2):
        clf.partial_fit(X, y)
        again.partial_fit(X, y)
    assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert again.loss_curve_ == clf.loss_curve_


@pytest.mark.parametrize("optimizer", ["muon", "adam", "sgd"])
def test_a_stream_is_that_of_one_optimizer(tiny_cnn, cells, optimizer):
    """Averages that are kept between calls belong to the weights that they were of."""
    X, y = cells
    options = {"optimizer": optimizer, "lr_schedule": "constant", "lr": 1e-3}
    options |= {"augmentation": None, "stochastic_depth": 0.0, "batch_size": 80}
    options["precision"] = "float32"
    stream = tiny_cnn(**options).partial_fit(X, y, classes=range(8))
    module, again = stream.net_.module_, by_pickle(stream)
    # One more step by hand, with the very optimiser that made the first.
    module.train()
    optimizer = stream.net_.optimizer_
    loss = torch.nn.functional.cross_entropy(module(torch.tensor(X)), torch.tensor(y))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    again.partial_fit(X, y)
    for name, weight in again.net_.module_.named_parameters():
        expected = dict(module.named_parameters())[name].detach()
        torch.testing.assert_close(weight.detach(), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_training_goes_on_after_pickling_a_fitted_one(tiny, cells, method):
    X, y = cells
    clf = tiny(warm_start=True, dropout=0.2).fit(X, y)
    again = by_pickle(clf)
    getattr(clf, method)(X, y)
    getattr(again, method)(X, y)
    assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


def test_parameters_set_after_fit_do_not_matter(fitted, cells):
    X, _ = cells
    changed = copy.deepcopy(fitted)
    changed.set_params(lr=-1, optimizer="none", batch_size=0, device="abacus")
    changed.set_params(scaling=None, image_shape=(1, 1), callbacks="none")
    assert_array_equal(by_pickle(changed).predict_proba(X), fitted.predict_proba(X))


def test_another_process(tiny_cnn, tiny_fnn, cells, tmp_path):
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


def test_memory_mapped(fitted, cells, tmp_path):
    X, y = cells
    joblib.dump(fitted, tmp_path / "model.joblib")
    clf = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))
    assert clf.partial_fit(X, y).n_iter_ == 3


@pytest.mark.parametrize("dump", [pickle.dump, joblib.dump])
def test_little_is_stored_beside_the_weights(dump, tmp_path):
    clf = load_pretrained()
    with open(tmp_path / "model", "wb") as file:
        dump(clf, file)
    n_bytes = sum(w.nbytes for w in clf.net_.module_.state_dict().values())
    assert (tmp_path / "model").stat().st_size < 1.05 * n_bytes


def leaves(value):
    """Yield all that a nest of containers holds."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple | set):
        for item in value:
            yield from leaves(item)
    else:
        yield value


@pytest.mark.parametrize("optimizer", OPTIMIZERS[:-1])
def test_nothing_of_torch_is_pickled(tiny, cells, optimizer):
    X, y = cells
    clf = tiny(optimizer=optimizer).partial_fit(X, y, classes=range(8))
    kinds = {type(value) for value in leaves(clf.__getstate__())}
    assert np.ndarray in kinds
    assert not {k for k in kinds if k.__module__.startswith(("torch", "skorch"))}


def test_another_version_warns(tiny, cells, monkeypatch):
    X, y = cells
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", "1.0.0")
        fitted = tiny().fit(X, y)
    pickled = pickle.dumps(fitted)
    with pytest.warns(UserWarning, match=r"saved with torch 1\.0\.0 \(now "):
        clf = pickle.loads(pickled)
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.filterwarnings("error")
def test_same_version_does_not_warn(fitted):
    by_pickle(fitted)
