"""Seeded markets that move: prices, premiums, books and other people's trades.

A named estimator: float inside, and back to Decimal only through `whole_steps`. Knows no exchange
and no clock; it is told the instant of each step. Every process is an Ornstein-Uhlenbeck process
moved by its exact solution, so any step size is stable and the market's law does not depend on it.

- One factor and one symbol-own part drive the index; it returns to its level within months, so
  that a simulated year stays sane.
- Mark stands over index by a premium; the premium is what makes funding, through the venues' own
  formula, and the difference of two premiums is the basis between the venues. Part of it
  forgets within hours, part within a day or two: that gives the recorded persistence.
- Depth breathes on each side, and each step refills what trades took away.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from desk.core.book import Level
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.sim.market_table import MARKET_ROWS, MarketRow, VenueRow
from desk.sim.pace import CALM, Pace
from desk.sim.showcase import Showcase

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_YEAR_MS = 365 * _DAY_MS
_MINUTE_MS = 60_000

_INDEX_MEMORY_MS = 30 * _DAY_MS
_DEPTH_MEMORY_MS = 5 * _MINUTE_MS
_GAP_MEMORY_MS = 6 * _HOUR_MS
_FAST_MEMORY_MS = 1.6 * _HOUR_MS
_SLOW_MEMORY_MS = 30 * _HOUR_MS
_FAST_SHARE = 0.6  # of a premium's variance; the rest is slow
_DEPTH_SPREAD = 0.35  # deviation of log depth
_TRADE_SPREAD = 1.0  # deviation of log trade size
_TAIL_FROM = 1.3  # deviations beyond which premiums grow faster than linearly
_PREMIUM_STEP = Decimal("1E-8")

# Cumulative USD on one side of the book at the edge of each level. Price distance grows with the
# square root of the amount taken, as it roughly does in the recorded slippages.
_DEPTH_EDGES_USD = (1e3, 2.5e3, 5e3, 1e4, 2e4, 4e4, 8e4, 1.6e5, 3.2e5, 6.4e5, 1.28e6)
_IMPACT_AT_USD = 1e4


class Profile(StrEnum):
    """How lively the funding is.

    RECORD follows the recorded facts: rates sit at their floor most of the time. SHOWCASE adds the
    bursts of `showcase`, for a demonstration that has something to show.
    """

    RECORD = "record"
    SHOWCASE = "showcase"


@dataclass(frozen=True, slots=True)
class _Temper:
    """`gap_bps` is the deviation of one venue's index from the common one."""

    gap_bps: float
    pace: Pace


_GAP_BPS = {Profile.RECORD: 0.8, Profile.SHOWCASE: 5.0}
_SHOWCASE_AHEAD_MS = 72 * _HOUR_MS  # a past of two days has bursts in it, and some before it
# How much of a burst the mark shows. All of it would pay every hedge a second time, when the price
# comes back.
_BURST_IN_MARK = 0.15


@dataclass(slots=True)  # not frozen: made at every step, and that would triple its cost
class Move:
    """What one venue's market becomes at one step.

    `premium` is a signed fraction of index. Levels are best first, on tick and lot, never
    crossed. `trades` are strangers' takings (side of the taker, base units) since the move before.
    """

    venue: VenueName
    symbol: str
    index: Decimal
    mark: Decimal
    premium: Decimal
    bids: list[Level]
    asks: list[Level]
    trades: tuple[tuple[Side, Decimal], ...]


@dataclass(frozen=True, slots=True)
class PastStep:
    """One venue's market at one instant before the start: floats, for `history` to shape."""

    at_ms: int
    index: float
    mark: float
    premium: float


@lru_cache(maxsize=4096)
def _forget(dt_ms: int, memory_ms: float) -> tuple[float, float]:
    """Return how much of a deviation survives `dt_ms`, and the deviation of what is new."""
    keep = math.exp(-dt_ms / memory_ms)
    return keep, math.sqrt(1 - keep * keep)


def whole_steps(value: float, step: Decimal) -> Decimal:
    """Return `value` as a whole number of `step`: the only way from estimate to Decimal."""
    return Decimal(round(value / float(step))) * step


def _edges_usd(levels: int) -> tuple[float, ...]:
    """Return where `levels` levels end: the first and the last as with all, others between."""
    last = len(_DEPTH_EDGES_USD) - 1
    return tuple(_DEPTH_EDGES_USD[round(last * at / (levels - 1))] for at in range(levels))


def _stretched(deviations: float) -> float:
    """Return `deviations` with its tail stretched: calm most of the time, sometimes far out."""
    excess = abs(deviations) - _TAIL_FROM
    return deviations if excess <= 0 else deviations + math.copysign(excess * excess, deviations)


class _VenueMarket:
    """One symbol on one venue: premium, index gap and depth, each in units of its deviation."""

    __slots__ = (
        "_asks_at",
        "_temper",
        "_untraded_ms",
        "burst_bps",
        "depth",
        "dislocation",
        "fast",
        "gap",
        "rng",
        "row",
        "slow",
    )

    def __init__(self, row: VenueRow, rng: random.Random, temper: _Temper) -> None:
        self.row = row
        self.rng = rng
        self._temper = temper
        self._untraded_ms = 0
        self.burst_bps = 0.0
        self.dislocation = 0.0
        self.fast, self.slow, self.gap = (rng.gauss(0, 1) for _ in range(3))
        self.depth = {Side.BUY: rng.gauss(0, 1), Side.SELL: rng.gauss(0, 1)}
        half_bps = row.spread_bps / 2
        # An average distance of `impact` at 10,000 USD means a marginal one 1.5 times as far.
        slope = 1.5 * (row.impact_bps - half_bps) / math.sqrt(_IMPACT_AT_USD)
        self._asks_at = [
            ((half_bps + slope * math.sqrt(before)) / 1e4, edge - before)
            for before, edge in pairwise((0.0, *_edges_usd(temper.pace.book_levels)))
        ]

    def forget(self, dt_ms: int) -> None:
        """Move premium and gap by `dt_ms`."""
        gauss = self.rng.gauss
        keep, fresh = _forget(dt_ms, _FAST_MEMORY_MS)
        self.fast = self.fast * keep + fresh * gauss(0, 1)
        keep, fresh = _forget(dt_ms, _SLOW_MEMORY_MS)
        self.slow = self.slow * keep + fresh * gauss(0, 1)
        keep, fresh = _forget(dt_ms, _GAP_MEMORY_MS)
        self.gap = self.gap * keep + fresh * gauss(0, 1)

    def index(self, index: float) -> float:
        """Return this venue's index: the common one, a little off."""
        return index * (1 + self.gap * self._temper.gap_bps / 1e4)

    @property
    def premium(self) -> float:
        """Return what funding is made of, as a signed fraction of index."""
        return (self._calm_bps + self.burst_bps) / 1e4

    def mark(self, index: float) -> float:
        """Return the mark around the common `index`."""
        basis_bps = self._calm_bps + _BURST_IN_MARK * self.burst_bps
        return self.index(index) * (1 + basis_bps / 1e4) * (1 + self.dislocation)

    @property
    def _calm_bps(self) -> float:
        """Return the premium as recorded: usually small, sometimes far out."""
        deviations = math.sqrt(_FAST_SHARE) * self.fast + math.sqrt(1 - _FAST_SHARE) * self.slow
        mean, deviation = self.row.premium_bps
        return mean + deviation * _stretched(deviations)

    def move(self, index: float, dt_ms: int) -> Move:
        """Return the market around the common `index`, after `dt_ms` more."""
        self.forget(dt_ms)
        keep, fresh = _forget(dt_ms, _DEPTH_MEMORY_MS)
        for side in Side:
            self.depth[side] = self.depth[side] * keep + fresh * self.rng.gauss(0, 1)
        instrument, own_index, mark = self.row.instrument, self.index(index), self.mark(index)
        mid = mark * (1 + (self.rng.random() - 0.5) * 0.6 * self.row.spread_bps / 1e4)
        # Lighter prints index and mark on the tick, Pacifica finer than that.
        is_lighter = instrument.venue is VenueName.LIGHTER
        step = instrument.price_tick if is_lighter else instrument.price_tick / 100
        bids, asks = self._book(mid)
        return Move(
            venue=instrument.venue,
            symbol=instrument.symbol,
            index=whole_steps(own_index, step),
            mark=whole_steps(mark, step),
            premium=whole_steps(self.premium, _PREMIUM_STEP),
            bids=bids,
            asks=asks,
            trades=self._trades(mid, dt_ms),
        )

    def _book(self, mid: float) -> tuple[list[Level], list[Level]]:
        tick = float(self.row.instrument.price_tick)
        bid_ticks = [math.floor(mid * (1 - away) / tick) for away, _ in self._asks_at]
        ask_ticks = [math.ceil(mid * (1 + away) / tick) for away, _ in self._asks_at]
        push = 1 if ask_ticks[0] == bid_ticks[0] else 0
        return (
            self._levels(bid_ticks, mid, Side.BUY),
            self._levels([ticks + push for ticks in ask_ticks], mid, Side.SELL),
        )

    def _levels(self, ticks: list[int], mid: float, side: Side) -> list[Level]:
        """Return `ticks` with their sizes, equal ones merged, each at least a lot."""
        instrument, random_ = self.row.instrument, self.rng.random
        per_usd = math.exp(_DEPTH_SPREAD * self.depth[side]) / (mid * float(instrument.size_lot))
        lots: dict[int, int] = {}
        for at, (_, size_usd) in zip(ticks, self._asks_at, strict=True):
            size = int(size_usd * per_usd * (0.6 + 0.8 * random_())) + 1
            lots[at] = lots.get(at, 0) + size
        tick, lot = instrument.price_tick, instrument.size_lot
        return [(Decimal(at) * tick, Decimal(size) * lot) for at, size in lots.items() if at > 0]

    def _trades(self, mid: float, dt_ms: int) -> tuple[tuple[Side, Decimal], ...]:
        self._untraded_ms += dt_ms
        if self._untraded_ms < self._temper.pace.trade_gap_ms:
            return ()
        usd = self.row.volume_24h_usd * self._untraded_ms / _DAY_MS
        usd *= math.exp(_TRADE_SPREAD * self.rng.gauss(0, 1) - _TRADE_SPREAD**2 / 2)
        self._untraded_ms = 0
        side = Side.BUY if self.rng.random() < 0.5 else Side.SELL
        steps = whole_steps(usd / mid, self.row.instrument.size_lot)
        return ((side, steps),) if steps > 0 else ()


class _Symbol:
    """One symbol: its index, and its market on each venue."""

    __slots__ = ("at_ms", "deviation", "factor", "index_rng", "log_level", "row", "venues")

    def __init__(self, row: MarketRow, *, seed: int, at_ms: int, temper: _Temper) -> None:
        self.row = row
        self.at_ms = at_ms
        self.deviation = 0.0
        self.factor = 0.0
        self.log_level = math.log(row.level)
        self.index_rng = random.Random(f"{seed}:{row.symbol}:index")
        self.venues = {
            venue: _VenueMarket(venue_row, random.Random(f"{seed}:{row.symbol}:{venue}"), temper)
            for venue, venue_row in row.venues.items()
        }

    def advance(self, now_ms: int, factor: float) -> int:
        """Move the index to `now_ms` along the market's `factor`; return the ms since before."""
        dt_ms = now_ms - self.at_ms
        if dt_ms > 0:
            keep, fresh = _forget(dt_ms, _INDEX_MEMORY_MS)
            common = (factor - self.factor) / math.sqrt(dt_ms)
            share = self.row.correlation
            own = math.sqrt(1 - share * share) * self.index_rng.gauss(0, 1)
            self.deviation = self.deviation * keep + fresh * (share * common + own)
            self.at_ms, self.factor = now_ms, factor
        return dt_ms

    @property
    def index(self) -> float:
        """Return the index, USD."""
        scale = self.row.volatility * math.sqrt(_INDEX_MEMORY_MS / _YEAR_MS / 2)
        return math.exp(self.log_level + scale * self.deviation)


class MarketModel:
    """All symbols on both venues, moved one symbol at a time.

    The same seed, rows, profile and instants of stepping give the same moves.
    """

    def __init__(
        self,
        seed: int,
        rows: Sequence[MarketRow] = MARKET_ROWS,
        *,
        start_ms: int,
        profile: Profile = Profile.RECORD,
        pace: Pace = CALM,
    ) -> None:
        """Place every symbol at its table level at `start_ms`; of the pace only levels and trades
        matter here."""
        self._factor_rng = random.Random(f"{seed}:factor")
        self._factor = 0.0
        self._factor_at_ms = start_ms
        temper = _Temper(_GAP_BPS[profile], pace)
        self._symbols = {
            row.symbol: _Symbol(row, seed=seed, at_ms=start_ms, temper=temper) for row in rows
        }
        is_calm = profile is Profile.RECORD
        self._showcase = Showcase(
            seed, () if is_calm else rows, origin_ms=start_ms - _SHOWCASE_AHEAD_MS
        )

    def step(self, symbol: str, now_ms: int) -> tuple[Move, ...]:
        """Move `symbol` to `now_ms` (never earlier than before) on both venues, Lighter first."""
        state = self._symbols[symbol]
        dt_ms = state.advance(now_ms, self._factor_at(now_ms))
        self._light(state)
        index = state.index
        return tuple(market.move(index, dt_ms) for market in state.venues.values())

    def _light(self, state: _Symbol) -> None:
        """Let what bursts show at the symbol's present instant."""
        for venue, market in state.venues.items():
            market.burst_bps = self._showcase.premium_bps(state.row.symbol, venue, state.at_ms)

    def shock(self, symbol: str, fraction: float) -> None:
        """Shift the level of `symbol` for good by a signed fraction (> -1); the next step shows
        it."""
        self._symbols[symbol].log_level += math.log1p(fraction)

    def dislocate(self, symbol: str, venue: VenueName, fraction: float) -> None:
        """Shift the prices of one venue alone by a signed fraction (> -1), for good; index and
        premium know nothing of it."""
        market = self._symbols[symbol].venues[venue]
        market.dislocation = (1 + market.dislocation) * (1 + fraction) - 1

    def index(self, symbol: str) -> float:
        """Return the common index of `symbol`, USD."""
        return self._symbols[symbol].index

    def live_past(self, symbol: str, instants_ms: Sequence[int]) -> dict[VenueName, list[PastStep]]:
        """Move `symbol` through past `instants_ms` (ascending, ending at the start) and return
        what was seen; prices are shifted so that the last one is the table's level.

        Call it before the first step. Past symbols share no factor: correlation begins with time.
        """
        state = self._symbols[symbol]
        seen: dict[VenueName, list[PastStep]] = {venue: [] for venue in state.venues}
        state.at_ms, factor = instants_ms[0], 0.0
        state.factor = factor
        for at_ms in instants_ms:
            factor += state.index_rng.gauss(0, math.sqrt(max(0, at_ms - state.at_ms)))
            dt_ms = state.advance(at_ms, factor)
            self._light(state)
            index = state.index
            for venue, market in state.venues.items():
                market.forget(dt_ms)
                prices = market.index(index), market.mark(index)
                seen[venue].append(PastStep(at_ms, *prices, market.premium))
        shift = state.row.level / state.index
        state.log_level += math.log(shift)
        state.factor = self._factor
        return {
            venue: [
                PastStep(row.at_ms, row.index * shift, row.mark * shift, row.premium)
                for row in rows
            ]
            for venue, rows in seen.items()
        }

    def _factor_at(self, now_ms: int) -> float:
        dt_ms = max(0, now_ms - self._factor_at_ms)
        self._factor += self._factor_rng.gauss(0, math.sqrt(dt_ms))
        self._factor_at_ms += dt_ms
        return self._factor
