"""Access to matplotlib, which only the figures need."""

# The palette of Okabe and Ito, whose colours people with any type of colour vision can
# tell apart (https://jfly.uni-koeln.de/color/): blue, vermilion, green, purple, orange,
# sky blue, yellow and black.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#F0E442",
    "#000000",
)
BLUE, VERMILION = PALETTE[:2]


def get_axes(display, ax, **figure_options):
    """Return the axes to draw in: the given ones, or those of a new figure.

    Parameters
    ----------
    display : object
        Its class is named in the error.
    ax : matplotlib.axes.Axes or None
    **figure_options
        Arguments of `matplotlib.pyplot.subplots` for a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__}.plot needs matplotlib, which is not installed. "
            'Run pip install "skblood[plot]".'
        ) from error
    if ax is None:
        _, ax = plt.subplots(**figure_options)
    return ax


def set_line_styles(ax):
    """Give the lines of empty axes the colours of `PALETTE`, and different styles.

    The curves of several displays in the same axes can then also be told apart in
    prints without colours. Axes that already have lines keep their styles.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    """
    if not ax.lines:
        ax.set_prop_cycle(color=PALETTE, linestyle=["-", "--", "-.", ":"] * 2)
