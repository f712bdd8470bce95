"""Access to matplotlib, which only the figures need."""

# Blue and vermilion of the palette of Okabe and Ito, which people with any type of
# colour vision can tell apart (https://jfly.uni-koeln.de/color/).
BLUE, VERMILION = "#0072B2", "#D55E00"


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
