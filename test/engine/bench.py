"""Two simulated venues in one calm world, with a plan of faults, for everything the engine does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar

from desk.core.actions import VenueOrder
from desk.core.errors import VenueError
from desk.core.funding import HourlyRate
from desk.core.ids import OrderKey
from desk.core.order import OrderRequest, Side
from desk.core.ports import Venue
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.faults import Fault, FaultKind, FaultPlan
from desk.sim.market_model import Profile
from desk.sim.market_table import MarketRow, market_rows
from desk.sim.sim_venue import SimVenue
from desk.sim.sim_wire import FaultHook
from desk.sim.world import World
from test.virtual import run_virtual

START_MS = 1_767_704_280_000  # 2026-01-06 12:58 UTC, two minutes before a settlement
DEPOSIT_USD = Decimal(10_000)
ACCOUNT = 1
SYMBOLS = ("BTC", "ETH")
LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA
OPEN_TRIES_MAX = 100
BAND = Decimal("0.005")

T = TypeVar("T")


@dataclass(slots=True)
class Stage:
    """A world with one account of `DEPOSIT_USD` on each venue, and what goes wrong there."""

    world: World
    clock: LoopClock
    plan: FaultPlan
    venues: dict[VenueName, Venue] = field(default_factory=dict)
    attempts: int = 0
    asked: list[str] = field(default_factory=list)

    async def connect(self) -> dict[VenueName, Venue]:
        """Return fresh clients, as a program that has just been started would have them."""
        for venue in self.venues.values():
            await venue.close()
        self.venues = {
            name: SimVenue(
                self.world, name, ACCOUNT, clock=self.clock, faults=self._hook(name)
            )
            for name in VenueName
        }
        for venue in self.venues.values():
            await open_patiently(venue)
            venue.watch(SYMBOLS)
        return self.venues

    def _hook(self, name: VenueName) -> FaultHook:
        def strike(operation: str) -> Fault | None:
            self.asked.append(f"{name} {operation}")
            outage = self.plan.lasting(name, FaultKind.OUTAGE, self.clock.now_ms(), operation)
            return outage or next(iter(self.plan.take(name, operation)), None)

        return strike

    def fault(self, venue: VenueName, kind: FaultKind, match: str = "", **more: Any) -> None:
        """Have `kind` happen to the next request whose operation contains `match`."""
        self.plan.add(Fault(venue, kind, match, since_ms=self.clock.now_ms(), **more))

    def feed(self, name: VenueName) -> Any:
        """Return the stream side of a client, to break it."""
        venue = self.venues[name]
        assert isinstance(venue, SimVenue)
        return venue.feed

    def order(self, venue: VenueName, side: Side, usd: int = 200, **changes: Any) -> VenueOrder:
        """Return an IOC for about `usd` of BTC that will fill, with `changes`."""
        spec = self.world.spec(venue, "BTC").instrument
        mark = self.world.exchanges[venue].stats("BTC").mark
        self.attempts += 1
        client_id = OrderKey(epoch=1, cycle=1, leg=1, attempt=self.attempts).text_for(venue)
        price = spec.price_up(mark * (1 + side.sign * BAND))
        request = OrderRequest("BTC", side, spec.size_up(usd / mark), price, client_id)
        return VenueOrder(venue, replace(request, **changes))

    def pair(self, **changes: Any) -> tuple[VenueOrder, VenueOrder]:
        """Return a buy on Lighter and a sell on Pacifica."""
        return (
            self.order(LIGHTER, Side.BUY, **changes),
            self.order(PACIFICA, Side.SELL, **changes),
        )

    def held(self, venue: VenueName, symbol: str = "BTC") -> Decimal:
        """Return the signed position as the exchange itself has it."""
        row = self.world.exchanges[venue].account(ACCOUNT).positions.get(symbol)
        return row.size if row is not None else Decimal(0)

    def equity_usd(self) -> Decimal:
        """Return what both accounts are worth together."""
        return sum(
            (exchange.account(ACCOUNT).equity for exchange in self.world.exchanges.values()),
            Decimal(0),
        )

    def spread(self, symbol: str, apr_pct: int) -> None:
        """Pin the funding so that long Lighter, short Pacifica earns `apr_pct`, for good."""
        hourly = Decimal(apr_pct) / 100 / 8760
        self.world.set_funding(symbol, LIGHTER, HourlyRate.from_hourly(-hourly / 2))
        self.world.set_funding(symbol, PACIFICA, HourlyRate.from_hourly(hourly / 2))


async def open_patiently(venue: Venue) -> None:
    """Open a venue as the daemon does when it may hold something: until it answers."""
    for _ in range(OPEN_TRIES_MAX):
        try:
            return await venue.open()
        except VenueError:
            await asyncio.sleep(1)
    raise AssertionError(f"{venue.name} did not open")


def calm_rows() -> tuple[MarketRow, ...]:
    """Return few symbols whose prices barely move by themselves."""
    return tuple(replace(row, volatility=0.02) for row in market_rows(SYMBOLS))


@asynccontextmanager
async def staged(
    seed: int = 11, profile: Profile = Profile.RECORD, rows: tuple[MarketRow, ...] | None = None
) -> AsyncIterator[Stage]:
    """Yield a living world with a funded account, its clients connected and streaming."""
    clock = LoopClock(asyncio.get_running_loop(), START_MS)
    world = World(seed, start_ms=START_MS, markets=rows or calm_rows(), profile=profile)
    world.backfill(30)
    for exchange in world.exchanges.values():
        exchange.add_account(account_id=ACCOUNT, collateral=DEPOSIT_USD)
    life = asyncio.create_task(world.run(clock))
    stage = Stage(world, clock, FaultPlan(seed))
    try:
        await stage.connect()
        await asyncio.sleep(2)
        yield stage
    finally:
        for venue in stage.venues.values():
            await venue.close()
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


def on_stage(play: Callable[[Stage], Awaitable[T]]) -> T:
    """Return what `play` returns, played on virtual time in a calm world."""

    async def main() -> T:
        async with staged() as stage:
            return await play(stage)

    return run_virtual(main())
