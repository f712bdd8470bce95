"""The sections of a model card that describe the classifier and its predictions."""

import math
import platform
import re
from importlib.metadata import version

import numpy as np
from sklearn.metrics import precision_recall_fscore_support
from sklearn.pipeline import Pipeline

from .. import __version__
from .._base import BaseBloodClassifier
from ..assessment import MIN_PROBABILITY, assess
from ._intervals import N_RESAMPLES, measure, wilson_interval
from ._markdown import code, escape, make_table

UNDEFINED = "–"
# Coverages of the prediction sets that a card describes.
COVERAGES = (0.95, 0.99, 0.999)
ABOUT_MEASURES = f"""\
The macro AUC is the mean over the classes that occur in the test images; the AUC of a
class compares it with all others. The macro F1 is the mean over the classes that occur
in the test images or in the predictions. The confidence of a prediction is the
probability of the predicted class. The expected calibration error is the mean absolute
difference between confidence and accuracy over 15 bins of the confidence, weighted by
the number of images in each bin.

All intervals have a confidence level of 95 %. Intervals of accuracy and recall are
Wilson score intervals. Those of macro F1, macro AUC and the negative log-likelihood are
bootstrap intervals from {N_RESAMPLES:,} resamples of the test images. The expected
calibration error is biased upwards: it is above 0 by chance even if the probabilities
are right. Its interval takes this into account, contains the true error with a
probability of at least about 95 %, and is often wider than necessary. The row below it
shows the error that a perfectly calibrated model with the same probabilities would
have: the mean, and the interval in which it would lie with a probability of 95 %. If
the error of this model lies in that interval, these images do not show that it is badly
calibrated.

The intervals show how much the measures could differ on other test images from the same
source. If several test images come from the same patient, the intervals are too
narrow."""


def describe_model(classifier):
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


def describe_measures(truth, predicted, probabilities):
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


def describe_doubts(classifier, X, is_wrong):
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


def describe_calibration(classifier, truth, probabilities):
    """Return how large prediction sets are, or None for classifiers of others."""
    if not isinstance(classifier, BaseBloodClassifier):
        return None
    calibration = classifier.calibration_
    if calibration is None:
        return (
            "The model gives no prediction sets, and its probabilities are not "
            "calibrated: `fit_calibration` was not called."
        )
    text = (
        "The probabilities are calibrated with "
        f"{_count(calibration.scores.size, 'image')}: the logits are divided by the "
        f"temperature {calibration.temperature:.4f}. `skblood.prediction_sets` returns "
        "sets of classes. The fraction of sets that contain the true class is on "
        "average at least the coverage that is asked for, if the images come from the "
        "same source as those of the calibration."
    )
    rows = [
        _measure_sets(calibration, truth, probabilities, coverage)
        for coverage in COVERAGES
        if coverage <= calibration.largest_coverage
    ]
    if not rows:
        return text
    table = make_table({name: [row[name] for row in rows] for name in rows[0]})
    return f"{text} On the test images:\n\n{table}"


def _measure_sets(calibration, truth, probabilities, coverage):
    """Return a row of the table, by the titles of the columns."""
    sets = calibration.find_sets(probabilities, coverage)
    n, n_hits = len(truth), int(sets[np.arange(len(truth)), truth].sum())
    sizes = sets.sum(axis=1)
    return {
        "coverage asked for": f"{coverage:g}",
        "coverage": _format_number(n_hits / n),
        "95 % interval": _format_interval(*wilson_interval(n_hits, n)),
        "mean number of classes": f"{sizes.mean():.3f}",
        "sets with one class": _part(int((sizes == 1).sum()), n),
    }


def _part(k, n):
    return f"{k:,} ({k / n:.1%})".replace("%", " %")


def describe_classes(truth, predicted, counts, names, labels):
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


def describe_parameters(classifier):
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


def describe_versions(classifier):
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
