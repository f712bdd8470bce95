"""`TrainingCurveDisplay` shows the history of a classifier."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import same_color
from sklearn.exceptions import NotFittedError

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

from skblood.display import TrainingCurveDisplay  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("measure", "keys"),
    [("loss", ["train_loss", "valid_loss"]), ("accuracy", ["train_acc", "valid_acc"])],
)
def test_curves_show_the_history(tiny_cnn, cells, new_cells, measure, keys):
    clf = tiny_cnn().fit(*cells, X_val=new_cells[0], y_val=new_cells[1])
    display = TrainingCurveDisplay.from_estimator(clf, measure=measure)
    assert len(display.lines_) == 2
    for line, key in zip(display.lines_, keys, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2])
        np.testing.assert_array_equal(line.get_ydata(), [e[key] for e in clf.history_])
    train, validation = display.lines_
    assert not same_color(train.get_color(), validation.get_color())
    assert train.get_linestyle() != validation.get_linestyle()
    assert display.ax_.get_ylabel() == measure
    assert display.ax_.get_xlabel() == "epoch"
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["training", "validation"]


def test_without_validation_images(fitted_cnn):
    display = TrainingCurveDisplay.from_estimator(fitted_cnn)
    assert len(display.lines_) == 1


def test_validation_in_some_epochs_only(tiny_cnn, cells, new_cells):
    clf = tiny_cnn(warm_start=True).fit(*cells)
    clf.fit(*cells, X_val=new_cells[0], y_val=new_cells[1])
    validation = TrainingCurveDisplay.from_estimator(clf).lines_[1].get_ydata()
    assert np.isnan(validation).tolist() == [True, True, False, False]


def test_options_of_the_lines_and_axes(fitted_cnn):
    _, ax = plt.subplots()
    display = TrainingCurveDisplay.from_estimator(fitted_cnn, ax=ax, color="red", lw=5)
    assert display.ax_ is ax
    assert same_color(display.lines_[0].get_color(), "red")
    assert display.lines_[0].get_linewidth() == 5
    assert display.plot().ax_ is not ax


def test_one_epoch_is_visible(tiny_cnn, cells):
    clf = tiny_cnn(max_epochs=1).fit(*cells)
    assert TrainingCurveDisplay.from_estimator(clf).lines_[0].get_marker() == "o"


def test_bad_input(fitted_cnn, tiny_cnn, monkeypatch):
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(tiny_cnn())
    with pytest.raises(ValueError, match="'loss' or 'accuracy', got 'error'"):
        TrainingCurveDisplay.from_estimator(fitted_cnn, measure="error")
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skblood\[plot\]"):
        TrainingCurveDisplay.from_estimator(fitted_cnn)
