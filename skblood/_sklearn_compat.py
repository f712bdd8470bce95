"""Imports of private parts of scikit-learn. No other module imports such parts.

scikit-learn may move or change these parts in any release. skblood uses them because
scikit-learn's own estimators declare and check their parameters with them, so that
skblood's estimators raise the same errors.
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
        If the number of weights is not n, if a weight is negative, infinite or NaN, or
        if all weights are zero.
    """
    weights = _check_sample_weight(
        sample_weight, X, dtype=float, ensure_non_negative=True
    )
    # scikit-learn 1.7 accepts weights that are all zero. Later versions can raise this
    # error themselves.
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights
