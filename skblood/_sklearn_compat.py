"""The parts of scikit-learn that are not public, imported in this module alone.

scikit-learn may move or change them in any release. They are here because its own
estimators declare and check their parameters with them, and because an estimator that
does the same raises the same errors.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils.validation import _check_sample_weight

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "validate_parameter_constraints",
    "validate_params",
]


def check_sample_weight(sample_weight, X):
    """Return sample weights as float64 of shape (n,), none of them negative.

    Parameters
    ----------
    sample_weight : array-like of shape (n,)
    X : ndarray of shape (n, ...)

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If there are not n of them, if one is negative, infinite or NaN, or if all are
        zero.
    """
    weights = _check_sample_weight(
        sample_weight, X, dtype=float, ensure_non_negative=True
    )
    # scikit-learn 1.7 does not check this itself.
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights
