"""The market of what is held, read anew while it is held: its steps and its status may change."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desk.core.actions import ReadAccounts
from desk.core.events import VenueAccount
from desk.core.market import MarketStatus
from desk.core.venue import VenueName
from desk.engine.reads import HELD_MARKET_AGE_S_MAX, Reader
from desk.hedge.state import CloseReason, Phase
from desk.sim.faults import FaultKind
from test.engine.bench import LIGHTER, PACIFICA, Stage, on_stage
from test.engine.bot import Bot, with_bot
from test.engine.test_stories import LONG

CHECK_S = 60


async def ask(made: Reader, **what: Any) -> VenueAccount:
    """Return what Lighter says when the market of BTC is asked for, too."""
    read = await made.read_accounts(ReadAccounts(4, symbol="BTC", market=(LIGHTER,), **what))
    return read.venues[LIGHTER]


def change(stage: Stage, venue: VenueName, **changes: Any) -> None:
    """Let a venue say something else of BTC from now on."""
    markets = stage.world.exchanges[venue].markets
    spec = markets["BTC"]
    markets["BTC"] = replace(spec, instrument=replace(spec.instrument, **changes))


@pytest.mark.parametrize(("what", "age_s"), [({}, HELD_MARKET_AGE_S_MAX), ({"urgent": True}, 1)])
def test_a_market_asked_for_is_no_older_than_it_may_be(what: dict[str, Any], age_s: float) -> None:
    """Kept for most of a minute, but read anew at once where something unguarded waits for it."""

    async def play(stage: Stage) -> None:
        made = Reader(stage.venues, stage.clock)
        assert {"BTC"} == set((await ask(made, **what)).instruments)
        change(stage, LIGHTER, status=MarketStatus.REDUCE_ONLY)
        before = await ask(made, **what)
        await asyncio.sleep(age_s + 0.1)
        rows = [before, await ask(made, **what)]
        assert [MarketStatus.ACTIVE, MarketStatus.REDUCE_ONLY] == [
            row.instruments["BTC"].status for row in rows
        ]

    on_stage(play)


def test_a_market_that_is_not_told_hides_no_account() -> None:
    """What a close stands on is the position; the steps may be of yesterday."""

    async def play(stage: Stage) -> None:
        stage.fault(LIGHTER, FaultKind.HTTP_5XX, "instruments")
        row = await ask(Reader(stage.venues, stage.clock))
        assert ({}, False) == (row.instruments, row.is_delisted)

    on_stage(play)


def test_a_market_that_is_gone_is_said_to_be() -> None:
    """The venue has answered, and does not list it."""

    async def play(stage: Stage) -> None:
        del stage.world.exchanges[LIGHTER].markets["BTC"]
        assert (await ask(Reader(stage.venues, stage.clock))).is_delisted

    on_stage(play)


def test_a_hedge_leaves_a_market_that_turns_reduce_only_within_a_check(tmp_path: Path) -> None:
    """Long before its review, both legs together, and it says why."""

    async def play(bot: Bot) -> None:
        life = await bot.until(Phase.HOLD)
        change(bot.stage, PACIFICA, status=MarketStatus.REDUCE_ONLY)
        await asyncio.sleep(CHECK_S + 10)
        (result,) = bot.results
        assert (True, CloseReason.MARKET) == (result.is_complete, result.close_reason)
        assert "BTC is reduce-only at pacifica: closing while it can be closed" in bot.alerts
        life.cancel()

    with_bot(tmp_path, play, LONG)
