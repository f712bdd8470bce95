"""How many threads torch uses, and how the memory allocator serves them."""

import sys
import threading
from contextlib import contextmanager
from functools import cache

import torch
from joblib.parallel import get_active_backend

# Just below the upper limit of glibc's dynamic threshold, which is 32 MiB.
LARGE_BLOCK = 31 * 2**20

_LOCK = threading.Lock()
# A callback may call predict during fit. The limit then has to last until fit ends.
_THREAD = threading.local()
_n_limited = 0
_usual = None


@contextmanager
def limit_worker_threads():
    """Use one thread for torch if the code runs in one of several worker threads.

    By default torch uses every core. joblib and dask limit this in their worker
    processes, but not in their worker threads: there, each worker would use all cores,
    and the threads would wait for each other.

    Torch keeps a thread count for each thread of Python, and one for threads that
    start later. Both have their earlier values again when the last worker is done.
    """
    if getattr(_THREAD, "is_limited", False) or not _is_worker_thread():
        yield
        return
    usual = _limit()
    _THREAD.is_limited = True
    try:
        yield
    finally:
        _THREAD.is_limited = False
        _restore(usual)


def _is_worker_thread():
    if threading.current_thread() is threading.main_thread():
        return False  # the main program, or a worker process, which runs tasks there
    return _is_joblib_worker() or _is_dask_worker()


def _is_joblib_worker():
    backend, _ = get_active_backend()
    return bool(getattr(backend, "nesting_level", 0))


def _is_dask_worker():
    # Without this module, no code can be running in a dask worker.
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True


def _limit():
    global _n_limited, _usual
    with _LOCK:
        if _n_limited == 0:
            _usual = torch.get_num_threads()
        _n_limited += 1
        torch.set_num_threads(1)
        return _usual


def _restore(usual):
    global _n_limited
    with _LOCK:
        _n_limited -= 1
        torch.set_num_threads(usual)


@cache
def raise_mmap_threshold():
    """Make glibc's allocator reuse the memory of large freed blocks.

    glibc returns freed blocks above a threshold to the system, so that every batch
    waits for thousands of page faults. The threshold is dynamic: it rises to the size
    of the largest block that has been freed (`M_MMAP_THRESHOLD` in mallopt(3)). This
    function therefore allocates and frees one large block, once in a process. Nothing
    is written to the block, so it takes no physical memory. Other allocators are not
    affected.
    """
    torch.empty(LARGE_BLOCK, dtype=torch.uint8)
