"""The output of ``skblood predict`` as a Parquet file.

No other module imports pyarrow.
"""

from importlib.util import find_spec

import numpy as np

from skblood._cli.writers import PREDICTION_COLUMNS, PredictionWriter, name_states

# Readers skip and decode whole row groups. Small groups would make a file slow.
ROWS_IN_GROUP = 65_536
TEXTS = {"image", "label", "state"}


def check_can_write_parquet():
    """Raise ImportError before any work if pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise ImportError(
            "Parquet files need pyarrow, which is not installed. Run "
            'pip install "skblood[parquet]", or choose a file name that ends in .csv.'
        )


class ParquetWriter(PredictionWriter):
    """One row for each image, with the columns of the CSV format.

    File, label and state are strings, a set is a list of strings; all other columns are
    64-bit floats.

    Parameters
    ----------
    labels : array-like of shape (n_classes,)
    has_sets : bool
    file : binary file
    """

    def __init__(self, labels, has_sets, file):
        super().__init__(labels, has_sets)
        self._file = file
        self._tables, self._n_rows = [], 0

    def __enter__(self):
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter as Writer

        types = [
            pa.string() if x in TEXTS else pa.float64() for x in PREDICTION_COLUMNS
        ]
        types += [pa.list_(pa.string())] * self.has_sets
        types += [pa.float64()] * len(self.labels)
        names = [*PREDICTION_COLUMNS, *["set"] * self.has_sets]
        names += map(_encodable, self.labels)
        self._schema = pa.schema(list(zip(names, types, strict=True)))
        self._writer = Writer(self._file, self._schema)
        return self

    def write(self, paths, found):
        import pyarrow as pa

        n, probabilities = len(paths), np.asarray(found.probabilities, dtype=float)
        familiarity = found.familiarity
        columns = [
            [_encodable(path) for path in paths],
            [_encodable(label) for label in found.labels],
            probabilities.max(axis=1),
            [None] * n if familiarity is None else np.asarray(familiarity, dtype=float),
            name_states(found),
            *([self._encode_sets(found)] if self.has_sets else []),
            *np.ascontiguousarray(probabilities.T),
        ]
        arrays = [
            pa.array(column, type=field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._tables.append(pa.Table.from_arrays(arrays, schema=self._schema))
        self._n_rows += n
        if self._n_rows >= ROWS_IN_GROUP:
            self._write_group()

    def _encode_sets(self, found):
        return [[*map(_encodable, names)] for names in self.name_sets(found)]

    def _write_group(self):
        import pyarrow as pa

        if self._tables:
            table = pa.concat_tables(self._tables).combine_chunks()
            self._writer.write_table(table, row_group_size=len(table))
        self._tables, self._n_rows = [], 0

    def __exit__(self, error_type, *_):
        if error_type is None:
            self._write_group()
        self._writer.close()


def _encodable(text):
    # File names on Linux can contain bytes that are not UTF-8.
    return str(text).encode("utf-8", "backslashreplace").decode()
