"""Shared fixtures, which also block the network and replace the home folder."""

import os
import socket
from functools import partial
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

import pytest

# The networks in the tests are so small that more threads do not make them faster, and
# make them slower if other processes use the same cores. NumPy and torch read this
# variable when they are imported, also in subprocesses, so both are imported later.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Without this variable, scikit-learn skips one of its estimator checks. SciPy reads it
# when it is imported, so it is set before all other imports of the tests.
os.environ["SCIPY_ARRAY_API"] = "1"


def pytest_collection_modifyitems(items):
    """Skip the examples in docstrings that need packages which are not installed."""
    if find_spec("onnxruntime") is None:
        for item in items:
            if item.name == "skblood.export.to_onnx":
                item.add_marker(pytest.mark.skip(reason="needs onnxruntime"))


class NetworkBlockedError(OSError):
    """A test tried to reach another machine."""


def is_loopback(host):
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def block_remote_hosts(monkeypatch, owner, name, host_of):
    """Make a socket function raise an error for hosts other than this machine.

    `host_of` returns the host from the arguments of the function.
    """
    original = getattr(owner, name)

    def guarded(*args, **kwargs):
        host = host_of(*args, **kwargs)
        if not is_loopback(host):
            raise NetworkBlockedError(f"tests do not use the network, got {host!r}")
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, guarded)


def host_of_address(sock, address):
    # Only internet addresses have the form (host, port). multiprocessing uses local
    # sockets, whose addresses are file names.
    is_internet = sock.family in (socket.AF_INET, socket.AF_INET6)
    return address[0] if is_internet else None


# These two fixtures have session scope, so that they are also active in other fixtures
# of session scope. Subprocesses inherit the home folder, but can use the network.


@pytest.fixture(scope="session", autouse=True)
def no_network():
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("connect", "connect_ex"):
            block_remote_hosts(monkeypatch, socket.socket, name, host_of_address)
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            block_remote_hosts(monkeypatch, socket, name, lambda host, *_, **__: host)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_real_home(tmp_path_factory):
    home = str(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("USERPROFILE", home)
        yield


@pytest.fixture(scope="session")
def bloodmnist_home():
    """Return the folder with the full BloodMNIST, or skip the test without it."""
    folder = os.environ.get("SKBLOOD_DATA")
    if not folder or not Path(folder, "bloodmnist.npz").exists():
        pytest.skip("requires bloodmnist.npz in the folder that SKBLOOD_DATA names")
    return Path(folder).absolute()


# Images and classifiers for all tests. They are shared, so a test that changes one must
# copy it first. skblood is imported inside the fixtures, so that the tests of the data
# loaders do not import torch.


def load_some_of_each_class(split, n):
    """Return the first n images of each class, with labels 0 to 7 in turn."""
    import numpy as np

    from skblood import load_bloodmnist_sample

    X, y = load_bloodmnist_sample(split, return_X_y=True)
    first = [np.flatnonzero(y == label)[:n] for label in np.unique(y)]
    indices = np.stack(first, axis=1).ravel()
    X, y = X[indices], y[indices]
    X.setflags(write=False)
    y.setflags(write=False)
    return X, y


@pytest.fixture(scope="session")
def cells():
    """Return 80 images and labels for training: 10 cells of each class."""
    return load_some_of_each_class("train", 10)


@pytest.fixture(scope="session")
def new_cells():
    """Return 40 other images and labels: 5 cells of each class."""
    return load_some_of_each_class("test", 5)


@pytest.fixture(scope="session")
def tiny_cnn():
    """Return a function that creates a small convolutional classifier."""
    from skblood import BloodCNNClassifier

    return partial(
        BloodCNNClassifier,
        width=4,
        depth=1,
        max_epochs=2,
        batch_size=32,
        device="cpu",
        random_state=0,
    )


@pytest.fixture(scope="session")
def tiny_fnn():
    """Return a function that creates a small feed-forward classifier."""
    from skblood import BloodFNNClassifier

    return partial(
        BloodFNNClassifier,
        max_epochs=2,
        batch_size=32,
        device="cpu",
        random_state=0,
    )


@pytest.fixture(scope="session", params=["tiny_cnn", "tiny_fnn"])
def tiny(request):
    """Run a test twice: with `tiny_cnn` and with `tiny_fnn`."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def fitted(tiny, cells):
    """Return a classifier from `tiny`, fitted to `cells`."""
    return tiny().fit(*cells)


@pytest.fixture(scope="session")
def fitted_cnn(tiny_cnn, cells):
    """Return a classifier from `tiny_cnn`, fitted to `cells`."""
    return tiny_cnn().fit(*cells)
