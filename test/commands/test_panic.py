"""What the panic close makes of the bot beside it: only what the files of its home prove."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from desk.commands.memory import open_store
from desk.commands.panic import BotSeen, see_bot
from desk.core.venue import VenueName
from desk.engine.home import Home
from desk.hedge.state import BotState, Doubt
from test.engine.states import AT_MS, holding_state

FIRST = Doubt("first start", is_first=True)
FOUND = Doubt("state.json is missing; read again from the journal", is_searched=True)
LOST = Doubt("state.json is missing")


def seen(folder: Path, state: BotState) -> BotSeen:
    """Return what is seen of a bot with that state."""
    home = Home.live(folder)
    open_store(home).save(state, at_ms=AT_MS)
    return see_bot(home, {"XDG_STATE_HOME": str(folder)})


@pytest.mark.parametrize(
    ("doubt", "knows", "problem"),
    [
        (FIRST, False, "has just been installed and has not looked at both venues yet"),
        (FOUND, True, "found its hedge again (state.json is missing; read again from the journal)"),
        (LOST, False, "searches for what is its own (state.json is missing)"),
    ],
)
def test_a_doubt_is_told_as_what_it_is(
    tmp_path: Path, doubt: Doubt, knows: bool, problem: str
) -> None:
    """A hedge that was found again is known; that more may have been sent is waited for."""
    bot = seen(tmp_path, replace(holding_state(), doubt=doubt))
    assert problem in (bot.problem or "")
    assert knows == bot.knows_its_own
    assert all(bot.doubts(venue) for venue in VenueName)


def test_without_a_doubt_only_orders_that_may_open_are_waited_for(tmp_path: Path) -> None:
    """The state names them: one, at Lighter."""
    bot = seen(tmp_path, holding_state())
    assert (None, True) == (bot.problem, bot.knows_its_own)
    assert [True, False] == [bot.doubts(venue) for venue in VenueName]
