"""Values of a fitted classifier in the terms of JSON and arrays, and back."""

import numpy as np

# Kinds of dtype that a file holds as they are: bool, int, unsigned int, float.
NUMERIC = "biuf"
SCALARS = str | bool | int | float
# In all arrays of strings of a file; each takes four bytes.
MOST_CHARACTERS = 2**24
LARGEST_KEY = 2**63


def encode(value, arrays, name):
    """Return a value in the terms of JSON; its arrays of numbers are put aside.

    Parameters
    ----------
    value : object
        None, bool, number, string, class, array of numbers or labels, or a list, tuple
        or dict of such.
    arrays : dict of str to ndarray
        Where the arrays are put.
    name : str
        Under which, or below which.

    Returns
    -------
    object
        A list stays a list, and all that JSON lacks is an object of one entry, which
        says what it is.

    Raises
    ------
    TypeError
        If the value, or one within it, is of another kind.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, SCALARS):
        return value
    if isinstance(value, np.ndarray):
        return _encode_array(value, arrays, name)
    if isinstance(value, type):
        return {"class": name_of(value)}
    if isinstance(value, list | tuple):
        items = [encode(v, arrays, f"{name}/{i}") for i, v in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, dict):
        return _encode_dict(value, arrays, name)
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot be saved")


def _encode_array(array, arrays, name):
    if array.dtype.kind in NUMERIC:
        arrays[name] = np.array(array, dtype=array.dtype.newbyteorder("<"), order="C")
        return {"array": name}
    labels = [encode(label, arrays, name) for label in array.tolist()]
    return {"strings" if array.dtype.kind == "U" else "objects": labels}


def _encode_dict(value, arrays, name):
    items = [(k, encode(v, arrays, f"{name}/{k}")) for k, v in value.items()]
    if all(isinstance(k, str) for k in value):
        return {"dict": dict(items)}
    return {"items": [[encode(k, arrays, name), v] for k, v in items]}


class Decoder:
    """Turns what `encode` returned into values again.

    Whoever wrote the document, no value is larger than the document, the arrays and
    64 MB together.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Those that a document asks for are taken out.
    classes : dict of str to type
        The classes that may occur, by `name_of`. Nothing is imported.
    """

    def __init__(self, arrays, classes):
        self.arrays = arrays
        self.classes = classes
        self.n_characters = 0

    def decode(self, document):
        """Return the value of a document.

        Parameters
        ----------
        document : object

        Returns
        -------
        object

        Raises
        ------
        ValueError
            If the document is not one of `encode`, or names an array or a class that
            is not there.
        """
        if isinstance(document, list):
            return [self.decode(item) for item in document]
        if not isinstance(document, dict):
            return document
        if len(document) != 1:
            raise ValueError(f"it has a value of the kinds {sorted(document)}")
        [(kind, content)] = document.items()
        if kind not in self._DECODERS:
            raise ValueError(f"it has a value of the unknown kind {kind!r}")
        wanted, decode = self._DECODERS[kind]
        if type(content) is not wanted:
            raise ValueError(f"it has a value of kind {kind!r} that is none")
        return decode(self, content)

    def _decode_array(self, name):
        _check_known(self.arrays, name, "array")
        return self.arrays.pop(name)

    def _decode_class(self, name):
        _check_known(self.classes, name, "class")
        return self.classes[name]

    def _decode_strings(self, labels):
        if not all(type(label) is str for label in labels):
            raise ValueError("it has strings that are none")
        # All take as much room as the longest.
        self.n_characters += len(labels) * max(map(len, labels), default=0)
        if self.n_characters > MOST_CHARACTERS:
            raise ValueError(f"it has strings of {self.n_characters:,} characters")
        return np.array(labels, dtype=str)

    def _decode_objects(self, labels):
        if not all(isinstance(label, SCALARS) for label in labels):
            raise ValueError("it has labels that are neither strings nor numbers")
        return np.array(labels, dtype=object)

    def _decode_tuple(self, items):
        return tuple(self.decode(item) for item in items)

    def _decode_dict(self, items):
        return {name: self.decode(value) for name, value in items.items()}

    def _decode_items(self, items):
        for key, _ in items:
            # Larger ones could all have the same hash, and take for ever.
            if not isinstance(key, SCALARS) or (
                isinstance(key, int) and abs(key) > LARGEST_KEY
            ):
                raise ValueError("it has a key that is no label")
        return {key: self.decode(value) for key, value in items}

    # Of each kind: the type of its content in JSON, and how it is read.
    _DECODERS = {
        "array": (str, _decode_array),
        "class": (str, _decode_class),
        "strings": (list, _decode_strings),
        "objects": (list, _decode_objects),
        "tuple": (list, _decode_tuple),
        "dict": (dict, _decode_dict),
        "items": (list, _decode_items),
    }


def name_of(cls):
    """Return the full name of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _check_known(known, name, what):
    if name not in known:
        raise ValueError(
            f"it asks for the {what} {name}, which was not given; there are "
            f"{', '.join(sorted(known)) or 'none'}"
        )
