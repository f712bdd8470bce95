"""Batches, learning rates, early stopping, callbacks, and printed output."""

import io
import subprocess
import sys

import numpy as np
import pytest
import skorch
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score

from skblood._training.net import ImageNet


class EventLog(skorch.callbacks.Callback):
    """Store the events of a training, with the size of each batch."""

    def __init__(self):
        self.events = []

    def on_train_begin(self, net, **kwargs):
        self.events.append("begin")

    def on_batch_end(self, net, batch, training, **kwargs):
        if training:
            self.events.append(len(batch[0]))

    def on_epoch_end(self, net, **kwargs):
        self.events.append("epoch")

    def on_train_end(self, net, **kwargs):
        self.events.append("end")


def logged_events(clf):
    return dict(clf.net_.callbacks_)["EventLog"].events


# -- batches ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "n, batch_size, sizes",
    [
        (64, 32, [32, 32]),
        (65, 64, [32, 33]),  # not a batch of 64 and a batch of a single sample
        (80, 79, [40, 40]),
        (80, 100, [80]),
        (9, 2, [1, 2, 2, 2, 2]),
        (9, 1, [1] * 9),
    ],
)
def test_batches(tiny, cells, n, batch_size, sizes):
    X, y = cells
    clf = tiny(max_epochs=1, batch_size=batch_size, callbacks=[EventLog()])
    clf.fit(X[:n], y[:n])
    assert sorted(logged_events(clf)[1:-2]) == sizes
    assert np.isfinite(clf.predict_proba(X)).all()


def test_each_epoch_uses_each_image_once_in_a_new_order(tiny_cnn, cells):
    X, y = cells
    seen = []

    def watch(images, generator):
        seen.append(images.clone())
        return images

    tiny_cnn(augmentation=watch, max_epochs=2).fit(X, y)
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert not torch.equal(first, second)
    sums = [sorted(image.sum().item() for image in part) for part in (first, second)]
    assert_allclose(*sums, rtol=1e-4)


def test_auto_means_more_epochs_for_few_images(tiny_fnn, cells):
    X, y = cells
    few = tiny_fnn(max_epochs="auto", batch_size=128).fit(X, y)
    more = tiny_fnn(max_epochs="auto", batch_size=8).fit(X, y)
    # The formula is 50 + ceil(500 / steps per epoch), here with 1 and with 10 steps.
    assert few.n_iter_ - more.n_iter_ == 500 - 50


@pytest.mark.parametrize(
    "schedule, shape", [("one_cycle", "peak"), ("constant", "constant")]
)
def test_learning_rates(tiny, cells, schedule, shape):
    rates = []

    class Watch(skorch.callbacks.Callback):
        def on_batch_begin(self, net, training, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    tiny(lr=0.01, lr_schedule=schedule, callbacks=[Watch()]).fit(*cells)
    assert len(rates) == 6
    if shape == "constant":
        assert_allclose(rates, 0.01)
    else:
        assert rates[0] < 0.001
        assert 0.009 < max(rates) <= 0.01
        assert rates[-1] < 0.003


# -- validation ------------------------------------------------------------------------


def test_validation_is_recorded(tiny, fitted, cells, new_cells):
    X_val, y_val = new_cells
    clf = tiny().fit(*cells, X_val=X_val, y_val=y_val)
    last = clf.history_[-1]
    assert_allclose(last["valid_loss"], log_loss(y_val, clf.predict_proba(X_val)))
    assert_allclose(last["valid_acc"], clf.score(X_val, y_val))
    # Validation has no effect on the training.
    assert_array_equal(clf.predict_proba(X_val), fitted.predict_proba(X_val))
    assert clf.loss_curve_ == fitted.loss_curve_


def test_validation_images_in_another_form(tiny, cells, new_cells):
    X_val, y_val = new_cells
    images = tiny().fit(*cells, X_val=X_val, y_val=y_val)
    rows = tiny().fit(*cells, X_val=X_val.reshape(40, -1), y_val=y_val.tolist())
    assert images.history_[-1]["valid_loss"] == rows.history_[-1]["valid_loss"]


LONG = {"early_stopping": True, "max_epochs": 60, "n_iter_no_change": 3, "tol": 0.0}


def test_early_stopping_keeps_the_best_epoch(tiny, cells, new_cells):
    X_val, y_val = new_cells
    clf = tiny(lr_schedule="constant", **LONG).fit(*cells, X_val=X_val, y_val=y_val)
    losses = [epoch["valid_loss"] for epoch in clf.history_]
    best = int(np.argmin(losses))
    assert clf.n_iter_ == len(losses) == best + 1 + 3 < 60
    assert_allclose(log_loss(y_val, clf.predict_proba(X_val)), losses[best], rtol=1e-5)


def test_early_stopping_with_a_validation_split(tiny, cells):
    clf = tiny(lr_schedule="constant", validation_fraction=0.3, **LONG).fit(*cells)
    losses = [epoch["valid_loss"] for epoch in clf.history_]
    assert clf.n_iter_ == int(np.argmin(losses)) + 1 + 3 < 60


def test_early_stopping_by_tolerance(tiny, cells, new_cells):
    X_val, y_val = new_cells
    clf = tiny(**LONG | {"tol": 100.0}).fit(*cells, X_val=X_val, y_val=y_val)
    assert clf.n_iter_ == 1 + 3


def test_all_epochs_run_if_early_stopping_does_not_stop(tiny, cells, new_cells):
    X_val, y_val = new_cells
    clf = tiny(early_stopping=True).fit(*cells, X_val=X_val, y_val=y_val)
    assert clf.n_iter_ == 2


class Divergence(skorch.callbacks.Callback):
    """Set weights to NaN at the beginning of the fourth epoch."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 4:
            next(net.module_.parameters()).data.fill_(np.nan)


def test_early_stopping_keeps_the_best_epoch_after_divergence(tiny, cells, new_cells):
    X_val, y_val = new_cells
    clf = tiny(**LONG, callbacks=[Divergence()])
    with pytest.warns(ConvergenceWarning, match=r"stopped in epoch 4, .* became nan"):
        clf.fit(*cells, X_val=X_val, y_val=y_val)
    best = min(epoch["valid_loss"] for epoch in clf.history_[:3])
    assert_allclose(log_loss(y_val, clf.predict_proba(X_val)), best, rtol=1e-5)


def test_divergence_without_early_stopping_is_an_error(tiny, cells):
    with pytest.raises(ValueError, match=r"Training diverged in epoch 4.*loss of nan"):
        tiny(max_epochs=9, callbacks=[Divergence()]).fit(*cells)


def test_early_stopping_prints_nothing(tiny, cells, capsys):
    tiny(validation_fraction=0.3, **LONG).fit(*cells)
    assert capsys.readouterr() == ("", "")


# -- callbacks -------------------------------------------------------------------------


def test_callbacks_are_called(tiny, cells):
    clf = tiny(callbacks=[EventLog()]).fit(*cells)
    events = logged_events(clf)
    assert [e for e in events if isinstance(e, str)] == [
        "begin",
        "epoch",
        "epoch",
        "end",
    ]
    assert sum(e for e in events if isinstance(e, int)) == 160


def test_callbacks_are_called_in_partial_fit(tiny, cells):
    X, y = cells
    clf = tiny(callbacks=[EventLog()]).partial_fit(X, y, classes=range(8))
    assert logged_events(clf) == ["begin", 26, 27, 27, "epoch", "end"]


def test_passed_callbacks_are_not_changed(tiny, cells):
    log = EventLog()
    clf = tiny(callbacks=[log]).fit(*cells)
    assert log.events == []
    assert clf.callbacks == [log]
    assert clf.fit(*cells).n_iter_ == 2


def test_callbacks_may_have_names(tiny, cells):
    clf = tiny(callbacks=[("mine", EventLog())]).fit(*cells)
    assert dict(clf.net_.callbacks_)["mine"].events


def test_early_stopping_callback_of_skorch(tiny, cells, new_cells):
    X_val, y_val = new_cells
    stop = skorch.callbacks.EarlyStopping(patience=2, threshold=10, sink=lambda _: None)
    clf = tiny(callbacks=[stop], max_epochs=50)
    assert clf.fit(*cells, X_val=X_val, y_val=y_val).n_iter_ == 3


def test_epoch_scoring_callbacks_of_skorch(tiny, cells, new_cells):
    X_val, y_val = new_cells
    scores = [
        skorch.callbacks.EpochScoring("accuracy", name="a", lower_is_better=False),
        skorch.callbacks.EpochScoring("accuracy", name="b", on_train=True),
    ]
    clf = tiny(callbacks=scores).fit(*cells, X_val=X_val, y_val=y_val)
    for epoch in clf.history_:
        assert epoch["a"] == pytest.approx(epoch["valid_acc"])
        assert epoch["b"] == pytest.approx(epoch["train_acc"])


def test_callbacks_in_a_parallel_search(tiny_fnn, cells):
    # The worker processes can import callbacks of skorch, but not those of this file.
    stop = skorch.callbacks.EarlyStopping("train_loss", patience=1, threshold=10)
    clf = tiny_fnn(callbacks=[stop], max_epochs=50)
    search = GridSearchCV(clf, {"lr": [1e-3, 1e-2]}, cv=2, n_jobs=2).fit(*cells)
    assert search.best_estimator_.n_iter_ == 2


class Terminal(io.StringIO):
    def isatty(self):
        return True


class InterruptingAugmentation:
    """An augmentation in which the user presses Ctrl-C, at a certain batch."""

    def __init__(self, n_batches):
        self.n_batches = n_batches

    def __call__(self, images, generator):
        self.n_batches -= 1
        if self.n_batches < 0:
            raise KeyboardInterrupt
        return images


def test_ctrl_c_keeps_the_finished_epochs(tiny_cnn, cells):
    X, y = cells  # three batches of 32 images
    clf = tiny_cnn(max_epochs=9, augmentation=InterruptingAugmentation(7))
    with (
        pytest.warns(UserWarning, match=r"interrupted after 2 of 9 epochs"),
        pytest.raises(KeyboardInterrupt),
    ):
        clf.fit(X, y)
    assert clf.n_iter_ == len(clf.loss_curve_) == len(clf.history_) == 2
    # The seventh batch, of the third epoch, has changed the weights. This is undone.
    shorter = tiny_cnn(
        max_epochs=9,
        augmentation=InterruptingAugmentation(10**9),
        callbacks=[StopAfter(2)],
    ).fit(X, y)
    assert_array_equal(clf.predict_proba(X), shorter.predict_proba(X))


class StopAfter(skorch.callbacks.Callback):
    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.n_epochs:
            raise KeyboardInterrupt


def test_ctrl_c_during_validation_undoes_the_epoch(
    tiny_cnn, cells, new_cells, monkeypatch
):
    X, y = cells
    X_val, y_val = new_cells  # one batch
    validate, calls = ImageNet.validation_step, []

    def interrupt(net, batch, **kwargs):
        calls.append(len(batch[0]))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return validate(net, batch, **kwargs)

    monkeypatch.setattr(ImageNet, "validation_step", interrupt)
    clf = tiny_cnn(max_epochs=9)
    with (
        pytest.warns(UserWarning, match="after 2 of 9"),
        pytest.raises(KeyboardInterrupt),
    ):
        clf.fit(X, y, X_val=X_val, y_val=y_val)
    assert clf.n_iter_ == 2
    assert all("valid_loss" in epoch for epoch in clf.history_)


def test_ctrl_c_while_the_progress_is_drawn(tiny_cnn, cells, monkeypatch):
    class Interrupting(Terminal):
        is_interrupted = False

        def write(self, text):
            if "2/9" in text and not self.is_interrupted:
                self.is_interrupted = True
                raise KeyboardInterrupt
            return super().write(text)

    monkeypatch.setattr("sys.stdout", Interrupting())
    clf = tiny_cnn(verbose=1, max_epochs=9)
    with (
        pytest.warns(UserWarning, match="after 2 of 9"),
        pytest.raises(KeyboardInterrupt),
    ):
        clf.fit(*cells)
    assert clf.n_iter_ == 2


INTERRUPTED_BAR = """
import io, sys, time
import numpy as np
from tqdm import tqdm
from skblood import BloodFNNClassifier

tqdm.monitor_interval = 0.05  # tqdm's thread soon wants the lock of the bar

class Terminal(io.StringIO):
    def isatty(self):
        return True

    def write(self, text):
        if "2/9" in text:
            raise KeyboardInterrupt

sys.stdout = Terminal()
X = np.zeros((16, 28, 28, 3), dtype=np.uint8)
try:
    BloodFNNClassifier(verbose=1, max_epochs=9).fit(X, np.arange(16) % 8)
except KeyboardInterrupt:
    time.sleep(0.2)
    print("interrupted", file=sys.stderr)
"""


def test_python_ends_after_ctrl_c_while_the_progress_is_drawn():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", INTERRUPTED_BAR],
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert (run.returncode, run.stderr) == (0, "interrupted\n")


def test_ctrl_c_in_the_first_epoch_changes_nothing(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn().fit(X, y)
    before = clf.predict_proba(X)
    clf.set_params(augmentation=InterruptingAugmentation(1))
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    assert_array_equal(clf.predict_proba(X), before)
    with pytest.raises(KeyboardInterrupt):
        clf.partial_fit(X, y)
    assert_array_equal(clf.predict_proba(X), before)


@pytest.mark.filterwarnings("ignore:The training was interrupted")
def test_ctrl_c_ends_a_search(tiny_cnn, cells):
    clf = tiny_cnn(augmentation=InterruptingAugmentation(3))
    with pytest.raises(KeyboardInterrupt):
        cross_val_score(clf, *cells, cv=2)
    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(clf, {"lr": [1e-3, 1e-2]}, cv=2).fit(*cells)


def test_a_callback_ends_the_training_with_keyboard_interrupt(tiny, cells):
    class Interrupt(skorch.callbacks.Callback):
        def on_batch_end(self, net, training, **kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    X, y = cells
    clf = tiny(max_epochs=9, callbacks=[Interrupt()]).fit(X, y)
    assert clf.n_iter_ == len(clf.loss_curve_) == 1
    assert clf.predict_proba(X).shape == (80, 8)


# -- output ----------------------------------------------------------------------------


def check_table(text, clf):
    header, rule, *epochs = text.splitlines()
    assert "train_loss" in header and "train_acc" in header
    assert set(rule) == {"-", " "}
    losses = [line.split()[header.split().index("train_loss")] for line in epochs]
    assert losses == [f"{loss:.4f}" for loss in clf.loss_curve_]
    assert [line.split()[0] for line in epochs] == ["1", "2", "3"]


def test_verbose_prints_a_table_without_colours(tiny, cells, capsys):
    clf = tiny(verbose=1, max_epochs=3).fit(*cells)
    check_table(capsys.readouterr().out, clf)


def test_verbose_2_prints_a_table_on_a_terminal(tiny, cells, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    clf = tiny(verbose=2, max_epochs=3).fit(*cells)
    check_table(terminal.getvalue(), clf)


def test_verbose_updates_one_line_on_a_terminal(tiny, cells, new_cells, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    X_val, y_val = new_cells
    clf = tiny(verbose=1, max_epochs=3).fit(*cells, X_val=X_val, y_val=y_val)
    text = terminal.getvalue()
    assert text.count("\n") == 1
    last = text.rstrip().split("\r")[-1]
    assert "100%" in last and "3/3" in last
    assert f" loss={clf.loss_curve_[-1]:.4f}" in last
    assert f"validation accuracy={clf.history_[-1]['valid_acc']:.4f}" in last


def test_the_line_ends_where_the_training_is_interrupted(tiny_cnn, cells, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    clf = tiny_cnn(verbose=1, max_epochs=9, augmentation=InterruptingAugmentation(7))
    with pytest.warns(UserWarning), pytest.raises(KeyboardInterrupt):
        clf.fit(*cells)
    assert terminal.getvalue().endswith("\n")
    assert "9/9" not in terminal.getvalue()


def test_nothing_is_printed_by_default(tiny, cells, capsys):
    tiny().fit(*cells)
    assert capsys.readouterr() == ("", "")
