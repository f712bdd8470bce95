"""Conversion of a classifier's attributes to JSON values and arrays, and back."""

import numpy as np

# NumPy's kinds of dtype that are stored as arrays: bool, int, unsigned int, float.
NUMERIC = "biuf"
SCALARS = str | bool | int | float
# Limit for all string arrays of a file together. NumPy uses 4 bytes per character.
MAX_CHARACTERS = 2**24
# Limit for the absolute value of an integer key of a dict.
MAX_KEY = 2**63


def encode(value, arrays, name):
    """Convert a value to JSON types; numeric arrays are stored separately.

    Parameters
    ----------
    value : object
        None, a bool, number, string, class, array of numbers or labels, or a list,
        tuple or dict of these.
    arrays : dict of str to ndarray
        Numeric arrays are added to this dict.
    name : str
        Key of the array in `arrays`. Arrays inside of lists and dicts get keys that
        start with it.

    Returns
    -------
    object
        Values of JSON types are unchanged. A value of another type becomes a dict with
        one entry, whose key names the type, such as ``{"tuple": [1, 2]}``.

    Raises
    ------
    TypeError
        If the value, or a value inside of it, has another type.
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
    """Converts what `encode` returned back to values.

    The decoded values never need more memory than the document, the arrays and 64 MB
    together, even if an attacker wrote the document.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Arrays that the document refers to are removed from this dict.
    classes : dict of str to type
        The classes that may occur. The keys are their full names, see `name_of`. No
        class is imported.
    """

    def __init__(self, arrays, classes):
        self.arrays = arrays
        self.classes = classes
        self.n_characters = 0

    def decode(self, document):
        """Return the value that was encoded.

        Parameters
        ----------
        document : object
            The return value of `encode`, also after it was converted to JSON and back.

        Returns
        -------
        object

        Raises
        ------
        ValueError
            If `encode` cannot have returned the document, or if it refers to an
            unknown array or class.
        """
        if isinstance(document, list):
            return [self.decode(item) for item in document]
        if not isinstance(document, dict):
            return document
        if len(document) != 1:
            raise ValueError(
                f"expected a dict with one entry that names a type, got the keys "
                f"{sorted(document)}"
            )
        [(kind, content)] = document.items()
        if kind not in self._DECODERS:
            raise ValueError(
                f"expected one of {', '.join(self._DECODERS)}, got {kind!r}"
            )
        json_type, decode = self._DECODERS[kind]
        if type(content) is not json_type:
            raise ValueError(
                f"{kind!r} must hold a {json_type.__name__}, got a "
                f"{type(content).__name__}"
            )
        return decode(self, content)

    def _decode_array(self, name):
        _check_known(self.arrays, name, "array")
        return self.arrays.pop(name)

    def _decode_class(self, name):
        _check_known(self.classes, name, "class")
        return self.classes[name]

    def _decode_strings(self, labels):
        if not all(type(label) is str for label in labels):
            raise ValueError("'strings' must hold strings")
        # NumPy reserves the length of the longest string for each of them.
        self.n_characters += len(labels) * max(map(len, labels), default=0)
        if self.n_characters > MAX_CHARACTERS:
            raise ValueError(
                f"expected string arrays of at most {MAX_CHARACTERS:,} characters, got "
                f"{self.n_characters:,}"
            )
        return np.array(labels, dtype=str)

    def _decode_objects(self, labels):
        if not all(isinstance(label, SCALARS) for label in labels):
            raise ValueError("labels must be strings or numbers")
        return np.array(labels, dtype=object)

    def _decode_tuple(self, items):
        return tuple(self.decode(item) for item in items)

    def _decode_dict(self, items):
        return {name: self.decode(value) for name, value in items.items()}

    def _decode_items(self, items):
        for key, _ in items:
            # An attacker can choose large ints with the same hash. A dict with many of
            # them as keys is slow.
            if not isinstance(key, SCALARS) or (
                isinstance(key, int) and abs(key) > MAX_KEY
            ):
                raise ValueError("keys must be strings or numbers up to 2**63")
        return {key: self.decode(value) for key, value in items}

    # For each kind: the type of its content in JSON, and the function that decodes it.
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
            f"it needs the {what} {name}, which is not available; available: "
            f"{', '.join(sorted(known)) or 'none'}. Pass a class of your own as "
            "load_model(path, custom_classes=[...])"
        )
