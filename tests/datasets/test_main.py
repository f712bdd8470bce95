"""The command line ``python -m skblood.datasets``."""

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
    assert files[1].endswith("missing")
    assert files[2].endswith("MB, unpacked")


def test_list_of_a_missing_folder(home, capsys):
    assert main(["list", "28", "--data-home", str(home / "empty")]) == 0
    assert lines(capsys) == [str(home / "empty"), "  bloodmnist.npz: missing"]
    assert not any(home.iterdir())


def test_verify(stored, capsys):
    assert main(["verify"]) == 0
    assert [line.split(": ")[1] for line in lines(capsys)] == ["OK"] * 4


def test_verify_names_damaged_files(stored, capsys):
    unpacked = load_bloodmnist(mmap_mode="r").filename
    (stored.folder / "bloodmnist_64.npz").write_bytes(b"")
    changed = stored.folder / "bloodmnist.unpacked" / "val_images.npy"
    status = changed.stat()
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    capsys.readouterr()
    assert main(["verify", "28", "64"]) == 1
    undamaged, changed_since, damaged = lines(capsys)
    assert undamaged == f"{stored.folder / 'bloodmnist.npz'}: OK"
    assert changed_since == f"{unpacked}: changed since it was unpacked: val_images.npy"
    assert damaged.startswith(f"{stored.folder / 'bloodmnist_64.npz'}: Expected")
    assert "to have the MD5 checksum" in damaged


def test_verify_of_a_missing_folder(home, capsys):
    assert main(["verify"]) == 0
    assert lines(capsys) == [f"{home / '.medmnist'}: nothing to verify"]


@pytest.mark.parametrize(
    "manifest, result",
    [
        ("{}", "not unpacked by skblood"),
        ("no JSON", "not unpacked by skblood"),
        (
            '{"md5": "0", "crc32": {}, "files": {}}',
            "unpacked from another version of the archive",
        ),
    ],
)
def test_verify_folder_with_a_wrong_manifest(stored, capsys, manifest, result):
    folder = Path(load_bloodmnist(mmap_mode="r").filename)
    (folder / "manifest.json").write_text(manifest)
    assert main(["verify", "28"]) == 1
    assert lines(capsys)[1] == f"{folder}: {result}"


def test_options_between_the_arguments(home, capsys):
    assert main(["list", "--name", "dermamnist", "28"]) == 0
    assert lines(capsys)[1:] == ["  dermamnist.npz: missing"]


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
    "arguments, message",
    [
        (["remove"], "invalid choice: 'remove'"),
        (["--name", "chestmnist"], "invalid choice: 'chestmnist'"),
        (["list", "x"], "invalid int value: 'x'"),
        (["download"], "download needs at least one size: 28, 64, 128, 224"),
        (["download", "32"], "size must be one of 28, 64, 128, 224, got 32"),
    ],
)
def test_wrong_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    err = capsys.readouterr().err
    assert "usage: python -m skblood.datasets" in err
    assert message in err


def test_as_a_command(home):
    command = [sys.executable, "-m", "skblood.datasets", "list", "28"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "bloodmnist.npz: missing" in run.stdout


def test_help_is_printed(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "default: list" in capsys.readouterr().out
