"""The output of ``skblood predict`` in several formats.

A writer is created with the class labels and receives the predictions in parts, so the
output may be larger than the memory.
"""

import csv
import json
import sys

import numpy as np

# The columns of a CSV or Parquet file. The probabilities of all classes follow.
PREDICTION_COLUMNS = ["image", "label", "probability", "familiarity", "state"]


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
    """

    def __init__(self, labels):
        self.labels = [str(label) for label in labels]

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
            The return value of `skblood.assess` for these images.
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
            strict=True,
        )
        self.write_rows(list(rows))


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

    Before a doubtful label stands why it is doubtful.
    """

    def write_rows(self, rows):
        width = max(len(str(path)) for path, *_ in rows)
        for path, label, probabilities, _, state in rows:
            text = self.describe(label, state)
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
    file : text file, optional
        By default, the standard output.
    """

    def __init__(self, labels, file=None):
        super().__init__(labels)
        self._file = file

    def __enter__(self):
        self._csv = csv.writer(self._file or sys.stdout, lineterminator="\n")
        self._csv.writerow([*PREDICTION_COLUMNS, *map(printable, self.labels)])
        return self

    def write_rows(self, rows):
        for path, label, probabilities, familiarity, state in rows:
            self._csv.writerow(
                [
                    path,
                    printable(label),
                    f"{probabilities.max():.6f}",
                    "" if familiarity is None else f"{familiarity:.2f}",
                    state,
                    *(f"{p:.6f}" for p in probabilities),
                ]
            )


class JsonWriter(PredictionWriter):
    """A JSON list with one object for each image, each on its own line."""

    def __enter__(self):
        self._separator = "["
        return self

    def write_rows(self, rows):
        for path, label, probabilities, familiarity, state in rows:
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
            print(f"{self._separator}{json.dumps(record)}", end="")
            self._separator = ",\n"

    def __exit__(self, *_):
        # An empty list needs both brackets.
        print("[]" if self._separator == "[" else "]")


WRITERS = {"table": TableWriter, "csv": CsvWriter, "json": JsonWriter}
