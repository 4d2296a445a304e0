"""The whole bot on simulated venues: what it holds at the end, and what it says it earned."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from desk.core.actions import SendOrders
from desk.core.events import Command
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.engine.execution import Executor
from desk.engine.run import Record
from desk.hedge.state import BotState, CloseReason, Phase
from desk.sim.faults import FaultKind
from desk.sim.market_model import Profile
from test.engine.bench import ACCOUNT, LIGHTER, PACIFICA
from test.engine.bot import BRISK, Bot, with_bot

CENT = Decimal("0.005")
LONG = replace(BRISK, hold_duration_hours=Decimal("1.3"))


class Truth:
    """What both accounts were worth at the start, to be compared with what the bot reports."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._before_usd = bot.stage.equity_usd()

    def check(self, *, may_miss_equity: bool = False) -> None:
        """The sum of the cycles' results is the change of both equities, to the cent.

        A lost state takes the equity before a hedge along; then a result says that it is unknown.
        """
        reported = sum((result.net_usd for result in self._bot.results), Decimal(0))
        assert abs(self._bot.stage.equity_usd() - self._before_usd - reported) < CENT
        for result in self._bot.results:
            assert result.is_complete
            change_usd = result.equity_change_usd
            if change_usd is not None or not may_miss_equity:
                assert abs((change_usd or 0) - result.net_usd) < CENT


async def outage(bot: Bot, venue: VenueName, *, minutes: int) -> None:
    """Take a venue away for a while; both legs must stand all the time."""
    bot.stage.fault(venue, FaultKind.OUTAGE, delay_s=minutes * 60)
    bot.stage.feed(venue).cut()
    for _ in range(minutes):
        await asyncio.sleep(60)
        assert bot.is_hedged()
    bot.stage.feed(venue).mend()


@pytest.mark.parametrize("venue", VenueName)
@pytest.mark.parametrize("fraction", ["1", "0.4"])
def test_a_liquidated_leg_is_booked_with_its_penalty(
    tmp_path: Path, venue: VenueName, fraction: str
) -> None:
    """A leg that the venue closes, whole or in part, costs what the books of the cycle say."""

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        life = asyncio.create_task(bot.live(cycles=1))
        await asyncio.sleep(600)
        bot.stage.world.exchanges[venue].liquidate(ACCOUNT, "BTC", Decimal(fraction))
        await life
        truth.check()
        assert bot.results[0].legs[venue].fees_usd > Decimal("0.1")
        assert bot.is_flat()

    with_bot(tmp_path, play, LONG)


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_three_cycles_end_flat_with_true_books(tmp_path: Path, seed: int, profile: Profile) -> None:
    """Three hedges are opened, held and closed; the results add up to the change of equity."""

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        assert 0 == await bot.live(cycles=3)

        assert bot.is_flat()
        assert [1, 2, 3] == [result.cycle for result in bot.results]
        assert {CloseReason.HOLD_ENDED} == {result.close_reason for result in bot.results}
        assert [] == bot.alerts
        truth.check()

    with_bot(tmp_path, play, seed=seed, profile=profile)


def test_a_hedge_that_keeps_earning_is_renewed(tmp_path: Path) -> None:
    """With the shipped rules a hold that is worth it goes on, and pays off."""

    async def play(bot: Bot) -> None:
        bot.stage.spread("BTC", 3000)
        truth = Truth(bot)
        life = await bot.until(Phase.HOLD)
        await asyncio.sleep(3000)
        assert bot.engine is not None
        assert bot.engine.state.hedge is not None
        assert 3 == bot.engine.state.hedge.renewals
        bot.say(Command.CLOSE)
        await asyncio.sleep(60)
        assert bot.is_flat()
        bot.say(Command.LEAVE)
        assert 0 == await life
        truth.check()
        assert bot.results[0].net_usd > 0

    shipped = replace(BRISK, require_expected_profit=True, renew_hold=True)
    with_bot(tmp_path, play, replace(shipped, hold_duration_hours=Decimal("0.25")))


def test_leaving_in_a_hold_leaves_the_hedge_and_a_start_takes_it_over(tmp_path: Path) -> None:
    """Asked to leave, the bot exits 0 with both legs standing; the next start holds the same one
    to its end."""

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        life = await bot.until(Phase.HOLD)
        bot.say(Command.LEAVE)
        assert 0 == await life
        assert bot.is_hedged()
        await asyncio.sleep(60)

        assert 0 == await bot.live(cycles=1)

        assert bot.is_flat()
        assert [CloseReason.HOLD_ENDED] == [result.close_reason for result in bot.results]
        truth.check()

    with_bot(tmp_path, play)


def test_leaving_while_opening_finishes_the_step(tmp_path: Path) -> None:
    """Asked to leave in the middle of an opening, the bot ends hedged or flat, within eight
    seconds."""

    async def play(bot: Bot) -> None:
        def leave_in_open(record: Record[BotState]) -> None:
            if record.decision.state.phase is Phase.OPEN and not said:
                said.append(bot.stage.clock.monotonic_s())
                bot.say(Command.LEAVE)

        said: list[float] = []
        bot.on_record = leave_in_open
        assert 0 == await bot.live()
        assert bot.stage.clock.monotonic_s() - said[0] < 8
        assert bot.is_hedged() or bot.is_flat()

    with_bot(tmp_path, play)


@pytest.mark.parametrize("pct", [60, -60])
def test_a_large_move_closes_both_legs(tmp_path: Path, pct: int) -> None:
    """Whichever leg loses, the stop closes both within seconds."""

    async def play(bot: Bot) -> None:
        await bot.until(Phase.HOLD)
        bot.stage.world.shock("BTC", Decimal(pct))
        await asyncio.sleep(4)
        assert bot.is_flat()

        await asyncio.sleep(20)
        assert [CloseReason.STOP_LOSS] == [result.close_reason for result in bot.results]

    with_bot(tmp_path, play, LONG)


@pytest.mark.parametrize("venue", VenueName)
def test_an_hour_without_a_venue_leaves_the_hedge_standing(
    tmp_path: Path, venue: VenueName
) -> None:
    """One venue away in the middle of a hold: said once, nothing closed, ended as planned."""

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        life = asyncio.create_task(bot.live(cycles=1))
        await asyncio.sleep(600)
        await outage(bot, venue, minutes=60)

        assert 0 == await life
        assert bot.is_flat()
        assert [f"no news from {venue}"] == [text.partition(":")[0] for text in bot.alerts]
        assert [CloseReason.HOLD_ENDED] == [result.close_reason for result in bot.results]
        truth.check()

    with_bot(tmp_path, play, LONG)


@pytest.mark.parametrize("venue", VenueName)
def test_a_hold_that_ends_in_an_outage_waits_for_the_venue(
    tmp_path: Path, venue: VenueName
) -> None:
    """Both legs stay until the venue is back: no leg is left alone."""

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        life = asyncio.create_task(bot.live(cycles=1))
        await asyncio.sleep(200)
        await outage(bot, venue, minutes=60)

        assert 0 == await life
        assert bot.is_flat()
        truth.check()

    with_bot(tmp_path, play)


@pytest.mark.parametrize("venue", VenueName)
def test_a_leg_that_is_refused_is_unwound(tmp_path: Path, venue: VenueName) -> None:
    """With one leg refused again and again the other is closed, and the symbol is left alone for
    a while."""

    async def play(bot: Bot) -> None:
        bot.stage.fault(venue, FaultKind.REJECT, "send", count=100, code="4711")
        await bot.die_after(45)

        assert bot.is_flat()
        assert "BTC" in bot.state.backoffs
        assert {CloseReason.UNWIND} == {result.close_reason for result in bot.results}

    with_bot(tmp_path, play)


@pytest.mark.parametrize("venue", VenueName)
def test_a_leg_that_is_refused_once_is_topped_up(tmp_path: Path, venue: VenueName) -> None:
    """One refusal is repaired inside the band and the deadline."""

    async def play(bot: Bot) -> None:
        bot.stage.fault(venue, FaultKind.REJECT, "send", code="4711")
        await bot.die_after(20)
        assert bot.is_hedged()

    with_bot(tmp_path, play)


SENDING_FAULTS = [
    FaultKind.REQUEST_LOST_BEFORE,
    FaultKind.REQUEST_LOST_AFTER,
    FaultKind.REPLY_LOST,
    FaultKind.EFFECT_LATE,
    FaultKind.HTTP_429,
]


@pytest.mark.parametrize("venue", VenueName)
@pytest.mark.parametrize("kind", SENDING_FAULTS)
def test_a_fault_at_the_opening_ends_hedged_or_flat(
    tmp_path: Path, venue: VenueName, kind: FaultKind
) -> None:
    """Whatever happens to the first order, no leg stands alone for long; the books are true."""

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        bot.stage.fault(venue, kind, "send", delay_s=30)
        life = asyncio.create_task(bot.live(cycles=1))
        await asyncio.sleep(150)
        assert bot.is_hedged() or bot.is_flat()
        assert 0 == await life
        assert bot.is_flat()
        truth.check()

    with_bot(tmp_path, play)


@pytest.mark.parametrize("venue", VenueName)
def test_silent_streams_cost_no_leg(tmp_path: Path, venue: VenueName) -> None:
    """When the streams of a venue fall silent in mid-opening, both legs are verified by
    request."""

    async def play(bot: Bot) -> None:
        def silence_in_open(record: Record[BotState]) -> None:
            if record.decision.state.phase is Phase.OPEN:
                bot.stage.feed(venue).silence()

        bot.on_record = silence_in_open
        await bot.die_after(60)
        assert bot.is_hedged()

    with_bot(tmp_path, play)


def test_a_full_disk_opens_nothing(tmp_path: Path) -> None:
    """Without a place to write the intent down the venues see no order, and the owner one alert,
    until there is room again.
    """

    async def play(bot: Bot) -> None:
        (tmp_path / "state.json.new").mkdir()
        life = asyncio.create_task(bot.live())
        await asyncio.sleep(600)

        exchanges = bot.stage.world.exchanges.values()
        assert not any(exchange.fills(1, None, limit=10) for exchange in exchanges)
        assert [True] == ["state cannot be written" in text for text in bot.alerts]

        (tmp_path / "state.json.new").rmdir()
        await asyncio.sleep(100)
        assert bot.is_hedged()
        life.cancel()

    with_bot(tmp_path, play)


def test_a_disk_that_fills_up_in_a_hold_does_not_keep_it_open(tmp_path: Path) -> None:
    """The hedge is closed on time although nothing can be saved any more."""

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        life = await bot.until(Phase.HOLD)
        (tmp_path / "state.json.new").mkdir()
        await asyncio.sleep(400)

        assert bot.is_flat()
        assert 1 == len(bot.results)
        truth.check()
        life.cancel()

    with_bot(tmp_path, play, replace(BRISK, wait_between_cycles_minutes=Decimal(60)))


def test_the_owners_own_position_is_left_alone(tmp_path: Path) -> None:
    """A position the owner opened by hand is neither counted nor closed, its symbol is skipped."""

    async def play(bot: Bot) -> None:
        order = bot.stage.order(LIGHTER, Side.BUY)
        by_hand = replace(order, request=replace(order.request, client_id="5"))
        executor = Executor(bot.stage.venues, bot.stage.clock)
        await executor.send_orders(SendOrders(1, (by_hand,), Decimal(5)))
        await bot.die_after(600)

        assert order.request.size == bot.stage.held(LIGHTER)
        assert 0 == bot.stage.held(PACIFICA)

    with_bot(tmp_path, play)
