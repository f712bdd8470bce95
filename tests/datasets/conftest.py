"""A tiny BloodMNIST that replaces the real one, and a web server that offers it."""

import functools
import hashlib
import http.server
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from skblood.datasets import _manifest

COUNTS = {"train": 16, "val": 5, "test": 8}


def files_in(folder):
    """Return the names of all files and folders in a folder, without lock files."""
    names = [path.name for path in folder.rglob("*")]
    return sorted(name for name in names if not name.endswith(".lock"))


def make_arrays(size):
    """Return the arrays of an archive, with random pixels in all images."""
    rng = np.random.RandomState(size)
    arrays = {}
    for split, n_images in COUNTS.items():
        shape = (n_images, size, size, 3)
        arrays[f"{split}_images"] = rng.randint(0, 256, shape).astype(np.uint8)
        arrays[f"{split}_labels"] = (np.arange(n_images) % 8).astype(np.uint8)[:, None]
    return arrays


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a new, empty home folder; no environment variable selects another one."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    for name in ("SKBLOOD_DATA", "SKBLOOD_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Run a web server on the loopback interface.

    It serves the files in `folder`. `httpd.requests` lists the requested paths.
    `httpd.faults` is an iterator of functions: each request calls the next one, which
    sends a faulty response. When the iterator is exhausted, responses are correct.
    """
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # Retry at once.
    folder = tmp_path / "server"
    folder.mkdir()
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        httpd.faults, httpd.requests = iter(()), []
        yield SimpleNamespace(
            folder=folder, url=f"http://127.0.0.1:{httpd.server_port}", httpd=httpd
        )
        httpd.shutdown()
        thread.join()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve files, or let the next fault respond."""

    def do_GET(self):
        self.server.requests.append(self.path)
        fault = next(self.server.faults, None)
        if fault is None:
            super().do_GET()
        else:
            fault(self, Path(self.translate_path(self.path)).read_bytes())

    def log_message(self, *args):
        pass


@pytest.fixture
def offered(server, monkeypatch):
    """Put tiny archives of all sizes on the server and into medmnist's information."""
    everything = _manifest.medmnist_info()
    info = dict(everything["bloodmnist"], n_samples=COUNTS)
    arrays = {}
    for archive in _manifest.collection("bloodmnist").archives.values():
        # Each archive has images of a different size. The real sizes would be slow.
        arrays[archive.size] = make_arrays(size=archive.size // 4)
        path = server.folder / archive.filename
        np.savez_compressed(path, **arrays[archive.size])
        suffix = path.stem.removeprefix("bloodmnist")
        info[f"url{suffix}"] = f"{server.url}/{archive.filename}?download=1"
        info[f"MD5{suffix}"] = hashlib.md5(path.read_bytes()).hexdigest()
    everything = {**everything, "bloodmnist": info}
    monkeypatch.setattr(_manifest, "medmnist_info", lambda: everything)
    return SimpleNamespace(arrays=arrays, info=info, server=server)


@pytest.fixture
def stored(offered, home):
    """Put the tiny archives into the default folder."""
    folder = home / ".medmnist"
    offered.server.folder.rename(folder)
    return SimpleNamespace(arrays=offered.arrays, info=offered.info, folder=folder)
