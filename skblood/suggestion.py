"""Suggestions for a new microscope: which images to label, and how to crop them."""

from numbers import Integral

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.utils.validation import check_is_fitted

from ._input.images import check_images_of_any_size, check_pixel_range
from ._sklearn_compat import HasMethods, Interval, validate_params
from .familiarity._appearance import measure_cell_radius

# A smaller difference in size can come from another mixture of small and large kinds of
# cells, so no crop is suggested.
SIMILAR_SIZE = 0.85
# With more images, clusters are found in batches, which is much faster.
MANY_IMAGES = 5_000


@validate_params(
    {
        "classifier": [HasMethods(["transform"])],
        "n_images": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def suggest_images(classifier, X, n_images=50, *, random_state=0):
    """Choose the images that are worth labelling first.

    The images should be many, without labels, and from your own microscope. Label the
    chosen images, and fit a pretrained classifier again to them (`warm_start`). With
    100 chosen cells of one microscope and 50 of another, the accuracy of
    "bloodmnist-28-robust" on the other cells was .95 and .89; with random cells, it was
    .94 and .78 (``benchmarks/microscopes.py``).

    The embeddings of the images are divided into `n_images` clusters. The image nearest
    to the centre of each cluster is chosen. The choice thus covers the variety of the
    images, but leaves out exceptional ones. With few labels, such typical images teach
    a classifier more than those it is least sure about [1]_.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier
        A fitted classifier. It does not have to know the microscope.
    X : array-like
        Images in any form that the classifier accepts.
    n_images : int, default=50
        Number of images to choose. If there are fewer images, all are chosen.
    random_state : int, RandomState instance or None, default=0
        Seeds the clustering.

    Returns
    -------
    ndarray of shape (min(n_images, n),), dtype int64
        Indices of the chosen images, in the order of the size of their clusters: those
        that stand for most images come first.

    Raises
    ------
    NotFittedError
        If the classifier is not fitted.
    TypeError, ValueError
        If the images or a parameter are invalid.

    References
    ----------
    .. [1] G. Hacohen, A. Dekel, D. Weinshall, "Active Learning on a Budget: Opposite
       Strategies Suit High and Low Budgets", ICML 2022, arXiv:2202.02794.

    Examples
    --------
    >>> from skblood import load_bloodmnist_sample, load_pretrained, suggest_images
    >>> X, y = load_bloodmnist_sample("train", return_X_y=True)
    >>> chosen = suggest_images(load_pretrained(), X, 40)
    >>> chosen.shape
    (40,)
    >>> len(set(y[chosen]))  # all eight classes are among them
    8
    """
    return choose_typical(classifier.transform(X), n_images, random_state)


@validate_params(
    {"classifier": [HasMethods(["fit_familiarity"])]},
    prefer_skip_nested_validation=True,
)
def suggest_crop(classifier, X):
    """Suggest a crop in which cells look as large as in the training images.

    A classifier makes more errors if the cells take another part of the image than in
    its training images, because the magnification or the crop differ. The size of the
    cells is measured from the mean of all images, so single outlines are not needed.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier
        A fitted classifier that knows how large the cells in its training images are,
        from `fit_familiarity`.
    X : array-like of shape (n, H, W, C), (n, C, H, W) or (n, H, W)
        Images with one cell in the middle, with the same pixel range as the training
        images, for example from ``load_cell_images(folder, size=200)``. They can have
        another height and width than the training images. With 20 images, the result
        typically differs by 10 %, and sometimes by 20 %; with 200 it is more accurate.

    Returns
    -------
    int
        Side, in pixels of `X`, of the square in the middle of the images. It is the
        shorter side of the images if the cells are not smaller than in the training
        images, or smaller by less than 15 %, because another mixture of kinds of cells
        can cause such a difference. Of platelets or erythroblasts alone, the result is
        too small.

    Raises
    ------
    NotFittedError
        If the classifier is not fitted.
    ValueError
        If the classifier does not know how large the cells are, or if the images are
        invalid or show no cells in their middle.

    See Also
    --------
    load_cell_images : Its `crop` is in pixels of the image files.

    Examples
    --------
    >>> import numpy as np
    >>> from skblood import load_bloodmnist_sample, load_pretrained, suggest_crop
    >>> X, _ = load_bloodmnist_sample("train", return_X_y=True)
    >>> clf = load_pretrained()
    >>> suggest_crop(clf, X)
    28
    >>> smaller = np.pad(X, [(0, 0), (10, 10), (10, 10), (0, 0)], mode="edge")
    >>> smaller.shape
    (1600, 48, 48, 3)
    >>> 26 <= suggest_crop(clf, smaller) <= 30
    True
    """
    check_is_fitted(classifier)
    usual_radius = _usual_radius(classifier)
    images = check_images_of_any_size(X, n_channels=classifier.image_shape_[2])
    check_pixel_range(classifier, images, classifier.pixel_range_)
    radius = measure_cell_radius(images, classifier.pixel_range_)
    if radius is None:
        raise ValueError(
            "Expected images with a dark cell in the middle, got images that are not "
            "darker in the middle than at the edge."
        )
    side = min(images.shape[1:3])
    ratio = radius / usual_radius
    return side if ratio > SIMILAR_SIZE else round(side * ratio)


def _usual_radius(classifier):
    """Return the radius of the cells in a classifier's training images."""
    if classifier.pixel_range_ is None:
        raise ValueError(
            "Expected a classifier for images that knows their range of pixel values, "
            "got one whose pixel_range_ is None. Fit it again to images."
        )
    detector = classifier.familiarity_
    if detector is None or detector.density_mean_.size == 0:
        raise ValueError(
            "Expected a classifier that knows how large the cells in its training "
            "images are, got one that does not. Call its method fit_familiarity first."
        )
    if detector.cell_radius_ is None:
        raise ValueError(
            "Expected a classifier whose training images show a dark cell in the "
            "middle, got one for which no size of cells could be measured. Choose the "
            "crop yourself."
        )
    return detector.cell_radius_


def choose_typical(embeddings, n, random_state=0):
    """Return the indices of `n` images that represent all images.

    Parameters
    ----------
    embeddings : ndarray of shape (n_images, n_embedding)
    n : int
    random_state : int, RandomState instance or None

    Returns
    -------
    ndarray of shape (min(n, n_images),), dtype int64
    """
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    directions = embeddings / np.maximum(lengths, np.finfo(np.float32).tiny)
    # Identical images could not be divided into as many clusters.
    directions, first, counts = np.unique(
        directions, axis=0, return_index=True, return_counts=True
    )
    if len(first) <= n:
        # Repeated images come last.
        others = np.setdiff1d(np.arange(len(embeddings)), first)
        return np.concatenate([first[np.argsort(-counts, kind="stable")], others])[:n]
    cluster = MiniBatchKMeans if len(first) > MANY_IMAGES else KMeans
    kmeans = cluster(n, n_init=3, random_state=random_state).fit(directions)
    distances = kmeans.transform(directions)
    chosen = []
    sizes = np.bincount(kmeans.labels_, minlength=n)
    for k in np.argsort(-sizes, kind="stable"):
        # Two clusters can have the same image nearest to their centres.
        distances[chosen, k] = np.inf
        chosen.append(int(distances[:, k].argmin()))
    return first[chosen]
