"""One process at a time, in a folder of its own that is renamed into place."""

import shutil
import warnings
from contextlib import contextmanager
from tempfile import TemporaryDirectory

# Seconds that one waits without being told what for.
UNNOTICED = 2


@contextmanager
def only_process(path):
    """Wait until no other process or thread is at work on a path."""
    # Imported here since a file that is there does without.
    from filelock import FileLock, Timeout

    # The system lets go of the lock of a process that dies. The file is empty and
    # stays; in a shared folder everybody may use it.
    lock = FileLock(path.with_name(f".{path.name}.lock"), mode=0o666)
    try:
        lock.acquire(timeout=UNNOTICED)
    except Timeout:
        warnings.warn(
            f"Waiting for another process that is at work on {path}.", stacklevel=2
        )
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def work_folder(path):
    """Make a folder on a path's file system, so that a rename moves what is in it.

    Those that killed processes have left are removed: nobody else is at work.
    """
    prefix = f".{path.name}-"
    for left_over in path.parent.glob(f"{prefix}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    with TemporaryDirectory(prefix=prefix, dir=path.parent) as folder:
        yield folder
