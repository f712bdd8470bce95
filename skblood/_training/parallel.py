"""Training of one network by several processes, each with a part of every batch."""

import inspect
import zlib

from torch.nn.parallel import DistributedDataParallel

from .. import _distributed
from .batches import count_batches

# The name of this option has changed in torch.
SYNC_BUFFERS = (
    "forward_sync_buffers"
    if "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters
    else "broadcast_buffers"
)
# Parameters that must be the same in all processes.
SAME_IN_ALL = (
    "max_epochs",
    "batch_size",
    "optimizer",
    "lr",
    "lr_schedule",
    "weight_decay",
    "label_smoothing",
    "patience",
    "precision",
    "data_pruning",
    "seed",
)


def parallel_forward(network):
    """Return the function that applies a network to the images of a training step.

    With several processes, torch's `DistributedDataParallel` averages the gradients
    over them [1]_.

    Parameters
    ----------
    network : torch.nn.Module

    Returns
    -------
    callable

    References
    ----------
    .. [1] Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel
       Training", VLDB 2020, arXiv:2006.15704.
    """
    if _distributed.n_processes() == 1:
        return network.__call__
    device = next(network.parameters()).device
    parallel = DistributedDataParallel(
        network,
        device_ids=None if device.type == "cpu" else [device],
        # Each step needs no common batch statistics, see `average_over_processes`.
        **{SYNC_BUFFERS: False},
    )
    return parallel.__call__


def check_processes(spec, train, valid, n_teachers=0):
    """Check that all processes can train together.

    Parameters
    ----------
    spec : TrainingSpec
    train, valid : ImageDataset
        `valid` may be None.
    n_teachers : int

    Raises
    ------
    ValueError
        In each process, if they were given different data or parameters, or if the
        training cannot be divided among them.
    """
    n_processes = _distributed.n_processes()
    if n_processes == 1:
        return
    for name, values in _gather(_describe(spec, train, valid, n_teachers)).items():
        if len(set(values)) > 1:
            raise ValueError(
                "Expected the same data and parameters in all processes of "
                f"torch.distributed, but they differ in {name}: {', '.join(values)}."
            )
    if spec.data_pruning and spec.batch_size < 2 * n_processes:
        raise ValueError(
            f"Expected a batch_size of at least {2 * n_processes} for data_pruning in "
            f"{n_processes} processes, got {spec.batch_size}."
        )
    smallest = len(train) // count_batches(len(train), spec.batch_size)
    if smallest < n_processes:
        raise ValueError(
            f"Expected batches with an image for each of {n_processes} processes, got "
            f"batches of {smallest}. Raise batch_size, or start fewer processes."
        )


def _describe(spec, train, valid, n_teachers):
    described = {
        "the number of images": len(train),
        "the size of the images": tuple(train.images.shape[1:]),
        "the labels or their order (checksum)": _checksum(train.targets),
        "the sample weights (checksum)": _checksum(train.weights),
        "the number of validation images": len(valid or ()),
        "progressive_resizing": spec.resizing is not None,
        "the number of teachers": n_teachers,
    }
    return described | {name: getattr(spec, name) for name in SAME_IN_ALL}


def _gather(description):
    """Return a dict with the list of all processes' values in place of each value."""
    everywhere = _distributed.from_all({k: str(v) for k, v in description.items()})
    return {name: [each[name] for each in everywhere] for name in description}


def _checksum(array):
    return None if array is None else zlib.crc32(array.tobytes())
