"""Files that are there whole, or not at all."""

import os
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
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
