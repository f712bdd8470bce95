"""How many threads torch may use here.

Torch takes every core. joblib's processes are told to share them, but threads of one
process are not: each would take every core again, and they would wait for each other.
"""

import threading
from contextlib import contextmanager

import torch
from joblib.parallel import get_active_backend

_LOCK = threading.Lock()
_n_limited = 0
_usual = None


@contextmanager
def sharing_cores():
    """Compute in one thread where joblib runs this in one thread of several.

    The count is torch's, and each thread has its own; when the last one is done,
    torch's count for threads to come is as it was as well.
    """
    if not _is_joblib_thread():
        yield
        return
    usual = _limit()
    try:
        yield
    finally:
        _restore(usual)


def _is_joblib_thread():
    """Tell whether this is a worker thread: worker processes use their main thread."""
    backend, _ = get_active_backend()
    in_worker = bool(getattr(backend, "nesting_level", 0))
    return in_worker and threading.current_thread() is not threading.main_thread()


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
