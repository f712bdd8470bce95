"""Select the device and the number format (precision), and copy to a device."""

import multiprocessing

import torch

from .threads import is_dask_worker, is_joblib_worker


def resolve_device(device):
    """Return the torch device for a name, if this machine has it.

    Parameters
    ----------
    device : str
        "auto" is CUDA if available, else Apple's MPS, else the CPU. Any other string
        is passed to `torch.device`. If several GPUs are visible, "cuda" is one of them
        in turn in the worker processes of joblib, and torch's current GPU elsewhere.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If torch does not know the device, or this machine does not have it.
    """
    available = available_devices()
    if device == "auto":
        device = available[-1]
    try:
        requested = torch.device(device)
    except RuntimeError:
        requested = None
    if requested is None or not _is_available(requested, available):
        raise ValueError(
            f"device={device!r} is not available: this machine has "
            f"{_list_devices(available)}. Use one of these, or device='auto' for the "
            "fastest."
        )
    if requested == torch.device("cuda"):
        return _take_turns(requested)
    return requested


def available_devices():
    """Return the types of device that this machine has, the fastest last."""
    devices = ["cpu"]
    if torch.backends.mps.is_available():
        devices.append("mps")
    if torch.cuda.is_available():
        devices.append("cuda")
    return devices


def _take_turns(cuda):
    """Return the GPU for this process: the worker processes of joblib take turns."""
    # dask-cuda gives each worker a CUDA_VISIBLE_DEVICES that begins with its own GPU
    # and also has the others, so that "cuda" is the worker's own GPU already.
    if not is_joblib_worker() or is_dask_worker():
        return cuda
    # Python numbers the processes that a program starts: (1,), (2,), … The program
    # itself has an empty tuple.
    numbers = multiprocessing.current_process()._identity
    n_gpus = torch.cuda.device_count()
    if not numbers or n_gpus < 2:
        return cuda
    return torch.device("cuda", (numbers[-1] - 1) % n_gpus)


def _is_available(device, available):
    if device.type not in available:
        return False
    n_devices = torch.cuda.device_count() if device.type == "cuda" else 1
    return device.index is None or device.index < n_devices


def _list_devices(available):
    """Return the names of all devices, with an index for each CUDA device."""
    n_cuda = torch.cuda.device_count() if "cuda" in available else 0
    cuda = [f"cuda:{i}" for i in range(n_cuda)]
    return ", ".join([name for name in available if name != "cuda"] + cuda)


def copy_to_device(tensor, device):
    """Return a tensor on a device, without waiting until a GPU has done its work.

    Parameters
    ----------
    tensor : torch.Tensor
        It must not be changed afterwards.
    device : torch.device or str

    Returns
    -------
    torch.Tensor
    """
    if torch.device(device).type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    # torch waits for all earlier work on the GPU before it copies other memory.
    return tensor.pin_memory().to(device, non_blocking=True)


def most_precise_dtype(device):
    """Return float64, or float32 for MPS devices, which have no float64.

    Parameters
    ----------
    device : torch.device or str

    Returns
    -------
    torch.dtype
    """
    return torch.float32 if torch.device(device).type == "mps" else torch.float64


def resolve_precision(precision, device):
    """Return the number format of training on a device.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        "auto" is bfloat16 where the processor has instructions for it, else float32.
    device : torch.device or str

    Returns
    -------
    {"float32", "bfloat16"}
    """
    if precision != "auto":
        return precision
    return "bfloat16" if _has_bfloat16(torch.device(device)) else "float32"


def _has_bfloat16(device):
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        # Releases of torch before 2.7 do not report the processor's instructions.
        capabilities = getattr(torch.cpu, "get_capabilities", dict)()
        return capabilities.get("avx512_bf16", False)
    return False
