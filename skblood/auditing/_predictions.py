"""Out-of-sample predictions, and labels that contradict them."""

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# The inverse strength of the L2 penalty. Its effect on the accuracy with embeddings of
# BloodMNIST and of two other microscopes was small: a tenth of it and ten times it
# differed by less than 4 points (benchmarks/audit.py).
C = 0.1


def predict_out_of_sample(embeddings, y_encoded, classes, sets, cv, random_state):
    """Return probabilities from logistic regressions that did not see the image.

    Parameters
    ----------
    embeddings : ndarray of shape (n, n_embedding)
    y_encoded : ndarray of int, of shape (n,)
    classes : ndarray of shape (n_classes,)
        The labels, for error messages.
    sets : ndarray of int, of shape (n,)
        Images of the same set are in the same fold.
    cv : int
        Number of folds.
    random_state : int, RandomState instance or None

    Returns
    -------
    ndarray of shape (n, n_classes)

    Raises
    ------
    ValueError
        If there are not enough images or groups for `cv` folds.
    """
    folds = _split(y_encoded, classes, sets, cv, random_state)
    y_proba = np.empty((len(y_encoded), len(classes)))
    for train, part in folds:
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=C, max_iter=1000)
        ).fit(embeddings[train], y_encoded[train])
        y_proba[part] = model.predict_proba(embeddings[part])
    return y_proba


def _split(y_encoded, classes, sets, cv, random_state):
    """Return folds for which each class is in each training part."""
    # scikit-learn refuses more folds than the largest class has images.
    n_folds = min(cv, len(np.unique(sets)), np.bincount(y_encoded).max())
    if n_folds < 2:
        raise ValueError(
            "Expected images of at least 2 groups, got 1. A label can be checked only "
            "with images of other groups."
        )
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
    with warnings.catch_warnings():
        # The check below is stricter than this warning about classes with few images.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        folds = list(splitter.split(y_encoded, y_encoded, sets))
    for train, _ in folds:
        missing = np.setdiff1d(np.arange(len(classes)), y_encoded[train])
        if len(missing):
            raise ValueError(
                "Expected images of each class in several groups, got "
                f"{classes[missing].tolist()} in one part of the images only. Add "
                "images of this class, or leave the class out."
            )
    return folds


def rank_labels(y_encoded, y_proba):
    """Return how well each label agrees with the predictions, by cleanlab.

    Parameters
    ----------
    y_encoded : ndarray of int, of shape (n,)
    y_proba : ndarray of shape (n, n_classes)

    Returns
    -------
    quality : ndarray of shape (n,)
        The probability of the given label.
    is_contradicted : ndarray of bool, of shape (n,)
        Whether another label is more probable.
    n_errors : int
        The number of wrong labels, estimated by confident learning.
    """
    from cleanlab.count import num_label_issues
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    quality = get_label_quality_scores(y_encoded, y_proba, method="self_confidence")
    is_contradicted = find_label_issues(
        y_encoded, y_proba, filter_by="predicted_neq_given", n_jobs=1
    )
    return quality, is_contradicted, int(num_label_issues(y_encoded, y_proba))
