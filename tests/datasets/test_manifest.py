import runpy

import pytest

from skblood.datasets import _manifest


def test_reads_what_medmnist_says(home):
    # Run as a script, which does not import medmnist but does write to `home`.
    info = runpy.run_path(str(_manifest._find_info_file()))["INFO"]
    assert _manifest.medmnist_info() == info
    blood = _manifest.collection("bloodmnist")
    assert blood.title == "BloodMNIST"
    assert blood.n_samples == info["bloodmnist"]["n_samples"]
    assert blood.target_names == list(info["bloodmnist"]["label"].values())


@pytest.mark.parametrize("name", _manifest.names())
def test_archives(name):
    info = _manifest.medmnist_info()[name]
    archives = _manifest.collection(name).archives
    assert list(archives) == [28, 64, 128, 224]
    for size, archive in archives.items():
        suffix = "" if size == 28 else f"_{size}"
        assert archive.size == size
        assert archive.title == info["python_class"]
        assert archive.filename == f"{name}{suffix}.npz"
        assert archive.url == info[f"url{suffix}"]
        assert archive.md5 == info[f"MD5{suffix}"]


def test_names_are_those_of_flat_images_with_one_label():
    names = _manifest.names()
    assert {"bloodmnist", "dermamnist", "octmnist", "pneumoniamnist"} <= set(names)
    assert "chestmnist" not in names
    assert not [name for name in names if name.endswith("3d")]


def test_medmnist_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install medmnist"):
        _manifest._find_info_file()


def test_medmnist_without_info(tmp_path):
    path = tmp_path / "info.py"
    path.write_text("OTHER = {}\nOTHER['INFO'] = 1\n")
    with pytest.raises(ImportError, match="assigns no INFO"):
        _manifest._read_info(path)
