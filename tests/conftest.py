"""What holds for every test: no network, no real home folder, and shared fixtures."""

import os
import socket
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest

# Networks as small as the tests' gain nothing from threads, and wait for each other
# where cores are shared. Torch reads this on import, in subprocesses as well.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Before anything imports SciPy: with it, one more of scikit-learn's checks runs.
os.environ["SCIPY_ARRAY_API"] = "1"


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
    """Make a socket function raise where `host_of` its arguments is another machine."""
    original = getattr(owner, name)

    def guarded(*args, **kwargs):
        host = host_of(*args, **kwargs)
        if not is_loopback(host):
            raise NetworkBlockedError(f"tests do not use the network, got {host!r}")
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, guarded)


def host_of_address(sock, address):
    # The address of a local socket, such as multiprocessing uses, is no (host, port).
    is_internet = sock.family in (socket.AF_INET, socket.AF_INET6)
    return address[0] if is_internet else None


# The guards last the whole session, so that they also cover fixtures of wider scope
# than a test. They do not reach into subprocesses, except for the home folder.


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
    """Return the folder of the full data, or skip the test."""
    folder = os.environ.get("SKBLOOD_DATA")
    if not folder or not Path(folder, "bloodmnist.npz").exists():
        pytest.skip("needs the full BloodMNIST, in the folder named by SKBLOOD_DATA")
    return Path(folder).absolute()


# Cells to learn from and classifiers that learn from them in a moment. They are shared:
# a test that changes one takes a copy. skblood is imported where it is needed, so that
# tests of the data alone do not wait for torch.


def some_of_each_class(split, n):
    from skblood import load_bloodmnist_sample

    X, y = load_bloodmnist_sample(split, return_X_y=True)
    first = [np.flatnonzero(y == label)[:n] for label in np.unique(y)]
    chosen = np.stack(first, axis=1).ravel()
    X, y = X[chosen], y[chosen]
    X.setflags(write=False)
    y.setflags(write=False)
    return X, y


@pytest.fixture(scope="session")
def cells():
    """Return images and labels of ten cells of each class, 0 to 7 in turn."""
    return some_of_each_class("train", 10)


@pytest.fixture(scope="session")
def new_cells():
    """Return images and labels of five cells of each class, none of them in `cells`."""
    return some_of_each_class("test", 5)


@pytest.fixture(scope="session")
def tiny_cnn():
    """Return a function from parameters to a convolutional classifier."""
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
    """Return a function from parameters to a feed-forward classifier."""
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
    """Return `tiny_cnn`, then `tiny_fnn`."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def fitted(tiny, cells):
    """Return the classifier that `tiny` makes, fitted to the cells."""
    return tiny().fit(*cells)


@pytest.fixture(scope="session")
def fitted_cnn(tiny_cnn, cells):
    """Return a convolutional classifier, fitted to the cells."""
    return tiny_cnn().fit(*cells)
