"""What the commands answer is true of the state they are drawn from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desk.core.events import Command
from desk.hedge.config import Config
from desk.hedge.state import BotState, CloseReason, Doubt, Phase
from desk.screen.status import answer_lines, latch_line, status_lines
from test.hedge.builders import bot
from test.hedge.cases import choice
from test.screen.looks import AT_MS, holding

FLAT = BotState(config=Config(), epoch=1, phase=Phase.WAIT, look_at_ms=AT_MS + 60_000)


def closing() -> BotState:
    """Return a bot that closes its hedge."""
    state = holding(Phase.CLOSE)
    assert state.hedge is not None
    return state.with_hedge(replace(state.hedge, close_reason=CloseReason.STOP_LOSS))


def test_a_hold_has_its_legs_and_its_times() -> None:
    """Since when, each leg, the next full check and the review."""
    state = holding()
    assert state.hedge is not None
    state = state.with_hedge(replace(state.hedge, next_check_at_ms=AT_MS))
    assert [
        "phase: HOLD",
        "hedge: BTC since 01-01 00:00:00 +0000",
        "  lighter: long 0.0005 BTC, entered at 92000",
        "  pacifica: short 0.0005 BTC, entered at 92000",
        "next: full check at 01-01 00:00:00 +0000, which is due",
        "next: review at 01-01 12:00:00 +0000, in 11 h 59 min",
    ] == status_lines(state, AT_MS + 60_000)


def test_a_close_has_its_reason_and_no_times() -> None:
    """It goes on until it is done."""
    lines = status_lines(closing(), AT_MS)
    assert "phase: CLOSE, stop-loss" == lines[0]
    assert not [line for line in lines if line.startswith("next")]


def test_an_opening_that_waits_has_its_time() -> None:
    """For the request budgets, say."""
    waits = bot(Phase.SELECT, choice=choice(), wake_at_ms=AT_MS + 60_000)
    assert "next: opening of ETH at 01-01 00:01:00 +0000, in 1 min" in status_lines(waits, AT_MS)


def test_nothing_is_called_flat_in_doubt() -> None:
    """While the venues are searched, nobody knows."""
    lines = status_lines(replace(FLAT, doubt=Doubt("state.json is missing")), AT_MS)
    assert "not known to be flat: state.json is missing" in lines
    assert "nothing of ours is open" not in lines


def test_a_wait_has_its_end() -> None:
    """The next look, and in how long."""
    assert "next: look at 01-01 00:01:00 +0000, in 1 min" in status_lines(FLAT, AT_MS)


@pytest.mark.parametrize(
    ("command", "state", "said"),
    [
        (Command.PAUSE, FLAT, "paused: nothing is opened until resume"),
        (Command.CLOSE, FLAT, "nothing of ours is open; paused until resume"),
        (Command.CLOSE, closing(), "closing BTC now, then paused until resume"),
        (Command.STOP, FLAT, "stopping now; the next start is paused until resume"),
        (Command.STOP, closing(), "stopping: BTC is closed now, then it exits"),
        (Command.STOP, holding(), "stopping: BTC is closed at 01-01 12:00:00 +0000, when its hold"),
    ],
)
def test_an_answer_says_what_will_be_done(command: Command, state: BotState, said: str) -> None:
    """And for how long that holds."""
    (line,) = answer_lines(command, FLAT, state)
    assert line.startswith(said)


def test_a_latch_tells_what_is_still_done() -> None:
    """With something held more than without."""
    assert latch_line(FLAT).endswith("nothing is opened from now on, until resume")
    assert "BTC is only guarded and closed, reduce-only" in latch_line(holding())
