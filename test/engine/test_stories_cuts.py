"""Another hand on one leg of a hedge that is held: how long its twin stands larger, and what is
left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from desk.core.venue import VenueName
from desk.hedge.state import CloseReason, Phase
from desk.sim.exchange import FillCause
from test.engine.bench import ACCOUNT, LIGHTER, PACIFICA
from test.engine.bot import Bot, with_bot
from test.engine.test_stories import LONG, Truth

LARGE = replace(LONG, base_capital_allocation=Decimal(400))
NAKED_S_MAX = 1.0
SETTLED_S = 30


def cut(bot: Bot, venue: VenueName, share: str, cause: FillCause) -> None:
    """Let a venue take a share of our leg."""
    bot.stage.world.exchanges[venue].liquidate(ACCOUNT, "BTC", Decimal(share), cause=cause)


async def until_even(bot: Bot) -> float:
    """Return how many seconds it took until both legs were equal again."""
    for polls in range(100):
        if bot.is_hedged():
            return polls / 10
        await asyncio.sleep(0.1)
    raise AssertionError("legs differ")


@pytest.mark.parametrize("venue", VenueName)
@pytest.mark.parametrize("cause", [FillCause.LIQUIDATION, FillCause.DELEVERAGE])
def test_a_cut_leg_has_its_twin_follow_at_once(
    tmp_path: Path, venue: VenueName, cause: FillCause
) -> None:
    """Seen by the private stream, proved by the venue's rows, followed by one order; then both
    legs have triggers of the new size."""

    async def play(bot: Bot) -> None:
        life = await bot.until(Phase.HOLD)
        await asyncio.sleep(SETTLED_S)
        cut(bot, venue, "0.4", cause)
        assert not bot.is_hedged()
        assert await until_even(bot) <= NAKED_S_MAX
        await asyncio.sleep(SETTLED_S)
        size = abs(bot.stage.held(venue))
        assert Phase.HOLD is bot.state.phase
        exchanges = bot.stage.world.exchanges.values()
        assert {size} == {row.size for each in exchanges for row in each.orders(ACCOUNT)}
        life.cancel()

    with_bot(tmp_path, play, LARGE)


def test_a_hedge_that_was_cut_ends_with_whole_books(tmp_path: Path) -> None:
    """The cycle goes on to its review; what the venue closed is counted and named."""

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        life = asyncio.create_task(bot.live(cycles=1))
        await asyncio.sleep(SETTLED_S * 2)
        cut(bot, PACIFICA, "0.4", FillCause.LIQUIDATION)
        assert 0 == await life
        (result,) = bot.results
        assert (CloseReason.HOLD_ENDED, True) == (result.close_reason, result.is_complete)
        assert [(PACIFICA, "liquidation")] == [(c.venue, str(c.cause)) for c in result.cuts]
        truth.check()

    with_bot(tmp_path, play, replace(LARGE, hold_duration_hours=Decimal("0.2")))


def test_a_daemon_that_died_in_between_lets_the_twin_follow_on_return(tmp_path: Path) -> None:
    """Cut while nobody lived: the start finds it, and the hedge goes on smaller."""

    async def play(bot: Bot) -> None:
        await bot.die_after(SETTLED_S)
        cut(bot, LIGHTER, "0.4", FillCause.DELEVERAGE)
        await asyncio.sleep(SETTLED_S)
        life = asyncio.create_task(bot.live())
        assert await until_even(bot) <= NAKED_S_MAX
        await asyncio.sleep(SETTLED_S)
        assert Phase.HOLD is bot.state.phase
        life.cancel()

    with_bot(tmp_path, play, LARGE)
