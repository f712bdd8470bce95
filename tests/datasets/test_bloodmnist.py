import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.utils import Bunch

from skblood.datasets import _manifest, load_bloodmnist

SPLITS = ("train", "val", "test")


@pytest.mark.parametrize("split", SPLITS)
def test_bunch(stored, split):
    bunch = load_bloodmnist(split=split)
    arrays = stored.arrays[28]
    assert isinstance(bunch, Bunch)
    assert bunch.data is bunch.images
    assert bunch.images.dtype == np.uint8
    assert bunch.target.dtype == np.int64
    np.testing.assert_array_equal(bunch.images, arrays[f"{split}_images"])
    np.testing.assert_array_equal(bunch.target, arrays[f"{split}_labels"][:, 0])
    assert bunch.target_names == _manifest.collection("bloodmnist").target_names
    assert bunch.filename == str(stored.folder / "bloodmnist.npz")


@pytest.mark.parametrize("arguments", [{}, {"mmap_mode": "r"}])
def test_labels(stored, arguments):
    numbers = load_bloodmnist(labels="numbers", **arguments)
    names = load_bloodmnist(labels="names", **arguments)
    np.testing.assert_array_equal(numbers.target, load_bloodmnist().target)
    assert names.target.dtype.kind == "U"
    np.testing.assert_array_equal(
        names.target, np.array(numbers.target_names)[numbers.target]
    )
    assert "immature granulocytes" in names.target
    assert names.target_names == numbers.target_names
    _, y = load_bloodmnist(labels="names", return_X_y=True, **arguments)
    np.testing.assert_array_equal(y, names.target)


def test_train_is_the_default(stored):
    np.testing.assert_array_equal(
        load_bloodmnist().images, stored.arrays[28]["train_images"]
    )


def test_return_X_y(stored):
    bunch = load_bloodmnist()
    X, y = load_bloodmnist(return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)


def test_flatten_in_height_width_channel_order(stored):
    bunch = load_bloodmnist(flatten=True)
    n, height, width, n_channels = bunch.images.shape
    assert bunch.data.shape == (n, height * width * n_channels)
    row, column, channel = 2, 4, 1
    np.testing.assert_array_equal(
        bunch.data[:, (row * width + column) * n_channels + channel],
        bunch.images[:, row, column, channel],
    )
    X, _ = load_bloodmnist(flatten=True, return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)


@pytest.mark.parametrize(
    "split", [("train", "val"), ["test", "train"], ("val",), ("val", "test", "train")]
)
def test_several_splits_in_order(stored, split):
    X, y = load_bloodmnist(split=split, return_X_y=True)
    parts = [load_bloodmnist(split=name, return_X_y=True) for name in split]
    np.testing.assert_array_equal(X, np.concatenate([X for X, _ in parts]))
    np.testing.assert_array_equal(y, np.concatenate([y for _, y in parts]))


@pytest.mark.parametrize("size", [28, 64, 128, 224, np.int64(64)])
def test_sizes(stored, size):
    bunch = load_bloodmnist(size=size)
    np.testing.assert_array_equal(bunch.images, stored.arrays[size]["train_images"])


def test_changing_a_result_does_not_change_the_next(stored):
    X, y = load_bloodmnist(return_X_y=True)
    X[0] = 255 - X[0]
    y[0] += 1
    again, _ = load_bloodmnist(return_X_y=True)
    assert not np.array_equal(X, again)


def test_description(stored):
    text = load_bloodmnist().DESCR
    assert "{" not in text
    for said in [
        stored.info["description"],
        stored.info["license"],
        *stored.info["label"].values(),
        "16 in train, 5 in val, 8 in test",
        "10.1038/s41597-022-01721-8",
        "10.1016/j.dib.2020.105474",
    ]:
        assert said in text


WRONG_ARGUMENTS = [
    ({"split": "tr"}, ValueError, r"one of 'train', 'val', 'test', got 'tr'"),
    ({"split": ("train", "all")}, ValueError, r"one of .*, got 'all'"),
    ({"split": ()}, ValueError, r"at least one of .*, got \(\)"),
    ({"split": []}, ValueError, r"at least one of .*, got \[\]"),
    ({"split": ("val", "val")}, ValueError, r"only once, got \('val', 'val'\)"),
    ({"split": None}, TypeError, r"split must be .*, got None of type NoneType"),
    ({"split": {"train"}}, TypeError, r"tuple or list of str, got .* of type set"),
    ({"split": ("train", 1)}, TypeError, r"split must be a str .*, got 1 of type int"),
    ({"split": (["val"],)}, TypeError, r"split must be a str .* of type list"),
    ({"size": 32}, ValueError, r"size must be one of 28, 64, 128, 224, got 32"),
    ({"size": "28"}, TypeError, r"size must be an int .*, got '28' of type str"),
    ({"size": 28.0}, TypeError, r"size must be an int .*, got 28.0 of type float"),
    ({"size": True}, TypeError, r"size must be an int .*, got True of type bool"),
    ({"size": None}, TypeError, r"size must be an int .*, got None"),
    ({"labels": "codes"}, ValueError, r"one of 'numbers', 'names', got 'codes'"),
    ({"labels": None}, TypeError, r"labels must be a str .*, got None of type NoneT"),
    ({"return_X_y": 1}, TypeError, r"return_X_y must be a bool, got 1 of type int"),
    ({"flatten": "yes"}, TypeError, r"flatten must be a bool, got 'yes'"),
    ({"download_if_missing": None}, TypeError, r"download_if_missing must be a bool"),
    ({"data_home": 3}, TypeError, r"data_home must be .*, got 3 of type int"),
    ({"data_home": b"x"}, TypeError, r"data_home must be .* of type bytes"),
]


@pytest.mark.parametrize("arguments, error, message", WRONG_ARGUMENTS)
def test_wrong_arguments(home, arguments, error, message):
    with pytest.raises(error, match=message):
        load_bloodmnist(**arguments)
    assert not any(home.iterdir())


def test_arguments_are_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        load_bloodmnist("train")


def test_torch_and_medmnist_are_not_imported():
    script = (
        "import sys\n"
        "import skblood.datasets\n"
        "from skblood.datasets import _manifest\n"
        "_manifest.names()\n"
        "print({'torch', 'torchvision', 'skorch', 'medmnist'} & set(sys.modules))"
    )
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    run = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True
    )
    assert run.stdout.strip() == "set()", run.stderr


def test_loading_a_stored_file_writes_nothing(stored):
    before = sorted(stored.folder.parent.rglob("*"))
    load_bloodmnist()
    assert sorted(stored.folder.parent.rglob("*")) == before


def test_full_data(bloodmnist_home):
    for split, n_images in _manifest.collection("bloodmnist").n_samples.items():
        X, y = load_bloodmnist(
            split=split,
            return_X_y=True,
            data_home=bloodmnist_home,
            download_if_missing=False,
        )
        assert X.shape == (n_images, 28, 28, 3)
        assert X.dtype == np.uint8
        assert y.shape == (n_images,)
        assert set(y) == set(range(8))


def test_docstring_has_the_counts_of_medmnist():
    for split, n_images in _manifest.collection("bloodmnist").n_samples.items():
        assert f"Samples, {split}" in load_bloodmnist.__doc__
        assert f" {n_images}\n" in load_bloodmnist.__doc__
