"""Files that are there whole, or not at all."""

import os
import secrets
from pathlib import Path


def write_whole(path, content):
    """Write bytes to a file; until they are all there, what was there stays.

    Parameters
    ----------
    path : str or path-like
    content : bytes

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    # A name that nobody else has, and that nobody could have put a link under.
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
