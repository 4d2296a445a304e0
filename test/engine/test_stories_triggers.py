"""The venues' own guard: what triggers do while no process of ours lives, and on its return.

`pytest -rP` on this file shows what each story cost, how long a leg stood alone, and how large.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from desk.core.venue import VenueName
from desk.hedge.state import CloseReason, Phase
from test.engine.bench import ACCOUNT, LIGHTER, PACIFICA
from test.engine.bot import Bot, with_bot
from test.engine.test_stories import LONG, Truth

# From the fill of one leg to that of the other the price may go on; the band bounds by how much.
LOSS_USD_MAX = Decimal("0.25")
LIVED_S = 20
FLAT_POLLS_MAX = 600
TWIN_MS_MAX = 2_500  # from the start of the process to the twin's fill


def resting(bot: Bot) -> dict[VenueName, int]:
    """Return how many orders of the account rest at each exchange itself."""
    exchanges = bot.stage.world.exchanges
    return {venue: len(exchanges[venue].orders(ACCOUNT)) for venue in VenueName}


def dislocate(bot: Bot, venue: VenueName, pct: str) -> None:
    """Move the price of BTC on one venue alone."""
    world = bot.stage.world
    mark = world.exchanges[venue].stats("BTC").mark
    world.set_mid("BTC", mark * (1 + Decimal(pct) / 100), venue=venue)


async def until_flat(bot: Bot) -> None:
    """Wait until the exchanges hold nothing."""
    for _ in range(FLAT_POLLS_MAX):
        if bot.is_flat():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not flat")


async def dead_while_holding(bot: Bot) -> None:
    """Open a hedge, see its triggers rest, and die without a word."""
    await bot.die_after(LIVED_S)
    assert Phase.HOLD is bot.state.phase
    assert bot.is_hedged()
    assert {LIGHTER: 2, PACIFICA: 2} == resting(bot)


async def left_alone(bot: Bot, venue: VenueName, pct: str) -> Decimal:
    """Die in the hold and have one venue fire alone; return what stands on the other (signed)."""
    await dead_while_holding(bot)
    dislocate(bot, venue, pct)
    await asyncio.sleep(30)
    assert not bot.stage.held(venue)
    left = bot.stage.held(venue.twin)
    assert left
    return left


@pytest.mark.parametrize(("first", "then"), [("-60", "60"), ("60", "-60")])
def test_a_large_move_closes_both_legs_without_us(tmp_path: Path, first: str, then: str) -> None:
    """Dead while holding: flat on both venues after the first move, and after the way back."""

    async def play(bot: Bot) -> None:
        before_usd = bot.stage.equity_usd()
        await dead_while_holding(bot)
        for pct in (first, then):
            bot.stage.world.shock("BTC", Decimal(pct))
            await asyncio.sleep(3)
            assert bot.is_flat()
        loss_usd = before_usd - bot.stage.equity_usd()
        print(f"{first} % then {then} %, nobody there: flat, {loss_usd:.4f} USD lost in all")
        assert loss_usd < LOSS_USD_MAX

    with_bot(tmp_path, play, LONG)


@pytest.mark.parametrize("pct", ["-60", "60"])
def test_on_return_the_books_have_what_the_triggers_did(tmp_path: Path, pct: str) -> None:
    """Both legs fired while we were dead: a whole cycle with complete books, and nothing rests."""

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        await dead_while_holding(bot)
        bot.stage.world.shock("BTC", Decimal(pct))
        await asyncio.sleep(60)
        assert 0 == await bot.live(cycles=1)
        assert [CloseReason.TRIGGERED] == [result.close_reason for result in bot.results]
        assert {LIGHTER: 0, PACIFICA: 0} == resting(bot)
        assert () == bot.state.by_hand
        truth.check()

    with_bot(tmp_path, play, LONG)


@pytest.mark.parametrize("venue", VenueName)
@pytest.mark.parametrize("pct", ["-60", "60"])
def test_a_leg_that_fired_alone_has_its_twin_closed_on_return(
    tmp_path: Path, venue: VenueName, pct: str
) -> None:
    """One venue's mark alone went mad while we were dead: the other leg is closed at the start."""

    async def play(bot: Bot) -> None:
        left = await left_alone(bot, venue, pct)
        began_ms = bot.stage.clock.now_ms()
        life = asyncio.create_task(bot.live(cycles=1))
        await until_flat(bot)
        took_ms = bot.stage.clock.now_ms() - began_ms
        print(f"{pct} % on {venue} alone: {left} BTC on {venue.twin} stood alone until the next")
        print(f"start, and was closed {took_ms} ms after it")
        assert took_ms < TWIN_MS_MAX
        assert 0 == await life
        assert [CloseReason.TRIGGERED] == [result.close_reason for result in bot.results]

    with_bot(tmp_path, play, LONG)


@pytest.mark.parametrize("venue", VenueName)
def test_a_leg_that_fires_alone_has_its_twin_closed_while_we_live(
    tmp_path: Path, venue: VenueName
) -> None:
    """A mark nobody believes makes its venue fire: noticed and closed within seconds."""

    async def play(bot: Bot) -> None:
        life = await bot.until(Phase.HOLD)
        await asyncio.sleep(LIVED_S)
        dislocate(bot, venue, "-60")
        began_ms = bot.stage.clock.now_ms()
        await until_flat(bot)
        assert bot.stage.clock.now_ms() - began_ms < 3_000
        life.cancel()

    with_bot(tmp_path, play, LONG)


def test_a_finished_cycle_leaves_nothing_resting(tmp_path: Path) -> None:
    """Whole cycles one after the other, each guarded, each proved clean."""

    async def play(bot: Bot) -> None:
        assert 0 == await bot.live(cycles=2)
        assert {LIGHTER: 0, PACIFICA: 0} == resting(bot)
        assert [CloseReason.HOLD_ENDED] * 2 == [result.close_reason for result in bot.results]

    with_bot(tmp_path, play)
