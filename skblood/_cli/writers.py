"""The output of ``skblood predict`` in several formats.

A writer is created with the class labels and receives the predictions in parts, so the
output may be larger than the memory.
"""

import csv
import json
import sys


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

    def most_probable(self, probabilities):
        """Return the label with the highest probability.

        Parameters
        ----------
        probabilities : ndarray of shape (n_classes,)

        Returns
        -------
        str
        """
        return self.labels[probabilities.argmax()]


class TableWriter(PredictionWriter):
    """One line for each image: file name, probability and predicted label."""

    def write(self, paths, probabilities):
        """Print the predictions of some images.

        Parameters
        ----------
        paths : list of Path
        probabilities : ndarray of shape (n_paths, n_classes)
        """
        width = max(len(str(path)) for path in paths)
        for path, row in zip(paths, probabilities, strict=True):
            line = f"{path!s:{width}}  {row.max():.3f}  {self.most_probable(row)}"
            print(printable(line))


class CsvWriter(PredictionWriter):
    """A header, then one line for each image with the probabilities of all labels."""

    def __enter__(self):
        self._csv = csv.writer(sys.stdout, lineterminator="\n")
        self._csv.writerow(["image", "label", *map(printable, self.labels)])
        return self

    def write(self, paths, probabilities):
        """Print the predictions of some images.

        Parameters
        ----------
        paths : list of Path
        probabilities : ndarray of shape (n_paths, n_classes)
        """
        for path, row in zip(paths, probabilities, strict=True):
            label = printable(self.most_probable(row))
            self._csv.writerow([path, label, *(f"{p:.6f}" for p in row)])


class JsonWriter(PredictionWriter):
    """A JSON list with one object for each image, each on its own line."""

    def __enter__(self):
        self._separator = "["
        return self

    def write(self, paths, probabilities):
        """Print the predictions of some images.

        Parameters
        ----------
        paths : list of Path
        probabilities : ndarray of shape (n_paths, n_classes)
        """
        for path, row in zip(paths, probabilities, strict=True):
            record = {
                "image": str(path),
                "label": self.most_probable(row),
                "probabilities": dict(zip(self.labels, row.tolist(), strict=True)),
            }
            print(f"{self._separator}{json.dumps(record)}", end="")
            self._separator = ",\n"

    def __exit__(self, *_):
        # An empty list needs both brackets.
        print("[]" if self._separator == "[" else "]")


WRITERS = {"table": TableWriter, "csv": CsvWriter, "json": JsonWriter}
