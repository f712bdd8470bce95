"""Write model cards: argument checks, and the image of the confusion matrix."""

import os
from io import BytesIO
from pathlib import Path
from textwrap import fill
from urllib.parse import quote

import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from .._input.targets import encode_labels
from .._io import atomic_write
from .._sklearn_compat import HasMethods, validate_params
from .._warnings import warn_deprecated
from ._sections import (
    describe_calibration,
    describe_classes,
    describe_doubts,
    describe_measures,
    describe_model,
    describe_parameters,
    describe_versions,
)

INTENDED_USE = """\
Research and teaching: classifying images of single cells that were prepared in the same
way as the training images."""
NOT_INTENDED_USE = """\
- Diagnosis, treatment, or any other decision about a patient. This model is not a
  medical device.
- Images that show several cells, no cell, or a cell of a kind that is not listed under
  "Classes". The model assigns one of its classes to every image."""
NOT_KNOWN = """\
- How accurate the model is on images from other microscopes, cameras, stains,
  laboratories or groups of patients than those of the test images. Measure this before
  you rely on the model.
- How much the measures would change if the model were trained again with another
  seed."""
NOT_STATED = "Not stated."
# Class names in the image are wrapped to lines of at most this many characters.
NAME_WIDTH = 24


@validate_params(
    {
        "classifier": [HasMethods(["predict", "predict_proba"])],
        "path": [str, os.PathLike],
        "target_names": ["array-like", None],
        "training_data": [str, None],
        "license": [str, None],
        "intended_use": [str, None],
        "licence": [str, None],
    },
    prefer_skip_nested_validation=True,
)
def model_card(
    classifier,
    X_test,
    y_test,
    path="model_card.md",
    *,
    target_names=None,
    training_data=None,
    license=None,
    intended_use=None,
    licence="deprecated",
):
    """Write a model card [1]_: a one-page description of a fitted classifier.

    The card is a Markdown file with an image of the confusion matrix next to it. It
    states the intended use, the training data, the license, measures on test images
    with confidence intervals, the known limits, the parameters and the versions. The
    same input gives the same files.

    The function needs matplotlib: ``pip install "skblood[plot]"``.

    Parameters
    ----------
    classifier : classifier
        A fitted classifier, or a fitted pipeline or search that ends in one. The card
        also describes the network and the training if it is a classifier of skblood.
        Other classifiers need `predict_proba`.
    X_test : array-like
        At least two test images, in any form that `predict` accepts. They must not
        have been used in training.
    y_test : array-like of shape (n,)
        The true labels of the test images.
    path : str or path-like, default="model_card.md"
        Path of the Markdown file. An existing file is replaced. The image is written to
        the same folder: for ``cells.md`` it is ``cells_confusion.png``.
    target_names : array-like of shape (n_classes,), default=None
        Names of the classes in the order of `classes_`. By default, the labels are the
        names.
    training_data : str, default=None
        Description of the training data, in Markdown. By default, the card says "Not
        stated."
    license : str, default=None
        The license of the model and of its training data, in Markdown. By default, the
        card says "Not stated."
    intended_use : str, default=None
        The intended use, in Markdown. By default, research and teaching. Every card
        says that the model must not be used for decisions about patients.
    licence : str, default="deprecated"
        The former name of `license`.

        .. deprecated:: 0.1
           Use `license`. `licence` will be removed in 0.3.

    Returns
    -------
    str
        The text of the card.

    Raises
    ------
    TypeError
        If both `license` and `licence` are given, or if an argument has the wrong type.
    NotFittedError
        If the classifier is not fitted.
    ImportError
        If matplotlib is not installed.
    ValueError
        If the numbers of images and labels differ, if there are fewer than two images,
        if a label is not in `classes_`, or if the number of names is not the number of
        classes.
    OSError
        If the folder does not exist, or if a file cannot be written.

    Warns
    -----
    FutureWarning
        If `licence` is given.

    References
    ----------
    .. [1] M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019,
       https://arxiv.org/abs/1810.03993.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skblood import BloodFNNClassifier, load_bloodmnist_sample, model_card
    >>> X, y = load_bloodmnist_sample("train", return_X_y=True)
    >>> X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)
    >>> clf = BloodFNNClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     card = model_card(clf, X_test, y_test, Path(folder, "cells.md"))
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['cells.md', 'cells_confusion.png']
    >>> print(card.splitlines()[0])
    # BloodFNNClassifier for 8 classes
    """
    license = _check_license(license, licence)
    figure_class = _import_figure_class()
    path = _check_path(path)
    check_is_fitted(classifier)
    names = _check_names(classifier, target_names)
    truth = _check_labels(classifier, X_test, y_test)
    predicted = np.searchsorted(classifier.classes_, classifier.predict(X_test))
    probabilities = classifier.predict_proba(X_test)
    is_wrong = predicted != truth
    counts = confusion_matrix(truth, predicted, labels=range(len(names)))
    picture = path.with_name(f"{path.stem}_confusion.png")
    labels = None if target_names is None else classifier.classes_
    sections = {
        "Intended use": intended_use or INTENDED_USE,
        "Uses that are not intended": NOT_INTENDED_USE,
        "Training data": training_data or NOT_STATED,
        "License": license or NOT_STATED,
        "Measures": describe_measures(truth, predicted, probabilities),
        "Doubtful predictions": describe_doubts(classifier, X_test, is_wrong),
        "Prediction sets": describe_calibration(classifier, truth, probabilities),
        "Classes": describe_classes(truth, predicted, counts, names, labels),
        "Confusion matrix": f"![Confusion matrix]({quote(picture.name)})",
        "What is not known": NOT_KNOWN,
        "Parameters": describe_parameters(classifier),
        "Versions": describe_versions(classifier),
    }
    card = describe_model(classifier)
    for title, text in sections.items():
        if text is None:
            continue
        card += f"\n## {title}\n\n{text}\n"
    content = card.encode()
    atomic_write(picture, _draw_confusion_matrix(counts, names, figure_class))
    atomic_write(path, content)
    return card


# -- checks ----------------------------------------------------------------------------


def _check_license(license, licence):
    """Return the license, given in either spelling."""
    if isinstance(licence, str) and licence == "deprecated":
        return license
    if license is not None:
        raise TypeError(
            "Expected only license, got both license and licence. Leave out licence."
        )
    warn_deprecated("The parameter 'licence' of model_card", "'license'")
    return licence


def _import_figure_class():
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "model_card needs matplotlib, which is not installed. Run "
            '`pip install "skblood[plot]"`.'
        ) from error
    return Figure


def _check_path(path):
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{path} cannot be written: the folder {path.parent} does not exist. "
            "Create the folder first."
        )
    if path.is_dir():
        raise IsADirectoryError(f"Expected the path of a file, got the folder {path}.")
    return path


def _check_names(classifier, names):
    n_classes = len(classifier.classes_)
    if names is None:
        return [str(label) for label in classifier.classes_]
    if len(names) != n_classes:
        raise ValueError(
            f"Expected {n_classes} names in target_names, one for each class, got "
            f"{len(names)}."
        )
    return [str(name) for name in names]


def _check_labels(classifier, X, y):
    """Return the true classes as indices."""
    y = column_or_1d(y, warn=True)
    check_consistent_length(X, y)
    if len(y) < 2:
        raise ValueError(
            "Expected at least 2 test images, which the confidence intervals need, got "
            f"{len(y)}."
        )
    # Raises an error if y has numbers and `classes_` has strings, or the reverse.
    unique_labels(classifier.classes_, y)
    return encode_labels(y, classifier.classes_)


# -- image ---------------------------------------------------------------------------


def _draw_confusion_matrix(counts, names, figure_class):
    """Return an image of the confusion matrix as the content of a PNG file."""
    # Matplotlib would read text between two dollar signs as a formula.
    labels = [fill(name, NAME_WIDTH).replace("$", r"\$") for name in names]
    side = 4 + 0.5 * len(names)
    # Without pyplot, the figure opens no window and does not become the current figure.
    axes = figure_class(figsize=(side, side), layout="constrained").subplots()
    display = ConfusionMatrixDisplay(counts, display_labels=labels)
    display.plot(
        ax=axes,
        cmap="Blues",
        colorbar=False,
        xticks_rotation="vertical",
        values_format="d",
    )
    file = BytesIO()
    axes.figure.savefig(file, format="png", dpi=100)
    return file.getvalue()
