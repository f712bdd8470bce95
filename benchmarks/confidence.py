"""Measure how far the probabilities of the default classifier can be relied on.

The recipe is trained with several seeds on the train split, calibrated on the
validation split with `fit_calibration`, and scored on the test split.

probabilities
    Expected calibration error (ECE), beside the error that a perfectly calibrated model
    with the same probabilities would show at this number of images, and negative
    log-likelihood (NLL): as trained and calibrated, without and with test-time
    augmentation.
abstaining
    Accuracy on the images that the classifier is surest of, and the area under the
    risk-coverage curve, beside the report's CNN.
sets
    Coverage and size of `prediction_sets`, also for each class by itself.
shipped
    The same for the pretrained models of the package, which are calibrated.

The first two are also given without the six test images that have a duplicate in
another split. One of these has another label than its duplicate in the train split, so
every network is wrong with a probability near 1. Intervals are bootstrap intervals over
the test images of the mean over the seeds, with a confidence level of 90 %.

    python benchmarks/confidence.py
    python benchmarks/confidence.py --models FOLDER  # keep the trained models there
"""

from copy import copy
from functools import partial
from pathlib import Path

import numpy as np
from common.command_line import make_parser
from common.fitted import fitted_model
from common.recording import update_results
from common.scoring import DUPLICATES
from scipy.special import softmax
from scipy.stats import betabinom
from sklearn.metrics import log_loss

from skblood import load_bloodmnist, load_pretrained
from skblood.metrics import (
    area_under_risk_coverage_curve,
    expected_calibration_error,
    expected_calibration_error_floor,
)
from skblood.pretrained import pretrained_names

LEVEL = 0.9
N_RESAMPLES = 1000
SUREST = (0.9, 0.95)
COVERAGES = (0.95, 0.99, 0.999)
# With at least 122 validation images of each class, as many as 0.99 needs.
COVERAGES_OF_CLASSES = (0.9, 0.95, 0.99)
PARTS = ["probabilities", "abstaining", "sets", "shipped"]


class Predictions:
    """Predictions of one model for the test images, as trained and calibrated.

    Parameters
    ----------
    clf : BloodCNNClassifier
        It is calibrated on the validation images.
    val, test : tuple of (X, y)
    """

    def __init__(self, clf, val, test, test_time_augmentation=False):
        clf.set_params(test_time_augmentation=test_time_augmentation)
        clf.calibration_ = None
        logits = clf.decision_function(test[0])
        clf.fit_calibration(*val)
        self.calibration = clf.calibration_
        self.classes = clf.classes_
        self.y = np.searchsorted(clf.classes_, test[1])
        self.raw = softmax(logits, axis=1)
        self.proba = softmax(logits / self.calibration.temperature, axis=1)


def without_duplicates(runs):
    """Return the predictions without the images that are in several splits."""
    reduced = [copy(run) for run in runs]
    for run in reduced:
        for name in ("y", "raw", "proba"):
            setattr(run, name, np.delete(getattr(run, name), DUPLICATES, axis=0))
    return reduced


def with_interval(measure, runs):
    """Return a measure's mean over the runs, its deviation and bootstrap interval.

    Parameters
    ----------
    measure : callable
        Takes a `Predictions` and the indices of images.
    runs : list of Predictions
    """
    n = len(runs[0].y)
    values = [measure(run, np.arange(n)) for run in runs]
    rng = np.random.default_rng(0)
    resampled = [
        np.mean([measure(run, indices) for run in runs])
        for indices in rng.integers(n, size=(N_RESAMPLES, n))
    ]
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {
        "value": float(np.mean(values)),
        "std": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "low": float(low),
        "high": float(high),
    }


def ece(run, indices, name="proba"):
    proba = getattr(run, name)[indices]
    return expected_calibration_error(
        run.y[indices], proba, labels=range(len(run.classes))
    )


def nll(run, indices, name="proba"):
    return log_loss(
        run.y[indices], getattr(run, name)[indices], labels=range(len(run.classes))
    )


def accuracy_of_surest(run, indices, fraction):
    confidence = run.proba[indices].max(axis=1)
    surest = np.argsort(-confidence, kind="stable")[: round(fraction * len(indices))]
    is_correct = run.proba[indices].argmax(axis=1) == run.y[indices]
    return is_correct[surest].mean()


def area(run, indices):
    return area_under_risk_coverage_curve(
        run.y[indices], run.proba[indices], labels=range(len(run.classes))
    )


def measure_probabilities(runs):
    """Return ECE and NLL, and the ECE of perfectly calibrated models."""
    floors = [expected_calibration_error_floor(run.proba) for run in runs]
    errors = [ece(run, np.arange(len(run.y))) for run in runs]
    n_inside = sum(
        floor.low <= error <= floor.high
        for floor, error in zip(floors, errors, strict=True)
    )
    return {
        "temperature": [run.calibration.temperature for run in runs],
        "ece_raw": with_interval(partial(ece, name="raw"), runs),
        "ece": with_interval(ece, runs),
        "ece_of_seeds": errors,
        "ece_floor": {
            key: float(np.mean([floor[key] for floor in floors]))
            for key in ("mean", "low", "high")
        },
        "seeds_inside_floor": n_inside,
        "nll_raw": with_interval(partial(nll, name="raw"), runs),
        "nll": with_interval(nll, runs),
    }


def measure_abstaining(runs):
    return {
        "accuracy": with_interval(partial(accuracy_of_surest, fraction=1), runs),
        **{
            f"accuracy_of_surest_{fraction}": with_interval(
                partial(accuracy_of_surest, fraction=fraction), runs
            )
            for fraction in SUREST
        },
        "area_under_risk_coverage_curve": with_interval(area, runs),
    }


def guaranteed_interval(coverage, n_calibration, n_test):
    """Return between which values the coverage of test images is, in 90 % of cases.

    The number of sets that contain the true class has a beta-binomial distribution if
    no two scores are equal (Angelopoulos and Bates 2023, section 3.2).
    """
    rank = int(np.ceil(np.round(coverage * (n_calibration + 1), 9)))
    number = betabinom(n_test, rank, n_calibration + 1 - rank)
    ends = number.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2]) / n_test
    return [float(end) for end in ends]


def measure_sets(runs):
    n, n_calibration = len(runs[0].y), len(runs[0].calibration.scores)
    return {
        "all images": {
            str(coverage): {
                "coverage": with_interval(partial(covered, coverage=coverage), runs),
                "guaranteed": guaranteed_interval(coverage, n_calibration, n),
                "size": with_interval(partial(set_size, coverage=coverage), runs),
                "size_of_seeds": [set_size(run, ..., coverage) for run in runs],
            }
            for coverage in COVERAGES
        },
        "each class": {
            str(coverage): measure_sets_of_classes(runs, coverage)
            for coverage in COVERAGES_OF_CLASSES
        },
    }


def find_sets(run, indices, coverage, class_conditional=False):
    return run.calibration.find_sets(
        run.proba[indices], coverage, class_conditional=class_conditional
    )


def covered(run, indices, coverage):
    sets = find_sets(run, indices, coverage)
    return sets[np.arange(len(sets)), run.y[indices]].mean()


def set_size(run, indices, coverage):
    return find_sets(run, indices, coverage).sum(axis=1).mean()


def measure_sets_of_classes(runs, coverage):
    """Return the coverage of each class, of usual and of class-conditional sets."""
    figures = {}
    for k, label in enumerate(runs[0].classes):
        n_test = int((runs[0].y == k).sum())
        n_calibration = int(runs[0].calibration.counts[k])
        figures[str(label)] = {
            "n": n_test,
            "coverage": mean_coverage(runs, k, coverage, class_conditional=True),
            "coverage_of_usual_sets": mean_coverage(runs, k, coverage),
            "guaranteed": guaranteed_interval(coverage, n_calibration, n_test),
        }
    sizes = [find_sets(run, ..., coverage, True).sum(axis=1).mean() for run in runs]
    return {"size": float(np.mean(sizes)), "classes": figures}


def mean_coverage(runs, k, coverage, class_conditional=False):
    return float(
        np.mean(
            [
                find_sets(run, ..., coverage, class_conditional)[run.y == k, k].mean()
                for run in runs
            ]
        )
    )


def measure_shipped(val, test):
    figures = {}
    for name in pretrained_names():
        for has_views in (False, True):
            runs = [Predictions(load_pretrained(name), val, test, has_views)]
            note = ", test-time augmentation" if has_views else ""
            figures[f"{name}{note}"] = {
                **measure_probabilities(runs),
                **measure_abstaining(runs),
                **measure_sets(runs)["all images"],
            }
    return figures


def load_splits(labels):
    return [
        load_bloodmnist(split=split, return_X_y=True, labels=labels)
        for split in ("val", "test")
    ]


def predict(recipe, options, test_time_augmentation=False):
    splits = load_splits("numbers")
    return [
        Predictions(
            fitted_model(recipe, seed, options.models), *splits, test_time_augmentation
        )
        for seed in range(options.seeds)
    ]


def main():
    parser = make_parser(__doc__, seeds=5)
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="parts to measure"
    )
    parser.add_argument(
        "--models",
        type=Path,
        default=Path("fitted-models"),
        help="folder of the trained models; those that are missing are trained first "
        "(default: %(default)s)",
    )
    options = parser.parse_args()
    figures, kinds = {}, {}
    if set(options.parts) & {"probabilities", "abstaining", "sets"}:
        kinds["plain"] = predict("default", options)
        kinds["augmented"] = predict("default", options, test_time_augmentation=True)
    reduced = {
        f"{kind}, without duplicates": without_duplicates(runs)
        for kind, runs in kinds.items()
    }
    if "probabilities" in options.parts:
        figures["probabilities"] = {
            kind: measure_probabilities(runs)
            for kind, runs in (kinds | reduced).items()
        }
    if "abstaining" in options.parts:
        report = {"report_cnn": predict("report_cnn", options)}
        figures["abstaining"] = {
            kind: measure_abstaining(runs)
            for kind, runs in (kinds | reduced | report).items()
        }
    if "sets" in options.parts:
        figures["sets"] = {kind: measure_sets(runs) for kind, runs in kinds.items()}
    if "shipped" in options.parts:
        figures["shipped"] = measure_shipped(*load_splits("names"))
    update_results("confidence", figures)


if __name__ == "__main__":
    main()
