"""How times are taken: two things in turn, and the median of their ratios."""

import time
from statistics import median


def seconds_of(function):
    """Return how long one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compare(ours, reference, n_pairs, *, faster=False):
    """Time two functions in turn, after one call of each that does not count.

    The machine's speed drifts, so a ratio is taken within each pair, and every other
    pair begins with the reference. It is ours over the reference, or how many times as
    long the reference takes if we claim to be `faster`.
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
