"""The data sets of MedMNIST, memory-mapped images, and the mirror."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from skblood.datasets import _manifest, load_bloodmnist, load_medmnist

MAPPED = {"return_X_y": True, "mmap_mode": "r"}


@pytest.fixture
def grey(offered, monkeypatch):
    """Put a data set of grey images on the server; return its images and labels."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 9, 9), dtype=np.uint8)
    labels = np.arange(8, dtype=np.uint8)[:, np.newaxis] % 4
    path = offered.server.folder / "octmnist.npz"
    np.savez(path, train_images=images, train_labels=labels)
    everything = _manifest.medmnist_info()
    info = {
        **everything["octmnist"],
        "url": f"{offered.server.url}/octmnist.npz",
        "MD5": hashlib.md5(path.read_bytes()).hexdigest(),
    }
    monkeypatch.setattr(
        _manifest, "medmnist_info", lambda: {**everything, "octmnist": info}
    )
    return images, labels[:, 0]


def test_bloodmnist_is_the_same_as_from_load_bloodmnist(stored):
    loaded, expected = load_medmnist("bloodmnist"), load_bloodmnist()
    np.testing.assert_array_equal(loaded.data, expected.data)
    np.testing.assert_array_equal(loaded.target, expected.target)
    assert loaded.target_names == expected.target_names


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_grey_images(grey, home, mmap_mode):
    images, labels = grey
    bunch = load_medmnist("octmnist", mmap_mode=mmap_mode)
    np.testing.assert_array_equal(bunch.images, images)
    np.testing.assert_array_equal(bunch.target, labels)
    assert bunch.target_names[0] == "choroidal neovascularization"
    assert load_medmnist("octmnist", flatten=True).data.shape == (8, 81)


def test_labels(grey, home):
    _, labels = grey
    bunch = load_medmnist("octmnist", labels="names")
    assert bunch.target.dtype.kind == "U"
    np.testing.assert_array_equal(bunch.target, np.array(bunch.target_names)[labels])
    _, y = load_medmnist("octmnist", labels="names", return_X_y=True)
    np.testing.assert_array_equal(y, bunch.target)
    with pytest.raises(ValueError, match="labels must be one of 'numbers', 'names'"):
        load_medmnist("octmnist", labels="strings")


def test_description(grey, home):
    text = load_medmnist("octmnist").DESCR
    assert "{" not in text
    for said in ["OCTMNIST\n--------\n", "square, grey, uint8", "CC BY 4.0", "- 3: "]:
        assert said in text


def test_description_of_equal_names_gives_each_name_once(grey, home):
    assert "Full name" not in load_medmnist("octmnist").DESCR
    assert "- 2: drusen\n" in load_medmnist("octmnist").DESCR


def test_description_gives_the_full_name_that_is_shortened(stored):
    for bunch in (load_medmnist("bloodmnist"), load_bloodmnist()):
        assert bunch.target_names[3] == "immature granulocytes"
        line = "- 3: immature granulocytes. Full name in MedMNIST: {}\n"
        assert line.format(stored.info["label"]["3"]) in bunch.DESCR
        assert "- 4: lymphocyte\n" in bunch.DESCR


def test_classifiers_are_fitted_to_grey_images(tiny, grey, home):
    X, y = load_medmnist("octmnist", return_X_y=True)
    assert tiny().fit(X, y).image_shape_ == (9, 9, 1)


@pytest.mark.parametrize(
    "name, error", [("chestmnist", ValueError), ("mnist", ValueError), (3, TypeError)]
)
def test_unknown_name(home, name, error):
    with pytest.raises(error, match=r"name must be .*'bloodmnist'"):
        load_medmnist(name)


def test_docstring_names_all():
    for name in _manifest.names():
        assert f'"{name}"' in load_medmnist.__doc__


# -- memory-mapped images --------------------------------------------------------------


@pytest.mark.parametrize("size", [28, 224])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_mapped_images_are_the_same(stored, size, split):
    mapped = load_bloodmnist(split=split, size=size, mmap_mode="r")
    images = load_bloodmnist(split=split, size=size).images
    np.testing.assert_array_equal(mapped.images, images)
    assert isinstance(mapped.images, np.memmap)
    assert mapped.data is mapped.images
    assert not mapped.images.flags.writeable
    assert mapped.target.dtype == np.int64
    assert Path(mapped.filename).is_dir()


def test_mapped_rows(stored):
    X, _ = load_bloodmnist(flatten=True, **MAPPED)
    assert X.shape == (16, 147)
    assert isinstance(X, np.memmap)


def stamps(folder):
    status = {path: path.stat() for path in folder.rglob("*")}
    return {path: (s.st_ino, s.st_size, s.st_mtime_ns) for path, s in status.items()}


def test_unpacking_happens_once(stored):
    load_bloodmnist(**MAPPED)
    before = stamps(stored.folder)
    load_bloodmnist(split="test", **MAPPED)
    assert stamps(stored.folder) == before


def test_unpacked_images_do_not_need_the_archive(stored):
    X, _ = load_bloodmnist(**MAPPED)
    (stored.folder / "bloodmnist.npz").unlink()
    again, _ = load_bloodmnist(download_if_missing=False, **MAPPED)
    np.testing.assert_array_equal(again, X)


def test_a_new_archive_is_unpacked_again(stored):
    """A new release of the data has a new checksum."""
    load_bloodmnist(**MAPPED)
    path = stored.folder / "bloodmnist.npz"
    arrays = {name: array[::-1] for name, array in stored.arrays[28].items()}
    np.savez(path, **arrays)
    stored.info["MD5"] = hashlib.md5(path.read_bytes()).hexdigest()
    X, _ = load_bloodmnist(**MAPPED)
    np.testing.assert_array_equal(X, stored.arrays[28]["train_images"][::-1])


def test_missing_file_cannot_be_mapped(offered, home):
    with pytest.raises(FileNotFoundError, match="`download_if_missing` is False"):
        load_bloodmnist(download_if_missing=False, **MAPPED)
    assert not list(home.rglob("*"))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"mmap_mode": "r+"}, ValueError, r"one of None, 'r', got 'r\+'"),
        ({"mmap_mode": True}, TypeError, "got True of type bool"),
        ({"mmap_mode": "r", "split": ("train", "val")}, ValueError, "one split"),
    ],
)
def test_wrong_mmap_mode(home, arguments, error, message):
    with pytest.raises(error, match=message):
        load_bloodmnist(**arguments)
    assert not list(home.rglob("*"))


def test_mapped_images_give_the_same_classifier(tiny, stored):
    X, y = load_bloodmnist(return_X_y=True)
    mapped, _ = load_bloodmnist(**MAPPED)
    expected = tiny().fit(X, y).predict_proba(X)
    clf = tiny().fit(mapped, y)
    np.testing.assert_array_equal(clf.predict_proba(mapped), expected)


# -- the mirror ------------------------------------------------------------------------


def test_mirror(offered, home, monkeypatch):
    shutil.copytree(offered.server.folder, offered.server.folder / "mirror")
    monkeypatch.setenv("SKBLOOD_MIRROR", f"{offered.server.url}/mirror/")
    load_bloodmnist()
    assert offered.server.httpd.requests == ["/mirror/bloodmnist.npz"]


def test_mirror_is_named_in_the_error(offered, home, monkeypatch):
    monkeypatch.setenv("SKBLOOD_MIRROR", f"{offered.server.url}/empty")
    with pytest.raises(FileNotFoundError, match=r"/empty/bloodmnist\.npz \(MD5"):
        load_bloodmnist()


def test_mirror_must_be_a_url(offered, home, monkeypatch):
    monkeypatch.setenv("SKBLOOD_MIRROR", "mirror.lab")
    with pytest.raises(ValueError, match=r"SKBLOOD_MIRROR .*http://.*'mirror.lab'"):
        load_bloodmnist()
    assert not list(home.rglob("*"))
