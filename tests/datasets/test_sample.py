import importlib.resources
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.utils import Bunch

from skblood.datasets import _manifest, load_bloodmnist, load_bloodmnist_sample

COUNTS = {"train": 200, "test": 50}  # of each class


@pytest.mark.parametrize("split", COUNTS)
def test_bunch(split):
    bunch = load_bloodmnist_sample(split)
    n_images = 8 * COUNTS[split]
    assert isinstance(bunch, Bunch)
    assert bunch.data is bunch.images
    assert bunch.images.shape == (n_images, 28, 28, 3)
    assert bunch.images.dtype == np.uint8
    assert bunch.target.dtype == np.int64
    assert bunch.indices.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(bunch.target), [COUNTS[split]] * 8)
    assert os.path.exists(bunch.filename)


def test_names_are_those_of_medmnist():
    blood = _manifest.collection("bloodmnist")
    assert load_bloodmnist_sample().target_names == blood.target_names


def test_train_is_the_default():
    np.testing.assert_array_equal(
        load_bloodmnist_sample().images, load_bloodmnist_sample("train").images
    )


@pytest.mark.parametrize("flatten", [True, False])
def test_return_X_y(flatten):
    bunch = load_bloodmnist_sample("test", flatten=flatten)
    X, y = load_bloodmnist_sample("test", flatten=flatten, return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)


def test_flatten_in_height_width_channel_order():
    bunch = load_bloodmnist_sample("test", flatten=True)
    assert bunch.data.shape == (400, 28 * 28 * 3)
    np.testing.assert_array_equal(
        bunch.data[:, (5 * 28 + 7) * 3 + 2], bunch.images[:, 5, 7, 2]
    )


@pytest.mark.parametrize("split", [("train", "test"), ["test", "train"], ("test",)])
def test_several_splits_in_order(split):
    joined = load_bloodmnist_sample(split)
    parts = [load_bloodmnist_sample(name) for name in split]
    for key in ("images", "target", "indices"):
        np.testing.assert_array_equal(
            joined[key], np.concatenate([part[key] for part in parts])
        )


def test_results_may_be_changed():
    first = load_bloodmnist_sample("test")
    first.images[:] = 0
    first.target_names.clear()
    second = load_bloodmnist_sample("test")
    assert second.images.any()
    assert len(second.target_names) == 8


def test_no_image_occurs_twice():
    X, _ = load_bloodmnist_sample(("train", "test"), flatten=True, return_X_y=True)
    assert len(np.unique(X, axis=0)) == 2000


def test_description():
    text = load_bloodmnist_sample().DESCR
    assert "{" not in text
    for said in [
        "1600 in train, 400 in test",
        "immature granulocytes",
        "CC BY 4.0",
        "10.1038/s41597-022-01721-8",
        "10.1016/j.dib.2020.105474",
        "Changes made",
    ]:
        assert said in text


WRONG_ARGUMENTS = [
    ({"split": "val"}, ValueError, r"split must be one of 'train', 'test', got 'val'"),
    ({"split": ()}, ValueError, r"at least one of 'train', 'test', got \(\)"),
    ({"split": ("test", "test")}, ValueError, "only once"),
    ({"split": 0}, TypeError, "got 0 of type int"),
    ({"split": ("test", None)}, TypeError, "got None of type NoneType"),
    ({"flatten": 1}, TypeError, "flatten must be a bool, got 1 of type int"),
    ({"return_X_y": "no"}, TypeError, "return_X_y must be a bool, got 'no'"),
]


@pytest.mark.parametrize("arguments, error, message", WRONG_ARGUMENTS)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        load_bloodmnist_sample(**arguments)


def test_package_stays_small():
    folder = importlib.resources.files("skblood.datasets").joinpath("data")
    sizes = [len(entry.read_bytes()) for entry in folder.iterdir()]
    assert sum(sizes) <= 3_000_000


def test_a_fresh_process_needs_no_torch_and_no_medmnist():
    script = (
        "import sys\n"
        "from skblood.datasets import load_bloodmnist_sample\n"
        "load_bloodmnist_sample()\n"
        "print({'torch', 'torchvision', 'skorch', 'medmnist'} & set(sys.modules))"
    )
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    run = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True
    )
    assert run.stdout.strip() == "set()", run.stderr


@pytest.mark.parametrize("split", COUNTS)
def test_pixels_are_those_of_the_full_data(bloodmnist_home, split):
    sample = load_bloodmnist_sample(split)
    full = load_bloodmnist(split=split, data_home=bloodmnist_home)
    np.testing.assert_array_equal(sample.images, full.images[sample.indices])
    np.testing.assert_array_equal(sample.target, full.target[sample.indices])


def test_sample_is_the_one_that_the_script_draws(bloodmnist_home):
    make_sample = pytest.importorskip("tools.make_bloodmnist_sample")
    bunches = {
        name: load_bloodmnist(split=name, data_home=bloodmnist_home)
        for name in ("train", "val", "test")
    }
    drawn = make_sample.draw(bunches)
    for name in COUNTS:
        np.testing.assert_array_equal(drawn[name], load_bloodmnist_sample(name).indices)


def test_drawn_images_occur_only_once(bloodmnist_home):
    images, _ = load_bloodmnist(
        split=("train", "val", "test"), return_X_y=True, data_home=bloodmnist_home
    )
    copies = {}
    for image in images:
        copies[image.tobytes()] = copies.get(image.tobytes(), 0) + 1
    sample = load_bloodmnist_sample(("train", "test"))
    assert {copies[image.tobytes()] for image in sample.images} == {1}
