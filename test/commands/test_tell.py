"""The owner's commands where no bot runs: the saved state is shown, and what holds it is lifted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from desk.commands.memory import open_store
from desk.commands.tell import tell
from desk.core.errors import StateError
from desk.engine.clock import SystemClock
from desk.engine.control import Request
from desk.engine.home import Home
from desk.engine.latch import Latch
from desk.engine.lock import InstanceLock
from desk.hedge.state import BotState, Phase
from test.engine.states import AT_MS, holding_state


def halted_state() -> BotState:
    """Return a bot that holds, is halted, and leaves a symbol alone."""
    why = "fills do not agree"
    return replace(holding_state(), phase=Phase.HALT, halt_reason=why, by_hand=("DOGE",))


def home_with(folder: Path, state: BotState | None) -> Home:
    """Return a home with that state saved."""
    home = Home.live(folder)
    if state is not None:
        open_store(home).save(state, at_ms=AT_MS)
    return home


def said(home: Home, command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Return exit code, output and errors of a command."""
    code = tell(Request(command), home, SystemClock())
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_status_is_read_from_the_file_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Phase, both legs and why it is halted; the file is not touched."""
    home = home_with(tmp_path, halted_state())
    before = home.state.read_bytes()
    code, out, _ = said(home, "status", capsys)
    assert (0, before) == (code, home.state.read_bytes())
    first, *lines = out.splitlines()
    assert first.startswith(f"no bot runs in {tmp_path}; by its state file of ")
    text = "\n".join(lines)
    assert "phase: HALT" in text
    assert "lighter: " in text
    assert "halted: fills do not agree (until resume)" in text
    assert "next: " not in text


def test_status_without_a_state_says_that_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is not flat, it is nothing."""
    code, out, _ = said(home_with(tmp_path, None), "status", capsys)
    assert (0, True) == (code, out.rstrip().endswith("there is no bot_state_lighter_pacifica.json"))


def test_resume_lifts_all_that_holds_the_next_start_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Halt, symbols set aside and latch, each named; the hedge stays as it is."""
    home = home_with(tmp_path, halted_state())
    Latch(home.latch).set("emergency close")
    code, out, _ = said(home, "resume", capsys)
    assert [
        "  lifted: halted: fills do not agree",
        "  lifted: set aside, closed by another hand: DOGE",
        f"  deleted: {home.latch.resolve()}",
    ] == out.splitlines()[1:]
    loaded = open_store(home).load()
    assert loaded is not None
    assert (0, None, ()) == (code, loaded.state.halt_reason, loaded.state.by_hand)
    assert (holding_state().hedge, False) == (loaded.state.hedge, home.latch.exists())


def test_resume_with_nothing_to_lift_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so."""
    home = home_with(tmp_path, holding_state())
    before = home.state.stat()
    assert "nothing held it back" in said(home, "resume", capsys)[1]
    assert before.st_ino == home.state.stat().st_ino


def test_resume_does_not_bless_a_state_that_is_behind(tmp_path: Path) -> None:
    """What was sent since is not known: first the bot must search."""
    home = home_with(tmp_path, replace(holding_state(), paused=True))
    open_store(home).save(holding_state(), at_ms=AT_MS + 1)
    home.state.write_text("{}")
    with pytest.raises(StateError, match="start the bot, which searches both venues"):
        tell(Request("resume"), home, SystemClock())


@pytest.mark.parametrize("command", ["pause", "close", "stop"])
def test_what_needs_a_bot_is_one_line_without_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Exit 1."""
    code, _, err = said(home_with(tmp_path, holding_state()), command, capsys)
    assert f"error: no bot runs in {tmp_path}: there is nobody to {command}\n" == err
    assert 1 == code


def test_a_bot_without_an_ear_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It starts or ends; the state it holds is not edited behind its back."""
    home = home_with(tmp_path, replace(holding_state(), paused=True))
    with InstanceLock([home.lock], owner="process 42"):
        code, _, err = said(home, "resume", capsys)
    assert (1, True) == (code, err.startswith("error: process 42: it takes no commands"))
    loaded = open_store(home).load()
    assert loaded is not None
    assert loaded.state.paused
