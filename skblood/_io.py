"""Write a file completely or not at all."""

import os
import secrets
from pathlib import Path

from . import _distributed


def atomic_write(path, content):
    """Write bytes to a file without ever leaving it half-written.

    The bytes go to a temporary file in the same folder, which is then renamed. If
    anything fails before that, the earlier file at `path` stays as it was. Of several
    processes of torch.distributed, only the first writes.

    Parameters
    ----------
    path : str or path-like
    content : bytes

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if _distributed.rank() > 0:
        return
    path = Path(path)
    # The name is random, so two processes never use the same temporary file, and nobody
    # can create a symbolic link with this name in advance.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
