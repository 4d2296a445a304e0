"""The control socket: who may open it, where it lies, and that no caller can harm the bot."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from desk.engine.control import (
    CALLERS_MAX,
    LINE_BYTES_MAX,
    PATH_BYTES_MAX,
    ControlFailed,
    Reply,
    Request,
    ask,
    control_served,
    socket_path,
)


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a place for a socket with a short name."""
    with TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder) / "state.json.sock"


async def echo(request: Request) -> Reply:
    """Say what was heard; the word "never" is not answered."""
    if request.command == "never":
        await asyncio.Event().wait()
    return Reply(True, (request.command, f"now: {request.now}"))


def served(place: Path, talk: Callable[[], Awaitable[Any]]) -> Any:
    """Return what `talk` returns while the socket is served."""

    async def story() -> Any:
        async with control_served(place, echo):
            return await talk()

    return asyncio.run(story())


async def said(place: Path, line: bytes) -> Any:
    """Return the answer to a line, None where the bot hangs up."""
    reader, writer = await asyncio.open_unix_connection(str(place))
    try:
        writer.write(line)
        answer = await reader.readline()
        return json.loads(answer) if answer else None
    except OSError:
        return None
    finally:
        writer.close()


def test_a_command_is_answered(place: Path) -> None:
    """The owner's end and the bot's end understand each other."""
    request = Request("stop", now=True)
    reply = served(place, lambda: asyncio.to_thread(ask, place, request))
    assert Reply(True, ("stop", "now: True")) == reply


def test_only_its_owner_may_open_it(place: Path) -> None:
    """Mode 0600, whatever the user's mask; and it is gone afterwards."""

    async def mode() -> int:
        facts = await asyncio.to_thread(place.stat)
        return stat.S_IMODE(facts.st_mode)

    before = os.umask(0)
    try:
        assert 0o600 == served(place, mode)
    finally:
        os.umask(before)
    assert not place.exists()


def test_a_socket_that_a_killed_bot_left_is_taken_over(place: Path) -> None:
    """Its name in the folder is all that is left of it."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    assert {"ok": True, "lines": ["a", "now: False"]} == served(
        place, lambda: said(place, b'{"command": "a"}\n')
    )


def test_a_file_that_is_no_socket_is_left_alone(place: Path) -> None:
    """Whatever it is, it is not ours to remove."""
    place.write_text("mine")
    with pytest.raises(FileExistsError):
        served(place, asyncio.Event().wait)
    assert "mine" == place.read_text()


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b'{"command": 1}\n', b'{"comand": "a"}\n'])
def test_what_is_not_understood_is_refused(place: Path, line: bytes) -> None:
    """With an answer that says so."""
    answer = served(place, lambda: said(place, line))
    assert (False, True) == (answer["ok"], answer["lines"][0].startswith("not understood: "))


def test_a_line_without_an_end_is_hung_up_on(place: Path) -> None:
    """It does not fill the memory."""
    assert None is served(place, lambda: said(place, b"x" * (2 * LINE_BYTES_MAX)))


def test_the_last_callers_of_many_are_turned_away(place: Path) -> None:
    """Those who wait for an answer are not disturbed."""

    async def crowd() -> Any:
        waiting = [
            asyncio.ensure_future(said(place, b'{"command": "never"}\n'))
            for _ in range(CALLERS_MAX)
        ]
        await asyncio.sleep(0.1)
        late = await said(place, b'{"command": "late"}\n')
        for each in waiting:
            each.cancel()
        return late

    assert {"ok": False, "lines": ["too many callers at once"]} == served(place, crowd)


def test_a_long_home_has_a_short_socket_of_its_own(tmp_path: Path) -> None:
    """The same for everybody who means that home, another one for each, in a folder of ours."""
    first, second = (tmp_path / ("x" * 100) / name for name in ("a.sock", "b.sock"))
    assert socket_path(first) == socket_path(first) != socket_path(second)
    assert len(os.fsencode(socket_path(first))) <= PATH_BYTES_MAX
    folder = socket_path(first).parent.stat()
    assert (os.getuid(), 0o700) == (folder.st_uid, stat.S_IMODE(folder.st_mode))


def test_nobody_at_the_other_end_is_one_line(place: Path) -> None:
    """No socket, or one that nobody serves."""
    with pytest.raises(ControlFailed, match="takes no commands"):
        ask(place, Request("status"))
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    with pytest.raises(ControlFailed, match="takes no commands"):
        ask(place, Request("status"))
