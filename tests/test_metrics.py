"""Metrics that scikit-learn does not have."""

from itertools import permutations

import numpy as np
import pytest

from skblood.metrics import (
    area_under_risk_coverage_curve,
    expected_calibration_error,
    expected_calibration_error_floor,
    reliability_curve,
    risk_coverage_curve,
)


def draw_predictions(n, n_classes=3, seed=0):
    """Return labels and the probabilities from which they are drawn."""
    rng = np.random.default_rng(seed)
    y_proba = rng.dirichlet([0.5] * n_classes, size=n)
    y_true = (y_proba.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return y_true, y_proba


# -- calibration -----------------------------------------------------------------------


def test_confident_and_correct_predictions_have_no_error():
    assert expected_calibration_error([0, 1, 2], np.eye(3)) == 0


def test_confident_and_wrong_predictions_have_the_largest_error():
    assert expected_calibration_error([1, 2, 0], np.eye(3)) == 1


def test_equals_its_definition_computed_for_each_bin():
    rng = np.random.default_rng(0)
    y_proba = rng.dirichlet([1, 1, 1], size=500)
    y_true = rng.integers(3, size=500)
    confidence, is_correct = y_proba.max(axis=1), y_proba.argmax(axis=1) == y_true
    expected = 0
    for low in np.arange(10) / 10:
        inside = (confidence >= low) & (confidence < low + 0.1)
        if inside.any():
            gap = abs(confidence[inside].mean() - is_correct[inside].mean())
            expected += inside.mean() * gap
    error = expected_calibration_error(y_true, y_proba, n_bins=10)
    assert error == pytest.approx(expected)


def test_labels_of_any_kind():
    y_proba = [[0.9, 0.1], [0.4, 0.6]]
    by_name = expected_calibration_error(["a", "b"], y_proba)
    assert by_name == expected_calibration_error([0, 1], y_proba)
    only_one_occurs = expected_calibration_error(["b"], [[0.4, 0.6]], labels=["a", "b"])
    assert only_one_occurs == pytest.approx(0.4)


def test_reliability_curve_gives_the_calibration_error():
    y_true, y_proba = draw_predictions(200)
    confidence, accuracy, counts = reliability_curve(y_true, y_proba, n_bins=10)
    assert counts.sum() == 200
    assert np.isnan(confidence[:3]).all()
    filled = counts > 0
    gaps = np.abs(confidence - accuracy)[filled]
    error = expected_calibration_error(y_true, y_proba, n_bins=10)
    assert gaps @ counts[filled] / 200 == pytest.approx(error)


def test_floor_is_the_error_of_labels_that_are_drawn_from_the_probabilities():
    errors = []
    rng = np.random.default_rng(1)
    _, y_proba = draw_predictions(200)
    for _ in range(500):
        y_true = (y_proba.cumsum(axis=1) > rng.random((200, 1))).argmax(axis=1)
        errors.append(expected_calibration_error(y_true, y_proba, labels=range(3)))
    floor = expected_calibration_error_floor(y_proba, n_draws=500)
    assert floor.mean == pytest.approx(np.mean(errors), rel=0.05)
    ends = np.quantile(errors, [0.05, 0.95])
    assert [floor.low, floor.high] == pytest.approx(ends, rel=0.1)


def test_floor_has_a_seed():
    _, y_proba = draw_predictions(50)
    first, again = (expected_calibration_error_floor(y_proba) for _ in range(2))
    other = expected_calibration_error_floor(y_proba, random_state=1)
    assert first == again != other
    generator = np.random.default_rng(0)
    assert expected_calibration_error_floor(y_proba, random_state=generator) == first


def test_floor_falls_with_the_number_of_images():
    _, y_proba = draw_predictions(100)
    small = expected_calibration_error_floor(y_proba, n_draws=200)
    # More numbers than are drawn at once.
    many = np.tile(y_proba, (100, 1))
    large = expected_calibration_error_floor(many, n_draws=200)
    assert large.mean == pytest.approx(small.mean / 10, rel=0.1)
    assert small.low < small.mean < small.high
    wide = expected_calibration_error_floor(y_proba, n_draws=200, confidence_level=0.99)
    assert wide.low < small.low < small.high < wide.high


def test_floor_of_certain_predictions_is_zero():
    floor = expected_calibration_error_floor(np.eye(3))
    assert (floor.mean, floor.low, floor.high) == (0, 0, 0)


# -- selective classification ----------------------------------------------------------


def test_curve_equals_its_definition_at_each_threshold():
    y_true, y_proba = draw_predictions(100)
    y_proba = np.round(y_proba, 1)
    confidence, is_wrong = y_proba.max(axis=1), y_proba.argmax(axis=1) != y_true
    coverage, risk, thresholds = risk_coverage_curve(y_true, y_proba)
    assert thresholds.tolist() == sorted(set(confidence), reverse=True)
    kept = [confidence >= threshold for threshold in thresholds]
    np.testing.assert_allclose(coverage, [rows.mean() for rows in kept])
    np.testing.assert_allclose(risk, [is_wrong[rows].mean() for rows in kept])


def test_area_without_ties_equals_its_definition():
    y_true, y_proba = draw_predictions(100)
    order = np.argsort(-y_proba.max(axis=1))
    is_wrong = (y_proba.argmax(axis=1) != y_true)[order]
    expected = np.mean([is_wrong[:k].mean() for k in range(1, 101)])
    area = area_under_risk_coverage_curve(y_true, y_proba)
    assert area == pytest.approx(expected)
    # Without ties, it is also the mean of the curve.
    assert area == pytest.approx(risk_coverage_curve(y_true, y_proba)[1].mean())


def test_area_with_ties_is_the_mean_over_all_orders():
    confidence = np.array([0.9, 0.8, 0.8, 0.8, 0.7])
    y_proba = np.column_stack([confidence, 1 - confidence])
    y_true = [0, 1, 0, 0, 1]
    areas = []
    for order in permutations([1, 0, 0]):
        errors = np.array([0, *order, 1])
        areas.append(np.mean(np.cumsum(errors) / np.arange(1, 6)))
    expected = pytest.approx(np.mean(areas))
    assert area_under_risk_coverage_curve(y_true, y_proba) == expected
    reverse = area_under_risk_coverage_curve(y_true[::-1], y_proba[::-1])
    assert reverse == expected


def test_area_of_equal_confidences_is_the_error_rate():
    y_proba = [[0.6, 0.4]] * 4
    assert area_under_risk_coverage_curve([0, 0, 0, 1], y_proba) == pytest.approx(0.25)


def test_curve_with_names_and_absent_classes():
    y_proba = [[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]]
    coverage, risk, _ = risk_coverage_curve(["b", "c"], y_proba, labels=["a", "b", "c"])
    assert coverage.tolist() == [0.5, 1]
    assert risk.tolist() == [0, 0.5]


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "metric",
    [
        expected_calibration_error,
        reliability_curve,
        risk_coverage_curve,
        area_under_risk_coverage_curve,
    ],
)
@pytest.mark.parametrize(
    ("y_true", "y_proba", "labels", "message"),
    [
        ([0, 1], np.eye(3)[:2], None, r"Expected 3 labels, .*, got 2: \[0, 1\]"),
        ([0, 1, 1], np.eye(2), None, "inconsistent numbers of samples"),
        ([0, 1], [[np.nan, 1], [0, 1]], None, "y_proba contains NaN"),
        ([0, 1], [[-1, 2], [0, 1]], None, "Expected probabilities between 0 and 1"),
        ([0, 2], np.eye(2), [0, 1], r"only labels from \[0, 1\], got also \[2\]"),
        ([0, 1], np.eye(2), [1, 1], r"labels to be unique, got \[1, 1\]"),
        ([0, 1], np.eye(2), ["a", "b"], "Mix of label input types"),
    ],
)
def test_bad_predictions(metric, y_true, y_proba, labels, message):
    with pytest.raises(ValueError, match=message):
        metric(y_true, y_proba, labels=labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bins": 0}, "n_bins to be a positive integer, got 0"),
        ({"n_draws": 1.5}, "n_draws to be a positive integer, got 1.5"),
        ({"confidence_level": 90}, "number between 0 and 1, got 90"),
    ],
)
def test_bad_options_of_the_floor(options, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error_floor(np.eye(2), **options)


@pytest.mark.parametrize("metric", [expected_calibration_error, reliability_curve])
def test_bad_number_of_bins(metric):
    with pytest.raises(ValueError, match="n_bins to be a positive integer, got 0"):
        metric([0, 1], np.eye(2), n_bins=0)
