"""What every part of the Pacifica server works with, and market reads that can be made stale."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from desk.core.book import Level
from desk.core.order import Side
from desk.sim.exchange import Exchange, Stats
from desk.sim.mishaps import Mishaps
from desk.sim.pacifica_server import rows
from desk.sim.pacifica_server.registry import Registry
from desk.sim.pacifica_server.switches import OpenInterestUnit, PacificaSwitches
from desk.sim.web import Door

BOOK_DEPTH = 10
GROUPED_DEPTH = 500
AGG_LEVELS = (1, 10, 100, 1000, 10_000)
_SIDES = (Side.BUY, Side.SELL)
_Depth = tuple[list[Level], list[int]]


@dataclass(slots=True)
class Context:
    """The exchange, who may use it, how the venue is read, and the door to the outside.

    `sync` brings the world to the present; every handler calls it before it looks or acts.
    """

    exchange: Exchange
    registry: Registry
    switches: PacificaSwitches
    door: Door
    mishaps: Mishaps
    sync: Callable[[], None]
    _frozen_stats: dict[str, Stats] = field(default_factory=dict)
    _frozen_depth: dict[tuple[str, Side, int], _Depth] = field(default_factory=dict)

    def stats(self, symbol: str) -> Stats:
        """Return a market's statistics, those of the past while prices are stale."""
        if not self._thaw():
            return self._frozen_stats.setdefault(symbol, self.exchange.stats(symbol))
        return self.exchange.stats(symbol)

    def price_row(self, symbol: str) -> rows.Row:
        """Return a market's row of `/info/prices`."""
        stats = self.stats(symbol)
        in_usd = self.switches.open_interest is OpenInterestUnit.USD
        unit = stats.mark if in_usd else Decimal(1)
        return rows.prices(stats, open_interest=stats.open_interest * unit)

    def book_rows(
        self, symbol: str, agg_level: int, *, depth: int = BOOK_DEPTH
    ) -> list[list[rows.Row]]:
        """Return up to `depth` levels of bids and of asks, best first, grouped to `agg_level`
        ticks."""
        if agg_level == 1:
            return [rows.levels(*self._depth(symbol, side, depth)) for side in _SIDES]
        step = self.exchange.markets[symbol].instrument.price_tick * agg_level
        return [
            rows.grouped(*self._depth(symbol, side, GROUPED_DEPTH), step=step, side=side)[:depth]
            for side in _SIDES
        ]

    def _depth(self, symbol: str, side: Side, depth: int) -> _Depth:
        seen = (
            self.exchange.levels(symbol, side, depth),
            self.exchange.level_counts(symbol, side, depth),
        )
        if self._thaw():
            return seen
        return self._frozen_depth.setdefault((symbol, side, depth), seen)

    def _thaw(self) -> bool:
        """Return whether prices are live, forgetting old ones when they are."""
        if self.door.is_stale():
            return False
        self._frozen_stats.clear()
        self._frozen_depth.clear()
        return True
