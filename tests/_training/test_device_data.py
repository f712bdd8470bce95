"""Images on a device. The tests use the CPU as the device; see also `TestCuda`."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skblood._training import device_data
from skblood._training.batches import BatchIterator, ImageDataset
from skblood._training.device_data import DeviceDataset, move_to_device


def make_dataset(dtype=np.uint8, weights=True, indices=None):
    images = np.arange(20 * 12).reshape(20, 2, 2, 3).astype(dtype)
    n = 20 if indices is None else len(indices)
    return ImageDataset(
        images, np.arange(n) % 3, np.linspace(0.5, 1.5, n) if weights else None, indices
    )


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch):
    monkeypatch.setattr(device_data, "COPIED_TOGETHER", 3)


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(
    "options",
    [{}, {"weights": False}, {"indices": np.array([7, 3, 11, 19])}, {"dtype": "f8"}],
    ids=str,
)
def test_batches_are_those_of_the_host(options, shuffled):
    dataset = make_dataset(**options)

    def batches(data):
        rng = np.random.default_rng(0) if shuffled else None
        return list(BatchIterator(data, 3, rng))

    for host, device in zip(
        batches(dataset), batches(DeviceDataset(dataset, "cpu")), strict=True
    ):
        assert_array_equal(host[0], device[0])
        assert_array_equal(host[1], device[1])
        if host.weights is None:
            assert device.weights is None
        else:
            assert_array_equal(host.weights, device.weights)


def test_the_images_of_the_user_are_not_changed():
    dataset = make_dataset()
    before = dataset.images.copy()
    DeviceDataset(dataset, "cpu").device_images.zero_()
    assert_array_equal(dataset.images, before)


@pytest.mark.parametrize(
    "dtype, free, moves", [("u1", 1000, True), ("u1", 400, False), ("u2", 9999, False)]
)
def test_images_move_if_they_fit(dtype, free, moves, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 2 * free))
    monkeypatch.setattr(DeviceDataset, "__init__", lambda self, *args: None)
    dataset = make_dataset(dtype=dtype)
    assert isinstance(move_to_device(dataset, "cuda"), DeviceDataset) == moves
    assert move_to_device(dataset, "cpu") is dataset
