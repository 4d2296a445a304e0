"""The owner's channels: a web address takes JSON, a bad one stops the start, none is logged."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from desk.alerts.channels import channels, heartbeat, ping
from desk.alerts.notes import Note
from desk.core.actions import Level
from desk.core.errors import ConfigError
from desk.core.secret import Secret

# One of the library's hundred services loads a module that newer Pythons do not have.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
NOTE = Note("kind", Level.CRITICAL, "Halted", "a reason", "do this", 0)
KEY = "s3cr3tkey"


@contextmanager
def hook(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any] | None]]]:
    """Yield the address of a server on this machine, and what it is sent; None for a ping."""
    seen: list[dict[str, Any] | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.do_GET()

        def do_GET(self) -> None:
            if self.command == "GET":
                seen.append(None)
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{KEY}", seen
        finally:
            server.shutdown()
            thread.join()


def test_a_web_address_takes_json() -> None:
    """Title, text with its advice, and how loud it is."""
    with hook() as (address, seen):
        found = channels({"ALERT_URLS": f"{address}, {address}"})
        assert found is not None
        deliver, count = found
        assert (True, 2) == (deliver(NOTE), count)
    rows = [(row["title"], row["message"], row["type"]) for row in seen if row is not None]
    assert [("Halted", "a reason\ndo this", "failure")] * 2 == rows


def test_a_refusal_is_no_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """One of two is not all; and the library's words about it, with the address, stay unsaid."""
    caplog.set_level(logging.DEBUG)
    with hook() as (good, _), hook(500) as (bad, _):
        found = channels({"ALERT_URLS": f"{good},{bad}"})
        assert found is not None
        assert not found[0](NOTE)
    assert KEY not in "".join(row.getMessage() for row in caplog.records if row.name == "apprise")


def test_a_bad_address_is_named_by_its_number() -> None:
    """Never by itself: it may hold a key."""
    with pytest.raises(ConfigError) as caught:
        channels({"ALERT_URLS": f"json://127.0.0.1/a,foo://{KEY}"})
    assert "address 2 (foo)" in str(caught.value)
    assert KEY not in str(caught.value)
    with pytest.raises(ConfigError):
        heartbeat({"HEARTBEAT_URL": f"ftp://{KEY}"})


def test_without_addresses_there_is_nothing() -> None:
    """And no library is loaded."""
    assert channels({"ALERT_URLS": " "}) is None
    assert heartbeat({}) is None


def test_a_ping_is_a_call() -> None:
    """What goes wrong is told by its kind."""
    with hook() as (address, seen):
        assert ping(Secret(address)) is None
    assert [None] == seen
    with hook(404) as (address, _):
        assert "HTTP 404" == ping(Secret(address))
    assert "URLError" == ping(Secret("http://127.0.0.1:9/"))
