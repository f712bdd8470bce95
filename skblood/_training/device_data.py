"""Images that stay in the memory of a GPU during a training."""

import numpy as np
import torch

from .batches import Batch, ImageDataset, copy_for_torch, positions_of

# torch can index arrays of these dtypes on a GPU.
DTYPES = ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
# The images may take this part of the free memory. The rest is for the network.
PART_OF_MEMORY = 0.5


class DeviceDataset(ImageDataset):
    """A copy of a dataset on a device, where its batches are cut.

    Neither a batch nor its index then has to travel from the host in each step.

    Parameters
    ----------
    dataset : ImageDataset
        Its images are an array in memory.
    device : torch.device or str
    """

    def __init__(self, dataset, device):
        super().__init__(
            dataset.images, dataset.targets, dataset.weights, dataset.indices
        )
        self.device = device
        arrays = list(self.arrays(slice(None)))
        arrays[0] = copy_for_torch(arrays[0])
        self.tensors = [
            None if array is None else torch.from_numpy(array).to(device)
            for array in arrays
        ]

    def batches(self, indices, reads):
        """Yield a `Batch` for each of several indices, all on the device."""
        parts = [positions_of(index, len(self)) for index in indices]
        together = torch.from_numpy(np.concatenate(parts)).to(self.device)
        for index in together.split([len(part) for part in parts]):
            yield Batch(
                *(None if values is None else values[index] for values in self.tensors),
                index,
            )


def move_to_device(dataset, device):
    """Return a dataset whose images are on a GPU if they fit, else the same dataset.

    Parameters
    ----------
    dataset : ImageDataset
    device : torch.device or str

    Returns
    -------
    ImageDataset
    """
    device, images = torch.device(device), dataset.images
    if device.type != "cuda" or not isinstance(images, np.ndarray):
        return dataset
    if images.dtype.name not in DTYPES:
        return dataset
    n_bytes = len(dataset) * images[0].nbytes
    free, _ = torch.cuda.mem_get_info(device)
    return (
        DeviceDataset(dataset, device) if n_bytes < PART_OF_MEMORY * free else dataset
    )
