"""Images of cells side by side, with their labels or predictions."""

import textwrap

import numpy as np

from .._input.images import check_images_of_any_size
from ._pyplot import VERMILION, get_axes

# Free space around an image, and the height of a line of text below it, as fractions of
# the side of an image.
MARGIN, LINE_HEIGHT = 0.06, 0.16
# A line of text below an image has about so many characters.
LINE_LENGTH = 14
INCHES_PER_IMAGE = 1.05
FONT_SIZE = 8


class CellGridDisplay:
    """Images of cells side by side, with a text below each.

    Use `from_arrays` or `from_predictions` to create it.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        Images with one or three channels. uint8 images are shown as they are; other
        images are scaled so that the smallest value of all is black and the largest
        white, unless all values are between 0 and 1.
    texts : list of str, default=None
        The text below each image.
    is_marked : array-like of bool, of shape (n,), default=None
        These images get a frame, and their text another colour.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes with all images.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    images_ : list of matplotlib.image.AxesImage
        The images in the figure.
    texts_ : list of matplotlib.text.Text
        The texts in the figure.

    Examples
    --------
    >>> from skblood import load_bloodmnist_sample, load_pretrained
    >>> from skblood.display import CellGridDisplay
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    >>> display = CellGridDisplay.from_arrays(X[:16], y[:16])
    >>> display.texts_[0].get_text()
    'erythroblast'
    >>> clf = load_pretrained()
    >>> P = clf.predict_proba(X[:16])
    >>> display = CellGridDisplay.from_predictions(
    ...     X[:16], clf.classes_[P.argmax(axis=1)], y_true=y[:16],
    ...     probabilities=P.max(axis=1),
    ... )
    >>> len(display.images_)
    16
    """

    def __init__(self, images, *, texts=None, is_marked=None):
        self.images = images
        self.texts = texts
        self.is_marked = is_marked

    @classmethod
    def from_arrays(cls, X, y=None, *, n_columns=8, ax=None):
        """Plot images, with their labels if they are given.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, C, H, W) or (n, H, W)
            Images.
        y : array-like of shape (n,), default=None
            Their labels.
        n_columns : int, default=8
            Number of images in a row.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.

        Returns
        -------
        CellGridDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the images are invalid, or if there are not as many labels as images.
        """
        images = check_images_of_any_size(X)
        texts = None if y is None else [str(label) for label in _check(y, "y", images)]
        return cls(images, texts=texts).plot(n_columns=n_columns, ax=ax)

    @classmethod
    def from_predictions(
        cls, X, y_pred, *, y_true=None, probabilities=None, n_columns=8, ax=None
    ):
        """Plot images with their predicted labels; wrong ones are marked.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, C, H, W) or (n, H, W)
            Images.
        y_pred : array-like of shape (n,)
            Predicted labels.
        y_true : array-like of shape (n,), default=None
            True labels. If a prediction is wrong, the image gets a frame, and the text
            says which label is true.
        probabilities : array-like of shape (n,), default=None
            Probability of each predicted label.
        n_columns : int, default=8
            Number of images in a row.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.

        Returns
        -------
        CellGridDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the images are invalid, or if the arrays differ in length.
        """
        images = check_images_of_any_size(X)
        y_pred = _check(y_pred, "y_pred", images)
        texts, is_wrong = [str(label) for label in y_pred], None
        if probabilities is not None:
            values = _check(probabilities, "probabilities", images)
            texts = [f"{t} {p:.2f}" for t, p in zip(texts, values, strict=True)]
        if y_true is not None:
            y_true = _check(y_true, "y_true", images)
            is_wrong = y_pred != y_true
            for i in np.flatnonzero(is_wrong):
                texts[i] += f"\ntrue: {y_true[i]}"
        display = cls(images, texts=texts, is_marked=is_wrong)
        return display.plot(n_columns=n_columns, ax=ax)

    def plot(self, *, n_columns=8, ax=None):
        """Plot the images.

        Parameters
        ----------
        n_columns : int, default=8
            Number of images in a row.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.

        Returns
        -------
        self : CellGridDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        n_columns = min(n_columns, len(self.images))
        texts, tops = self._wrapped_texts(), self._row_tops(n_columns)
        size = self.measure_size(n_columns=n_columns)
        ax = get_axes(self, ax, figsize=size, layout="constrained")
        pixels = to_display_range(self.images)
        self.images_, self.texts_ = [], []
        for i, text in enumerate(texts):
            row, column = divmod(i, n_columns)
            left = column * (1 + MARGIN)
            self._draw(ax, pixels[i], text, left, tops[row], self._is_marked(i))
        ax.set(
            xlim=(-MARGIN, n_columns * (1 + MARGIN)),
            ylim=(tops[-1], -MARGIN),
            aspect="equal",
        )
        ax.axis("off")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def measure_size(self, *, n_columns=8):
        """Return the size of a figure in which the images fit.

        Parameters
        ----------
        n_columns : int, default=8
            Number of images in a row.

        Returns
        -------
        tuple of float (width, height)
            In inches.
        """
        n_columns = min(n_columns, len(self.images))
        width, height = n_columns * (1 + MARGIN), self._row_tops(n_columns)[-1]
        return width * INCHES_PER_IMAGE, height * INCHES_PER_IMAGE

    def _row_tops(self, n_columns):
        """Return where each row begins, and where the last one ends, in images."""
        texts, tops = self._wrapped_texts(), [0.0]
        image_height = self.images.shape[1] / self.images.shape[2]
        for start in range(0, len(texts), n_columns):
            n_lines = max(map(_count_lines, texts[start : start + n_columns]))
            row_height = image_height + MARGIN + n_lines * LINE_HEIGHT
            tops.append(tops[-1] + row_height)
        return tops

    def _wrapped_texts(self):
        """Return the text of each image, in short lines."""
        if self.texts is None:
            return [""] * len(self.images)
        return [
            "\n".join(
                line
                for paragraph in text.split("\n")
                for line in textwrap.wrap(paragraph, LINE_LENGTH)
            )
            for text in self.texts
        ]

    def _is_marked(self, i):
        return self.is_marked is not None and bool(self.is_marked[i])

    def _draw(self, ax, pixels, text, left, top, is_marked):
        from matplotlib.patches import Rectangle

        bottom = top + pixels.shape[0] / pixels.shape[1]
        self.images_.append(
            ax.imshow(
                pixels,
                extent=(left, left + 1, bottom, top),
                cmap="gray",
                vmin=0,
                vmax=1,
            )
        )
        if is_marked:
            frame = Rectangle(
                (left, top), 1, bottom - top, fill=False, edgecolor=VERMILION, lw=2.5
            )
            ax.add_patch(frame)
        if text:
            self.texts_.append(
                ax.text(
                    left + 0.5,
                    bottom + MARGIN / 2,
                    text,
                    ha="center",
                    va="top",
                    fontsize=FONT_SIZE,
                    color=VERMILION if is_marked else "black",
                )
            )


def _count_lines(text):
    return text.count("\n") + 1 if text else 0


def _check(values, name, images):
    """Return values as an array, or raise an error if there is not one per image."""
    values = np.asarray(values)
    if values.shape != (len(images),):
        raise ValueError(
            f"Expected {name} of shape ({len(images)},), one value for each image, got "
            f"shape {values.shape}."
        )
    return values


def to_display_range(images):
    """Return images with values that matplotlib shows as they are."""
    if images.dtype == np.uint8:
        images = images / 255
    elif images.min() < 0 or images.max() > 1:
        low, high = images.min(), images.max()
        images = (images - low) / max(high - low, np.finfo(float).tiny)
    return images[..., 0] if images.shape[3] == 1 else images
