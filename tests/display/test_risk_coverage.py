"""`RiskCoverageDisplay` shows the error rate of the surest predictions."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import same_color
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

from skblood.display import RiskCoverageDisplay  # noqa: E402
from skblood.metrics import (  # noqa: E402
    area_under_risk_coverage_curve,
    risk_coverage_curve,
)

# Four predictions in the order of their confidence; the last one is wrong.
Y_TRUE = [0, 1, 0, 1]
Y_PROBA = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def legend_texts(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_curve_and_its_area():
    display = RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA, name="model")
    coverage, risk, _ = risk_coverage_curve(Y_TRUE, Y_PROBA)
    np.testing.assert_array_equal(display.line_.get_xdata(), coverage)
    np.testing.assert_array_equal(display.line_.get_ydata(), risk)
    area = area_under_risk_coverage_curve(Y_TRUE, Y_PROBA)
    assert legend_texts(display) == [f"model: AURC = {area:.5f}"]
    assert display.ax_.get_xlabel().startswith("coverage")
    assert display.ax_.get_ylabel().startswith("risk")
    assert display.marks_ is None


def test_marks_are_at_coverages_that_a_threshold_reaches():
    display = RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA, marks=[0.5, 0.8])
    assert display.marks_.get_xydata().tolist() == [[0.5, 0], [1, 0.25]]
    (text,) = legend_texts(display)
    assert text.endswith("\nrisk 0.0000 at 0.5, 0.2500 at 0.8")


def test_several_displays_in_the_same_axes():
    first = RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA, name="a", marks=[1])
    second = RiskCoverageDisplay.from_predictions(
        [1, 1, 0, 0], Y_PROBA, name="b", ax=first.ax_
    )
    assert second.ax_ is first.ax_
    assert not same_color(first.line_.get_color(), second.line_.get_color())
    assert first.line_.get_linestyle() != second.line_.get_linestyle()
    assert same_color(first.marks_.get_color(), first.line_.get_color())
    assert [text[:2] for text in legend_texts(second)] == ["a:", "b:"]
    # The second curve has the higher risk, and the axis shows it all.
    assert second.ax_.get_ylim()[1] >= second.line_.get_ydata().max()
    # A third curve with a lower risk does not cut it off.
    first.plot(ax=first.ax_)
    assert second.ax_.get_ylim()[1] >= second.line_.get_ydata().max()


def test_an_error_among_the_surest_does_not_set_the_limits():
    confidence = np.linspace(1, 0.6, 100)
    y_proba = np.column_stack([confidence, 1 - confidence])
    display = RiskCoverageDisplay.from_predictions(
        [1] + [0] * 99, y_proba, labels=[0, 1]
    )
    assert display.line_.get_ydata()[0] == 1
    assert display.ax_.get_ylim()[1] < 0.2


def test_scales():
    display = RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA)
    assert display.ax_.get_yscale() == "linear"
    assert display.ax_.get_ylim()[0] == 0
    assert display.plot(risk_scale="log").ax_.get_yscale() == "log"


def test_no_errors_at_all():
    display = RiskCoverageDisplay.from_predictions([0, 1], np.eye(2))
    assert display.ax_.get_ylim()[0] == 0
    display.figure_.canvas.draw()


def test_estimator_with_labels_of_any_kind():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))
    y = np.array(["a", "b"])[(X.sum(axis=1) + rng.normal(size=90) > 0).astype(int)]
    clf = LogisticRegression().fit(X, y)
    display = RiskCoverageDisplay.from_estimator(clf, X, y)
    assert display.risk[-1] == pytest.approx(1 - clf.score(X, y))
    assert display.name == "LogisticRegression"
    named = RiskCoverageDisplay.from_estimator(clf, X, y, name="mine")
    assert legend_texts(named)[0].startswith("mine: AURC")


def test_options_of_the_line_and_axes():
    _, ax = plt.subplots()
    display = RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA, ax=ax, color="red")
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert same_color(display.line_.get_color(), "red")
    assert display.plot().ax_ is not ax
    assert RiskCoverageDisplay([1.0], [0.5]).plot().ax_.get_legend() is None


def test_bad_input(monkeypatch):
    with pytest.raises(NotFittedError):
        RiskCoverageDisplay.from_estimator(LogisticRegression(), [[0]], [0])
    with pytest.raises(ValueError, match=r"coverages above 0 .*, got 90\. For 90 %"):
        RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA, marks=[90])
    with pytest.raises(ValueError, match="'linear' or 'log', got 'cubic'"):
        RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA, risk_scale="cubic")
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skblood\[plot\]"):
        RiskCoverageDisplay.from_predictions(Y_TRUE, Y_PROBA)
