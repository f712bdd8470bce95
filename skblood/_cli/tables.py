"""The output of ``skblood count`` in several formats."""

import csv
import json
import sys

import numpy as np
from tabulate import tabulate

from skblood._cli.writers import printable

COLUMNS = ["kind", "count", "per_100_white_cells", "low", "high", "doubtful"]
# The arrays of `skblood.count_cells` whose values are columns of each cell as they are.
CELL_ARRAYS = ["area", "kind", "probability", "familiarity", "state"]
CELL_COLUMNS = ["photograph", "top", "left", "bottom", "right", *CELL_ARRAYS]


def print_table(table, cells, photographs):
    """Print one line for each kind of cells, for people.

    Parameters
    ----------
    table : dict of str to ndarray
        From `skblood.count_cells`.
    cells : dict of str to ndarray
        From `skblood.count_cells`. The three functions have the same parameters.
    photographs : dict of Path to float
        The photographs, and the pixels per micrometre of each.
    """
    rows = [
        [
            printable(kind),
            count,
            _format_number(rate),
            "" if np.isnan(low) else f"{low:.1f} to {high:.1f}",
            doubtful,
        ]
        for kind, count, rate, low, high, doubtful in _rows(table)
    ]
    header = ["kind", "cells", "per 100 white cells", "95 % interval", "doubtful"]
    alignment = ("left", "right", "right", "right", "right")
    print(tabulate(rows, header, disable_numparse=True, colalign=alignment))


def print_csv(table, cells, photographs):
    """Print a header and one line for each kind of cells."""
    write_csv(sys.stdout, table)


def write_csv(file, table):
    """Write the table to a file."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for kind, count, *numbers, doubtful in _rows(table):
        row = [printable(kind), count, *map(_format_number, numbers), doubtful]
        writer.writerow(row)


def write_cells_csv(file, cells, paths):
    """Write one line for each cell, including those that are cut."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CELL_COLUMNS)
    for cell in describe_cells(cells, paths):
        # Integers and texts stay as they are.
        values = [_shorten(value) for value in cell.values()]
        writer.writerow(values)


def print_json(table, cells, photographs):
    """Print a JSON object with the photographs, the table and the cells."""
    kinds = [
        dict(zip(COLUMNS, map(_to_json, row), strict=True)) for row in _rows(table)
    ]
    scales = [
        {"photograph": str(path), "pixels_per_um": scale}
        for path, scale in photographs.items()
    ]
    listed = describe_cells(cells, list(photographs))
    print(
        json.dumps({"photographs": scales, "kinds": kinds, "cells": listed}, indent=1)
    )


def describe_cells(cells, paths):
    """Return a dict with the columns of `CELL_COLUMNS` for each cell.

    Parameters
    ----------
    cells : dict of str to ndarray
    paths : list of Path

    Returns
    -------
    list of dict
        NaN is replaced with None.
    """
    rows = zip(
        (str(paths[i]) for i in cells["photograph"]),
        *cells["box"].T,
        *(cells[name] for name in CELL_ARRAYS),
        strict=True,
    )
    return [dict(zip(CELL_COLUMNS, map(_to_json, row), strict=True)) for row in rows]


def _rows(table):
    return zip(*(table[name].tolist() for name in COLUMNS), strict=True)


def _format_number(value):
    return "" if np.isnan(value) else f"{value:.1f}"


def _shorten(value):
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else value


def _to_json(value):
    """Return a value that JSON can hold: no NumPy types and no NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value


TABLE_WRITERS = {"table": print_table, "csv": print_csv, "json": print_json}
