"""The file format: a safetensors file with a JSON description and a checksum."""

import hashlib
import json
from pathlib import Path

FORMAT = 1
# Limits for the header of a file, which is JSON, and for the number of arrays. Models
# stay far below them. A header within these limits is parsed quickly.
MAX_HEADER_BYTES = 2**20
MAX_BRACKETS = 30_000
MAX_ARRAYS = 2_000
# A safetensors file begins with the length of its header, as an integer of this size.
LENGTH_BYTES = 8


def pack(description, arrays):
    """Return the content of a file.

    Parameters
    ----------
    description : dict
        Values of JSON types.
    arrays : dict of str to ndarray

    Returns
    -------
    bytes
    """
    from safetensors.numpy import save

    compact = (",", ":")
    text = json.dumps({"format": FORMAT, **description}, separators=compact)
    return save(arrays, {"skblood": text, "sha256": _digest(text, arrays)})


def unpack(content):
    """Return the description and the arrays in the content of a file.

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
        Any type of error, if the content is damaged or not that of a model file.
    """
    from safetensors.numpy import load

    header = _header(content)
    _check_header(header)
    arrays = load(content)
    if len(arrays) > MAX_ARRAYS:
        raise ValueError(
            f"it has {len(arrays):,} arrays, more than the {MAX_ARRAYS:,} that are "
            "allowed"
        )
    metadata = json.loads(header).get("__metadata__", {})
    if "skblood" not in metadata:
        raise ValueError("it was not written by save_model")
    text = metadata["skblood"]
    if _digest(text, arrays) != metadata.get("sha256"):
        raise ValueError("its checksum is wrong: the file was damaged or edited")
    description = json.loads(text)
    if description["format"] != FORMAT:
        raise ValueError(
            f"expected file format {FORMAT}, got {description['format']}; another "
            "version of skblood wrote it"
        )
    return description, {name: array.copy() for name, array in arrays.items()}


def read(path):
    """Return the content of a file, unless its first bytes show another format.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is not a regular file, or if its first 8 bytes are not a possible
        length of a header. A large file is then not read to its end.
    """
    path = Path(path)
    # Opening a named pipe would wait until another process writes to it.
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError("it is not a regular file")
    with path.open("rb") as file:
        beginning = file.read(LENGTH_BYTES + MAX_HEADER_BYTES)
        if int.from_bytes(beginning[:LENGTH_BYTES], "little") > MAX_HEADER_BYTES:
            raise ValueError("it was not written by save_model")
        return beginning + file.read()


def _header(content):
    """Return the header of a safetensors file: JSON, after 8 bytes with its length."""
    n_bytes = int.from_bytes(content[:LENGTH_BYTES], "little")
    return content[LENGTH_BYTES : LENGTH_BYTES + n_bytes]


def _check_header(header):
    """Raise ValueError for a header that would take long to parse."""
    n_brackets = header.count(b"[") + header.count(b"{")
    for n, limit, unit in (
        (len(header), MAX_HEADER_BYTES, "bytes"),
        (n_brackets, MAX_BRACKETS, "brackets"),
    ):
        if n > limit:
            raise ValueError(
                f"its JSON header has {n:,} {unit}, more than the {limit:,} that are "
                "allowed"
            )


def _digest(text, arrays):
    """Return a checksum of the description and the arrays."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
