import importlib.resources
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.utils import Bunch

from skblood.datasets import _manifest, load_bloodmnist, load_bloodmnist_sample
from skblood.datasets._sample import pack_tiles, unpack_tiles

COUNTS = {"train": 200, "test": 50}  # images of each class


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


def test_names_are_the_same_as_in_bloodmnist():
    blood = _manifest.collection("bloodmnist")
    assert load_bloodmnist_sample().target_names == blood.target_names


@pytest.mark.parametrize("split", ["test", ("train", "test")])
def test_labels(split):
    numbers = load_bloodmnist_sample(split, labels="numbers")
    names = load_bloodmnist_sample(split, labels="names")
    default = load_bloodmnist_sample(split)
    np.testing.assert_array_equal(numbers.target, default.target)
    assert names.target.dtype.kind == "U"
    assert names.target_names == default.target_names
    np.testing.assert_array_equal(
        names.target, np.array(default.target_names)[default.target]
    )
    _, y = load_bloodmnist_sample(split, labels="names", return_X_y=True)
    np.testing.assert_array_equal(y, names.target)


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


def test_changing_a_result_does_not_change_the_next():
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
        "- 2: erythroblast\n",
        "- 3: immature granulocytes. Full name in MedMNIST: immature "
        "granulocytes(myelocytes, metamyelocytes and promyelocytes)\n",
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
    ({"labels": "name"}, ValueError, "one of 'numbers', 'names', got 'name'"),
    ({"labels": True}, TypeError, "labels must be a str .*, got True of type bool"),
    ({"flatten": 1}, TypeError, "flatten must be a bool, got 1 of type int"),
    ({"return_X_y": "no"}, TypeError, "return_X_y must be a bool, got 'no'"),
]


@pytest.mark.parametrize("arguments, error, message", WRONG_ARGUMENTS)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        load_bloodmnist_sample(**arguments)


def test_arguments_after_split_are_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        load_bloodmnist_sample("train", "names")


def test_the_files_are_small():
    folder = importlib.resources.files("skblood.datasets").joinpath("data")
    sizes = [len(entry.read_bytes()) for entry in folder.iterdir()]
    assert sum(sizes) <= 3_000_000


def test_torch_and_medmnist_are_not_imported():
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
def test_pixels_are_the_same_as_in_the_full_data(bloodmnist_home, split):
    sample = load_bloodmnist_sample(split)
    full = load_bloodmnist(split=split, data_home=bloodmnist_home)
    np.testing.assert_array_equal(sample.images, full.images[sample.indices])
    np.testing.assert_array_equal(sample.target, full.target[sample.indices])


def test_the_script_draws_this_sample(bloodmnist_home):
    make_sample = pytest.importorskip("tools.make_bloodmnist_sample")
    bunches = {
        name: load_bloodmnist(split=name, data_home=bloodmnist_home)
        for name in ("train", "val", "test")
    }
    drawn = make_sample.draw(bunches)
    for name in COUNTS:
        np.testing.assert_array_equal(drawn[name], load_bloodmnist_sample(name).indices)
    index = json.loads((make_sample.FOLDER / make_sample.INDEX).read_text())
    assert make_sample.make_index(bunches, drawn) == index


def test_sampled_images_occur_once_in_the_full_data(bloodmnist_home):
    images, _ = load_bloodmnist(
        split=("train", "val", "test"), return_X_y=True, data_home=bloodmnist_home
    )
    copies = {}
    for image in images:
        copies[image.tobytes()] = copies.get(image.tobytes(), 0) + 1
    sample = load_bloodmnist_sample(("train", "test"))
    assert {copies[image.tobytes()] for image in sample.images} == {1}


# The image that contains all images of the sample as tiles


def test_tiles_are_packed_row_by_row():
    images = np.arange(6 * 4 * 4 * 3).reshape(6, 4, 4, 3)
    sheet = pack_tiles(images, n_columns=3)
    assert sheet.shape == (8, 12, 3)
    np.testing.assert_array_equal(sheet[:4, 4:8], images[1])
    np.testing.assert_array_equal(sheet[4:, :4], images[3])


def test_unpacking_reverses_packing():
    images = np.arange(6 * 4 * 4 * 3).reshape(6, 4, 4, 3)
    sheet = pack_tiles(images, n_columns=2)
    np.testing.assert_array_equal(unpack_tiles(sheet, size=4), images)
