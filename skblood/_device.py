"""Where the network runs."""

import torch


def resolve_device(device):
    """Return the torch device that a name stands for, if this machine has it.

    Parameters
    ----------
    device : str
        "auto" is CUDA, else Apple's MPS, else the CPU; any other is torch's.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If torch does not know the device, or this machine does not have it.
    """
    here = available_devices()
    if device == "auto":
        return torch.device(here[-1])
    try:
        wanted = torch.device(device)
    except RuntimeError:
        wanted = None
    if wanted is None or not _is_here(wanted, here):
        raise ValueError(
            f"device={device!r} is not available: this machine has {', '.join(here)}; "
            "'auto' takes the best of them."
        )
    return wanted


def available_devices():
    """Return the kinds of device of this machine, the fastest last."""
    devices = ["cpu"]
    if torch.backends.mps.is_available():
        devices.append("mps")
    if torch.cuda.is_available():
        devices.append("cuda")
    return devices


def _is_here(device, here):
    if device.type not in here:
        return False
    n_devices = torch.cuda.device_count() if device.type == "cuda" else 1
    return device.index is None or device.index < n_devices
