"""What holds for every test: no network, and no real home folder."""

import os
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest


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
