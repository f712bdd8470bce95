"""The processes of torch.distributed that train one classifier together, if any.

This module does not import torch: if torch was not imported, there is one process.
"""

import sys


def n_processes():
    """Return the number of processes of the initialised process group, or 1."""
    group = _group()
    return 1 if group is None else group.get_world_size()


def rank():
    """Return the number of this process, from 0."""
    group = _group()
    return 0 if group is None else group.get_rank()


def part_of(n):
    """Return the slice of n rows that belongs to this process.

    The parts of all processes follow each other. Their lengths differ by at most one.
    """
    i, count = rank(), n_processes()
    return slice(n * i // count, n * (i + 1) // count)


def from_first(value):
    """Return the value that the first process has."""
    return from_all(value)[0]


def from_all(value):
    """Return the list of the values of all processes."""
    group = _group()
    if group is None:
        return [value]
    values = [None] * group.get_world_size()
    group.all_gather_object(values, value)
    return values


def sum_over_processes(tensor):
    """Replace a tensor by its sum over all processes, in place, and return it."""
    group = _group()
    if group is not None:
        group.all_reduce(tensor)
    return tensor


def _group():
    """Return the module `torch.distributed` if it has a process group, else None."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available():
        return None
    return torch.distributed if torch.distributed.is_initialized() else None
