"""`ReliabilityDisplay` compares the confidence of predictions with their accuracy."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import same_color
from scipy.stats import binomtest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

from skblood.display import ReliabilityDisplay  # noqa: E402
from skblood.metrics import (  # noqa: E402
    expected_calibration_error,
    expected_calibration_error_floor,
    reliability_curve,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def predictions():
    rng = np.random.default_rng(0)
    y_proba = rng.dirichlet([0.5] * 3, size=300)
    y_true = (y_proba.cumsum(axis=1) > rng.random((300, 1))).argmax(axis=1)
    return y_true, y_proba


def legend_texts(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_points_intervals_and_bars(predictions):
    display = ReliabilityDisplay.from_predictions(*predictions, n_bins=10)
    confidence, accuracy, counts = reliability_curve(*predictions, n_bins=10)
    filled = counts > 0
    assert not filled.all()
    np.testing.assert_array_equal(display.line_.get_xdata(), confidence[filled])
    np.testing.assert_array_equal(display.line_.get_ydata(), accuracy[filled])
    intervals = display.intervals_.get_segments()
    assert len(intervals) == filled.sum()
    n, n_correct = counts[-1], round(counts[-1] * accuracy[-1])
    wilson = binomtest(n_correct, n).proportion_ci(method="wilson")
    np.testing.assert_allclose(intervals[-1][:, 1], wilson)
    heights, edges, _ = display.histogram_.get_data()
    np.testing.assert_array_equal(heights[filled], counts[filled])
    np.testing.assert_allclose(edges, np.arange(11) / 10)


def test_confidence_level_of_the_intervals(predictions):
    display = ReliabilityDisplay.from_predictions(*predictions)
    lengths = []
    for level in (0.5, 0.95):
        segments = display.plot(confidence_level=level).intervals_.get_segments()
        lengths.append(np.ptp(segments[-1][:, 1]))
    assert lengths[0] < lengths[1]


def test_legend_names_the_error_and_its_floor(predictions):
    y_true, y_proba = predictions
    display = ReliabilityDisplay.from_predictions(y_true, y_proba, name="model")
    error = expected_calibration_error(y_true, y_proba)
    floor = expected_calibration_error_floor(y_proba)
    assert legend_texts(display) == [
        "perfectly calibrated",
        f"model: ECE = {error:.4f}\n"
        f"(if calibrated: {floor.low:.4f} to {floor.high:.4f})",
    ]


def test_several_displays_in_the_same_axes(predictions):
    y_true, y_proba = predictions
    first = ReliabilityDisplay.from_predictions(y_true, y_proba, name="a")
    second = ReliabilityDisplay.from_predictions(
        y_true[:100], y_proba[:100], name="b", ax=first.ax_
    )
    assert second.ax_ is first.ax_
    assert second.histogram_ax_ is first.histogram_ax_
    assert first.histogram_ax_.get_ylim()[1] > first.histogram_.get_data().values.max()
    assert not same_color(first.line_.get_color(), second.line_.get_color())
    assert first.line_.get_linestyle() != second.line_.get_linestyle()
    texts = legend_texts(second)
    assert [text[:3] for text in texts] == ["per", "a: ", "b: "]


def test_estimator_with_labels_of_any_kind():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))
    y = np.array(["a", "b", "c"])[X.argmax(axis=1)]
    clf = LogisticRegression().fit(X, y)
    # Only two of the classes occur here.
    rows = y != "c"
    display = ReliabilityDisplay.from_estimator(clf, X[rows], y[rows])
    expected = expected_calibration_error(
        y[rows], clf.predict_proba(X[rows]), labels=clf.classes_
    )
    assert display.error == expected
    assert display.name == "LogisticRegression"
    named = ReliabilityDisplay.from_estimator(clf, X[rows], y[rows], name="mine")
    assert legend_texts(named)[1].startswith("mine: ECE")


def test_options_of_the_line_and_axes(predictions):
    _, ax = plt.subplots()
    display = ReliabilityDisplay.from_predictions(*predictions, ax=ax, color="red")
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert same_color(display.line_.get_color(), "red")
    assert same_color(display.intervals_.get_color()[0], "red")
    assert display.plot().ax_ is not ax
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("confidence", "accuracy")


def test_without_error_and_name():
    display = ReliabilityDisplay([np.nan, 0.7], [np.nan, 0.5], [0, 10]).plot()
    assert legend_texts(display) == ["perfectly calibrated"]


def test_bad_input(predictions, monkeypatch):
    y_true, y_proba = predictions
    with pytest.raises(NotFittedError):
        ReliabilityDisplay.from_estimator(LogisticRegression(), [[0]], [0])
    with pytest.raises(ValueError, match="n_bins to be a positive integer, got 0"):
        ReliabilityDisplay.from_predictions(y_true, y_proba, n_bins=0)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skblood\[plot\]"):
        ReliabilityDisplay.from_predictions(y_true, y_proba)
