"""What a model is, what it is for, and how well it does, on one page."""

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
from sklearn.utils._param_validation import HasMethods, validate_params
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from . import __version__
from ._base import BaseBloodClassifier
from ._intervals import N_RESAMPLES, measure, share_interval
from ._markdown import code, escape, make_table
from ._samples import encode_labels
from ._writing import write_whole

INTENDED_USE = """\
Research and teaching: telling apart images of single cells that were prepared as the
training images were."""
NOT_INTENDED_USE = """\
Diagnosis, treatment, or any other decision about a patient: this is not a medical
device. Nor images of several cells, of none, or of a cell of another kind: each is
given one of the classes all the same."""
ABOUT_MEASURES = f"""\
Macro measures are means over the classes that occur; each AUC is that of one class
against the rest. The calibration error says how far the probability of the predicted
class is from the share that is right, on average over 15 bins.

The intervals have 95 % confidence. Those of shares, such as accuracy and recall, are
Wilson's; the others come from {N_RESAMPLES:,} bootstrap resamples of the test images,
and that of the calibration error is a rough one. They say what other images from the
same source could give. If several images are of one patient, they are too narrow."""
NOT_KNOWN = """\
How well it does on images from other microscopes, cameras, stains, laboratories or
patients than those of the test images: measure that before you rely on it. How much
another training, with another seed, would differ."""
NOT_STATED = "Not stated."
UNDEFINED = "–"
# Characters of a class's name on a line of the picture.
NAME_WIDTH = 24


@validate_params(
    {
        "classifier": [HasMethods(["predict", "predict_proba"])],
        "path": [str, os.PathLike],
        "target_names": ["array-like", None],
        "training_data": [str, None],
        "licence": [str, None],
        "intended_use": [str, None],
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
    licence=None,
    intended_use=None,
):
    """Write a model card [1]_ in Markdown, with a picture of the confusion matrix.

    It says what the model is for and what not, what it was trained on, how well it does
    on test images, overall and class by class, with intervals of 95 % confidence, what
    is not known, and which parameters and versions it was made with. The picture lies
    beside it and is called ``model_card_confusion.png``. The same input gives the same
    files. Needs the extra ``plot``: ``pip install "skblood[plot]"``.

    Parameters
    ----------
    classifier : classifier
        A fitted one of skblood, or a pipeline or a search that ends in one. Any other
        with `predict_proba` has a card too, without number of weights and epochs.
    X_test : array-like
        Two or more images that were not trained on, in any form that `predict` accepts.
    y_test : array-like of shape (n,)
        Their labels.
    path : str or path-like, default="model_card.md"
        Of the Markdown file. What was there is replaced.
    target_names : array-like of shape (n_classes,), default=None
        Names of the classes, in the order of `classes_`; by default the labels.
    training_data, licence : str, default=None
        What the card says, in Markdown, of the data that the model was trained on, and
        of the terms on which it may be used. By default, that this is not stated.
    intended_use : str, default=None
        What the card says, in Markdown, of the use. By default, research and teaching;
        that the model is not for decisions about patients stands in every card.

    Returns
    -------
    str
        The text of the card.

    Raises
    ------
    NotFittedError
        If the classifier is not fitted.
    ImportError
        If the extra is not installed.
    ValueError
        If there are not as many labels as images or names as classes, or a label is
        not among the classes.
    OSError
        If there is no such folder, or the files cannot be written.

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
    make_figure = _import_figure()
    path = _check_path(path)
    check_is_fitted(classifier)
    names = _check_names(classifier, target_names)
    truth = _check_labels(classifier, X_test, y_test)
    predicted = np.searchsorted(classifier.classes_, classifier.predict(X_test))
    probabilities = classifier.predict_proba(X_test)
    counts = confusion_matrix(truth, predicted, labels=range(len(names)))
    picture = path.with_name(f"{path.stem}_confusion.png")
    labels = None if target_names is None else classifier.classes_
    sections = {
        "Intended use": intended_use or INTENDED_USE,
        "Uses that are not intended": NOT_INTENDED_USE,
        "Training data": training_data or NOT_STATED,
        "Licence": licence or NOT_STATED,
        "Measures": _describe_measures(truth, predicted, probabilities),
        "Classes": _describe_classes(truth, predicted, counts, names, labels),
        "Confusion matrix": f"![Confusion matrix]({quote(picture.name)})",
        "What is not known": NOT_KNOWN,
        "Parameters": _describe_parameters(classifier),
        "Versions": _describe_versions(classifier),
    }
    card = _describe_model(classifier)
    for title, text in sections.items():
        card += f"\n## {title}\n\n{text}\n"
    content = card.encode()
    write_whole(picture, _draw(counts, names, make_figure))
    write_whole(path, content)
    return card


# -- what is asked for -----------------------------------------------------------------


def _import_figure():
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'model_card draws with matplotlib: pip install "skblood[plot]"'
        ) from error
    return Figure


def _check_path(path):
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {path.parent}, where {path.name} is to be written."
        )
    if path.is_dir():
        raise IsADirectoryError(f"path must be that of a file, got the folder {path}.")
    return path


def _check_names(classifier, names):
    n_classes = len(classifier.classes_)
    if names is None:
        return [str(label) for label in classifier.classes_]
    if len(names) != n_classes:
        raise ValueError(
            f"target_names must name {n_classes} classes, got {len(names)} names."
        )
    return [str(name) for name in names]


def _check_labels(classifier, X, y):
    """Return the true classes as indices."""
    y = column_or_1d(y, warn=True)
    check_consistent_length(X, y)
    if len(y) < 2:
        raise ValueError(
            f"A model card needs 2 test images or more for its intervals, got {len(y)}."
        )
    unique_labels(classifier.classes_, y)  # refuses numbers where there are strings
    return encode_labels(y, classifier.classes_)


# -- what the card says ----------------------------------------------------------------


def _describe_model(classifier):
    """Return the title, and what a classifier of skblood knows of itself."""
    final = _unwrap(classifier)
    title = f"# {type(final).__name__} for {len(classifier.classes_)} classes\n"
    if not isinstance(final, BaseBloodClassifier):
        return title
    height, width, n_channels = final.image_shape_
    n_weights = sum(weight.numel() for weight in final.net_.module_.parameters())
    return (
        f"{title}\nA network of {n_weights:,} weights that takes images of "
        f"{height}×{width} pixels in {_count(n_channels, 'channel')}. It was trained "
        f"for {_count(final.n_iter_, 'epoch')}, to a training loss of "
        f"{final.loss_curve_[-1]:.4f} in the last.\n"
    )


def _unwrap(classifier):
    """Return the classifier inside of searches and pipelines."""
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
            "value": [_number(value) for value, _, _ in measures.values()],
            "95 % interval": [_interval(*ends) for _, *ends in measures.values()],
        }
    )
    return f"Measured on {len(truth):,} test images.\n\n{table}\n\n{ABOUT_MEASURES}"


def _describe_classes(truth, predicted, counts, names, labels):
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=range(len(names)), zero_division=np.nan
    )
    columns = {
        "class": map(escape, names),
        "label": None if labels is None else map(_python, labels.tolist()),
        "precision": map(_number, precision),
        "recall": map(_number, recall),
        "recall, 95 % interval": [
            _interval(*share_interval(n_hits, n))
            for n_hits, n in zip(counts.diagonal(), support, strict=True)
        ],
        "F1": map(_number, f1),
        "test images": [f"{n:,}" for n in support],
    }
    return make_table({k: list(v) for k, v in columns.items() if v is not None})


def _describe_parameters(classifier):
    model = getattr(classifier, "best_estimator_", classifier)
    # Of a pipeline's steps, the parameters stand in rows of their own.
    parameters = {
        name: value
        for name, value in sorted(model.get_params().items())
        if name != "steps" and not hasattr(value, "get_params")
    }
    return make_table(
        {
            "parameter": [code(name) for name in parameters],
            "value": [_python(value) for value in parameters.values()],
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


def _python(value):
    """Return how a value is written in Python, without where it lay in memory."""
    return code(re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value)))


def _number(value):
    return UNDEFINED if math.isnan(value) else f"{value:.4f}"


def _interval(low, high):
    return UNDEFINED if math.isnan(low) else f"{low:.4f} to {high:.4f}"


def _count(n, noun):
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _draw(counts, names, make_figure):
    """Return a picture of the confusion matrix as the bytes of a PNG file."""
    # A dollar would begin a formula.
    labels = [fill(name, NAME_WIDTH).replace("$", r"\$") for name in names]
    side = 4 + 0.5 * len(names)
    # A figure of its own, so that pyplot has no window and no state of it.
    axes = make_figure(figsize=(side, side), layout="constrained").subplots()
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
