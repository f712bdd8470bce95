"""scikit-learn's callbacks: epochs, stops, scores, and what is left after an error."""

import gc
import os
import pickle
import subprocess
import sys
import weakref

import numpy as np
import pytest
import skorch
from numpy.testing import assert_array_equal
from sklearn.base import clone

pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 added callbacks")
from sklearn.callback import ScoringMonitor


class Recorder:
    """A callback that lists what it is told, and can ask for a stop."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.events, self.copies, self.arguments = [], [], {}

    def setup(self, estimator, context):
        self.events.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.events.append(f"end {context.task_name} {context.task_id}")
        self.arguments = {"X": X, "y": y, "metadata": metadata}
        self.copies.append(fitted_estimator)
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after

    def teardown(self, estimator, context):
        self.events.append("teardown")


class StopAfter(skorch.callbacks.Callback):
    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.n_epochs:
            raise KeyboardInterrupt


def test_each_epoch_is_a_task(tiny, cells):
    recorder = Recorder()
    tiny().set_callbacks(recorder).fit(*cells)
    assert recorder.events == [
        "setup",
        "begin fit 0",
        "begin epoch 0",
        "end epoch 0",
        "begin epoch 1",
        "end epoch 1",
        "end fit 0",
        "teardown",
    ]


def test_callbacks_get_the_arguments_of_fit(tiny, cells):
    X, y = cells
    recorder, weights = Recorder(), np.ones(len(y))
    tiny().set_callbacks(recorder).fit(X, y, weights)
    assert recorder.arguments["X"] is X
    assert recorder.arguments["y"] is y
    assert recorder.arguments["metadata"] == {"sample_weight": weights}


def test_callbacks_do_not_change_the_training(fitted, tiny, cells):
    X, y = cells
    clf = tiny().set_callbacks(Recorder()).fit(X, y)
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("options", [{}, {"warm_start": True}])
def test_the_copy_of_an_epoch_is_a_classifier_trained_so_far(tiny, cells, options):
    X, y = cells
    recorder = Recorder()
    clf, shorter = (tiny(max_epochs=3, **options).fit(X, y) for _ in range(2))
    clf.set_callbacks(recorder).fit(X, y)
    shorter.set_params(callbacks=[StopAfter(2)]).fit(X, y)
    _, second, _, last = recorder.copies
    assert second.n_iter_ == shorter.n_iter_
    assert_array_equal(second.predict_proba(X), shorter.predict_proba(X))
    assert_array_equal(last.predict_proba(X), clf.predict_proba(X))


def test_a_callback_stops_the_training(tiny, cells, recwarn):
    X, y = cells
    recorder = Recorder(stop_after=2)
    clf = tiny(max_epochs=9).set_callbacks(recorder).fit(X, y)
    assert clf.n_iter_ == 2
    assert recorder.events[-2:] == ["end fit 0", "teardown"]
    assert not recwarn.list
    shorter = tiny(max_epochs=9, callbacks=[StopAfter(2)]).fit(X, y)
    assert_array_equal(clf.predict_proba(X), shorter.predict_proba(X))


def test_an_unfinished_epoch_ends_too(tiny, cells):
    class StopInBatch(skorch.callbacks.Callback):
        def on_batch_end(self, net, training, **kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    recorder = Recorder()
    tiny(callbacks=[StopInBatch()]).set_callbacks(recorder).fit(*cells)
    assert recorder.events[4:] == [
        "begin epoch 1",
        "end epoch 1",
        "end fit 0",
        "teardown",
    ]
    _, unfinished, _ = recorder.copies
    assert unfinished is None


def test_early_stopping_ends_the_tasks(tiny, cells):
    recorder = Recorder()
    clf = tiny(max_epochs=20, early_stopping=True, n_iter_no_change=1, tol=10.0)
    clf.set_callbacks(recorder).fit(*cells)
    assert clf.n_iter_ < 20
    epochs = [event for event in recorder.events if "epoch" in event]
    assert len(epochs) == 2 * clf.n_iter_


def test_the_monitor_scores_each_epoch(tiny, cells):
    monitor = ScoringMonitor(scoring="accuracy")
    clf = tiny(max_epochs=3).set_callbacks(monitor).fit(*cells)
    scores = {
        (row["task_name"], row["task_id"]): row["accuracy"]
        for row in monitor.get_logs().data
    }
    assert list(scores) == [("fit", 0), ("epoch", 0), ("epoch", 1), ("epoch", 2)]
    assert scores["fit", 0] == scores["epoch", 2] == clf.score(*cells)


@pytest.mark.parametrize("labels", ["wrong number", "one class"])
def test_bad_input_starts_no_callback(tiny, cells, labels):
    X, y = cells
    recorder = Recorder()
    clf = tiny().set_callbacks(recorder)
    with pytest.raises(ValueError):
        clf.fit(X, y[:-1] if labels == "wrong number" else np.zeros(len(y)))
    assert recorder.events == []
    clf.fit(X, y)
    assert recorder.events.count("teardown") == 1


def test_callbacks_are_ended_after_an_error_and_the_classifier_is_unchanged(
    tiny_fnn, cells
):
    recorder = Recorder()
    clf = tiny_fnn(lr=1e30, optimizer="sgd").set_callbacks(recorder)
    before = dict(vars(clf))
    with pytest.raises(ValueError, match="diverged"):
        clf.fit(*cells)
    assert recorder.events[-1] == "teardown"
    assert vars(clf) == before


def test_an_error_of_a_callback_leaves_the_classifier_unchanged(tiny, cells):
    class Failing(Recorder):
        def on_fit_task_end(self, estimator, context):
            raise RuntimeError("no space")

    failing = Failing()
    clf = tiny().set_callbacks(failing)
    before = dict(vars(clf))
    with pytest.raises(RuntimeError, match="no space"):
        clf.fit(*cells)
    assert vars(clf) == before
    assert failing.events[-1] == "teardown"


def test_the_images_are_not_kept(tiny, cells):
    X, y = cells
    X = X.copy()
    images = weakref.ref(X)
    recorder = Recorder(stop_after=1)
    clf = tiny().set_callbacks(recorder).fit(X, y)
    recorder.arguments.clear()
    del X
    gc.collect()
    assert clf.n_iter_ == 1
    assert images() is None


def test_clones_and_pickles_have_the_callbacks(tiny, cells):
    X, y = cells
    recorder = Recorder()
    clf = tiny().set_callbacks(recorder)
    clone(clf).fit(X, y)
    assert recorder.events[-1] == "teardown"
    loaded = pickle.loads(pickle.dumps(clf.fit(X, y)))
    assert_array_equal(loaded.predict(X), clf.predict(X))


PROGRESS = """
import sys
import numpy as np
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skblood import BloodFNNClassifier

X = np.arange(40 * 64 * 3, dtype=np.uint8).reshape(40, 8, 8, 3)
y = np.arange(40) % 2
clf = BloodFNNClassifier(max_epochs=3, verbose=0)
{}
"""


def run_with_progress(code):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRESS.format(code)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_progress_bar_shows_epochs_in_folds_in_a_search(n_jobs):
    process = run_with_progress(
        f"search = GridSearchCV(clf, {{'lr': [0.01, 0.02]}}, cv=2, n_jobs={n_jobs})\n"
        "search.set_callbacks(ProgressBar()).fit(X, y)"
    )
    assert process.returncode == 0, process.stderr
    lines = [line for line in process.stdout.splitlines() if "BloodFNN" in line]
    # Four fits of the search and one with the best parameters.
    assert len(lines) == 5
    assert all("BloodFNNClassifier - fit" in line for line in lines)
    assert all("100%" in line for line in lines)


def test_python_ends_after_bad_input_with_a_progress_bar():
    process = run_with_progress("clf.set_callbacks(ProgressBar()).fit(X, y[:-1])")
    assert process.returncode == 1
    assert "inconsistent numbers of samples" in process.stderr


def test_python_ends_after_diverging_with_a_progress_bar():
    process = run_with_progress(
        "clf.set_params(lr=1e30, optimizer='sgd')\n"
        "clf.set_callbacks(ProgressBar()).fit(X, y)"
    )
    assert process.returncode == 1
    assert "diverged" in process.stderr
