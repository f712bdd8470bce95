"""Predictions of a classifier, and which of them are doubtful."""

from numbers import Real

import numpy as np
from sklearn.utils import Bunch

from ._sklearn_compat import HasMethods, Interval, validate_params

# With this value, 3.6 % of the pretrained model's predictions for the test split of
# BloodMNIST are doubtful, and they include 59 % of the errors
# (benchmarks/microscopes.py).
MIN_PROBABILITY = 0.85


@validate_params(
    {
        "classifier": [HasMethods(["predict_proba"])],
        "min_probability": [Interval(Real, 0, 1, closed="both")],
    },
    prefer_skip_nested_validation=True,
)
def assess(classifier, X, *, min_probability=MIN_PROBABILITY):
    """Classify images, and say which of the predictions are doubtful.

    A prediction is doubtful if its probability is low, or if the image does not
    resemble the training images ("unfamiliar"). The probability alone is not
    enough: it can be close to 1 for images of another microscope.

    Parameters
    ----------
    classifier : BloodCNNClassifier, BloodFNNClassifier or AdaptedClassifier
        Any fitted scikit-learn classifier with `predict_proba` is accepted. Unfamiliar
        images are detected only if it has `familiarity_`, see `fit_familiarity`.
    X : array-like
        Images in any form that the classifier accepts.
    min_probability : float, default=0.85
        A prediction with a lower probability is doubtful.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        A dictionary-like object with these arrays:

        labels : ndarray of shape (n,)
            The most probable labels, as `predict` returns them.
        probabilities : ndarray of shape (n, n_classes)
            The probability of each class.
        familiarity : ndarray of shape (n,), or None
            Percentage of the reference images that are at most as familiar, see
            `FamiliarityDetector.score_samples`. None if the classifier cannot tell.
        is_unfamiliar : ndarray of bool, of shape (n,)
            Whether the image does not resemble the training images.
        is_doubtful : ndarray of bool, of shape (n,)
            Whether the image is unfamiliar, or the probability of the label is below
            `min_probability`.

    Raises
    ------
    NotFittedError
        If the classifier is not fitted.
    TypeError, ValueError
        If the images are invalid.

    See Also
    --------
    prediction_sets : Sets of classes that contain the true class with a guarantee.
    FamiliarityDetector : Decides which images are unfamiliar.

    Examples
    --------
    >>> from skblood import assess, load_bloodmnist_sample, load_pretrained
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    >>> clf = load_pretrained()
    >>> found = assess(clf, X)
    >>> bool((found.labels == y)[~found.is_doubtful].mean() > 0.97)
    True

    The classifier is sure about darker images, but they are not familiar:

    >>> found = assess(clf, X[:4] // 2)
    >>> found.familiarity
    array([0., 0., 0., 0.])
    >>> found.is_doubtful
    array([ True,  True,  True,  True])
    """
    probabilities = classifier.predict_proba(X)
    detector = getattr(classifier, "familiarity_", None)
    familiarity = None
    is_unfamiliar = np.zeros(len(probabilities), dtype=bool)
    if detector is not None:
        familiarity = detector.score_samples(X)
        is_unfamiliar = familiarity < detector.offset_
    return Bunch(
        labels=classifier.classes_[probabilities.argmax(axis=1)],
        probabilities=probabilities,
        familiarity=familiarity,
        is_unfamiliar=is_unfamiliar,
        is_doubtful=is_unfamiliar | (probabilities.max(axis=1) < min_probability),
    )
