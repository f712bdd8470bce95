"""Metrics that scikit-learn does not have."""

import numpy as np
import pytest

from skblood.metrics import expected_calibration_error


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


@pytest.mark.parametrize(
    ("y_true", "y_proba", "message"),
    [
        ([0, 1], np.eye(3)[:2], r"Expected 3 labels, .*, got 2: \[0, 1\]"),
        ([0, 1, 1], np.eye(2), "inconsistent numbers of samples"),
        ([0, 1], [[np.nan, 1], [0, 1]], "y_proba contains NaN"),
        ([0, 1], [[-1, 2], [0, 1]], "Expected probabilities between 0 and 1"),
    ],
)
def test_bad_input(y_true, y_proba, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(y_true, y_proba)
