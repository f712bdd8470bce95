"""The folder of the files, their verification and their download."""

import hashlib
import io
import os
import stat
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from filelock import FileLock

from skblood.datasets import _manifest, load_bloodmnist

from .conftest import files_in


def store(offered, folder):
    """Put the archive of 28 pixels into a folder."""
    folder.mkdir(parents=True)
    content = (offered.server.folder / "bloodmnist.npz").read_bytes()
    (folder / "bloodmnist.npz").write_bytes(content)
    return folder


def load_without_download(**arguments):
    return load_bloodmnist(download_if_missing=False, **arguments)


# The folder of the file


def test_the_default_folder_is_that_of_medmnist(offered, home):
    folder = store(offered, home / ".medmnist")
    assert load_without_download().filename == str(folder / "bloodmnist.npz")


def test_the_environment_variable_overrides_the_default(offered, home, monkeypatch):
    store(offered, home / ".medmnist")
    folder = store(offered, home / "environment")
    monkeypatch.setenv("SKBLOOD_DATA", str(folder))
    assert load_without_download().filename == str(folder / "bloodmnist.npz")


def test_an_empty_environment_variable_is_ignored(offered, home, monkeypatch):
    folder = store(offered, home / ".medmnist")
    monkeypatch.setenv("SKBLOOD_DATA", "")
    assert load_without_download().filename == str(folder / "bloodmnist.npz")


@pytest.mark.parametrize("as_path", [str, lambda path: path], ids=["str", "Path"])
def test_data_home_overrides_the_environment_variable(
    offered, home, monkeypatch, as_path
):
    monkeypatch.setenv("SKBLOOD_DATA", str(store(offered, home / "environment")))
    folder = store(offered, home / "argument")
    bunch = load_without_download(data_home=as_path(folder))
    assert bunch.filename == str(folder / "bloodmnist.npz")


def test_with_data_home_no_other_folder_is_searched(offered, home):
    store(offered, home / ".medmnist")
    with pytest.raises(OSError, match="elsewhere"):
        load_without_download(data_home=home / "elsewhere")


def test_errors_give_the_absolute_path(offered, home, monkeypatch):
    monkeypatch.chdir(home)
    with pytest.raises(OSError) as error:
        load_without_download(data_home="cells")
    assert_says_what_to_do(error.value, home / "cells" / "bloodmnist.npz")


@pytest.mark.parametrize("from_environment", [True, False])
def test_a_tilde_means_the_home_folder(offered, home, monkeypatch, from_environment):
    folder = store(offered, home / "cells")
    if from_environment:
        monkeypatch.setenv("SKBLOOD_DATA", "~/cells")
    bunch = load_without_download(data_home=None if from_environment else "~/cells")
    assert bunch.filename == str(folder / "bloodmnist.npz")


# Verification


def test_a_file_with_a_wrong_checksum_is_kept(offered, home):
    path = store(offered, home / ".medmnist") / "bloodmnist.npz"
    content = b"something else"
    path.write_bytes(content)
    with pytest.raises(OSError) as error:
        load_bloodmnist()
    assert str(path) in str(error.value)
    assert hashlib.md5(content).hexdigest() in str(error.value)
    assert offered.info["MD5"] in str(error.value)
    assert path.read_bytes() == content
    assert files_in(path.parent) == ["bloodmnist.npz"]
    assert offered.server.httpd.requests == []


def test_checksum_is_verified_on_each_load(offered, home):
    path = store(offered, home / ".medmnist") / "bloodmnist.npz"
    load_bloodmnist()
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(OSError, match="MD5"):
        load_bloodmnist()


# Download


def test_download(offered, home):
    bunch = load_bloodmnist()
    np.testing.assert_array_equal(bunch.images, offered.arrays[28]["train_images"])
    assert bunch.filename == str(home / ".medmnist" / "bloodmnist.npz")
    assert files_in(home) == [".medmnist", "bloodmnist.npz"]
    load_bloodmnist(split="test")
    assert offered.server.httpd.requests == ["/bloodmnist.npz?download=1"]


def test_download_creates_data_home(offered, home):
    load_bloodmnist(data_home=home / "new" / "folder", size=64)
    assert files_in(home) == ["bloodmnist_64.npz", "folder", "new"]


def test_download_is_moved_into_place_when_complete(offered, home, monkeypatch):
    content = (offered.server.folder / "bloodmnist.npz").read_bytes()
    replace, targets = os.replace, []

    def checked_replace(source, target):
        with open(source, "rb") as file:
            assert file.read() == content
        assert not os.path.exists(target)
        targets.append(str(target))
        replace(source, target)

    monkeypatch.setattr("os.replace", checked_replace)
    filename = load_bloodmnist().filename
    assert targets == [filename]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_download_has_the_default_permissions(offered, home):
    (home / "usual").touch()
    downloaded = load_bloodmnist().filename
    mode = stat.S_IMODE(os.stat(downloaded).st_mode)
    assert mode == stat.S_IMODE((home / "usual").stat().st_mode)


def test_concurrent_downloads(offered, home):
    with ThreadPoolExecutor(4) as pool:
        for bunch in pool.map(lambda _: load_bloodmnist(), range(4)):
            assert len(bunch.target) == 16
    assert files_in(home) == [".medmnist", "bloodmnist.npz"]


def test_data_home_cannot_be_created(offered, home):
    (home / "file").touch()
    with pytest.raises(FileNotFoundError) as error:
        load_bloodmnist(data_home=home / "file")
    assert_says_what_to_do(error.value, home / "file" / "bloodmnist.npz")


def test_missing_file_without_download(offered, home):
    with pytest.raises(OSError, match="`download_if_missing` is False") as error:
        load_bloodmnist(download_if_missing=False)
    assert_says_what_to_do(error.value, home / ".medmnist" / "bloodmnist.npz")
    assert offered.server.httpd.requests == []
    assert files_in(home) == []


def assert_says_what_to_do(error, path):
    archive = _manifest.collection("bloodmnist").archives[28]
    for said in [archive.url, archive.md5, str(path), "load_bloodmnist_sample()"]:
        assert said in str(error)


def test_waiting_for_another_process_gives_a_warning(offered, home, monkeypatch):
    monkeypatch.setattr("skblood.datasets._locking.WARN_AFTER", 0.05)
    (home / ".medmnist").mkdir()
    held = threading.Event()

    def hold():
        with FileLock(home / ".medmnist" / ".bloodmnist.npz.lock"):
            held.set()
            threading.Event().wait(0.5)

    threading.Thread(target=hold).start()
    held.wait()
    with pytest.warns(UserWarning, match=r"another process .*bloodmnist\.npz") as found:
        assert load_bloodmnist().images.shape == (16, 7, 7, 3)
    assert [warning.filename for warning in found] == [__file__]


def test_progress_bar_on_a_terminal(offered, home, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stderr", Terminal())
    load_bloodmnist()
    assert "100%" in sys.stderr.getvalue()


def test_no_progress_bar_without_a_terminal(offered, home, capsys):
    load_bloodmnist()
    assert "%" not in capsys.readouterr().err
