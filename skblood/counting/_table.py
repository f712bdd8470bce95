"""The table of a differential count."""

import numpy as np

from ..display._smear import DOUBTFUL
from ._intervals import multinomial_intervals

PLATELET = "platelet"
# A differential count gives the kinds of white cells. These are counted, but are no
# white cells: their number is given for each 100 white cells.
NOT_WHITE = {
    *(PLATELET, "thrombocyte"),
    *("erythroblast", "normoblast", "nrbc"),
    *("nucleated red cell", "nucleated red blood cell"),
}


def count_kinds(cells, kinds, n_photographs):
    """Count the cells of each kind.

    Parameters
    ----------
    cells : dict of str to ndarray of shape (n,)
        The arrays "photograph", "kind" and "state"; see `count_cells`.
    kinds : list of str
        The rows of the table.
    n_photographs : int

    Returns
    -------
    dict of str to ndarray of shape (n_kinds,)
        The columns of the table; see `count_cells`.
    """
    is_counted = cells["state"] != "cut"
    is_of_kind = (cells["kind"][:, np.newaxis] == kinds) & is_counted[:, np.newaxis]
    is_doubtful = np.isin(cells["state"], DOUBTFUL)
    by_photograph = np.array(
        [is_of_kind[cells["photograph"] == i].sum(axis=0) for i in range(n_photographs)]
    ).reshape(n_photographs, len(kinds))
    count, is_white = by_photograph.sum(axis=0), find_white(kinds)
    n_white = count[is_white].sum()
    low, high = np.full((2, len(kinds)), np.nan)
    if is_white.any():
        intervals = 100 * multinomial_intervals(by_photograph[:, is_white])
        low[is_white], high[is_white] = intervals.T
    return {
        "kind": np.array(kinds),
        "count": count,
        "per_100_white_cells": 100 * count / n_white if n_white else count * np.nan,
        "low": low,
        "high": high,
        "doubtful": is_of_kind[is_doubtful].sum(axis=0),
    }


def count_white_cells(table):
    """Return the number of white cells in a table from `count_kinds`."""
    return int(table["count"][find_white(table["kind"])].sum())


def list_kinds(classifier, cells):
    """Return the rows of the table: the classes, and platelets if some were found.

    Parameters
    ----------
    classifier : BloodCNNClassifier, BloodFNNClassifier or AdaptedClassifier
    cells : dict of str to ndarray
        With the array "kind".

    Returns
    -------
    list of str
    """
    kinds = classifier.classes_.astype(str).tolist()
    return kinds + sorted(set(cells["kind"].tolist()) - set(kinds))


def find_white(kinds):
    """Return which kinds are white cells.

    Parameters
    ----------
    kinds : sequence of str

    Returns
    -------
    ndarray of bool, of shape (n_kinds,)
    """
    return np.array([_singular(kind) not in NOT_WHITE for kind in kinds], dtype=bool)


def find_platelet(classes):
    """Return the position of the class of platelets, or None.

    Parameters
    ----------
    classes : sequence of str

    Returns
    -------
    int or None
    """
    names = (PLATELET, "thrombocyte")
    found = [i for i, name in enumerate(classes) if _singular(name) in names]
    return found[0] if found else None


def _singular(name):
    return name.casefold().removesuffix("s")
