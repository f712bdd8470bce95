"""Faults of the network, the server and the disk: the error, and the files afterwards.

Each row of the tables in docs/downloads.rst is a test of the same name in this file.
"""

import errno
import itertools
import json
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest

from skblood.datasets import _download, _manifest, load_bloodmnist

from .conftest import files_in

NAME, UNPACKED = "bloodmnist.npz", "bloodmnist.unpacked"
DOCS = Path(__file__).parents[2] / "docs"


def archive():
    return _manifest.collection("bloodmnist").archives[28]


# Faults of the server: functions of the request handler and the correct content


def send(handler, content, *, length=None, status=200):
    handler.send_response(status)
    handler.send_header("Content-Length", str(length or len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def truncated_response(handler, content):
    send(handler, content[: len(content) // 2], length=len(content))


def wrong_bytes(handler, content):
    send(handler, bytes(len(content)))


def not_found(handler, content):
    handler.send_error(404)


def server_error(handler, content):
    handler.send_error(500)


def too_many_requests(handler, content):
    handler.send_error(429)


def stalled_response(handler, content):
    send(handler, content[: len(content) // 2], length=len(content))
    handler.wfile.flush()
    threading.Event().wait(1)


def connection_reset(handler, content):
    send(handler, content[: len(content) // 2], length=len(content))
    no_linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
    handler.connection.close()


def content_length_too_small(handler, content):
    send(handler, content, length=len(content) // 2)


def content_length_too_large(handler, content):
    send(handler, content, length=len(content) * 2)


def invalid_http(handler, content):
    handler.wfile.write(b"not a response in HTTP\r\n\r\n")


def redirect(handler, content):
    handler.send_response(302)
    handler.send_header("Location", f"/{NAME}?moved")
    handler.end_headers()


def slow_transfer(handler, content):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    for chunk in np.array_split(np.frombuffer(content, np.uint8), 20):
        handler.wfile.write(chunk.tobytes())
        handler.wfile.flush()
        threading.Event().wait(0.02)


# Each fault, the reason in the error if it persists, and the number of requests.
FAULTS = [
    (truncated_response, "IncompleteRead|Connection broken", 4),
    (wrong_bytes, "hash", 4),
    (not_found, "404 Client Error", 1),
    (server_error, "500 Server Error", 4),
    (too_many_requests, "429 Client Error", 4),
    (stalled_response, "timed out", 4),
    (connection_reset, "[Rr]eset|Connection broken", 4),
    (content_length_too_small, "hash", 4),
    (content_length_too_large, "IncompleteRead|Connection broken", 4),
    (invalid_http, "Connection|BadStatusLine", 4),
]


@pytest.fixture(autouse=True)
def short_timeout(monkeypatch):
    monkeypatch.setattr(_download, "TIMEOUT", 0.3)


@pytest.mark.parametrize("fault, reason, n_requests", FAULTS)
def test_persistent_fault(offered, home, fault, reason, n_requests):
    offered.server.httpd.faults = itertools.repeat(fault)
    with pytest.raises(FileNotFoundError, match=reason) as error:
        load_bloodmnist()
    assert_says_what_to_do(error.value, home / ".medmnist" / NAME)
    assert error.value.__cause__ is not None
    assert len(offered.server.httpd.requests) == n_requests
    assert files_in(home / ".medmnist") == []
    offered.server.httpd.faults = iter(())
    assert_loads(offered, home)


@pytest.mark.parametrize("fault", [row[0] for row in FAULTS if row[2] > 1])
def test_temporary_fault(offered, home, fault):
    offered.server.httpd.faults = iter([fault, fault])
    assert_loads(offered, home)
    assert len(offered.server.httpd.requests) == 3


@pytest.mark.parametrize("fault", [redirect, slow_transfer])
def test_harmless_response(offered, home, fault):
    offered.server.httpd.faults = iter([fault])
    assert_loads(offered, home)


def test_closed_port(offered, home):
    offered.info["url"] = "http://127.0.0.1:9/bloodmnist.npz"
    with pytest.raises(FileNotFoundError, match="refused"):
        load_bloodmnist()
    assert files_in(home / ".medmnist") == []


def test_no_network(offered, home):
    offered.info["url"] = "https://example.org/bloodmnist.npz"
    with pytest.raises(FileNotFoundError, match="do not use the network"):
        load_bloodmnist()
    assert files_in(home / ".medmnist") == []


def test_keyboard_interrupt(offered, home):
    def interrupt(*args, **options):
        # The temporary folder and a file in it.
        assert len(files_in(home / ".medmnist")) == 2
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("pooch.core.hash_matches", interrupt)
        with pytest.raises(KeyboardInterrupt):
            load_bloodmnist()
    assert files_in(home / ".medmnist") == []
    assert_loads(offered, home)


# Faults of the disk


def test_folder_deleted(offered, home):
    def delete_folder(handler, content):
        send(handler, content[:-1], length=len(content))
        handler.wfile.flush()
        shutil.rmtree(home / ".medmnist")
        handler.wfile.write(content[-1:])

    offered.server.httpd.faults = iter([delete_folder])
    with pytest.raises(FileNotFoundError, match="could not be downloaded") as error:
        load_bloodmnist()
    assert_says_what_to_do(error.value, home / ".medmnist" / NAME)
    assert_loads(offered, home)


def test_folder_deleted_while_unpacking(stored, monkeypatch):
    extract = zipfile.ZipFile.extractall

    def extract_and_delete(archive, folder):
        extract(archive, folder)
        shutil.rmtree(stored.folder)

    with monkeypatch.context() as patched:
        patched.setattr("zipfile.ZipFile.extractall", extract_and_delete)
        with pytest.raises(OSError, match="could not be unpacked into"):
            load_bloodmnist(mmap_mode="r")


def test_disk_full(offered, home):
    run = run_process(offered, file_size=1_000)
    assert "could not be downloaded: [Errno 27] File too large" in run.stderr
    assert files_in(home / ".medmnist") == []
    assert_loads(offered, home)


def test_disk_full_while_unpacking(stored):
    run = run_process(stored, mmap_mode="r", file_size=1_000)
    assert "could not be unpacked into" in run.stderr
    assert "[Errno 27] File too large" in run.stderr
    assert UNPACKED not in files_in(stored.folder)
    assert load_bloodmnist(mmap_mode="r").images.shape == (16, 7, 7, 3)


@pytest.fixture
def read_only(home):
    """Return a folder in which no user can write, not even root."""
    folder = home / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):
        folder = Path("/proc/self")
        if not folder.exists():
            pytest.skip("root can write to every folder but /proc, which is missing")
    return folder


def test_read_only_folder(offered, read_only):
    with pytest.raises(FileNotFoundError, match="could not be downloaded") as error:
        load_bloodmnist(data_home=read_only / "cells")
    assert_says_what_to_do(error.value, read_only / "cells" / NAME)
    assert offered.server.httpd.requests == []


def test_read_only_folder_while_unpacking(stored, monkeypatch):
    """Root can write to every folder, so a patched `os.open` raises the error."""
    opened = os.open

    def refuse(path, flags, *args, **options):
        if flags & os.O_CREAT and str(path).startswith(str(stored.folder)):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return opened(path, flags, *args, **options)

    before = files_in(stored.folder)
    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(OSError, match=r"could not be unpacked into .*Read-only"):
        load_bloodmnist(mmap_mode="r")
    assert files_in(stored.folder) == before
    assert load_bloodmnist().images.shape == (16, 7, 7, 3)


def test_data_home_is_a_file(offered, home):
    (home / "file").touch()
    with pytest.raises(FileNotFoundError, match="could not be downloaded") as error:
        load_bloodmnist(data_home=home / "file")
    assert_says_what_to_do(error.value, home / "file" / NAME)
    assert files_in(home) == ["file"]


def wrong_archive(change):
    def save(path, arrays):
        arrays = dict(arrays)
        change(arrays)
        np.savez_compressed(path, **arrays)

    return save


WRONG_ARCHIVES = {
    "missing array": wrong_archive(lambda arrays: arrays.pop("val_images")),
    "extra array": wrong_archive(lambda arrays: arrays.update(more=np.zeros(3))),
    "wrong dtype": wrong_archive(
        lambda arrays: arrays.update(train_images=arrays["train_images"] / 255)
    ),
    "wrong number of images": wrong_archive(
        lambda arrays: arrays.update(train_images=arrays["train_images"][1:])
    ),
    "empty file": lambda path, arrays: path.write_bytes(b""),
    "flipped bit": lambda path, arrays: path.write_bytes(flip_bit(path.read_bytes())),
}


def flip_bit(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("mmap_mode", [None, "r"])
@pytest.mark.parametrize("wrong", WRONG_ARCHIVES)
def test_damaged_archive(stored, wrong, mmap_mode):
    path = stored.folder / NAME
    WRONG_ARCHIVES[wrong](path, stored.arrays[28])
    content = path.read_bytes()
    with pytest.raises(OSError, match="It was not changed") as error:
        load_bloodmnist(mmap_mode=mmap_mode)
    for said in [str(path), md5(content).hexdigest(), archive().md5]:
        assert said in str(error.value)
    assert path.read_bytes() == content
    assert UNPACKED not in files_in(stored.folder)


def test_unpacked_file_changed(stored):
    folder = Path(load_bloodmnist(mmap_mode="r").filename)
    path = folder / "train_images.npy"
    path.write_bytes(flip_bit(path.read_bytes()))
    os.utime(path, ns=(0, 0))
    with pytest.warns(UserWarning, match=r"have changed .*train_images\.npy") as found:
        images = load_bloodmnist(mmap_mode="r").images
    assert [warning.filename for warning in found] == [__file__]
    np.testing.assert_array_equal(images, stored.arrays[28]["train_images"])


def test_folder_already_exists(stored):
    """A folder that skblood did not create is not changed."""
    folder = stored.folder / UNPACKED
    folder.mkdir()
    (folder / "cell.jpg").touch()
    with pytest.raises(OSError, match="was not created by skblood"):
        load_bloodmnist(mmap_mode="r")
    assert files_in(folder) == ["cell.jpg"]


# Concurrent processes, and processes that are killed

LOAD = """
import json, resource, sys
from skblood.datasets import _manifest, load_bloodmnist

info, file_size, arguments = json.load(sys.stdin)
_manifest.medmnist_info = lambda: {"bloodmnist": info}
if file_size:
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
print(load_bloodmnist(**arguments).images.sum())
"""


def start_process(source, *, file_size=None, **arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(json.dumps([source.info, file_size, arguments]))
    process.stdin.close()
    process.stdin = None
    return process


def run_process(source, **options):
    process = start_process(source, **options)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, stdout, stderr)


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_eight_processes_at_once(offered, home, mmap_mode):
    offered.server.httpd.faults = iter([slow_transfer])
    processes = [start_process(offered, mmap_mode=mmap_mode) for _ in range(8)]
    results = [process.communicate(timeout=60) for process in processes]
    total = str(offered.arrays[28]["train_images"].sum())
    assert [out.strip() for out, _ in results] == [total] * 8, results
    assert len(offered.server.httpd.requests) == 1


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.0005)


def test_killed_while_downloading(offered, home):
    rng, path = random.Random(0), home / ".medmnist" / NAME
    for n_kills in range(1, 11):
        offered.server.httpd.faults = iter([slow_transfer])
        process = start_process(offered)
        wait_until(lambda n=n_kills: len(offered.server.httpd.requests) == n)
        threading.Event().wait(rng.uniform(0, 0.45))
        process.kill()
        process.communicate()
        if path.exists():  # The process had finished before it was killed.
            assert md5(path.read_bytes()).hexdigest() == archive().md5
            path.unlink()
    assert_loads(offered, home)


def test_killed_while_unpacking(stored):
    rng, folder = random.Random(0), stored.folder / UNPACKED
    path = stored.folder / NAME
    arrays = dict(stored.arrays[28], train_images=np.zeros((20_000, 28, 28, 3), "u1"))
    # Unpacking so many images takes long enough to be killed at different stages.
    np.savez(path, **arrays)
    stored.info["MD5"] = md5(path.read_bytes()).hexdigest()
    for _ in range(10):
        process = start_process(stored, mmap_mode="r")
        wait_until(lambda: list(stored.folder.glob(f".{NAME}-*")) or folder.exists())
        threading.Event().wait(rng.uniform(0, 0.1))
        process.kill()
        process.communicate()
        assert load_bloodmnist(mmap_mode="r").images.shape == (20_000, 28, 28, 3)
        assert files_in(stored.folder).count(UNPACKED) == 1
        shutil.rmtree(folder)
    load_bloodmnist(mmap_mode="r")
    assert not list(stored.folder.glob(f".{NAME}-*"))


# Tests that are not named after a single fault.
NOT_FAULTS = {
    "persistent_fault",
    "temporary_fault",
    "harmless_response",
    "damaged_archive",
    "each_row_of_the_documentation_is_a_test",
}


def test_each_row_of_the_documentation_is_a_test():
    rows = re.findall(r"^   \* - (.*)$", (DOCS / "downloads.rst").read_text(), re.M)
    named = {re.sub(r"[^a-z0-9]+", "_", row.lower()).strip("_") for row in rows}
    tested = {row[0].__name__ for row in FAULTS} | {"redirect", "slow_transfer"}
    tested |= {name.replace(" ", "_") for name in WRONG_ARCHIVES}
    tested |= {name.removeprefix("test_") for name in globals() if name[:5] == "test_"}
    assert named - {"fault"} <= tested
    assert tested - named <= NOT_FAULTS


def assert_loads(offered, home):
    images = load_bloodmnist().images
    np.testing.assert_array_equal(images, offered.arrays[28]["train_images"])
    assert files_in(home / ".medmnist") == [NAME]


def assert_says_what_to_do(error, path):
    for said in [archive().url, archive().md5, str(path), "load_bloodmnist_sample()"]:
        assert said in str(error)
