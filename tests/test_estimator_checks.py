"""All of scikit-learn's estimator checks, for both classifiers with default values."""

import pytest
import sklearn
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from skblood import BloodCNNClassifier, BloodFNNClassifier

ESTIMATORS = [BloodCNNClassifier(device="cpu"), BloodFNNClassifier(device="cpu")]
# The number of checks in each version of scikit-learn for a classifier that is also a
# transformer and accepts sample weights. Later versions need at least as many checks as
# the last version in this table.
N_CHECKS = {"1.7": 68, "1.8": 68, "1.9": 69}


@parametrize_with_checks(ESTIMATORS)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_no_check_is_tagged_away(estimator):
    # With some tags, such as `non_deterministic`, scikit-learn leaves out checks.
    version = ".".join(sklearn.__version__.split(".")[:2])
    checks = list(estimator_checks_generator(estimator))
    assert len(checks) >= N_CHECKS.get(version, N_CHECKS["1.9"])
