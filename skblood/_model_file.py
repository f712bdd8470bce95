"""The file of a model: a safetensors file, described in JSON, with a checksum."""

import hashlib
import json
from pathlib import Path

FORMAT = 1
# Far more than the description of a model has, and read in a moment.
MOST_BYTES = 2**20
MOST_BRACKETS = 30_000
MOST_ARRAYS = 2_000
LENGTH_BYTES = 8


def pack(description, arrays):
    """Return the content of a file.

    Parameters
    ----------
    description : dict
        Of what JSON knows.
    arrays : dict of str to ndarray

    Returns
    -------
    bytes
    """
    from safetensors.numpy import save

    text = json.dumps({"format": FORMAT, **description})
    return save(arrays, {"skblood": text, "sha256": _digest(text, arrays)})


def unpack(content):
    """Return what was packed.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    description : dict
    arrays : dict of str to ndarray

    Raises
    ------
    Exception
        Of any kind, if it is the content of another file, or damaged.
    """
    from safetensors.numpy import load

    header = _header(content)
    _check_header(header)
    arrays = load(content)
    if len(arrays) > MOST_ARRAYS:
        raise ValueError(f"it has {len(arrays):,} arrays")
    metadata = json.loads(header).get("__metadata__", {})
    if "skblood" not in metadata:
        raise ValueError("it was not written by save_model")
    text = metadata["skblood"]
    if _digest(text, arrays) != metadata.get("sha256"):
        raise ValueError("its checksum is wrong: it was damaged, or changed by hand")
    description = json.loads(text)
    if description["format"] != FORMAT:
        raise ValueError(
            f"it has format {description['format']}, and this version of skblood "
            f"reads format {FORMAT}"
        )
    return description, {name: array.copy() for name, array in arrays.items()}


def read(path):
    """Return the content of a file, unless its beginning is that of another kind.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is another file, however large.
    """
    with Path(path).open("rb") as file:
        beginning = file.read(LENGTH_BYTES + MOST_BYTES)
        if int.from_bytes(beginning[:LENGTH_BYTES], "little") > MOST_BYTES:
            raise ValueError("it does not begin as a file of save_model does")
        return beginning + file.read()


def _header(content):
    """Return what a safetensors file begins with: its length, then so much JSON."""
    n_bytes = int.from_bytes(content[:LENGTH_BYTES], "little")
    return content[LENGTH_BYTES : LENGTH_BYTES + n_bytes]


def _check_header(header):
    """Refuse what would take long to parse."""
    n_brackets = header.count(b"[") + header.count(b"{")
    for n, most, unit in (
        (len(header), MOST_BYTES, "bytes"),
        (n_brackets, MOST_BRACKETS, "brackets"),
    ):
        if n > most:
            raise ValueError(
                f"its description has {n:,} {unit}, more than the {most:,} that can be "
                "read"
            )


def _digest(text, arrays):
    """Return a checksum of all that a file says."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
