"""Predictions as lines on the standard output, in one of several forms.

A writer is opened with the labels and gets the predictions part by part, so that what
is printed may be longer than what fits into memory.
"""

import csv
import json
import sys


def printable(text):
    """Return text without what a terminal would obey, were it in a name or a label.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
    """
    escaped = (c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in str(text))
    return "".join(escaped)


class PredictionWriter:
    """What the writers share: nothing stands before or after the predictions."""

    def __init__(self, labels):
        self.labels = [str(label) for label in labels]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def label_of(self, probabilities):
        """Return the most probable label."""
        return self.labels[probabilities.argmax()]


class TableWriter(PredictionWriter):
    """One line an image: its name, its label, the probability of that."""

    def write(self, paths, probabilities):
        """Print the predictions for some images."""
        width = max(len(str(path)) for path in paths)
        for path, row in zip(paths, probabilities, strict=True):
            line = f"{path!s:{width}}  {row.max():.3f}  {self.label_of(row)}"
            print(printable(line))


class CsvWriter(PredictionWriter):
    """A header, and then one line an image with all probabilities."""

    def __enter__(self):
        self._lines = csv.writer(sys.stdout, lineterminator="\n")
        self._lines.writerow(["image", "label", *map(printable, self.labels)])
        return self

    def write(self, paths, probabilities):
        """Print the predictions for some images."""
        for path, row in zip(paths, probabilities, strict=True):
            label = printable(self.label_of(row))
            self._lines.writerow([path, label, *(f"{share:.6f}" for share in row)])


class JsonWriter(PredictionWriter):
    """A list of objects, one an image, each on a line."""

    def __enter__(self):
        self._before = "["
        return self

    def write(self, paths, probabilities):
        """Print the predictions for some images."""
        for path, row in zip(paths, probabilities, strict=True):
            record = {
                "image": str(path),
                "label": self.label_of(row),
                "probabilities": dict(zip(self.labels, row.tolist(), strict=True)),
            }
            print(f"{self._before}{json.dumps(record)}", end="")
            self._before = ",\n"

    def __exit__(self, *_):
        print("[]" if self._before == "[" else "]")


WRITERS = {"table": TableWriter, "csv": CsvWriter, "json": JsonWriter}
