"""In which number format convolutions are computed while a network learns."""

import torch


def resolve_precision(precision, device):
    """Return the format that a name stands for on a device.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        "auto" is bfloat16 where the processor multiplies in it, else float32.
    device : torch.device or str

    Returns
    -------
    {"float32", "bfloat16"}
    """
    if precision != "auto":
        return precision
    return "bfloat16" if _multiplies_bfloat16(torch.device(device)) else "float32"


def _multiplies_bfloat16(device):
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        # Older releases of torch do not tell what the processor has.
        capabilities = getattr(torch.cpu, "get_capabilities", dict)()
        return capabilities.get("avx512_bf16", False)
    return False
