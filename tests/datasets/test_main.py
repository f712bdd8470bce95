"""``python -m skblood.datasets``"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skblood.datasets import load_bloodmnist
from skblood.datasets.__main__ import main

SIZES = ["", "_64", "_128", "_224"]


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_list(stored, capsys):
    (stored.folder / "bloodmnist_64.npz").unlink()
    load_bloodmnist(size=128, mmap_mode="r")
    capsys.readouterr()
    assert main([]) == 0
    folder, *files = lines(capsys)
    assert folder == str(stored.folder)
    assert [line.split(":")[0].strip() for line in files] == [
        f"bloodmnist{size}.npz" for size in SIZES
    ]
    assert files[0].endswith("MB")
    assert files[1].endswith("not here")
    assert files[2].endswith("MB, unpacked")


def test_list_where_nothing_is(home, capsys):
    assert main(["list", "28", "--data-home", str(home / "empty")]) == 0
    assert lines(capsys) == [str(home / "empty"), "  bloodmnist.npz: not here"]
    assert not any(home.iterdir())


def test_verify(stored, capsys):
    assert main(["verify"]) == 0
    assert [line.split(": ")[1] for line in lines(capsys)] == ["whole"] * 4


def test_verify_names_what_is_damaged(stored, capsys):
    unpacked = load_bloodmnist(mmap_mode="r").filename
    (stored.folder / "bloodmnist_64.npz").write_bytes(b"")
    rotten = stored.folder / "bloodmnist.unpacked" / "val_images.npy"
    status = rotten.stat()
    rotten.write_bytes(rotten.read_bytes()[:-1] + b"?")
    os.utime(rotten, ns=(status.st_atime_ns, status.st_mtime_ns))
    capsys.readouterr()
    assert main(["verify", "28", "64"]) == 1
    whole, not_unpacked, damaged = lines(capsys)
    assert whole == f"{stored.folder / 'bloodmnist.npz'}: whole"
    assert not_unpacked == f"{unpacked}: not as it was unpacked: val_images.npy"
    assert "bloodmnist_64.npz has the MD5 checksum" in damaged


def test_verify_where_nothing_is(home, capsys):
    assert main(["verify"]) == 0
    assert lines(capsys) == [f"{home / '.medmnist'}: nothing to verify"]


@pytest.mark.parametrize(
    "manifest, verdict",
    [
        ("{}", "not unpacked by skblood"),
        ("no JSON", "not unpacked by skblood"),
        ('{"md5": "0", "crc32": {}, "files": {}}', "unpacked from another release"),
    ],
)
def test_verify_unpacked_folder_that_is_none(stored, capsys, manifest, verdict):
    folder = Path(load_bloodmnist(mmap_mode="r").filename)
    (folder / "manifest.json").write_text(manifest)
    assert main(["verify", "28"]) == 1
    assert lines(capsys)[1] == f"{folder}: {verdict}"


def test_options_anywhere(home, capsys):
    assert main(["list", "--name", "dermamnist", "28"]) == 0
    assert lines(capsys)[1:] == ["  dermamnist.npz: not here"]


def test_download(offered, home, capsys):
    assert main(["download", "64", "28"]) == 0
    folder = home / ".medmnist"
    assert lines(capsys) == [
        str(folder / name) for name in ("bloodmnist_64.npz", "bloodmnist.npz")
    ]
    assert offered.server.httpd.requests[0].startswith("/bloodmnist_64.npz")


def test_download_that_fails(offered, home, capsys):
    (offered.server.folder / "bloodmnist.npz").unlink()
    assert main(["download", "28"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "error: BloodMNIST at 28 x 28 pixels is not at" in captured.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["remove"],
        ["--name", "chestmnist"],
        ["list", "x"],
        ["download"],
        ["download", "32"],
    ],
)
def test_usage(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: python -m skblood.datasets" in capsys.readouterr().err


def test_as_a_command(home):
    command = [sys.executable, "-m", "skblood.datasets", "list", "28"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "bloodmnist.npz: not here" in run.stdout
