import runpy

import pytest

from skblood.datasets import _manifest


def test_reads_what_medmnist_says(home):
    # Run as a script, which does not import medmnist but does write to `home`.
    info = runpy.run_path(str(_manifest._find_info_file()))["INFO"]["bloodmnist"]
    assert _manifest.bloodmnist_info() == info
    assert _manifest.n_samples() == info["n_samples"]
    assert _manifest.target_names() == list(info["label"].values())


def test_archives():
    info = _manifest.bloodmnist_info()
    archives = _manifest.archives()
    assert list(archives) == [28, 64, 128, 224]
    for size, archive in archives.items():
        suffix = "" if size == 28 else f"_{size}"
        assert archive.size == size
        assert archive.filename == f"bloodmnist{suffix}.npz"
        assert archive.url == info[f"url{suffix}"]
        assert archive.md5 == info[f"MD5{suffix}"]


def test_medmnist_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install medmnist"):
        _manifest._find_info_file()


def test_medmnist_without_info(tmp_path):
    path = tmp_path / "info.py"
    path.write_text("OTHER = {}\nOTHER['INFO'] = 1\n")
    with pytest.raises(ImportError, match="assigns no INFO"):
        _manifest._read_info(path)
