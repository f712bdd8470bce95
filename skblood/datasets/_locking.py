"""Locks and temporary folders, so that only one process at a time creates a file."""

import shutil
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from skblood._warnings import warn

# Seconds after which a process that waits for the lock says so in a warning.
WARN_AFTER = 2


@contextmanager
def file_lock(path):
    """Hold the lock of a path. Only one thread of one process can hold it at a time.

    Parameters
    ----------
    path : Path
        The lock is a hidden file in the same folder. The path itself is not touched.
    """
    # Imported here because reading an existing file needs no lock.
    from filelock import FileLock, Timeout

    # The operating system releases the lock when the process ends, even if it is
    # killed. The lock file is empty and is not deleted. Its mode allows the other users
    # of a shared folder to lock it too.
    lock = FileLock(path.with_name(f".{path.name}.lock"), mode=0o666)
    try:
        lock.acquire(timeout=WARN_AFTER)
    except Timeout:
        warn(f"Waiting for another process that is downloading or unpacking {path}.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def temporary_folder(path):
    """Create a temporary folder beside a path, and delete it at the end.

    It is on the same file system as the path, so its files can be renamed to the path.
    The caller must hold the lock of the path. Other temporary folders of this path are
    therefore left over from killed processes, and are deleted.

    Parameters
    ----------
    path : Path

    Yields
    ------
    str
        The path of the temporary folder.
    """
    prefix = f".{path.name}-"
    for leftover in path.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with TemporaryDirectory(prefix=prefix, dir=path.parent) as folder:
        yield folder
