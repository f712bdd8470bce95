"""Choose the images that are worth labelling first."""

from numbers import Integral

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans

from ._sklearn_compat import HasMethods, Interval, validate_params

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
    chosen images, and fit a pretrained classifier again to them (`warm_start`). With 50
    cells of one of two microscopes, this was clearly more accurate than with random
    cells; with 100 cells of the other one there was no difference
    (``benchmarks/microscopes.py``).

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
