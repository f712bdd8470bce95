"""A photograph of a smear with the boxes and the kinds of its cells."""

import numpy as np

from ._pyplot import PALETTE, get_axes

INCHES = 9.0
FONT_SIZE = 7
# Cells in these states get a dashed box, and a question mark behind their kind.
DOUBTFUL = ("unsure", "unfamiliar")
CUT_COLOR = "#666666"


class SmearDisplay:
    """A photograph of a smear with the boxes and the kinds of its cells.

    `skblood.count_cells` returns such displays.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), dtype uint8
        The photograph.
    boxes : ndarray of int, of shape (n, 4)
        Top, left, bottom and right of each cell in pixels.
    kinds : ndarray of str, of shape (n,)
        The kind of each cell.
    states : ndarray of str, of shape (n,)
        "sure", "unsure", "unfamiliar" or "cut". Boxes of doubtful cells (unsure or
        unfamiliar) are dashed, and a question mark follows their kind. Boxes of cells
        that the edge of the photograph cuts are grey and have no text.
    all_kinds : sequence of str, default=None
        All kinds that get a colour. Pass the same for several photographs, so that a
        kind has the same colour in all of them. By default, those in `kinds`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes with the photograph.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    boxes_ : list of matplotlib.patches.Rectangle
        The boxes in the figure.
    texts_ : list of matplotlib.text.Text
        The kinds in the figure.

    Examples
    --------
    >>> from skblood import count_cells
    >>> from skblood.datasets import load_bloodmnist_sample, make_smear
    >>> X, _ = load_bloodmnist_sample("test", return_X_y=True)
    >>> smear = make_smear(X[:6], random_state=0)
    >>> display = count_cells(smear.image).displays[0].plot()
    >>> len(display.boxes_)
    6
    """

    def __init__(self, image, *, boxes, kinds, states, all_kinds=None):
        self.image = image
        self.boxes = boxes
        self.kinds = kinds
        self.states = states
        self.all_kinds = all_kinds

    def plot(self, *, ax=None):
        """Plot the photograph.

        Each kind has a colour; people with any type of colour vision can tell the first
        eight apart. The kind is also written beside the box.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.

        Returns
        -------
        self : SmearDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        height, width = self.image.shape[:2]
        size = INCHES * np.array([width, height]) / max(width, height)
        ax = get_axes(self, ax, figsize=size, layout="constrained")
        ax.imshow(self.image)
        ax.set_axis_off()
        colors = self._choose_colors()
        self.boxes_, self.texts_ = [], []
        for box, kind, state in zip(self.boxes, self.kinds, self.states, strict=True):
            self._draw(ax, box, kind, state, colors[kind])
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _choose_colors(self):
        names = sorted(set(self.kinds)) if self.all_kinds is None else self.all_kinds
        return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(names)}

    def _draw(self, ax, box, kind, state, color):
        from matplotlib.patches import Rectangle
        from matplotlib.patheffects import withStroke

        top, left, bottom, right = box
        is_doubtful, is_cut = state in DOUBTFUL, state == "cut"
        color = CUT_COLOR if is_cut else color
        # Pixel 0 of an image reaches from -0.5 to 0.5.
        frame = Rectangle(
            (left - 0.5, top - 0.5),
            right - left,
            bottom - top,
            fill=False,
            edgecolor=color,
            linestyle="--" if is_doubtful else "-",
            linewidth=1.0 if is_cut else 1.8,
        )
        self.boxes_.append(ax.add_patch(frame))
        if is_cut:
            return
        # The text stands above the box and begins with it. At the top edge it stands
        # below, and at the right edge it ends with the box.
        height, width = self.image.shape[:2]
        is_top, is_right = top < 0.03 * height, left > 0.8 * width
        text = ax.annotate(
            f"{kind}?" if is_doubtful else kind,
            ((right if is_right else left) - 0.5, (bottom if is_top else top) - 0.5),
            xytext=(0, -1.5 if is_top else 1.5),
            textcoords="offset points",
            ha="right" if is_right else "left",
            va="top" if is_top else "bottom",
            fontsize=FONT_SIZE,
            clip_on=True,
            # A white seam keeps the text readable on cells.
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
        self.texts_.append(text)
