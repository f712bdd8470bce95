"""The fixtures of conftest.py block the network and replace the home folder."""

import os
import socket
import threading
import urllib.request
from pathlib import Path

import pytest

# This name and these addresses are reserved for documentation. No machine has them.
REMOTE_NAME = "example.org"
REMOTE_IPV4 = ("192.0.2.1", 80)
REMOTE_IPV6 = ("2001:db8::1", 80)


@pytest.mark.parametrize("host", [REMOTE_NAME, REMOTE_NAME.encode(), REMOTE_IPV4[0]])
def test_resolving_remote_names_is_blocked(host):
    with pytest.raises(OSError, match="do not use the network"):
        socket.getaddrinfo(host, 80)
    with pytest.raises(OSError, match="do not use the network"):
        socket.gethostbyname(host)


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
@pytest.mark.parametrize(
    "family, address",
    [(socket.AF_INET, REMOTE_IPV4), (socket.AF_INET6, REMOTE_IPV6)],
    ids=["IPv4", "IPv6"],
)
def test_connecting_to_remote_addresses_is_blocked(family, address, method):
    with socket.socket(family) as sock:
        with pytest.raises(OSError, match="do not use the network"):
            getattr(sock, method)(address)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_opening_remote_urls_is_blocked(monkeypatch, scheme):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(OSError, match="do not use the network"):
        urllib.request.urlopen(f"{scheme}://{REMOTE_NAME}/", timeout=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_not_blocked(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server_thread = threading.Thread(target=lambda: server.accept()[0].close())
        server_thread.start()
        with socket.create_connection((host, server.getsockname()[1]), timeout=10):
            pass
        server_thread.join()


def test_home_is_temporary(tmp_path_factory):
    home = Path.home()
    assert home.is_relative_to(tmp_path_factory.getbasetemp())
    assert Path(os.path.expanduser("~")) == home
