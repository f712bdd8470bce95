"""Find images whose labels are probably wrong, and images that occur twice."""

from importlib.util import find_spec
from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_consistent_length, column_or_1d

from .._input.images import is_tabular
from .._input.targets import find_classes
from .._sklearn_compat import HasMethods, Interval, validate_params
from ..familiarity._detector import N_FOLDS, FamiliarityDetector, cross_validate
from ..pretrained import load_pretrained
from ._duplicates import connect, find_duplicates
from ._predictions import predict_out_of_sample, rank_labels

# Its embeddings suit images of other microscopes better than those of "bloodmnist-28".
DEFAULT_MODEL = "bloodmnist-28-robust"
# Correlation of the pixels from which two images are near duplicates. In BloodMNIST, 6
# pairs that are not identical are found with it. Each shows the same cell in two
# photographs (benchmarks/audit.py).
MIN_SIMILARITY = 0.97
# What may be wrong with an image, from the clearest to the least clear.
REASONS = [
    "contradictory duplicate",
    "contradictory prediction",
    "unfamiliar",
    "duplicate",
]


@validate_params(
    {
        "classifier": [HasMethods(["fit_familiarity"]), None],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "groups": ["array-like", None],
        "y_proba": ["array-like", None],
        "min_similarity": [Interval(Real, 0, 1, closed="right")],
        "contamination": [Interval(Real, 0, 0.5, closed="both")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def audit_labels(
    X,
    y,
    classifier=None,
    *,
    cv=5,
    groups=None,
    y_proba=None,
    min_similarity=MIN_SIMILARITY,
    contamination=0.005,
    random_state=0,
):
    """Find labels that are probably wrong, duplicates, and images unlike the others.

    Look at the images that it finds: each of them may also be right. For each image, a
    logistic regression predicts the label. It is fitted to the embeddings of other
    images, by cross-validation, so it has not seen the label. Copies of an image are
    always in the same fold. cleanlab [1]_ compares the predictions with the labels.

    Parameters
    ----------
    X : array-like
        Images in any form that the classifier accepts. All are read into memory.
    y : array-like of shape (n,)
        Their labels, at least two different ones.
    classifier : BloodCNNClassifier or BloodFNNClassifier, default=None
        A fitted classifier for images, whose embeddings are used. It does not have to
        know the classes. Do not pass a classifier that was fitted to these images:
        it has seen the wrong labels, and its embeddings can hide them. None loads the
        pretrained model "bloodmnist-28-robust", which was fitted to the train split of
        BloodMNIST, so it can hide errors of this split.
    cv : int, default=5
        Number of folds. There are fewer if no class has so many images.
    groups : array-like of shape (n,), default=None
        The slide or patient of each image. Images of one group are in the same fold.
    y_proba : array-like of shape (n, n_classes), default=None
        Out-of-sample probabilities of your own, for example of `cross_val_predict`
        with ``method="predict_proba"``. The columns are the sorted labels. By default,
        the logistic regression predicts them. `cv` is then ignored.
    min_similarity : float, default=0.97
        Images whose pixels correlate at least by this value are near duplicates, if
        they are also mutual nearest neighbours by their embeddings. The images may be
        flipped, rotated by right angles, and shifted by up to a fourteenth of their
        side.
    contamination : float, default=0.005
        This fraction of the images, those that differ most from all others, is called
        unfamiliar; see `FamiliarityDetector`.
    random_state : int, RandomState instance or None, default=0
        Seeds the folds.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        A dictionary-like object:

        table : dict of str to ndarray of shape (n_suspects,)
            The columns of the table of suspects, for example for
            ``pandas.DataFrame(table)``. Each image has one row at most. The rows are
            sorted by the reasons in the order below, and then by the quality; copies of
            an image are next to each other.

            - "index": the index of the image in `X`.
            - "label": the given label.
            - "suggested": the most probable label.
            - "quality": the predicted probability of the given label, from 0 to 1.
            - "familiarity": the percentage of the images that are at most as familiar.
            - "copies": images with the same number are copies of each other; -1 if the
              image has no copy.
            - "reason": "contradictory duplicate", if copies have different labels;
              "contradictory prediction", if another label is more probable;
              "unfamiliar"; or "duplicate", if all copies have the same label. If
              several are true, it is the first of them.

        duplicates : dict of str to ndarray of shape (n_pairs,)
            "first" and "second" are the indices of two images, "similarity" is the
            correlation of their pixels, "is_exact" says whether they are identical, and
            "is_contradictory" whether their labels differ. If there are more than two
            identical images, each of them forms a pair with the first one.
        quality : ndarray of shape (n,)
            The quality of all labels.
        y_proba : ndarray of shape (n, n_classes)
            The out-of-sample probabilities.
        classes : ndarray of shape (n_classes,)
            The sorted labels, in the order of the columns of `y_proba`.
        n_label_errors : int
            How many labels are wrong, estimated by cleanlab from the predictions.

    Raises
    ------
    ImportError
        If cleanlab is not installed.
    NotFittedError
        If the classifier is not fitted.
    TypeError, ValueError
        If the images, the labels or a parameter are invalid, if the classifier is for
        tabular input, or if all images of a class are in one group.

    See Also
    --------
    suggest_images : Chooses images that are worth labelling first.

    References
    ----------
    .. [1] C. G. Northcutt, L. Jiang, I. L. Chuang, "Confident Learning: Estimating
       Uncertainty in Dataset Labels", Journal of Artificial Intelligence Research
       70:1373-1411, 2021. :doi:`10.1613/jair.1.12125`

    Examples
    --------
    >>> from skblood import audit_labels, load_bloodmnist_sample
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    >>> y[7] = "platelet"  # this cell is a basophil
    >>> found = audit_labels(X, y)
    >>> found.table["index"][0].item(), found.table["suggested"][0].item()
    (7, 'basophil')
    """
    _check_cleanlab()
    if classifier is None:
        classifier = load_pretrained(DEFAULT_MODEL)
    images, y = _check_input(classifier, X, y)
    classes, y_encoded = np.unique(y, return_inverse=True)
    groups = _check_groups(groups, y, y_proba)
    if y_proba is not None:
        y_proba = _check_probabilities(y_proba, y, classes)

    features = FamiliarityDetector(classifier)._features(images)
    familiarity = cross_validate(features)
    pairs = find_duplicates(images, features[0], min_similarity)
    if y_proba is None:
        sets = connect(len(y), pairs["first"], pairs["second"], groups)
        y_proba = predict_out_of_sample(
            features[0], y_encoded, classes, sets, cv, random_state
        )
    quality, is_contradicted, n_errors = rank_labels(y_encoded, y_proba)

    pairs["is_contradictory"] = y[pairs["first"]] != y[pairs["second"]]
    copies = connect(len(y), pairs["first"], pairs["second"])
    n_unfamiliar = int(np.ceil(contamination * len(y)))
    is_suspect = {
        **_find_suspect_copies(copies, y_encoded),
        "contradictory prediction": is_contradicted,
        "unfamiliar": np.argsort(np.argsort(familiarity)) < n_unfamiliar,
    }
    columns = {
        "index": np.arange(len(y)),
        "label": y,
        "suggested": classes[y_proba.argmax(axis=1)],
        "quality": quality,
        "familiarity": familiarity,
    }
    return Bunch(
        table=_sort_suspects(columns, copies, is_suspect),
        duplicates=pairs,
        quality=quality,
        y_proba=y_proba,
        classes=classes,
        n_label_errors=n_errors,
    )


def _check_cleanlab():
    if find_spec("cleanlab") is None:
        raise ImportError(
            "The audit of labels needs cleanlab, which is not installed. Run "
            'pip install "skblood[audit]".'
        )


def _check_input(classifier, X, y):
    """Return the images in memory, and the labels."""
    images = classifier._check_new_images(X)
    if is_tabular(images.shape[1:]):
        raise ValueError("Expected a classifier for images, got one for tabular input.")
    y = column_or_1d(y, warn=True)
    check_consistent_length(images, y)
    find_classes(y)
    if len(images) < N_FOLDS:
        raise ValueError(f"Expected at least {N_FOLDS} images, got {len(images)}.")
    return np.asarray(images), y


def _check_groups(groups, y, y_proba):
    if groups is None:
        return None
    if y_proba is not None:
        raise ValueError(
            "Expected groups or y_proba, got both: groups only affect the folds of the "
            "predictions. Pass the groups to cross_val_predict instead."
        )
    groups = column_or_1d(groups)
    check_consistent_length(groups, y)
    return groups


def _check_probabilities(y_proba, y, classes):
    y_proba = np.asarray(y_proba, dtype=float)
    shape = (len(y), len(classes))
    if y_proba.shape != shape:
        raise ValueError(
            f"Expected y_proba of shape {shape}, one column for each label in sorted "
            f"order, got shape {y_proba.shape}."
        )
    # Probabilities in half precision add up to 1 only roughly.
    if not (y_proba >= 0).all() or not np.allclose(y_proba.sum(axis=1), 1, atol=1e-2):
        raise ValueError(
            "Expected y_proba with probabilities that add up to 1 in each row, got "
            "others. Use method='predict_proba'."
        )
    return y_proba


def _find_suspect_copies(copies, y_encoded):
    """Return which images have copies, with different or with the same labels."""
    n_images = np.bincount(copies)
    highest = np.zeros(len(n_images), dtype=int)
    np.maximum.at(highest, copies, y_encoded)
    lowest = highest.copy()
    np.minimum.at(lowest, copies, y_encoded)
    differ = (highest != lowest)[copies]
    return {
        "contradictory duplicate": differ,
        "duplicate": (n_images[copies] > 1) & ~differ,
    }


def _sort_suspects(columns, copies, is_suspect):
    """Return the table: the suspects, sorted, with their reasons."""
    suspicion = np.full(len(copies), len(REASONS))
    for i in reversed(range(len(REASONS))):
        suspicion[is_suspect[REASONS[i]]] = i
    # Unfamiliar images are sorted by how unfamiliar they are, and the copies of an
    # image by the lowest quality among them, so that they stay together.
    is_unfamiliar = suspicion == REASONS.index("unfamiliar")
    quality = np.where(is_unfamiliar, columns["familiarity"], columns["quality"])
    lowest = np.full(copies.max() + 1, np.inf)
    np.minimum.at(lowest, copies, columns["quality"])
    has_copies = np.bincount(copies)[copies] > 1
    is_copy = is_suspect["contradictory duplicate"] | is_suspect["duplicate"]
    key = np.where(is_copy & ~is_unfamiliar, lowest[copies], quality)
    order = np.lexsort((columns["index"], quality, copies, key, suspicion))
    order = order[suspicion[order] < len(REASONS)]
    return {
        **{name: values[order] for name, values in columns.items()},
        "copies": np.where(has_copies, copies, -1)[order],
        "reason": np.array(REASONS)[suspicion[order]],
    }
