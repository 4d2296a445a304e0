"""Both venues in one world: one order of events, a past, and acts of God."""

import asyncio
from decimal import Decimal
from functools import partial

import pytest

from desk.core.funding import SETTLEMENT_PERIOD_MS, HourlyRate
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.exchange import (
    ExchangeEvent,
    FillBooked,
    FundingSettled,
    NewOrder,
    StatsChanged,
)
from desk.sim.market_table import DEFAULT_SYMBOLS, market_rows
from desk.sim.pace import Pace
from desk.sim.world import World
from test.virtual import run_virtual

START_MS = 1_767_700_860_000  # 2026-01-06 12:01 UTC
_PAIR = market_rows(("BTC", "ETH"))


def _traced(seed: int, instants_ms: list[int]) -> list[tuple[int, str]]:
    """Return every event of a small world that is synced at `instants_ms` after its start."""
    world = World(seed, start_ms=START_MS, markets=_PAIR)
    trace: list[tuple[int, str]] = []

    def note(event: ExchangeEvent) -> None:
        trace.append((world.now_ms, repr(event)))

    for exchange in world.exchanges.values():
        exchange.listen(note)
    for at_ms in instants_ms:
        world.sync(START_MS + at_ms)
    return trace


def test_the_same_seed_gives_the_same_events() -> None:
    """Two worlds of one seed tell the same story, another seed another one."""
    instants = [60_000, 600_000]
    assert _traced(1, instants) == _traced(1, instants)
    assert _traced(1, instants) != _traced(2, instants)


def test_how_often_one_looks_changes_nothing() -> None:
    """A hundred small steps of time, some twice, make the same world as one large one."""
    often = [at_ms for step in range(1, 101) for at_ms in (step * 377, step * 377, step * 377 - 5)]
    assert _traced(1, [37_700]) == _traced(1, often)


def test_each_venue_has_a_frame_every_second() -> None:
    """Markets move in turns: something on each venue each second, never all at once."""
    world = World(3, start_ms=START_MS)
    seen: list[str] = []

    def note(event: ExchangeEvent) -> None:
        if isinstance(event, StatsChanged):
            seen.append(event.symbol)

    world.pacifica.listen(note)
    for second in range(1, 60):
        seen.clear()
        world.sync(START_MS + second * 1_000)
        assert len(set(seen)) == 1


def test_both_venues_settle_on_the_hour() -> None:
    """Each market settles once, stamped with the whole hour."""
    world = World(3, start_ms=START_MS, markets=_PAIR)
    rows: list[tuple[str, int]] = []

    def note(event: ExchangeEvent) -> None:
        if isinstance(event, FundingSettled):
            rows.append((event.row.symbol, event.row.settled_at_ms))

    for exchange in world.exchanges.values():
        exchange.listen(note)
    world.sync(START_MS + SETTLEMENT_PERIOD_MS)
    hour_ms = (START_MS // SETTLEMENT_PERIOD_MS + 1) * SETTLEMENT_PERIOD_MS
    assert sorted([("BTC", hour_ms), ("ETH", hour_ms)] * 2) == sorted(rows)


def test_scheduled_actions_run_in_order_of_time() -> None:
    """By instant, then by the order of asking; a past instant runs at the next move."""
    world = World(3, start_ms=START_MS, markets=_PAIR)
    seen: list[tuple[str, int]] = []

    def note(name: str) -> None:
        seen.append((name, world.now_ms - START_MS))

    for name, at_ms in (("late", 500), ("first", 20), ("second", 20), ("past", -100)):
        world.schedule(START_MS + at_ms, partial(note, name))
    world.sync(START_MS + 400)
    assert [("past", 0), ("first", 20), ("second", 20)] == seen
    world.sync(START_MS + 500)
    assert ("late", 500) == seen[-1]


def test_a_world_that_slept_skips_what_it_cannot_make_up_for() -> None:
    """After an hour in one go the markets moved ten times, at the end of it, and funding settled
    on the hour."""
    pace = Pace(step_ms=100, catch_up_steps_max=10)
    world = World(3, start_ms=START_MS, markets=_PAIR, pace=pace)
    moves: list[int] = []
    world.lighter.listen(
        lambda event: moves.append(world.now_ms) if isinstance(event, StatsChanged) else None
    )
    world.sync(START_MS + SETTLEMENT_PERIOD_MS)
    assert 10 == len(moves)
    assert START_MS + SETTLEMENT_PERIOD_MS - 1_000 < moves[0]
    assert 1 == len(world.lighter.funding_history("BTC"))


def test_a_running_world_wakes_for_what_is_scheduled() -> None:
    """An action between two market steps runs at its own instant, not at the next step."""

    async def main() -> int:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        world = World(3, start_ms=START_MS, markets=_PAIR, pace=Pace(step_ms=60_000))
        life = asyncio.create_task(world.run(clock))
        await asyncio.sleep(1)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        world.schedule(START_MS + 1_234, lambda: done.set_result(clock.now_ms()))
        at_ms = await done
        life.cancel()
        return at_ms - START_MS

    assert run_virtual(main()) == 1_234


def test_a_running_world_wakes_for_what_a_request_set_going() -> None:
    """An order taken between two market steps leaves its speed bump on time."""

    async def main() -> int:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        world = World(3, start_ms=START_MS, markets=_PAIR, pace=Pace(step_ms=60_000))
        world.lighter.add_account(collateral=Decimal(10_000), account_id=0)
        life = asyncio.create_task(world.run(clock))
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        world.lighter.listen(
            lambda event: done.set_result(clock.now_ms()) if isinstance(event, FillBooked) else None
        )
        await asyncio.sleep(1)
        world.sync(clock.now_ms())
        await asyncio.sleep(0)  # the world has gone back to sleep
        world.lighter.submit(0, NewOrder("BTC", Side.BUY, Decimal("0.001"), Decimal(95_000)))
        at_ms = await done
        life.cancel()
        return at_ms - START_MS

    assert run_virtual(main()) == 1_300


def test_a_backfilled_world_has_a_past() -> None:
    """Fourteen days of hourly funding and candles, and last trades, on both venues."""
    world = World(3, start_ms=START_MS, markets=_PAIR)
    world.backfill(14 * 24)
    for exchange in world.exchanges.values():
        rows = exchange.funding_history("BTC")
        assert len(rows) >= 14 * 24
        ends = {row.settled_at_ms % SETTLEMENT_PERIOD_MS for row in rows}
        assert ends == {0}
        bars = exchange.candles("BTC", 3_600_000, start_ms=0, end_ms=START_MS)
        assert len(bars) >= 14 * 24
        assert len(exchange.trades("BTC")) >= 20
        assert all(trade.at_ms < START_MS for trade in exchange.trades("BTC"))


def test_the_past_leads_up_to_the_present() -> None:
    """The last candle, the mark and the table's level are one price."""
    world = World(3, start_ms=START_MS, markets=_PAIR)
    world.backfill(48)
    level = Decimal(str(world.rows["BTC"].level))
    for exchange in world.exchanges.values():
        bar = exchange.candles("BTC", 60_000, start_ms=0, end_ms=START_MS)[-1]
        for price in (bar.close, exchange.stats("BTC").mark):
            assert abs(price / level - 1) < Decimal("0.003")


def test_volumes_let_some_symbols_through_a_filter_and_not_others() -> None:
    """A million a day on both venues: most default symbols pass, ASTER and TRUMP do not."""
    world = World(3, start_ms=START_MS)
    world.backfill(26)
    thin = {
        symbol
        for exchange in world.exchanges.values()
        for symbol in world.rows
        if exchange.stats(symbol).quote_volume_24h < 1_000_000
    }
    assert {"ASTER", "LINK", "PUMP", "TRUMP"} == thin
    assert {"ASTER"} == thin & set(DEFAULT_SYMBOLS)


def test_strangers_hold_open_interest() -> None:
    """BTC on Lighter has the recorded hundred million USD or so, every market something."""
    world = World(3, start_ms=START_MS)
    held_usd = {
        (name, symbol): stats.open_interest * stats.mark
        for name, exchange in world.exchanges.items()
        for symbol in world.rows
        for stats in [exchange.stats(symbol)]
    }
    assert min(held_usd.values()) > 10_000
    assert 90_000_000 < held_usd[VenueName.LIGHTER, "BTC"] < 120_000_000


def test_a_shock_moves_both_venues_at_once() -> None:
    """Twenty percent down is twenty percent down on either."""
    world = World(3, start_ms=START_MS, markets=_PAIR)
    before = {name: one.stats("ETH").mark for name, one in world.exchanges.items()}
    world.shock("ETH", Decimal(-20))
    for name, exchange in world.exchanges.items():
        assert abs(exchange.stats("ETH").mark / before[name] - Decimal("0.8")) < Decimal("0.0005")


def test_a_price_can_be_set_on_both_venues() -> None:
    """Lighter's book stands at the price, Pacifica's moved by as much."""
    world = World(3, start_ms=START_MS, markets=_PAIR)
    world.set_mid("BTC", Decimal(80_000))
    for exchange in world.exchanges.values():
        mid = exchange.stats("BTC").mid
        assert mid is not None
        assert abs(mid / 80_000 - 1) < Decimal("0.001")


def test_one_venue_alone_can_be_dislocated() -> None:
    """Its mark leaves its own index and the other venue, until it is set back."""
    world = World(3, start_ms=START_MS, markets=_PAIR)
    before = world.lighter.stats("BTC").mark
    world.set_mid("BTC", before * 2, venue=VenueName.PACIFICA)
    stats = world.pacifica.stats("BTC")
    assert abs(stats.mark / stats.index - 2) < Decimal("0.01")
    assert world.lighter.stats("BTC").mark == pytest.approx(before, rel=Decimal("0.001"))
    world.set_mid("BTC", before, venue=VenueName.PACIFICA)
    assert abs(world.pacifica.stats("BTC").mark / before - 1) < Decimal("0.001")


def test_a_funding_rate_can_be_pinned_and_freed() -> None:
    """Pinned it is exact; freed it follows the market again."""
    world = World(3, start_ms=START_MS, markets=_PAIR)
    before = world.lighter.stats("ETH").funding_next
    rate = HourlyRate(Decimal("0.0005"))
    world.set_funding("ETH", VenueName.LIGHTER, rate)
    assert rate == world.lighter.stats("ETH").funding_next
    world.set_funding("ETH", VenueName.LIGHTER, None)
    assert before == world.lighter.stats("ETH").funding_next


def test_depth_refills_after_it_was_taken() -> None:
    """What a large trade took from the book is back within a turn of the markets."""
    world = World(3, start_ms=START_MS, markets=_PAIR)
    before = len(world.lighter.levels("BTC", Side.SELL, 50))
    world.lighter.trade_ambient("BTC", Side.BUY, Decimal(5))
    assert len(world.lighter.levels("BTC", Side.SELL, 50)) < before - 3
    world.sync(START_MS + 2_000)
    assert len(world.lighter.levels("BTC", Side.SELL, 50)) >= before - 3
