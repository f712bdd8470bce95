"""`RobustAugmentation` changes half of a batch as other microscopes would."""

import numpy as np
import pytest
import torch

from skblood import load_bloodmnist_sample
from skblood.augmentation import RobustAugmentation, augment_cells

CENTER, SCALE = [200.0, 168.0, 177.0], [55.0, 61.0, 30.0]


@pytest.fixture(scope="module")
def images():
    pixels = torch.from_numpy(load_bloodmnist_sample("test").images[:64].copy()).float()
    return ((pixels - torch.tensor(CENTER)) / torch.tensor(SCALE)).permute(0, 3, 1, 2)


def augment(images, seed=0, **options):
    function = RobustAugmentation(CENTER, SCALE, pixel_range=(0, 255))
    return function(images, torch.Generator().manual_seed(seed), **options)


def to_pixels(images):
    return images.permute(0, 2, 3, 1) * torch.tensor(SCALE) + torch.tensor(CENTER)


def find_changed(images, seed=0, **options):
    """Return which of the images are more than turned and shifted."""
    mild = augment_cells(images, torch.Generator().manual_seed(seed))
    return (augment(images, seed, **options) != mild).flatten(start_dim=1).any(dim=1)


def test_a_random_half_is_changed(images):
    changed = find_changed(images)
    assert changed.sum() == 32
    assert 0 < changed[:32].sum() < 32


def test_fewer_images_are_changed_at_the_end(images):
    n_changed = [int(find_changed(images, progress=p).sum()) for p in (0.5, 0.75, 1)]
    assert n_changed == [16, 8, 0]


def test_the_fraction_is_right_in_small_batches(images):
    n = [int(find_changed(images[:1], seed=seed).sum()) for seed in range(60)]
    assert 15 < sum(n) < 45


def test_other_number_of_channels():
    function = RobustAugmentation(CENTER, SCALE, (0, 255))
    with pytest.raises(ValueError, match=r"3 channel\(s\), as in center, got 1"):
        function(torch.rand(2, 1, 9, 9), torch.Generator())


def test_colours_change_but_stay_in_the_pixel_range(images):
    changed = find_changed(images)
    pixels, before = to_pixels(augment(images)[changed]), to_pixels(images[changed])
    # The noise is added after the camera's limits.
    assert pixels.min() > -0.2 * 255
    assert pixels.max() < 1.2 * 255
    means, means_before = pixels.mean(dim=(1, 2)), before.mean(dim=(1, 2))
    assert (means - means_before).abs().mean() > 10
    # Each image gets colours of its own.
    assert means.std(dim=0).min() > 1.5 * means_before.std(dim=0).min()


def test_the_cell_stays_in_the_middle(images):
    # The cell is darker than its surroundings, in almost all stains.
    pixels = to_pixels(augment(images)[find_changed(images)])
    middle = pixels[:, 10:18, 10:18].mean(dim=(1, 2, 3))
    corner = pixels[:, :4, :4].mean(dim=(1, 2, 3))
    assert (middle < corner).float().mean() > 0.8


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("shape", [(1, 9, 12), (3, 28, 28), (3, 64, 40)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_dtype(n, shape, dtype):
    function = RobustAugmentation([0.5] * shape[0], [0.2] * shape[0], (0, 1))
    images = torch.rand(n, *shape, dtype=dtype)
    before, state = images.clone(), torch.get_rng_state()
    first, second, other = (
        function(images, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert first.shape == images.shape
    assert first.dtype == dtype
    assert torch.isfinite(first).all()
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("scale", [1, 1 / 255, 257])
def test_the_unit_of_the_pixels_does_not_matter(images, scale):
    function = RobustAugmentation(
        np.array(CENTER) * scale, np.array(SCALE) * scale, (0, 255 * scale)
    )
    other = function(images, torch.Generator().manual_seed(0))
    torch.testing.assert_close(other, augment(images), atol=1e-3, rtol=1e-3)
