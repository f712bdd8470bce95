"""Measures how long functions take."""

import time
from statistics import median


def seconds_of(function):
    """Return how many seconds one call of a function takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compare_times(ours, reference, n_pairs, *, faster=False):
    """Time two functions in turn and return the median ratio of their times.

    Both functions are called once before the first timing, to warm up. The speed of a
    machine changes over time, so each ratio compares two calls that follow each other,
    and every second pair starts with the reference.

    The ratio is the time of `ours` divided by the time of `reference`. With `faster`,
    it is the inverse, which says how many times as fast `ours` is.
    """
    ours(), reference()
    pairs = []
    for i in range(n_pairs):
        if i % 2:
            theirs, own = seconds_of(reference), seconds_of(ours)
        else:
            own, theirs = seconds_of(ours), seconds_of(reference)
        pairs.append((own, theirs))
    return {
        "ours_seconds": [own for own, _ in pairs],
        "reference_seconds": [theirs for _, theirs in pairs],
        "ratio_is": "reference / ours" if faster else "ours / reference",
        "ratio": median(
            theirs / own if faster else own / theirs for own, theirs in pairs
        ),
    }
