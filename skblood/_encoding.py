"""Values of a fitted classifier in the terms of JSON and arrays, and back."""

import numpy as np

# Kinds of dtype that a file holds as they are: bool, int, unsigned int, float.
NUMERIC = "biuf"
# In an array of strings; each takes four bytes.
MOST_CHARACTERS = 2**24


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
    if value is None or isinstance(value, bool | int | float | str):
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
        arrays[name] = np.array(array, order="C")
        return {"array": name}
    labels = [encode(label, arrays, name) for label in array.tolist()]
    return {"strings" if array.dtype.kind == "U" else "objects": labels}


def _encode_dict(value, arrays, name):
    items = [(k, encode(v, arrays, f"{name}/{k}")) for k, v in value.items()]
    if all(isinstance(k, str) for k in value):
        return {"dict": dict(items)}
    return {"items": [[encode(k, arrays, name), v] for k, v in items]}


def decode(document, arrays, classes):
    """Return the value that `encode` made a document of.

    Parameters
    ----------
    document : object
    arrays : dict of str to ndarray
        Those that the document asks for are taken out.
    classes : dict of str to type
        The classes that may occur, by `name_of`. Nothing is imported.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If the document is not one of `encode`, or names an array or a class that is
        not there.
    """
    if isinstance(document, list):
        return [decode(item, arrays, classes) for item in document]
    if not isinstance(document, dict):
        return document
    if len(document) != 1:
        raise ValueError(f"it has a value of the kinds {sorted(document)}")
    [(kind, content)] = document.items()
    if kind == "array":
        _check_known(arrays, content, "array")
        return arrays.pop(content)
    if kind == "class":
        _check_known(classes, content, "class")
        return classes[content]
    if kind in ("strings", "objects"):
        return _decode_labels(kind, decode(content, arrays, classes))
    if kind == "tuple":
        return tuple(decode(content, arrays, classes))
    if kind == "dict":
        return {k: decode(v, arrays, classes) for k, v in content.items()}
    if kind == "items":
        return {
            decode(k, arrays, classes): decode(v, arrays, classes) for k, v in content
        }
    raise ValueError(f"it has a value of the unknown kind {kind!r}")


def _decode_labels(kind, labels):
    if kind == "objects":
        return np.array(labels, dtype=object)
    # All take as much room as the longest.
    n_characters = len(labels) * max(map(len, labels), default=0)
    if n_characters > MOST_CHARACTERS:
        raise ValueError(f"it has labels of {n_characters:,} characters together")
    return np.array(labels, dtype=str)


def name_of(cls):
    """Return the full name of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _check_known(known, name, what):
    if name not in known:
        raise ValueError(
            f"it asks for the {what} {name}, which was not given; there are "
            f"{', '.join(sorted(known)) or 'none'}"
        )
