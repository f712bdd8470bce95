"""The error rate of the surest predictions against their number."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..metrics import area_under_risk_coverage_curve, risk_coverage_curve
from ._pyplot import get_axes, set_line_styles

# At smaller coverages the risk is that of few images: a single error among the surest
# predictions gives a peak. The vertical axis need not show such peaks.
MIN_COVERAGE = 0.1


class RiskCoverageDisplay:
    """Error rate of the surest predictions (risk) against their fraction (coverage).

    The confidence of a prediction is the probability of the predicted class. The curve
    shows the error rate if a classifier only keeps the surest predictions, and leaves
    the other images to a person. The point at a coverage of 1 is the error rate of all
    predictions.

    Use `from_estimator` or `from_predictions` to create it. Several displays can be
    drawn into the same axes.

    Parameters
    ----------
    coverage : array-like of shape (n_thresholds,)
        Fraction of the predictions that are kept, in increasing order.
    risk : array-like of shape (n_thresholds,)
        Error rate of the predictions that are kept.
    area : float, default=None
        Area under the curve (AURC), for the legend.
    name : str, default=None
        Name of the classifier, for the legend.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes with the curve.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    line_ : matplotlib.lines.Line2D
        The curve.
    marks_ : matplotlib.lines.Line2D or None
        The marked points, if there are any.

    See Also
    --------
    skblood.metrics.risk_coverage_curve : The points of the curve, with the thresholds.
    skblood.metrics.area_under_risk_coverage_curve : The area.

    Examples
    --------
    >>> from skblood import load_bloodmnist_sample, load_pretrained
    >>> from skblood.display import RiskCoverageDisplay
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    >>> clf = load_pretrained("bloodmnist-28-tiny")
    >>> display = RiskCoverageDisplay.from_estimator(clf, X, y, name="tiny")
    >>> display.line_.get_label()
    'tiny: AURC = 0.00159'
    """

    def __init__(self, coverage, risk, *, area=None, name=None):
        self.coverage = coverage
        self.risk = risk
        self.area = area
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        name=None,
        ax=None,
        marks=(),
        risk_scale="linear",
        **line_kw,
    ):
        """Plot the risk-coverage curve of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            A fitted classifier with `predict_proba`.
        X : array-like
            Images in any form that the classifier accepts. They must not have been used
            for training.
        y : array-like of shape (n,)
            True labels.
        name : str, default=None
            Name in the legend. By default, the name of the class of the classifier.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.
        marks : sequence of float, default=()
            See `plot`.
        risk_scale : {"linear", "log"}, default="linear"
            See `plot`.
        **line_kw : dict
            Arguments of `matplotlib.axes.Axes.plot` for the curve.

        Returns
        -------
        RiskCoverageDisplay

        Raises
        ------
        AttributeError
            If the classifier has no `predict_proba`.
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If X is invalid, or as in `from_predictions`.
        """
        check_is_fitted(estimator)
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            labels=estimator.classes_,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            marks=marks,
            risk_scale=risk_scale,
            **line_kw,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        labels=None,
        name=None,
        ax=None,
        marks=(),
        risk_scale="linear",
        **line_kw,
    ):
        """Plot the risk-coverage curve of predicted probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            True labels.
        y_proba : array-like of shape (n, n_classes)
            Predicted probabilities.
        labels : array-like of shape (n_classes,), default=None
            Labels of the columns of `y_proba`. By default, the sorted labels in
            `y_true`.
        name : str, default=None
            Name in the legend.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.
        marks : sequence of float, default=()
            See `plot`.
        risk_scale : {"linear", "log"}, default="linear"
            See `plot`.
        **line_kw : dict
            Arguments of `matplotlib.axes.Axes.plot` for the curve.

        Returns
        -------
        RiskCoverageDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            As in `skblood.metrics.risk_coverage_curve` and in `plot`.
        """
        coverage, risk, _ = risk_coverage_curve(y_true, y_proba, labels=labels)
        area = area_under_risk_coverage_curve(y_true, y_proba, labels=labels)
        display = cls(coverage, risk, area=area, name=name)
        return display.plot(ax=ax, marks=marks, risk_scale=risk_scale, **line_kw)

    def plot(self, *, ax=None, marks=(), risk_scale="linear", **line_kw):
        """Plot the curve.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.
        marks : sequence of float, default=()
            Coverages to mark with points. The legend gives their risks. If no threshold
            has exactly this coverage, the point is at the next larger one.
        risk_scale : {"linear", "log"}, default="linear"
            Scale of the vertical axis. A logarithmic scale fits classifiers with very
            different risks. It does not show risks of 0. Both scales may cut off peaks
            at coverages below 0.1.
        **line_kw : dict
            Arguments of `matplotlib.axes.Axes.plot` for the curve.

        Returns
        -------
        self : RiskCoverageDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If a mark is not above 0 and at most 1, or if the scale is not known.
        """
        _check_marks(marks)
        if risk_scale not in ("linear", "log"):
            raise ValueError(
                f"Expected risk_scale to be 'linear' or 'log', got {risk_scale!r}."
            )
        ax = get_axes(self, ax)
        set_line_styles(ax)
        is_first = not ax.lines
        marked = {mark: self._find_point(mark) for mark in marks}
        options = {"label": self._make_label(marked)}
        (self.line_,) = ax.plot(self.coverage, self.risk, **{**options, **line_kw})
        self.marks_ = None
        if marked:
            # Both properties are given, so that the points take no style of the cycle.
            style = {"color": self.line_.get_color(), "linestyle": "none"}
            x, y = zip(*marked.values(), strict=True)
            (self.marks_,) = ax.plot(x, y, marker="o", **style)
        ax.set(
            xlabel="coverage (fraction of images)",
            ylabel="risk (error rate)",
            xlim=(0, 1.02),
            yscale=risk_scale,
        )
        self._set_limits(ax, is_first)
        if risk_scale == "linear":
            ax.set_ylim(bottom=0)
        if ax.get_legend_handles_labels()[1]:
            ax.legend(loc="upper left")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _make_label(self, marked):
        """Return the text of the legend, with the risk at each marked coverage."""
        parts = [] if self.name is None else [self.name]
        if self.area is not None:
            parts.append(f"AURC = {self.area:.5f}")
        label = ": ".join(parts)
        if marked:
            risks = (f"{risk:.4f} at {mark:g}" for mark, (_, risk) in marked.items())
            label += f"\nrisk {', '.join(risks)}"
        return label.lstrip() or None

    def _find_point(self, mark):
        """Return the coverage and the risk of the first point at or after a mark."""
        i = np.searchsorted(self.coverage, mark)
        return self.coverage[i], self.risk[i]

    def _set_limits(self, ax, is_first):
        """Set the largest risk that is shown."""
        risk = np.asarray(self.risk)[np.asarray(self.coverage) >= MIN_COVERAGE]
        top = 1.1 * max(risk)
        if top > 0:
            ax.set_ylim(top=top if is_first else max(top, ax.get_ylim()[1]))


def _check_marks(marks):
    for mark in marks:
        if not isinstance(mark, Real) or not 0 < mark <= 1:
            raise ValueError(
                "Expected marks to be coverages above 0 and at most 1, got "
                f"{mark!r}. For 90 % of the images, pass 0.9."
            )
