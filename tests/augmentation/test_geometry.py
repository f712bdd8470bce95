"""Random transforms of images, and the generator that they draw from."""

import pytest
import torch

from skblood.augmentation import (
    augment_cells,
    dihedral_views,
    random_dihedral,
    random_shift,
)

TRANSFORMS = [augment_cells, random_dihedral, random_shift]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def views(image):
    """Return an image (C, H, W) in all flips and rotations that keep its shape."""
    rotated = [torch.rot90(image, k, (1, 2)) for k in range(4)]
    candidates = [*rotated, *(view.flip(2) for view in rotated)]
    return [view for view in candidates if view.shape == image.shape]


SHAPES = [((3, 8, 8), 8), ((1, 9, 9), 8), ((3, 8, 10), 4)]


@pytest.mark.parametrize("shape, n_views", SHAPES)
def test_dihedral_views(shape, n_views):
    images = torch.rand(5, *shape)
    batches = dihedral_views(images)
    assert len(batches) == n_views
    assert torch.equal(batches[0], images)
    for i, image in enumerate(images):
        got = {batch[i].contiguous().numpy().tobytes() for batch in batches}
        expected = {view.contiguous().numpy().tobytes() for view in views(image)}
        assert got == expected


@pytest.mark.parametrize("shape, n_views", SHAPES)
def test_random_dihedral_returns_all_views_about_equally_often(shape, n_views):
    image = torch.rand(shape)
    batch = random_dihedral(image.expand(400, *shape), generator())
    assert batch.shape == (400, *shape)
    counts = [int((batch == v).all(dim=(1, 2, 3)).sum()) for v in views(image)]
    assert len(counts) == n_views
    assert sum(counts) == 400
    assert min(counts) > 0.6 * 400 / n_views


@pytest.mark.parametrize("max_pixels", [0, 1, 2, 3])
def test_random_shift_returns_all_crops_of_the_padded_image(max_pixels):
    # Height and width differ, so that the test fails if they are confused.
    image = torch.rand(3, 9, 12)
    m = max_pixels
    padded = torch.nn.functional.pad(image[None], [m] * 4, mode="reflect")[0]
    crops = {
        padded[:, i : i + 9, j : j + 12].numpy().tobytes()
        for i in range(2 * m + 1)
        for j in range(2 * m + 1)
    }
    batch = random_shift(image.expand(600, 3, 9, 12), generator(), max_pixels)
    assert batch.shape == (600, 3, 9, 12)
    assert {shifted.contiguous().numpy().tobytes() for shifted in batch} == crops
    assert len(crops) == (2 * m + 1) ** 2


def test_random_shift_by_up_to_two_pixels_by_default():
    image = torch.arange(100.0).reshape(1, 10, 10)
    centers = random_shift(image.expand(500, 1, 10, 10), generator())[:, 0, 5, 5]
    moved = {(int(c) // 10 - 5, int(c) % 10 - 5) for c in centers}
    assert moved == {(i, j) for i in range(-2, 3) for j in range(-2, 3)}


def test_each_image_gets_its_own_transform():
    image = torch.rand(3, 8, 8)
    batch = augment_cells(image.expand(50, 3, 8, 8), generator())
    assert len({view.contiguous().numpy().tobytes() for view in batch}) > 30


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_same_generator_same_result(transform, dtype, layout):
    images = torch.rand(20, 3, 8, 8, dtype=dtype).contiguous(memory_format=layout)
    before, state = images.clone(), torch.get_rng_state()
    first, second, other = (transform(images, generator(seed)) for seed in (0, 0, 1))
    assert first.dtype == dtype
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)
