"""Where a run plays: two venues in one market, our accounts, a disk, and the time.

Nothing goes wrong by itself here.
"""

import asyncio
import random
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from desk.core.funding import HourlyRate
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.exchange import MarketSetting
from desk.sim.market_table import MarketRow, market_rows
from desk.sim.pace import Pace
from desk.sim.sim_budget import VenueLimit
from desk.sim.sim_feed import Feed
from desk.sim.world import World
from desk.storm.disk import MemoryDisk
from desk.storm.lies import Lies
from desk.storm.market import PlainMarket

START_MS = 1_767_704_280_000  # 2026-01-06 12:58 UTC, two minutes before a settlement
ACCOUNT = 1
DEPOSIT_USD = Decimal(10_000)
STATE_PATH = Path("state.json")
# One liquid symbol that moves every minute, and one that seldom does.
SYMBOLS = ("BTC", "LINK")
APR_PCT = {"BTC": 300, "LINK": 120}
PACE = Pace(step_ms=60_000, others_every=30, book_levels=3, trade_gap_ms=3_600_000)
ROWS: tuple[MarketRow, ...] = market_rows(SYMBOLS)


class OurClock:
    """The clock of the machine the bot runs on, which may be wrong by `skew_ms`."""

    def __init__(self, true: LoopClock) -> None:
        """Show the true time until told otherwise."""
        self._true = true
        self.skew_ms = 0

    def now_ms(self) -> int:
        """Return what the machine takes for ms UTC."""
        return self._true.now_ms() + self.skew_ms

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        return self._true.monotonic_s()


@dataclass(slots=True)
class Stage:
    """A world with one account of `DEPOSIT_USD` on each venue.

    `chance` decides what a crash leaves of unsynced names; `feeds` are those of the present life;
    `limits` is what the venues count of our requests, through all lives; `lies` what they tell of
    us that is not so.
    """

    world: World
    clock: LoopClock
    our_clock: OurClock
    chance: random.Random
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    feeds: dict[VenueName, Feed] = field(default_factory=dict)
    limits: dict[VenueName, VenueLimit] = field(default_factory=dict)
    lies: dict[VenueName, Lies] = field(default_factory=dict)

    def held(self, venue: VenueName, symbol: str) -> Decimal:
        """Return the signed position as the exchange itself has it."""
        row = self.world.exchanges[venue].account(ACCOUNT).positions.get(symbol)
        return row.size if row is not None else Decimal(0)

    def setting(self, venue: VenueName, symbol: str) -> MarketSetting:
        """Return leverage and margin mode as the exchange itself has them."""
        rows = self.world.exchanges[venue].settings(ACCOUNT)
        return next(row for row in rows if row.symbol == symbol)


def build_stage(seed: int) -> Stage:
    """Return a stage on the running loop whose funding pays for hedges, for good."""
    clock = LoopClock(asyncio.get_running_loop(), START_MS)
    market = PlainMarket(seed, ROWS, start_ms=START_MS)
    world = World(seed, start_ms=START_MS, markets=ROWS, pace=PACE, movements=market)
    for exchange in world.exchanges.values():
        exchange.add_account(account_id=ACCOUNT, collateral=DEPOSIT_USD)
    direction = 1 if seed % 2 else -1
    for symbol, apr_pct in APR_PCT.items():
        half = Decimal(apr_pct * direction) / 100 / 8760 / 2
        world.set_funding(symbol, VenueName.LIGHTER, HourlyRate.from_hourly(-half))
        world.set_funding(symbol, VenueName.PACIFICA, HourlyRate.from_hourly(half))
    stage = Stage(world, clock, OurClock(clock), random.Random(f"{seed}:crash"))
    stage.limits = {venue: VenueLimit(venue, clock.monotonic_s) for venue in VenueName}
    stage.lies = {venue: Lies(world.time_ms, world.schedule) for venue in VenueName}
    return stage
