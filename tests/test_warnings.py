"""Warnings name the line of the user's code, however deep in the package they arise."""

import pickle

import numpy as np
import pytest
import skorch
from sklearn.exceptions import ConvergenceWarning

from skblood import load_model, save_model
from skblood._warnings import warn, warn_deprecated


def warned_here(record):
    """Return whether there was one warning, which names this file."""
    return [warning.filename for warning in record] == [__file__]


def test_direct_call():
    with pytest.warns(UserWarning, match="look here") as record:
        warn("look here")
    assert warned_here(record)


def test_deprecated_argument():
    with pytest.warns(FutureWarning, match="old is deprecated .* use new") as record:
        warn_deprecated("old", "new")
    assert warned_here(record)


def test_without_a_caller_outside_of_the_package():
    """A script that is called like the package is a caller all the same."""
    code = compile("warn('at the top')", "script.py", "exec")
    with pytest.warns(UserWarning, match="at the top") as record:
        exec(code, {"warn": warn, "__name__": "skblood.made_up"})
    assert len(record) == 1


def test_missing_classes(tiny, cells):
    X, y = cells
    clf = tiny(warm_start=True, max_epochs=1).fit(X, y)
    with pytest.warns(UserWarning, match=r"lacks the classes \[7\]") as record:
        clf.fit(X[y < 7], y[y < 7])
    assert warned_here(record)


class DivergeAfterOneEpoch(skorch.callbacks.Callback):
    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) > 1:
            net.optimizer_.param_groups[0]["lr"] = 1e30


def test_divergence_that_early_stopping_repairs(tiny_fnn, cells):
    X, y = cells
    clf = tiny_fnn(
        early_stopping=True,
        optimizer="sgd",
        lr_schedule="constant",
        max_epochs=5,
        callbacks=[DivergeAfterOneEpoch()],
    )
    with pytest.warns(ConvergenceWarning, match="Training stopped") as record:
        clf.fit(X, y, X_val=X, y_val=y)
    assert warned_here(record)


def test_parameters_that_are_not_saved(tiny, cells, tmp_path):
    path = tmp_path / "cells.safetensors"
    clf = tiny(random_state=np.random.RandomState(0), max_epochs=1).fit(*cells)
    with pytest.warns(UserWarning, match="is not saved") as record:
        save_model(clf, path)
    assert warned_here(record)
    with pytest.warns(UserWarning, match="default values: random_state") as record:
        load_model(path)
    assert warned_here(record)


def test_other_versions(fitted, cells):
    state = fitted.__getstate__()
    state["_versions"] = {**state["_versions"], "torch": "1.0.0"}
    clf = object.__new__(type(fitted))
    with pytest.warns(UserWarning, match=r"trained with torch 1\.0\.0") as record:
        clf.__setstate__(state)
    assert warned_here(record)
    clf._versions = state["_versions"]
    with pytest.warns(UserWarning, match=r"trained with torch 1\.0\.0") as record:
        pickle.loads(pickle.dumps(clf))
    assert warned_here(record)
