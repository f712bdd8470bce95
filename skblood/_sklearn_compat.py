"""Private parts of scikit-learn that skblood uses. No other module uses such parts.

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

import skblood

__all__ = [
    "DocumentationLinkMixin",
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "validate_parameter_constraints",
    "validate_params",
]

# Address of the online documentation, with a slash at its end. Without an address, the
# HTML representations of estimators contain no links to it.
DOCUMENTATION_URL = ""


class DocumentationLinkMixin:
    """Link the HTML representation of an estimator to its page in the reference.

    scikit-learn reads the three attributes below. It adds no link to a subclass outside
    of this package, which has no page.
    """

    _doc_link_module = "skblood"

    @property
    def _doc_link_template(self):
        # scikit-learn adds no link if the template is empty.
        return DOCUMENTATION_URL and DOCUMENTATION_URL + "generated/{page}.html"

    def _doc_link_url_param_generator(self):
        name = type(self).__name__
        module = "skblood" if name in skblood.__all__ else type(self).__module__
        return {"page": f"{module}.{name}"}


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
