"""What a fact of the contract holds in its hands: a venue, its world, and short words for both."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Any

from desk.core.book import Quote
from desk.core.ids import OrderKey
from desk.core.market import Instrument
from desk.core.order import Accepted, Fill, Order, OrderKind, OrderRequest, Outcome, Side
from desk.core.order import TimeInForce as Tif
from desk.core.ports import Clock, Venue
from desk.core.stream import FillSeen, OrderSeen, StreamEvent
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.market_table import MarketRow, market_rows
from desk.sim.world import World
from test.virtual import run_virtual

START_MS = 1_767_700_860_000  # 2026-01-06 12:01 UTC, a minute past a settlement
DEPOSIT_USD = Decimal(10_000)
SYMBOLS = ("BTC", "ETH", "DOGE")
BAND = Decimal("0.01")
ORDER_USD = Decimal(200)
SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One kind of venue to be held to the contract.

    `connect` yields an unopened venue on the given world, and a way to make its streams fall silent
    without closing. The account must hold `DEPOSIT_USD` and nothing else.
    """

    label: str
    name: VenueName
    connect: Callable[[World, Clock], AbstractAsyncContextManager[tuple[Venue, Callable[[], None]]]]


@dataclass(slots=True)
class Bench:
    """A venue under test, with an account of `DEPOSIT_USD` and streams already watched."""

    venue: Venue
    world: World
    clock: Clock
    silence: Callable[[], None]
    instruments: dict[str, Instrument]
    events: list[StreamEvent]
    ids: Any = field(default_factory=lambda: count(0))

    @property
    def name(self) -> VenueName:
        """Return which venue it is."""
        return self.venue.name

    def next_id(self) -> str:
        """Return a client id never used before."""
        return OrderKey(epoch=7, cycle=1, leg=2, attempt=next(self.ids)).text_for(self.name)

    def request(self, symbol: str, side: Side, **changes: Any) -> OrderRequest:
        """Return an IOC of about `ORDER_USD` that will fill, with `changes`."""
        instrument, mid = self.instruments[symbol], self.venue.quote(symbol).mid
        size = changes.get("size") or instrument.size_up(ORDER_USD / mid)
        price = instrument.price_up(mid * (1 + side.sign * BAND))
        draft = OrderRequest(symbol, side, size, price, self.next_id())
        return replace(draft, **changes)

    def resting(self, symbol: str, side: Side, **changes: Any) -> OrderRequest:
        """Return a post-only order two percent away from the market."""
        instrument, mid = self.instruments[symbol], self.venue.quote(symbol).mid
        price = instrument.price_down(mid * (1 - side.sign * 2 * BAND))
        return self.request(symbol, side, time_in_force=Tif.POST_ONLY, price=price, **changes)

    def trigger(self, symbol: str, side: Side, *, kind: OrderKind, at_pct: int) -> OrderRequest:
        """Return a reduce-only trigger `at_pct` percent off the market with a 3 % band."""
        instrument, mid = self.instruments[symbol], self.venue.quote(symbol).mid
        trigger = instrument.price_down(mid * (100 + at_pct) / 100)
        price = instrument.price_up(trigger * (1 + side.sign * 3 * BAND))
        return self.request(
            symbol,
            side,
            kind=kind,
            price=price,
            trigger_price=trigger,
            reduce_only=True,
            time_in_force=Tif.IOC,
        )

    async def place(self, request: OrderRequest) -> Outcome:
        """Sign and send `request`, then let it come to rest."""
        outcome = await self.venue.send(await self.venue.sign(request))
        await self.wait()
        return outcome

    async def fill(self, symbol: str, side: Side, **changes: Any) -> list[Fill]:
        """Trade and return what was filled."""
        since_ms = self.clock.now_ms()
        outcome = await self.place(self.request(symbol, side, **changes))
        assert isinstance(outcome, Accepted), outcome
        return list(await self.venue.fills(since_ms=since_ms, symbol=symbol))

    async def wait(self, seconds: float = SETTLE_S) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def held(self, symbol: str) -> Decimal:
        """Return the signed position by request."""
        return (await self.venue.account()).size_of(symbol)

    async def order(self, request: OrderRequest) -> Order:
        """Return the order of `request`, which the venue must know."""
        found = await self.venue.find_order(request.symbol, request.client_id)
        assert found is not None
        return found

    async def shock(self, symbol: str, pct: int) -> None:
        """Move the market by a percentage and let everything that follows happen."""
        self.world.shock(symbol, Decimal(pct))
        await self.wait()

    def quote(self, symbol: str) -> Quote:
        """Return the streamed quote."""
        return self.venue.quote(symbol)

    def fills_seen(self) -> list[Fill]:
        """Return what the stream said was filled."""
        return [event.fill for event in self.events if isinstance(event, FillSeen)]

    def orders_seen(self, request: OrderRequest) -> list[Order]:
        """Return what the stream said of one order, in order."""
        return [
            event.order
            for event in self.events
            if isinstance(event, OrderSeen) and event.order.client_id == request.client_id
        ]


Fact = Callable[[Bench], Coroutine[Any, Any, None]]


def run_fact(candidate: Candidate, fact: Fact) -> None:
    """Run one fact against one candidate on virtual time."""
    run_virtual(_run(candidate, fact))


def _calm_rows() -> tuple[MarketRow, ...]:
    """Return few symbols whose prices barely move by themselves."""
    return tuple(replace(row, volatility=0.02) for row in market_rows(SYMBOLS))


async def _run(candidate: Candidate, fact: Fact) -> None:
    loop = asyncio.get_running_loop()
    clock = LoopClock(loop, START_MS)
    world = World(11, start_ms=START_MS, markets=_calm_rows())
    world.backfill(30)
    life = asyncio.create_task(world.run(clock))
    try:
        async with candidate.connect(world, clock) as (venue, silence):
            events: list[StreamEvent] = []
            venue.listen(events.append)
            await venue.open()
            instruments = dict(await venue.instruments())
            bench = Bench(venue, world, clock, silence, instruments, events)
            venue.watch(SYMBOLS)
            await bench.wait()
            await fact(bench)
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
