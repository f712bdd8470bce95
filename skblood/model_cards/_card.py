"""Write model cards: argument checks, sections, and the confusion-matrix image."""

import math
import os
import platform
import re
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from textwrap import fill
from urllib.parse import quote

import numpy as np
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    confusion_matrix,
    precision_recall_fscore_support,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from .. import __version__
from .._base import BaseBloodClassifier
from .._input.targets import encode_labels
from .._io import atomic_write
from .._sklearn_compat import HasMethods, validate_params
from .._warnings import warn_deprecated
from ..assessment import MIN_PROBABILITY, assess
from ._intervals import N_RESAMPLES, measure, wilson_interval
from ._markdown import code, escape, make_table

INTENDED_USE = """\
Research and teaching: classifying images of single cells that were prepared in the same
way as the training images."""
NOT_INTENDED_USE = """\
- Diagnosis, treatment, or any other decision about a patient. This model is not a
  medical device.
- Images that show several cells, no cell, or a cell of a kind that is not listed under
  "Classes". The model assigns one of its classes to every image."""
ABOUT_MEASURES = f"""\
The macro AUC is the mean over the classes that occur in the test images; the AUC of a
class compares it with all others. The macro F1 is the mean over the classes that occur
in the test images or in the predictions. The confidence of a prediction is the
probability of the predicted class. The expected calibration error is the mean absolute
difference between confidence and accuracy over 15 bins of the confidence, weighted by
the number of images in each bin.

All intervals have a confidence level of 95 %. The intervals of accuracy and recall are
Wilson score intervals. All other intervals are bootstrap intervals from {N_RESAMPLES:,}
resamples of the test images. The interval of the expected calibration error is only
approximate. The intervals show how much the measures could differ on other test images
from the same source. If several test images come from the same patient, the intervals
are too narrow."""
NOT_KNOWN = """\
- How accurate the model is on images from other microscopes, cameras, stains,
  laboratories or groups of patients than those of the test images. Measure this before
  you rely on the model.
- How much the measures would change if the model were trained again with another
  seed."""
NOT_STATED = "Not stated."
UNDEFINED = "–"
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
        "Measures": _describe_measures(truth, predicted, probabilities),
        "Doubtful predictions": _describe_doubts(classifier, X_test, is_wrong),
        "Classes": _describe_classes(truth, predicted, counts, names, labels),
        "Confusion matrix": f"![Confusion matrix]({quote(picture.name)})",
        "What is not known": NOT_KNOWN,
        "Parameters": _describe_parameters(classifier),
        "Versions": _describe_versions(classifier),
    }
    card = _describe_model(classifier)
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


# -- sections of the card --------------------------------------------------------------


def _describe_model(classifier):
    """Return the title, and for a classifier of skblood its size and training."""
    final = _unwrap(classifier)
    title = f"# {type(final).__name__} for {len(classifier.classes_)} classes\n"
    if not isinstance(final, BaseBloodClassifier):
        return title
    height, width, n_channels = final.image_shape_
    n_weights = sum(weight.numel() for weight in final.net_.module_.parameters())
    return (
        f"{title}\nThe network has {n_weights:,} weights. It takes images of "
        f"{height}×{width} pixels with {_count(n_channels, 'channel')}. It was trained "
        f"for {_count(final.n_iter_, 'epoch')}. The training loss of the last epoch "
        f"was {final.loss_curve_[-1]:.4f}.\n"
    )


def _unwrap(classifier):
    """Return the classifier inside searches and pipelines."""
    while True:
        if hasattr(classifier, "best_estimator_"):
            classifier = classifier.best_estimator_
        elif isinstance(classifier, Pipeline):
            classifier = classifier[-1]
        else:
            return classifier


def _describe_measures(truth, predicted, probabilities):
    measures = measure(truth, predicted, probabilities)
    table = make_table(
        {
            "measure": list(measures),
            "value": [_format_number(value) for value, _, _ in measures.values()],
            "95 % interval": [
                _format_interval(*ends) for _, *ends in measures.values()
            ],
        }
    )
    return f"Measured on {len(truth):,} test images.\n\n{table}\n\n{ABOUT_MEASURES}"


def _describe_doubts(classifier, X, is_wrong):
    """Return how many errors `assess` finds, or None for classifiers of others."""
    if not isinstance(classifier, BaseBloodClassifier):
        return None
    found = assess(classifier, X)
    n, n_unsure = len(is_wrong), int(found.is_doubtful.sum())
    text = (
        f"`skblood.assess` calls {_part(n_unsure, n)} of the predictions doubtful, "
        f"because their probability is below {MIN_PROBABILITY} or the image is "
        f"unfamiliar. Among them are {int(is_wrong[found.is_doubtful].sum())} of the "
        f"{int(is_wrong.sum())} errors. "
    )
    if found.familiarity is None:
        return text + (
            "The model does not recognise unfamiliar images: `fit_familiarity` was not "
            "called."
        )
    n_unfamiliar = int(found.is_unfamiliar.sum())
    return text + (
        f"{_part(n_unfamiliar, n)} of the test images are unfamiliar: they do not "
        "resemble the training images."
    )


def _part(k, n):
    return f"{k:,} ({k / n:.1%})".replace("%", " %")


def _describe_classes(truth, predicted, counts, names, labels):
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=range(len(names)), zero_division=np.nan
    )
    columns = {
        "class": map(escape, names),
        "label": None if labels is None else map(_format_code, labels.tolist()),
        "precision": map(_format_number, precision),
        "recall": map(_format_number, recall),
        "recall, 95 % interval": [
            _format_interval(*wilson_interval(n_hits, n))
            for n_hits, n in zip(counts.diagonal(), support, strict=True)
        ],
        "F1": map(_format_number, f1),
        "test images": [f"{n:,}" for n in support],
    }
    return make_table({k: list(v) for k, v in columns.items() if v is not None})


def _describe_parameters(classifier):
    model = getattr(classifier, "best_estimator_", classifier)
    # Leave out nested estimators, such as the steps of a pipeline: `get_params` also
    # returns each of their parameters under a name of its own.
    parameters = {
        name: value
        for name, value in sorted(model.get_params().items())
        if name != "steps" and not hasattr(value, "get_params")
    }
    return make_table(
        {
            "parameter": [code(name) for name in parameters],
            "value": [_format_code(value) for value in parameters.values()],
        }
    )


def _describe_versions(classifier):
    packages = ("torch", "skorch", "scikit-learn", "numpy")
    here = {"python": platform.python_version(), "skblood": __version__}
    here |= {package: version(package) for package in packages}
    trained = getattr(_unwrap(classifier), "_versions", {})
    return make_table(
        {
            "package": list(here),
            "at training": [trained.get(package, UNDEFINED) for package in here],
            "when the card was written": list(here.values()),
        }
    )


def _format_code(value):
    """Return the `repr` of a value as inline code, without memory addresses."""
    return code(re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value)))


def _format_number(value):
    return UNDEFINED if math.isnan(value) else f"{value:.4f}"


def _format_interval(low, high):
    return UNDEFINED if math.isnan(low) else f"{low:.4f} to {high:.4f}"


def _count(n, noun):
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


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
