"""The storm's own markets: a walk in few steps, cheap enough for hours in milliseconds.

A named estimator: float inside, seeded, no clock. Its books have three levels a side that keep
their distance and their size; how real markets breathe is `desk.sim.market_model`'s business.
"""

import math
import random
from collections.abc import Sequence
from decimal import Decimal

from desk.core.book import Level
from desk.core.venue import VenueName
from desk.sim.market_model import Move, whole_steps
from desk.sim.market_table import MarketRow, VenueRow

_YEAR_MS = 365 * 24 * 3_600_000
_BASIS_BPS = 2.0  # deviation of a venue's prices from the common ones, drawn anew each step
_EDGES_BPS = (0.5, 4.0, 15.0)
_SIZES_USD = (20_000.0, 60_000.0, 200_000.0)
_ZERO = Decimal(0)


class _Venue:
    """One symbol on one venue: its book as distances in USD with their sizes."""

    def __init__(self, row: VenueRow, level: float, chance: random.Random) -> None:
        self._instrument = instrument = row.instrument
        self._chance = chance
        self._tick = float(instrument.price_tick)
        self._steps = [
            (
                max(1, math.ceil(level * bps / 1e4 / self._tick)) * instrument.price_tick,
                whole_steps(usd / level, instrument.size_lot),
            )
            for bps, usd in zip(_EDGES_BPS, _SIZES_USD, strict=True)
        ]
        self.shift = 1.0

    def move(self, index: float) -> Move:
        """Return the market around the common `index`."""
        instrument, tick = self._instrument, self._instrument.price_tick
        mid = index * self.shift * (1 + self._chance.gauss(0, _BASIS_BPS) / 1e4)
        mark = round(mid / self._tick) * tick
        steps = self._steps
        bids: list[Level] = [(mark - away, size) for away, size in steps]
        asks: list[Level] = [(mark + away, size) for away, size in steps]
        return Move(
            venue=instrument.venue,
            symbol=instrument.symbol,
            index=round(index / self._tick) * tick,
            mark=mark,
            premium=_ZERO,
            bids=bids,
            asks=asks,
            trades=(),
        )


class _Symbol:
    """One symbol: its common price, and both venues'."""

    def __init__(self, row: MarketRow, seed: int, at_ms: int) -> None:
        self._chance = random.Random(f"{seed}:{row.symbol}")
        self._per_ms = row.volatility / math.sqrt(_YEAR_MS)
        self._at_ms = at_ms
        self.index = row.level
        self.venues = {
            venue: _Venue(venue_row, row.level, self._chance)
            for venue, venue_row in row.venues.items()
        }

    def step(self, now_ms: int) -> tuple[Move, ...]:
        spread = self._per_ms * math.sqrt(max(0, now_ms - self._at_ms))
        self._at_ms = now_ms
        self.index *= math.exp(spread * self._chance.gauss(0, 1))
        return tuple(venue.move(self.index) for venue in self.venues.values())


class PlainMarket:
    """All symbols on both venues. The same seed and instants give the same moves."""

    def __init__(self, seed: int, rows: Sequence[MarketRow], *, start_ms: int) -> None:
        """Place every symbol at its table level."""
        self._symbols = {row.symbol: _Symbol(row, seed, start_ms) for row in rows}

    def step(self, symbol: str, now_ms: int) -> tuple[Move, ...]:
        """Move `symbol` to `now_ms` on both venues, Lighter first."""
        return self._symbols[symbol].step(now_ms)

    def shock(self, symbol: str, fraction: float) -> None:
        """Shift the price of `symbol` for good by a signed fraction (> -1)."""
        self._symbols[symbol].index *= 1 + fraction

    def dislocate(self, symbol: str, venue: VenueName, fraction: float) -> None:
        """Shift the prices of one venue alone by a signed fraction (> -1), for good."""
        self._symbols[symbol].venues[venue].shift *= 1 + fraction
