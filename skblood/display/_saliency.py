"""The pixels that raise or lower the logit of a class."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._input.images import is_tabular
from .._input.targets import encode_labels
from ._cell_grid import INCHES_PER_IMAGE, CellGridDisplay, to_display_range
from ._pyplot import BLUE, VERMILION, get_axes

# People with any type of colour vision can tell these apart.
RAISED, LOWERED = VERMILION, BLUE
METHODS = ("integrated_gradients", "grad_cam")
# Width of the colour bar with its labels, in images.
BAR_WIDTH = 1.2
# In each map, this percentile of the absolute values gets the full colour. With the
# largest value, a single pixel could make all others pale.
FULL_COLOUR = 99
# Black pixels are shown behind a map in this grey, from 0 for black to 1 for white.
DARKEST_GREY = 0.6


class SaliencyDisplay:
    """Images of cells, and below each the pixels that raise or lower a logit.

    Use `from_estimator` to create it.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        Images with one or three channels.
    saliency : ndarray of shape (n, H, W)
        For each pixel, how much it raises the logit (above 0) or lowers it (below 0).
    labels : array-like of shape (n,), default=None
        The class to which each logit belongs. It is written below the map.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes with all images and maps.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    colorbar_ : matplotlib.colorbar.Colorbar
        The legend of the colours.
    images_ : list of matplotlib.image.AxesImage
        The images in the figure, each with its map below.
    texts_ : list of matplotlib.text.Text
        The labels in the figure.

    See Also
    --------
    CellGridDisplay : Images with their predictions.

    Notes
    -----
    The maps are computed by captum [1]_. They explain the output of the network for the
    standardised pixels: the logits before a calibration. With test-time augmentation,
    the map is the mean of the maps of all views, as the logit is.

    **Integrated gradients** [2]_ compare an image x with a baseline b. The value i of
    the standardised image gets ``x[i] - b[i]``, multiplied by the mean of the
    derivative of the logit with respect to this value along the straight line from b to
    x (eq. 1 of [2]_). These values are summed over the channels. The sum of a map is
    the logit of the image minus the logit of the baseline.

    The baseline has the value 0 everywhere after the standardisation. With
    ``scaling="standard"``, all its pixels have the mean colour of the training images;
    for tabular input, it is the mean feature row. With ``scaling="minmax"``, all values
    are in the middle between the smallest and the largest value. Such a colour is
    lighter than nuclei and darker than the background, so that both can get values
    other than 0. A pixel of exactly this colour always gets 0. The baseline shows no
    cell, but the network gives it a class, too. The pretrained models take it for a
    platelet. For platelets, the sum of the map is therefore often below 0.

    **Grad-CAM** [3]_ weights the last feature maps of the network by the mean of their
    gradients, and sums them. The result is enlarged to the size of the image, so it
    shows regions rather than pixels. Unlike in [3]_, values below 0 are kept.

    A map shows which pixels the network uses. It does not show that the prediction is
    correct.

    References
    ----------
    .. [1] N. Kokhlikyan et al., "Captum: A unified and generic model interpretability
       library for PyTorch", 2020, https://arxiv.org/abs/2009.07896.
    .. [2] M. Sundararajan, A. Taly and Q. Yan, "Axiomatic Attribution for Deep
       Networks", ICML 2017, eq. 1, https://arxiv.org/abs/1703.01365.
    .. [3] R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
       Gradient-based Localization", ICCV 2017, eq. 1 and 2,
       https://arxiv.org/abs/1610.02391.

    Examples
    --------
    >>> from skblood import load_bloodmnist_sample, load_pretrained
    >>> from skblood.display import SaliencyDisplay
    >>> X, _ = load_bloodmnist_sample("test", return_X_y=True)
    >>> clf = load_pretrained("bloodmnist-28-tiny")
    >>> display = SaliencyDisplay.from_estimator(clf, X[:4])
    >>> display.saliency.shape
    (4, 28, 28)
    >>> display.labels.tolist()
    ['erythroblast', 'lymphocyte', 'lymphocyte', 'neutrophil']
    """

    def __init__(self, images, saliency, *, labels=None):
        self.images = images
        self.saliency = saliency
        self.labels = labels

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        target=None,
        method="integrated_gradients",
        n_steps=32,
        n_columns=8,
        ax=None,
    ):
        """Compute the maps of a fitted classifier, and plot them.

        Parameters
        ----------
        estimator : BloodCNNClassifier or BloodFNNClassifier
            A fitted classifier. It is not changed.
        X : array-like
            Images, or tabular input, in any form that the classifier accepts.
        target : label or array-like of shape (n,), default=None
            The class whose logit is explained, for all images or for each image. By
            default, this is the predicted class of each image.
        method : {"integrated_gradients", "grad_cam"}, default="integrated_gradients"
            How the maps are computed, see the notes of this class. "grad_cam" is
            coarser and faster. It needs images and a network with convolutions.
        n_steps : int, default=32
            Number of steps of integrated gradients. The computing time grows with it.
            Increase it if there is a ConvergenceWarning.
        n_columns : int, default=8
            Number of images in a row.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.

        Returns
        -------
        SaliencyDisplay
            Its attributes are `images` of shape (n, H, W, C), `saliency` of shape
            (n, H, W) in float64, and `labels` of shape (n,).

        Raises
        ------
        ImportError
            If captum or matplotlib is not installed.
        NotFittedError
            If the classifier is not fitted.
        TypeError
            If the estimator is not one of skblood's classifiers, but a pipeline, for
            example.
        ValueError
            If the images are invalid, if a parameter is invalid, if the classifier does
            not know a label in `target`, or if the network does not suit the method.

        Warns
        -----
        ConvergenceWarning
            If the sums of the maps from integrated gradients differ by more than 10 %
            from the differences of the logits.
        """
        _check_estimator(estimator)
        _check_options(estimator, method, n_steps)
        captum = _import_captum()
        # Importing it imports torch, which the other displays do not need.
        from ._attribution import attribute

        images = estimator._check_new_images(X)
        targets = _resolve_targets(estimator, images, target)
        saliency = attribute(
            captum,
            estimator.net_,
            images,
            targets,
            method=method,
            n_steps=n_steps,
            views=estimator._resolve_views(),
        )
        # This reads images that have stayed on the disk so far.
        display = cls(images[:], saliency, labels=estimator.classes_[targets])
        return display.plot(n_columns=n_columns, ax=ax)

    def plot(self, *, n_columns=8, ax=None):
        """Plot the images, and their maps below.

        Each map has its own scale of colours. Behind a map, the image is shown in light
        grey.

        Parameters
        ----------
        n_columns : int, default=8
            Number of images in a row.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot in. By default, a new figure is created.

        Returns
        -------
        self : SaliencyDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        texts = None if self.labels is None else [str(label) for label in self.labels]
        colors = _to_rgb(to_display_range(self.images))
        grid = CellGridDisplay(_stack(colors, self.saliency), texts=texts)
        width, height = grid.measure_size(n_columns=n_columns)
        size = (width + BAR_WIDTH * INCHES_PER_IMAGE, height)
        ax = get_axes(self, ax, figsize=size, layout="constrained")
        grid.plot(n_columns=n_columns, ax=ax)
        self.images_, self.texts_ = grid.images_, grid.texts_
        self.colorbar_ = _draw_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _check_estimator(estimator):
    # The method `fit_familiarity` belongs to skblood's classifiers alone.
    if not hasattr(estimator, "fit_familiarity"):
        raise TypeError(
            "Expected a BloodCNNClassifier or BloodFNNClassifier, got "
            f"{type(estimator).__name__}. Pass the classifier inside of it, and the "
            "images that this classifier gets: for a pipeline, pipeline[-1] and "
            "pipeline[:-1].transform(X)."
        )
    check_is_fitted(estimator)


def _check_options(estimator, method, n_steps):
    if method not in METHODS:
        raise ValueError(
            f"Expected method to be {' or '.join(map(repr, METHODS))}, got {method!r}."
        )
    if not isinstance(n_steps, Integral) or n_steps < 1:
        raise ValueError(f"Expected n_steps to be a positive integer, got {n_steps!r}.")
    if method == "grad_cam" and is_tabular(estimator.image_shape_):
        raise ValueError(
            "Expected a classifier for images for method='grad_cam', got one for "
            f"tabular input of shape {estimator.image_shape_}. Use "
            "method='integrated_gradients'."
        )


def _import_captum():
    try:
        import captum.attr
    except ImportError as error:
        raise ImportError(
            "SaliencyDisplay.from_estimator needs captum, which is not installed. "
            'Run pip install "skblood[explain]".'
        ) from error
    return captum.attr


def _resolve_targets(estimator, images, target):
    """Return the index of the explained class for each image."""
    if target is None:
        return estimator._logits_of_images(images).argmax(axis=1)
    labels = np.asarray(target)
    if labels.ndim == 0:
        labels = np.full(len(images), target)
    if labels.shape != (len(images),):
        raise ValueError(
            f"Expected target to be one label or an array of shape ({len(images)},), "
            f"one label for each image, got shape {labels.shape}."
        )
    unknown = np.setdiff1d(labels, estimator.classes_)
    if len(unknown):
        raise ValueError(
            f"Expected target to be labels from {estimator.classes_.tolist()}, got "
            f"{unknown.tolist()}."
        )
    return encode_labels(labels, estimator.classes_)


def _stack(colors, saliency):
    """Return RGB images of each image above its map, with a white gap between them."""
    n, height, width = saliency.shape
    gap = np.ones((n, -(-height // 28), width, 3))
    return np.concatenate([colors, gap, _draw_maps(colors, saliency)], axis=1)


def _to_rgb(pixels):
    """Return pixels (n, H, W) or (n, H, W, 3) as (n, H, W, 3)."""
    return pixels if pixels.ndim == 4 else np.repeat(pixels[..., np.newaxis], 3, axis=3)


def _draw_maps(colors, saliency):
    """Return RGB images of the maps, drawn on the images in light grey."""
    limits = np.percentile(np.abs(saliency), FULL_COLOUR, axis=(1, 2), keepdims=True)
    # A map of zeros has no limit above 0.
    limits = np.maximum(limits, np.finfo(float).tiny)
    strengths = np.clip(saliency / limits, -1, 1)
    opacity = np.abs(strengths)[..., np.newaxis]
    grey = DARKEST_GREY + (1 - DARKEST_GREY) * colors.mean(axis=3, keepdims=True)
    return (1 - opacity) * grey + opacity * _full_colors(strengths)


def _full_colors(strengths):
    from matplotlib.colors import to_rgb

    is_raised = (strengths > 0)[..., np.newaxis]
    return np.where(is_raised, to_rgb(RAISED), to_rgb(LOWERED))


def _draw_legend(ax):
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    cmap = LinearSegmentedColormap.from_list("logit", [LOWERED, "white", RAISED])
    bar = ax.figure.colorbar(
        ScalarMappable(Normalize(-1, 1), cmap), ax=ax, shrink=0.6, aspect=12
    )
    bar.set_ticks([-1, 0, 1], labels=["lowers\nthe logit", "0", "raises\nthe logit"])
    return bar
