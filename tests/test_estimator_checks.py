"""Scikit-learn's own checks: all of them, at the defaults, none expected to fail."""

import pytest
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from skblood import BloodCNNClassifier, BloodFNNClassifier

ESTIMATORS = [BloodCNNClassifier(device="cpu"), BloodFNNClassifier(device="cpu")]
N_CHECKS = 63  # of scikit-learn 1.9 for a classifier that transforms and has weights


@parametrize_with_checks(ESTIMATORS)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_no_check_is_tagged_away(estimator):
    checks = list(estimator_checks_generator(estimator))
    assert len(checks) >= N_CHECKS
