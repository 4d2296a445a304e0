"""The fence of conftest.py holds: no credentials and no foreign host inside a test run."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from test.conftest import is_local, product_variables

ROOT = Path(__file__).resolve().parent.parent
# An address kept for documentation (RFC 5737): nobody answers there, should the fence be down.
FOREIGN = "192.0.2.1"


def test_a_foreign_host_cannot_be_reached() -> None:
    """A plain socket to another host is refused before a packet leaves."""
    with socket.socket() as plain, pytest.raises(PermissionError, match=FOREIGN):
        plain.connect((FOREIGN, 443))


def test_asyncio_cannot_reach_a_foreign_host() -> None:
    """The event loop's own connections are behind the same fence."""
    with pytest.raises(PermissionError, match=FOREIGN):
        asyncio.run(asyncio.wait_for(asyncio.open_connection(FOREIGN, 443), timeout=5))


def test_a_foreign_name_cannot_be_looked_up() -> None:
    """Not even a name server hears from a test."""
    with pytest.raises(PermissionError, match=r"venue\.example"):
        socket.getaddrinfo("venue.example", 443)


def test_loopback_can_be_reached() -> None:
    """A server of this machine answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        (None, True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("::2", False),
    ],
)
def test_what_counts_as_this_machine(host: str | None, expected: bool) -> None:
    """Loopback addresses and the name localhost are local, all else is not."""
    assert expected == is_local(host)


def test_a_run_never_sees_the_shells_credentials() -> None:
    """Whatever the shell holds, a test run starts without it and with an empty home of its own."""
    shell = dict.fromkeys(product_variables(), "a secret of the shell")
    probe = "test/test_guard.py::test_the_environment_is_clean"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", probe]

    inner = subprocess.run(command, cwd=ROOT, env=os.environ | shell, capture_output=True)

    assert 0 == inner.returncode, inner.stdout.decode()


def test_the_environment_is_clean() -> None:
    """No variable of the product is set but the home, which is empty."""
    present = {name for name in product_variables() if name in os.environ}

    assert {"HEDGE_HOME"} == present
    assert [] == list(Path(os.environ["HEDGE_HOME"]).iterdir())
