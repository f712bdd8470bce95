"""Limit the threads that torch uses, and adjust how glibc allocates memory."""

import ctypes
import platform
import sys
import threading
from contextlib import contextmanager
from functools import cache

import torch
from joblib.parallel import get_active_backend

# Just below the largest threshold that glibc accepts, which is 32 MiB.
LARGE_BLOCK = 31 * 2**20
# The numbers of two options of glibc's function mallopt.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

_LOCK = threading.Lock()
# A callback may call predict during fit. The attribute `is_limited` of this object then
# keeps the inner call from removing the limit before fit ends.
_THREAD = threading.local()
# Number of worker threads in which torch is limited now.
_n_limited = 0
# torch's thread count before the first of these workers was limited.
_usual_count = None


@contextmanager
def limit_worker_threads():
    """Use one thread for torch if the code runs in one of several worker threads.

    By default torch uses every core. joblib and dask limit this in their worker
    processes, but not in their worker threads: there, each worker would use all cores,
    and the threads would wait for each other.

    torch has a thread count for each thread of Python, and one for threads that start
    later. Both have their earlier values again after the last worker has finished.
    """
    if getattr(_THREAD, "is_limited", False) or not _is_worker_thread():
        yield
        return
    usual_count = _limit()
    _THREAD.is_limited = True
    try:
        yield
    finally:
        _THREAD.is_limited = False
        _restore(usual_count)


def _is_worker_thread():
    if threading.current_thread() is threading.main_thread():
        # This is the main program or a worker process: worker processes run their tasks
        # in their main thread.
        return False
    return is_joblib_worker() or is_dask_worker()


def is_joblib_worker():
    """Return whether the code runs in a worker thread or worker process of joblib."""
    backend, _ = get_active_backend()
    return bool(getattr(backend, "nesting_level", 0))


def is_dask_worker():
    """Return whether the code runs in a worker of dask, in a task."""
    # If this module has not been imported, this thread cannot be a dask worker.
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True


def _limit():
    global _n_limited, _usual_count
    with _LOCK:
        # torch initialises the count of a new thread in the first call of
        # `get_num_threads`. Without the call here, a later one would replace the limit
        # by the count that another worker has restored.
        count = torch.get_num_threads()
        if _n_limited == 0:
            _usual_count = count
        _n_limited += 1
        torch.set_num_threads(1)
        return _usual_count


def _restore(usual_count):
    global _n_limited
    with _LOCK:
        _n_limited -= 1
        torch.set_num_threads(usual_count)


@cache
def raise_mmap_threshold():
    """Make glibc's allocator reuse the memory of large freed blocks.

    glibc returns freed memory above two thresholds to the system (`M_MMAP_THRESHOLD`
    and `M_TRIM_THRESHOLD` in mallopt(3)), and every batch then waits for thousands of
    page faults. Both rise by themselves to the size of the blocks that a program frees,
    unless an environment variable sets one of them. dask sets one for its workers, in
    which a training then took twice as long. Other allocators are not affected.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
    mallopt(M_TRIM_THRESHOLD, 2 * LARGE_BLOCK)
