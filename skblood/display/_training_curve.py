"""The loss or the accuracy of each epoch of a training."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._pyplot import BLUE, VERMILION, get_axes

# The keys in `history_` that belong to each measure, and its name on the axis.
MEASURES = {
    "loss": ("train_loss", "valid_loss", "loss"),
    "accuracy": ("train_acc", "valid_acc", "accuracy"),
}


class TrainingCurveDisplay:
    """The loss or the accuracy of each epoch of a training.

    Use `from_estimator` to create it.

    Parameters
    ----------
    epochs : array-like of shape (n_epochs,)
        Numbers of the epochs.
    train : array-like of shape (n_epochs,)
        Loss or accuracy on the training images. It is measured during the epoch, on
        augmented images, so the accuracy is usually lower than that of the classifier.
    validation : array-like of shape (n_epochs,), default=None
        Loss or accuracy on the validation images after each epoch. NaN where there was
        none.
    measure_name : str, default="loss"
        Label of the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes with the curves.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    lines_ : list of matplotlib.lines.Line2D
        One curve, or two if there are validation images.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores for different numbers of
        training images.

    Examples
    --------
    >>> from skblood import BloodFNNClassifier, load_bloodmnist_sample
    >>> from skblood.display import TrainingCurveDisplay
    >>> X, y = load_bloodmnist_sample("train", return_X_y=True)
    >>> X_val, y_val = load_bloodmnist_sample("test", return_X_y=True)
    >>> clf = BloodFNNClassifier(max_epochs=3).fit(X, y, X_val=X_val, y_val=y_val)
    >>> display = TrainingCurveDisplay.from_estimator(clf, measure="accuracy")
    >>> len(display.lines_)
    2
    """

    def __init__(self, epochs, train, *, validation=None, measure_name="loss"):
        self.epochs = epochs
        self.train = train
        self.validation = validation
        self.measure_name = measure_name

    @classmethod
    def from_estimator(cls, estimator, *, measure="loss", ax=None, **line_kw):
        """Plot the training of a fitted classifier.

        Parameters
        ----------
        estimator : BloodCNNClassifier or BloodFNNClassifier
            A fitted classifier. The curves come from its `history_`.
        measure : {"loss", "accuracy"}, default="loss"
            What to plot.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.
        **line_kw : dict
            Arguments of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If the measure is not known.
        """
        check_is_fitted(estimator)
        if measure not in MEASURES:
            raise ValueError(
                f"Expected measure to be {' or '.join(map(repr, MEASURES))}, got "
                f"{measure!r}."
            )
        train_key, valid_key, name = MEASURES[measure]
        history = estimator.history_
        validation = np.array([epoch.get(valid_key, np.nan) for epoch in history])
        display = cls(
            np.array([epoch["epoch"] for epoch in history]),
            np.array([epoch[train_key] for epoch in history]),
            validation=None if np.isnan(validation).all() else validation,
            measure_name=name,
        )
        return display.plot(ax=ax, **line_kw)

    def plot(self, *, ax=None, **line_kw):
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.
        **line_kw : dict
            Arguments of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : TrainingCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = get_axes(self, ax)
        curves = [("training", self.train, BLUE, "-")]
        if self.validation is not None:
            curves.append(("validation", self.validation, VERMILION, "--"))
        self.lines_ = []
        for label, values, color, style in curves:
            # The curves also differ in style, for prints without colours. A dot shows a
            # single epoch, which has no line.
            options = {"label": label, "color": color, "linestyle": style}
            options["marker"] = "o" if len(self.epochs) == 1 else None
            self.lines_ += ax.plot(self.epochs, values, **{**options, **line_kw})
        ax.set(xlabel="epoch", ylabel=self.measure_name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
