"""Confidence against accuracy: a reliability diagram for several classes."""

import numpy as np
from scipy.stats import binomtest
from sklearn.utils.validation import check_is_fitted

from ..metrics import (
    expected_calibration_error,
    expected_calibration_error_floor,
    reliability_curve,
)
from ._pyplot import get_axes, set_line_styles

DIAGONAL = "perfectly calibrated"
# The histogram has its own axes at the bottom, which later displays share. Its height
# is a fraction of the height of the diagram.
HISTOGRAM, HISTOGRAM_HEIGHT = "histogram of confidences", 0.25


class ReliabilityDisplay:
    """Accuracy of the predictions against their confidence: a reliability diagram.

    The confidence of a prediction is the probability of the predicted class. The
    predictions are grouped by confidence into bins of equal width. For each bin, a
    point shows the mean confidence and the accuracy, with a Wilson interval of the
    accuracy. Points below the diagonal mean that the model is too sure, points above it
    that the model is not sure enough. Bars at the bottom show the number of images in
    each bin, on a logarithmic scale. The legend gives the expected calibration error
    (ECE), and the interval in which the ECE of a perfectly calibrated model lies with a
    probability of 90 %.

    Use `from_estimator` or `from_predictions` to create it. Several displays can be
    drawn into the same axes.

    Parameters
    ----------
    mean_confidence : array-like of shape (n_bins,)
        Mean confidence in each bin; NaN for a bin without images.
    accuracy : array-like of shape (n_bins,)
        Accuracy in each bin; NaN for a bin without images.
    counts : array-like of int, of shape (n_bins,)
        Number of images in each bin. The bins divide the range from 0 to 1.
    error : float, default=None
        Expected calibration error, for the legend.
    floor : Bunch, default=None
        What `skblood.metrics.expected_calibration_error_floor` returns, for the legend.
    name : str, default=None
        Name of the classifier, for the legend.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes with the points.
    histogram_ax_ : matplotlib.axes.Axes
        The axes with the bars.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    line_ : matplotlib.lines.Line2D
        The points, connected by a line.
    intervals_ : matplotlib.collections.LineCollection
        The intervals of the accuracies.
    histogram_ : matplotlib.patches.StepPatch
        The bars.

    See Also
    --------
    skblood.metrics.expected_calibration_error : The average distance of the points
        from the diagonal.
    sklearn.calibration.CalibrationDisplay : The same for two classes, and for the
        probability of one of them.

    Examples
    --------
    >>> from skblood import load_bloodmnist_sample, load_pretrained
    >>> from skblood.display import ReliabilityDisplay
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    >>> clf = load_pretrained("bloodmnist-28-tiny")
    >>> display = ReliabilityDisplay.from_estimator(clf, X, y, name="tiny")
    >>> print(display.line_.get_label().splitlines()[0])
    tiny: ECE = 0.0161
    """

    def __init__(
        self, mean_confidence, accuracy, counts, *, error=None, floor=None, name=None
    ):
        self.mean_confidence = mean_confidence
        self.accuracy = accuracy
        self.counts = counts
        self.error = error
        self.floor = floor
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, n_bins=15, name=None, ax=None, **line_kw
    ):
        """Plot the reliability diagram of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            A fitted classifier with `predict_proba`.
        X : array-like
            Images in any form that the classifier accepts. They must not have been used
            for training or calibration.
        y : array-like of shape (n,)
            True labels.
        n_bins : int, default=15
            Number of bins between 0 and 1.
        name : str, default=None
            Name in the legend. By default, the name of the class of the classifier.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.
        **line_kw : dict
            Arguments of `matplotlib.axes.Axes.plot` for the points and their line.

        Returns
        -------
        ReliabilityDisplay

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
            n_bins=n_bins,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **line_kw,
        )

    @classmethod
    def from_predictions(
        cls, y_true, y_proba, *, labels=None, n_bins=15, name=None, ax=None, **line_kw
    ):
        """Plot the reliability diagram of predicted probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            True labels.
        y_proba : array-like of shape (n, n_classes)
            Predicted probabilities.
        labels : array-like of shape (n_classes,), default=None
            Labels of the columns of `y_proba`. By default, the sorted labels in
            `y_true`.
        n_bins : int, default=15
            Number of bins between 0 and 1.
        name : str, default=None
            Name in the legend.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.
        **line_kw : dict
            Arguments of `matplotlib.axes.Axes.plot` for the points and their line.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            As in `skblood.metrics.expected_calibration_error`.
        """
        predictions = {"y_true": y_true, "y_proba": y_proba, "labels": labels}
        curve = reliability_curve(**predictions, n_bins=n_bins)
        display = cls(
            *curve,
            error=expected_calibration_error(**predictions, n_bins=n_bins),
            floor=expected_calibration_error_floor(y_proba, n_bins=n_bins),
            name=name,
        )
        return display.plot(ax=ax, **line_kw)

    def plot(self, *, ax=None, confidence_level=0.95, **line_kw):
        """Plot the diagram.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.
        confidence_level : float, default=0.95
            Confidence level of the intervals of the accuracies.
        **line_kw : dict
            Arguments of `matplotlib.axes.Axes.plot` for the points and their line.

        Returns
        -------
        self : ReliabilityDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = get_axes(self, ax)
        set_line_styles(ax)
        if DIAGONAL not in ax.get_legend_handles_labels()[1]:
            ax.axline((0, 0), slope=1, color="0.6", lw=1, zorder=1, label=DIAGONAL)
        counts = np.asarray(self.counts)
        filled = counts > 0
        x, y = (np.asarray(v)[filled] for v in (self.mean_confidence, self.accuracy))
        options = {"marker": "o", "markersize": 4, "label": self._make_label()}
        (self.line_,) = ax.plot(x, y, **{**options, **line_kw})
        color = self.line_.get_color()
        low, high = _wilson_intervals(y, counts[filled], confidence_level)
        self.intervals_ = ax.vlines(x, low, high, color=color, lw=1)
        self.histogram_ax_ = _get_histogram_axes(ax)
        self.histogram_ = _draw_histogram(self.histogram_ax_, counts, color)
        ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
        if ax.get_legend_handles_labels()[1]:
            # Above the bars, on the side of the diagonal where few models have points.
            corner = (1, HISTOGRAM_HEIGHT)
            ax.legend(loc="lower right", bbox_to_anchor=corner, fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _make_label(self):
        label = self.name or ""
        if self.error is not None:
            label += f"{': ' if label else ''}ECE = {self.error:.4f}"
        if self.floor is not None:
            low, high = self.floor.low, self.floor.high
            label += f"\n(if calibrated: {low:.4f} to {high:.4f})"
        return label or None


def _wilson_intervals(accuracy, counts, confidence_level):
    """Return the lower and the upper ends of the intervals."""
    intervals = [
        binomtest(round(p * n), int(n)).proportion_ci(confidence_level, "wilson")
        for p, n in zip(accuracy, counts, strict=True)
    ]
    return np.reshape(intervals, (-1, 2)).T


def _get_histogram_axes(ax):
    """Return the axes at the bottom of the diagram, which are created if necessary."""
    for child in ax.child_axes:
        if child.get_label() == HISTOGRAM:
            return child
    # Behind the points, so that these stay visible.
    inset = ax.inset_axes([0, 0, 1, HISTOGRAM_HEIGHT], label=HISTOGRAM, zorder=0.5)
    inset.patch.set_visible(False)
    inset.spines[:].set_visible(False)
    inset.set(yscale="log", xlim=(0, 1), xticks=[])
    inset.yaxis.tick_right()
    inset.yaxis.set_label_position("right")
    inset.tick_params(labelsize="small")
    inset.set_ylabel("images", fontsize="small")
    return inset


def _draw_histogram(ax, counts, color):
    edges = np.linspace(0, 1, len(counts) + 1)
    # Zero has no place on a logarithmic scale. From 0.5, a single image is visible too.
    bars = ax.stairs(
        np.maximum(counts, 0.5), edges, baseline=0.5, fill=True, alpha=0.25, color=color
    )
    # Lines also show the bars of a display behind those of another.
    ax.stairs(np.maximum(counts, 0.5), edges, baseline=0.5, color=color, lw=0.5)
    top = max([10, *(patch.get_data().values.max() for patch in ax.patches)])
    ax.set_ylim(0.5, 2 * top)
    return bars
