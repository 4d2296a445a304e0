"""The fence around every test run: no credentials, no `.env`, no host but this one.

Put up before the first test module is imported, whatever the developer's shell holds, and taken
down afterwards. Shared fixtures live with the tests that share them, not here.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import sys
import tempfile
from pathlib import Path

from hypothesis import settings

ENV_EXAMPLE = Path(__file__).resolve().parent.parent / ".env.example"
HOME = "HEDGE_HOME"

_saved: dict[str, str] = {}
_guard_is_up = False


def product_variables() -> list[str]:
    """Return the names of every environment variable the product reads: those of .env.example."""
    lines = ENV_EXAMPLE.read_text("utf-8").splitlines()
    return [line.lstrip("# ").partition("=")[0] for line in lines if "=" in line.split(" ")[0]]


def is_local(host: object) -> bool:
    """Return whether a host, as given to a socket, is this machine: loopback, by number or name."""
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def guard_sockets(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse to reach, or to look up, any host but this one. An audit hook of the interpreter."""
    if not _guard_is_up:
        return
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not is_local(host):
        raise PermissionError(f"a test tried to reach {host}: only loopback is allowed")


def pytest_configure() -> None:
    """Put the fence up, and make generated examples the same in every run."""
    global _guard_is_up
    for name in (*product_variables(), HOME):
        if name in os.environ:
            _saved[name] = os.environ.pop(name)
    os.environ[HOME] = tempfile.mkdtemp(prefix="hedge-test-")
    sys.addaudithook(guard_sockets)
    _guard_is_up = True

    settings.register_profile("steady", derandomize=True, deadline=None, database=None)
    settings.register_profile("explore", deadline=None)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_unconfigure() -> None:
    """Take the fence down and give the environment back as it was."""
    global _guard_is_up
    _guard_is_up = False
    shutil.rmtree(os.environ.pop(HOME), ignore_errors=True)
    os.environ.update(_saved)
