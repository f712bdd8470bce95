"""The corruptions of the benchmarks, and the benchmark that measures their effect."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils import check_random_state

from skblood import load_bloodmnist_sample, load_pretrained

# benchmarks/ is not a package: its scripts import their modules from this path.
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
try:
    import corruptions as benchmark
    from common import fitted
    from common.corruptions import KINDS, N_SEVERITIES, corrupt
finally:
    sys.path.pop(0)

SEVERITIES = range(1, N_SEVERITIES + 1)
RANDOM_KINDS = ["motion_blur", "stain_deposit", "bubble"]
BLURS = ["defocus_blur", "motion_blur"]


def resize(images, side):
    return np.stack(
        [
            np.asarray(Image.fromarray(image).resize((side, side), Image.BICUBIC))
            for image in images
        ]
    )


@pytest.fixture(scope="module")
def images():
    # Every 20th image, so that all kinds of cells are among them.
    return load_bloodmnist_sample("test").images[::20]


def mean_change(images, kind, severity):
    corrupted = corrupt(images, kind, severity)
    return np.abs(corrupted.astype(float) - images).mean()


def test_there_are_the_eleven_kinds_of_medmnist_c():
    assert len(KINDS) == 11
    assert all(len(parameters) == N_SEVERITIES for _, parameters in KINDS.values())


@pytest.mark.parametrize("side", [28, 64])
@pytest.mark.parametrize("kind", KINDS)
def test_a_higher_severity_changes_the_pixels_more(kind, side, images):
    images = images if side == images.shape[1] else resize(images, side)
    changes = [mean_change(images, kind, severity) for severity in SEVERITIES]
    assert changes[0] > 0
    assert np.all(np.diff(changes) > 0), changes


@pytest.mark.parametrize("shape", [(3, 28, 28, 3), (2, 20, 31, 3), (0, 28, 28, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_keeps_shape_and_type_and_leaves_the_input(kind, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    before = images.copy()
    images.flags.writeable = False
    corrupted = corrupt(images, kind, 3)
    assert corrupted.shape == shape
    assert corrupted.dtype == np.uint8
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_corrupted_alike_in_every_batch(kind, images):
    expected = corrupt(images, kind, 4, random_state=7)
    np.testing.assert_array_equal(
        corrupt(images[::-1], kind, 4, random_state=7)[::-1], expected
    )
    np.testing.assert_array_equal(
        corrupt(images[3:4], kind, 4, random_state=7), expected[3:4]
    )


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_images_and_seeds_are_corrupted_differently(kind, images):
    grey = np.full((3, 28, 28, 3), 200, np.uint8)
    grey[:, 14:, 14:] = 60  # a corner, which a blur changes
    grey[1, 0, 0], grey[2, 0, 0] = 201, 202
    changes = corrupt(grey, kind, 5)[:, 4:].astype(int)
    assert not np.array_equal(changes[0], changes[1])
    assert not np.array_equal(changes[1], changes[2])
    first, second = (corrupt(images, kind, 5, random_state=seed) for seed in (0, 1))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("kind", KINDS)
def test_global_generators_are_neither_used_nor_changed(kind, images):
    global_numpy = check_random_state(None)
    results = []
    for seed in (0, 1):
        global_numpy.seed(seed)
        random.seed(seed)
        results.append(corrupt(images[:3], kind, 5))
        drawn = global_numpy.random_sample(), random.random()
        global_numpy.seed(seed)
        random.seed(seed)
        assert drawn == (global_numpy.random_sample(), random.random())
    np.testing.assert_array_equal(*results)


def test_a_generator_may_be_the_random_state(images):
    rng = np.random.default_rng(3)
    first, second = (corrupt(images, "bubble", 5, rng) for _ in range(2))
    assert not np.array_equal(first, second)
    again = corrupt(images, "bubble", 5, np.random.default_rng(3))
    np.testing.assert_array_equal(first, again)


# -- what each kind does ---------------------------------------------------------------


def test_pixelate_makes_larger_pixels(images):
    blocks = corrupt(images, "pixelate", 5).reshape(-1, 7, 4, 7, 4, 3)
    assert np.ptp(blocks, axis=(2, 4)).max() == 0
    means = images.reshape(-1, 7, 4, 7, 4, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(blocks[:, :, 0, :, 0], means, atol=1)


def test_brightness_multiplies_the_pixels(images):
    np.testing.assert_allclose(
        corrupt(images, "brightness_down", 5), images / 2, atol=1
    )
    expected = np.minimum(255, images * 1.4)
    np.testing.assert_allclose(corrupt(images, "brightness_up", 5), expected, atol=1)


def test_contrast_keeps_the_mean(images):
    corrupted = corrupt(images, "contrast_down", 5)
    assert corrupted.std() == pytest.approx(images.std() / 2, rel=0.1)
    assert corrupted.mean() == pytest.approx(images.mean(), rel=0.05)


def test_saturate_keeps_the_brightest_channel(images):
    corrupted = corrupt(images, "saturate", 5)
    np.testing.assert_allclose(corrupted.max(axis=3), images.max(axis=3), atol=1)
    darkest = corrupted.min(axis=3).astype(int)
    assert np.all(darkest <= images.min(axis=3))


@pytest.mark.parametrize("kind", BLURS)
def test_a_blur_keeps_flat_images(kind):
    flat = np.full((1, 28, 28, 3), 123, np.uint8)
    np.testing.assert_array_equal(corrupt(flat, kind, 5), flat)


@pytest.mark.parametrize("kind", BLURS)
def test_a_blur_is_the_same_at_any_size(kind):
    """A blur of a large image, made small, is the blur of the small image."""
    rows, columns = np.mgrid[:224, :224] / 224
    waves = np.sin(2 * np.pi * 8 * rows) * np.sin(2 * np.pi * 7 * columns)
    large = np.rint(128 + 100 * waves).astype(np.uint8)[None, ..., None]
    large = np.repeat(large, 3, axis=3)
    small = reduce(large)

    def contrast_kept(images):
        return corrupt(images, kind, 5).std() / images.std()

    # The angle of the motion differs between both images.
    assert contrast_kept(small) == pytest.approx(contrast_kept(large), abs=0.1)
    assert contrast_kept(large) < 0.9


def reduce(images):
    """Average blocks of 8 x 8 pixels."""
    n, height, width, n_channels = images.shape
    blocks = images.reshape(n, height // 8, 8, width // 8, 8, n_channels)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)


def test_defocus_has_the_radius_of_medmnist_c():
    image = np.zeros((1, 224, 224, 3), np.uint8)
    image[0, 96:128, 96:128] = 255
    blurred = corrupt(image, "defocus_blur", 5)[0, :, :, 0]
    # The edge of the square lies between pixels 95 and 96, and the radius is 6 pixels.
    row = blurred[112]
    assert row[88] <= 2 and row[103] >= 253
    assert 0 < row[91] < row[95] < row[96] < row[100] < 255


def test_stain_deposits_are_black_and_away_from_the_edge():
    white = np.full((20, 224, 224, 3), 255, np.uint8)
    white[:, 0, 0, 0] = np.arange(20)  # makes the images differ
    corrupted = corrupt(white, "stain_deposit", 1)
    covered = corrupted[:, 1:, :, 1] < 128
    # MedMNIST-C's ink marks cover about 60 % of their box of 24 by 24 pixels.
    assert covered.sum(axis=(1, 2)).mean() == pytest.approx(0.6 * 24**2, rel=0.1)
    assert not covered[:, :9].any() and not covered[:, :, :9].any()
    assert corrupted.min() == 0


def test_bubbles_lighten():
    dark = np.full((1, 224, 224, 3), 20, np.uint8)
    bubbles = corrupt(dark, "bubble", 5)
    assert bubbles.min() == 20
    # The border of a bubble has an opacity of 130 of 255.
    assert bubbles.max() == pytest.approx(20 + 235 * 130 / 255, abs=1)


# -- the benchmark ---------------------------------------------------------------------


@pytest.fixture
def two_models():
    """Return labels, and for two models which images they get wrong."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [10, 20, 40])
    clean = {"good": np.zeros((2, 70), bool), "bad": rng.random((2, 70)) < 0.2}
    shape = (len(KINDS), N_SEVERITIES, 2, 70)
    corrupted = {"good": rng.random(shape) < 0.2, "bad": rng.random(shape) < 0.4}
    return y, clean, corrupted


def test_balanced_accuracy_agrees_with_scikit_learn(two_models):
    y, clean, _ = two_models
    found = benchmark.balanced_accuracy(clean["bad"], y)
    for is_wrong, accuracy in zip(clean["bad"], found, strict=True):
        predicted = np.where(is_wrong, (y + 1) % 3, y)
        assert accuracy == pytest.approx(balanced_accuracy_score(y, predicted))


def test_figures_of_a_model(two_models):
    y, clean, corrupted = two_models
    figures = benchmark.summarize_model(clean["good"], corrupted["good"], y)
    assert figures["mean"]["accuracy"] == 1
    low, high = figures["interval"]
    assert low < figures["mean"]["corrupted_balanced_accuracy"] < high
    assert high - low < 0.03
    mean = np.mean(list(figures["by_kind"].values()))
    assert mean == pytest.approx(figures["mean"]["corrupted_balanced_accuracy"])


def test_comparison_of_two_models(two_models):
    y, clean, corrupted = two_models
    compared = benchmark.compare("good", "bad", clean, corrupted, y)
    assert compared["error_ratio"] == pytest.approx(0.5, abs=0.05)
    low, high = compared["error_ratio_interval"]
    assert low < compared["error_ratio"] < high
    assert compared["clean_difference"] == pytest.approx(-clean["bad"].mean())
    assert compared["clean_balanced_difference"] < 0


def test_a_fitted_model_is_read_from_its_file(tmp_path, monkeypatch, images):
    clf = load_pretrained("bloodmnist-28-tiny")
    fits = []

    class Recipe:
        def __init__(self, random_state):
            fits.append(random_state)

        def fit(self, X, y):
            return clf

    monkeypatch.setitem(fitted.RECIPES, "tiny", Recipe)
    monkeypatch.setattr(fitted, "load_bloodmnist", lambda **_: (None, None))
    for _ in range(2):
        read = fitted.fitted_model("tiny", 3, tmp_path / "models")
        np.testing.assert_array_equal(read.predict(images), clf.predict(images))
    assert fits == [3]
    assert (tmp_path / "models" / "tiny_3.safetensors").exists()


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "got"),
    [
        (np.zeros((2, 28, 28, 3)), r"got float64 \(2, 28, 28, 3\)"),
        (np.zeros((28, 28, 3), np.uint8), r"got uint8 \(28, 28, 3\)"),
        (np.zeros((2, 28, 28, 1), np.uint8), r"got uint8 \(2, 28, 28, 1\)"),
        (np.zeros((2, 4, 28, 3), np.uint8), r"got uint8 \(2, 4, 28, 3\)"),
        ([[0]], "got list"),
    ],
)
def test_other_images_are_refused(images, got):
    with pytest.raises(ValueError, match=f"Expected images as a uint8 array.*{got}"):
        corrupt(images, "bubble", 1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "snow"}, "Expected kind to be one of .*, got 'snow'"),
        ({"severity": 0}, "Expected severity to be an integer from 1 to 5, got 0"),
        ({"severity": 2.0}, "Expected severity to be an integer from 1 to 5, got 2.0"),
        ({"random_state": None}, "Expected random_state to be .*, got None"),
        ({"random_state": -1}, "Expected random_state to be .*, got -1"),
    ],
)
def test_other_parameters_are_refused(parameters, message, images):
    with pytest.raises(ValueError, match=message):
        corrupt(images, **{"kind": "bubble", "severity": 1, **parameters})
