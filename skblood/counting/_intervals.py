"""Confidence intervals of the fractions of several kinds of cells."""

import numpy as np
from scipy.stats import norm, t

CONFIDENCE_LEVEL = 0.95
# With fewer degrees of freedom, Student's t would make the intervals so wide that they
# say nothing. With these, simulated intervals are right in 90 % or more
# (benchmarks/fields.py).
MIN_DEGREES = 5


def measure_dispersion(counts):
    """Return how much more photographs differ than by chance.

    Pearson's statistic for equal fractions in all photographs, divided by its degrees
    of freedom, estimates by which factor the variance of the counts is larger than that
    of a multinomial distribution [1]_.

    Parameters
    ----------
    counts : ndarray of int, of shape (n_photographs, n_kinds)

    Returns
    -------
    dispersion : float
        At least 1, which is the value for a single photograph too.
    n_degrees : int
        Degrees of freedom; 0 if it could not be measured.

    References
    ----------
    .. [1] P. McCullagh, J. A. Nelder, "Generalized Linear Models", 2nd edition, 1989,
       section 5.5.
    """
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    n_degrees = max(0, counts.shape[0] - 1) * max(0, counts.shape[1] - 1)
    if n_degrees == 0:
        return 1.0, 0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    statistic = ((counts - expected) ** 2 / expected).sum()
    return max(1.0, float(statistic / n_degrees)), n_degrees


def multinomial_intervals(counts):
    """Return simultaneous 95 % intervals of the fractions of all kinds.

    With a probability of about 95 %, all fractions lie in their intervals. They are
    Wilson's score intervals at the level of 1 - 0.05 / n_kinds: Goodman's intervals
    [1]_. If there are several photographs, the number of cells is divided by the
    dispersion, because cells of one photograph can be alike. If this is above 1,
    Student's t takes the place of the normal distribution, because the dispersion is
    only estimated.

    Parameters
    ----------
    counts : ndarray of int, of shape (n_photographs, n_kinds)

    Returns
    -------
    ndarray of shape (n_kinds, 2)
        The lower and the upper ends; NaN if there are no cells.

    References
    ----------
    .. [1] L. A. Goodman, "On simultaneous confidence intervals for multinomial
       proportions", Technometrics 7(2), 1965. :doi:`10.1080/00401706.1965.10490252`
    """
    n_kinds, n = counts.shape[1], counts.sum()
    if n == 0:
        return np.full((n_kinds, 2), np.nan)
    dispersion, n_degrees = measure_dispersion(counts)
    probability = 1 - (1 - CONFIDENCE_LEVEL) / (2 * n_kinds)
    if dispersion > 1:
        z = t.ppf(probability, max(n_degrees, MIN_DEGREES))
    else:
        z = norm.ppf(probability)
    n_effective = n / dispersion
    fraction = counts.sum(axis=0) / n
    scale = 1 + z**2 / n_effective
    middle = (fraction + z**2 / (2 * n_effective)) / scale
    variance = fraction * (1 - fraction) / n_effective + (z / (2 * n_effective)) ** 2
    reach = z * np.sqrt(variance) / scale
    return np.stack([middle - reach, middle + reach], axis=1).clip(0, 1)
