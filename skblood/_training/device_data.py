"""Images that stay in the memory of a GPU during a training."""

import numpy as np
import torch

from .batches import Batch, ImageDataset, positions_of

# torch can index arrays of these dtypes on a GPU.
DTYPES = ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
# The images may take this fraction of the free memory. The rest is for the network.
MEMORY_FRACTION = 0.5
# So many images at a time are copied to the device.
COPIED_TOGETHER = 1024


class DeviceDataset(ImageDataset):
    """A copy of a dataset on a device, where its batches are cut.

    No training step then copies images or indices from the host to the device.

    Parameters
    ----------
    dataset : ImageDataset
        Its images are an array in memory or in a memory-mapped file.
    device : torch.device or str
    """

    def __init__(self, dataset, device):
        super().__init__(
            dataset.images, dataset.targets, dataset.weights, dataset.indices
        )
        self.device = device
        self.device_images = self._copy_images()
        self.device_targets, self.device_weights = (
            None if values is None else torch.tensor(values, device=device)
            for values in (dataset.targets, dataset.weights)
        )

    def _copy_images(self):
        copied, first = None, 0
        while first < len(self):
            images = self.batch(slice(first, first + COPIED_TOGETHER))[0]
            if copied is None:
                shape = (len(self), *images.shape[1:])
                copied = torch.empty(shape, dtype=images.dtype, device=self.device)
            copied[first : first + len(images)] = images
            first += len(images)
        return copied

    def batches(self, indices, reads):
        """Yield a `Batch` for each of several indices, all on the device."""
        parts = [positions_of(index, len(self)) for index in indices]
        together = torch.from_numpy(np.concatenate(parts)).to(self.device)
        for index in together.split([len(part) for part in parts]):
            yield Batch(
                self.device_images[index],
                None if self.device_targets is None else self.device_targets[index],
                None if self.device_weights is None else self.device_weights[index],
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
    if n_bytes > MEMORY_FRACTION * free:
        return dataset
    return DeviceDataset(dataset, device)
