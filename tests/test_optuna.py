"""Optuna's searches: pruning, and a search that continues after its process is killed.

As a script, this file is a worker process of such a search.
"""

import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
import skorch
from numpy.testing import assert_array_equal

from skblood import BloodFNNClassifier, load_bloodmnist_sample

optuna = pytest.importorskip("optuna")
integration = pytest.importorskip("optuna_integration")

# The grid of the 2024 report.
GRID = {
    "batch_size": [64, 128, 256],
    "max_epochs": [30, 50],
    "lr": [1e-3, 1e-2, 1e-1],
}


@pytest.fixture(autouse=True)
def no_messages():
    """Do not print a line for each trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


def make_pruner():
    """Return a pruner that compares the second epoch of a trial with earlier trials."""
    return optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1)


# -- pruning ---------------------------------------------------------------------------


@pytest.fixture(params=["memory", "sqlite"])
def storage(request, tmp_path):
    """Return where a study is kept: in memory, or in a file."""
    if request.param == "memory":
        return None
    return f"sqlite:///{tmp_path}/search.db"


def test_tpe_prunes_trials(tiny_fnn, cells, new_cells, storage):
    X_val, y_val = new_cells
    fits = []

    def objective(trial):
        pruning = integration.SkorchPruningCallback(trial, "valid_acc")
        lr = trial.suggest_float("lr", 1e-7, 1e-1, log=True)
        clf = tiny_fnn(max_epochs=4, lr=lr, callbacks=[pruning])
        fits.append(clf)
        clf.fit(*cells, X_val=X_val, y_val=y_val)
        return clf.history_[-1]["valid_acc"]

    study = optuna.create_study(
        storage=storage,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=make_pruner(),
    )
    study.optimize(objective, n_trials=12)
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}
    for trial, clf in zip(study.trials, fits, strict=True):
        reported = list(trial.intermediate_values.values())
        if trial.state.name == "COMPLETE":
            assert reported == [epoch["valid_acc"] for epoch in clf.history_]
        else:
            assert len(reported) < 4
            assert not hasattr(clf, "net_")


def test_a_pruned_fit_leaves_the_classifier_unchanged(tiny, cells, new_cells):
    X, y = cells
    X_val, y_val = new_cells
    study = optuna.create_study(direction="maximize", pruner=make_pruner())
    for _ in range(2):
        best = optuna.create_trial(value=1, intermediate_values={0: 1, 1: 1, 2: 1})
        study.add_trial(best)
    clf = tiny(max_epochs=3, warm_start=True).fit(X, y)
    before = dict(vars(clf))
    proba = clf.predict_proba(X)
    pruning = integration.SkorchPruningCallback(study.ask(), "valid_acc")
    clf.set_params(callbacks=[("pruning", pruning)])
    with pytest.raises(optuna.TrialPruned):
        clf.fit(X, y, X_val=X_val, y_val=y_val)
    assert vars(clf) == {**before, "callbacks": clf.callbacks}
    assert_array_equal(clf.predict_proba(X), proba)


def test_fit_copies_callbacks_but_not_their_trials(tiny_fnn, cells, new_cells):
    X_val, y_val = new_cells
    trial = optuna.create_study().ask()
    pruning = integration.SkorchPruningCallback(trial, "valid_loss")
    clf = tiny_fnn(callbacks=[pruning]).fit(*cells, X_val=X_val, y_val=y_val)
    used = dict(clf.net_.callbacks_)["SkorchPruningCallback"]
    assert used is not pruning
    assert used._trial is trial


def test_pruning_needs_validation_images(tiny_fnn, cells):
    pruning = integration.SkorchPruningCallback(
        optuna.create_study().ask(), "valid_acc"
    )
    with pytest.raises(KeyError, match="valid_acc"):
        tiny_fnn(callbacks=[pruning]).fit(*cells)


# -- searches that survive -------------------------------------------------------------


class WaitInTrial(skorch.callbacks.Callback):
    """Write a file at the end of the second epoch of a trial, and wait for ever."""

    def __init__(self, file):
        self.file = file

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            Path(self.file).touch()
            threading.Event().wait()


def open_search(url=None, heartbeat=60):
    """Return the study of the search, which continues if the file has trials already.

    `heartbeat` is the number of seconds between two signs of life of a trial. A trial
    without one in twice this time counts as killed.
    """
    storage = None
    if url is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = optuna.storages.RDBStorage(
                url,
                heartbeat_interval=int(heartbeat),
                heartbeat_stale_trial_callback=(
                    optuna.storages.RetryHeartbeatStaleTrialCallback()
                ),
            )
    return optuna.create_study(
        study_name="report",
        storage=storage,
        load_if_exists=True,
        sampler=optuna.samplers.GridSampler(GRID, seed=0),
    )


def search(study, file_in_third_trial=None):
    """Train the report's smaller network with all parameters of the grid."""
    X, y = load_bloodmnist_sample("train", return_X_y=True)

    def objective(trial):
        params = {
            name: trial.suggest_categorical(name, grid) for name, grid in GRID.items()
        }
        callbacks = []
        if file_in_third_trial is not None and trial.number == 2:
            callbacks.append(WaitInTrial(file_in_third_trial))
        clf = BloodFNNClassifier(
            hidden_layer_sizes=(),
            scaling="minmax",
            optimizer="adam",
            lr_schedule="constant",
            weight_decay=0,
            device="cpu",
            random_state=42,
            callbacks=callbacks,
            **params,
        )
        clf.fit(X[:80], y[:80], X_val=X[80:160], y_val=y[80:160])
        return clf.history_[-1]["valid_loss"]

    study.optimize(objective)


def start_worker(*arguments):
    """Run this file as a script. Its folder is not searched for modules (-P)."""
    return subprocess.Popen(
        [sys.executable, "-P", __file__, *map(str, arguments)],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))),
    )


def completed(study):
    """Return the parameters and the value of all trials that are complete."""
    return sorted(
        (*(trial.params[name] for name in GRID), trial.value)
        for trial in study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    )


def in_state(study, name):
    return [trial for trial in study.trials if trial.state.name == name]


@pytest.fixture(scope="module")
def uninterrupted():
    """Return the results of the whole search in one process."""
    study = open_search()
    search(study)
    results = completed(study)
    assert len(results) == 18
    return results


# In seconds: short, so that the tests need not wait long. Only one process at a time
# is alive in the tests that use it, so no living trial can count as killed.
HEARTBEAT = 1


@pytest.fixture
def killed(tmp_path):
    """Return the address of a search whose process was killed in its third trial."""
    url = f"sqlite:///{tmp_path}/search.db"
    file = tmp_path / "second_epoch"
    worker = start_worker(url, HEARTBEAT, file)
    try:
        while not file.exists():
            assert worker.poll() is None, "the worker ended early"
            time.sleep(0.05)
    finally:
        worker.kill()  # SIGKILL
        worker.wait()
    study = open_search(url, HEARTBEAT)
    assert len(in_state(study, "COMPLETE")) == 2
    assert len(in_state(study, "RUNNING")) == 1
    return url


def test_a_killed_search_continues(killed, uninterrupted):
    # This repeats the killed trial, whether or not its heartbeat is missed by then.
    assert start_worker(killed, HEARTBEAT).wait() == 0
    assert completed(open_search(killed)) == uninterrupted


def test_a_killed_trial_is_repeated_once_its_heartbeat_is_missed(killed, uninterrupted):
    study = open_search(killed, HEARTBEAT)
    while in_state(study, "RUNNING"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            optuna.storages.fail_stale_trials(study)
        time.sleep(0.05)
    assert start_worker(killed, HEARTBEAT).wait() == 0
    assert completed(study) == uninterrupted
    [failed] = in_state(study, "FAIL")
    [repeated] = [t for t in in_state(study, "COMPLETE") if t.params == failed.params]
    assert repeated.system_attrs["retry_history"] == [failed.number]


def test_two_processes_share_a_search(tmp_path, uninterrupted):
    url = f"sqlite:///{tmp_path}/search.db"
    study = open_search(url)
    workers = [start_worker(url, 60), start_worker(url, 60)]
    assert [worker.wait() for worker in workers] == [0, 0]
    # Towards the end, both may train with the same parameters.
    assert sorted(set(completed(study))) == uninterrupted


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url, heartbeat, *file = sys.argv[1:]
    search(open_search(url, heartbeat), *file)
