"""The output of ``skblood predict`` in several formats.

A writer is created with the class labels and receives the predictions in parts, so the
output may be larger than the memory.
"""

import csv
import json
import sys

import numpy as np

# The columns of a CSV or Parquet file. With --sets, the column "set" follows. The last
# columns are the probabilities of all classes.
PREDICTION_COLUMNS = ["image", "label", "probability", "familiarity", "state"]
# Stands between the classes of a set in a CSV file.
SET_SEPARATOR = "; "


def printable(text):
    r"""Escape terminal control characters in a file name, a label or a message.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
        Characters that are not printable are replaced with escapes such as ``\x1b``.
        Line breaks stay.
    """
    escaped = (c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in str(text))
    return "".join(escaped)


class PredictionWriter:
    """Base class of the writers: a context manager without header and footer.

    Parameters
    ----------
    labels : array-like of shape (n_classes,)
        The labels in the order of the probabilities.
    has_sets : bool, default=False
        Whether the predictions have sets.
    """

    def __init__(self, labels, has_sets=False):
        self.labels = [str(label) for label in labels]
        self.has_sets = has_sets

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def write(self, paths, found):
        """Print the predictions of some images.

        Parameters
        ----------
        paths : list of Path
        found : Bunch
            The return value of `skblood._cli.sets.assess_images` for these images.
        """
        familiarity = found.familiarity
        if familiarity is None:
            familiarity = [None] * len(paths)
        rows = zip(
            paths,
            map(str, found.labels),
            found.probabilities,
            familiarity,
            name_states(found),
            self.name_sets(found),
            strict=True,
        )
        self.write_rows(list(rows))

    def name_sets(self, found):
        """Return the labels of each set, the most probable first; None without sets."""
        if not self.has_sets:
            return [None] * len(found.labels)
        order = np.argsort(-found.probabilities, axis=1, kind="stable")
        return [
            [self.labels[k] for k in row if is_in_set[k]]
            for row, is_in_set in zip(order, found.sets, strict=True)
        ]


def name_states(found):
    """Return "sure", "unsure" or "unfamiliar" for each image.

    Parameters
    ----------
    found : Bunch
        The return value of `skblood.assess`.

    Returns
    -------
    list of str
    """
    states = np.where(found.is_doubtful, "unsure", "sure")
    return np.where(found.is_unfamiliar, "unfamiliar", states).tolist()


class TableWriter(PredictionWriter):
    """One line for each image: file name, probability and predicted label.

    Before a doubtful label stands why it is doubtful. With sets, all labels of the set
    are there.
    """

    def write_rows(self, rows):
        width = max(len(str(path)) for path, *_ in rows)
        for path, label, probabilities, _, state, names in rows:
            text = self.describe(" or ".join(names or [label]), state)
            print(printable(f"{path!s:{width}}  {probabilities.max():.3f}  {text}"))

    def describe(self, label, state):
        return label if state == "sure" else f"{state}, perhaps {label}"


class GuessWriter(TableWriter):
    """Like `TableWriter`, but all labels look the same."""

    def describe(self, label, state):
        return label


class CsvWriter(PredictionWriter):
    """A header, then one line for each image with the probabilities of all labels.

    Parameters
    ----------
    labels : array-like of shape (n_classes,)
    has_sets : bool, default=False
    file : text file, optional
        By default, the standard output.
    """

    def __init__(self, labels, has_sets=False, file=None):
        super().__init__(labels, has_sets)
        self._file = file

    def __enter__(self):
        self._csv = csv.writer(self._file or sys.stdout, lineterminator="\n")
        names = [*PREDICTION_COLUMNS, *["set"] * self.has_sets, *self.labels]
        self._csv.writerow(map(printable, names))
        return self

    def write_rows(self, rows):
        for path, label, probabilities, familiarity, state, names in rows:
            self._csv.writerow(
                [
                    path,
                    printable(label),
                    f"{probabilities.max():.6f}",
                    "" if familiarity is None else f"{familiarity:.2f}",
                    state,
                    *([] if names is None else [printable(SET_SEPARATOR.join(names))]),
                    *(f"{p:.6f}" for p in probabilities),
                ]
            )


class JsonWriter(PredictionWriter):
    """A JSON list with one object for each image, each on its own line."""

    def __enter__(self):
        self._separator = "["
        return self

    def write_rows(self, rows):
        for path, label, probabilities, familiarity, state, names in rows:
            record = {
                "image": str(path),
                "label": label,
                "probability": float(probabilities.max()),
                "familiarity": None if familiarity is None else float(familiarity),
                "state": state,
                "probabilities": dict(
                    zip(self.labels, probabilities.tolist(), strict=True)
                ),
            }
            if names is not None:
                record["set"] = names
            print(f"{self._separator}{json.dumps(record)}", end="")
            self._separator = ",\n"

    def __exit__(self, *_):
        # An empty list needs both brackets.
        print("[]" if self._separator == "[" else "]")


WRITERS = {"table": TableWriter, "csv": CsvWriter, "json": JsonWriter}
