"""How many threads torch may use here.

Torch takes every core. Worker processes, joblib's and dask's, are told to share them,
but threads of one process are not: each would take every core again, and they would
wait for each other.
"""

import sys
import threading
from contextlib import contextmanager

import torch
from joblib.parallel import get_active_backend

_LOCK = threading.Lock()
# A callback may predict within a training: the training then keeps its limit.
_THREAD = threading.local()
_n_limited = 0
_usual = None


@contextmanager
def sharing_cores():
    """Compute in one thread where this runs in a worker thread, one of several.

    The count is torch's, and each thread has its own; when the last one is done,
    torch's count for threads to come is as it was as well.
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
        return False  # a worker process runs its tasks there, or this is no worker
    return _is_joblib_worker() or _is_dask_worker()


def _is_joblib_worker():
    backend, _ = get_active_backend()
    return bool(getattr(backend, "nesting_level", 0))


def _is_dask_worker():
    # Nobody but dask itself runs anything in its threads.
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
