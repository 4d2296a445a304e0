"""The showcase: bursts of premium that give a demonstration something to show.

A named estimator like `market_model`, which asks it for basis points: float inside, seeded, no
clock. Markets are as recorded but for two things. On the default symbols the premium of one venue
jumps on a whole hour, decays within a day and sometimes turns round; and whenever no burst would
pay a hedge of twelve hours any more, another one begins. And the venues' prices stray from each
other by some basis points, so that a hedge is not sure to win.

What the bot's default configuration meets with (40 seeds, 8 days each, 264 cycles): the first
opportunity at once; the next one within the pause of 5 minutes in 99 % of cases, the latest after
50. Spreads at the opening: 186 to 437 % APR (5th and 95th percentile), the median 293 %. BTC has
26 % of the cycles, DOGE 22, SOL 20, BNB 16, ETH 16; ASTER none, its volume is refused. Every fifth
cycle repeats the symbol before it. 56 % are long on Lighter. 45 % end after twelve hours, 27 % are
renewed once, 28 % more often. 79 % win; net of costs -21 to +82 bp of a leg, the median +16 bp.
"""

import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from desk.core.venue import VenueName
from desk.sim.market_table import DEFAULT_SYMBOLS, MarketRow

HOUR_MS = 3_600_000
VOLUME_USD_MIN = 1e6  # what the bot's default filter lets pass

_KEPT_MAX = 16  # per symbol: more than a week of them
_RISE_MS = 4 * 60_000
_TURN_MS = 20 * 60_000
_MEMORY_HOURS = (5.0, 13.0)
_TURN_SHARE = 0.4
_TURN_HOURS = (2.0, 10.0)
_TURN_DEPTH = (0.5, 1.1)
_PEAK_OF_NEED = (1.08, 1.4)
_EXTRA_SHARE = 0.08  # chance per hour of one more burst, whoever needs it
_CALM_BPS = 6.0  # a burst that has faded to this is over

# A hedge of twelve hours expects to be paid 5.5 times the spread it starts with (the share that is
# left of a spread after 1 to 12 recorded hours); four fees of 2 bp and both books crossed once are
# what that has to exceed. The first 6 bp of premium leave the rate at its floor.
_PAYMENTS_EXPECTED = 5.46
_FEES_BPS = 8.0
_FLAT_BPS = 6.0


@dataclass(frozen=True, slots=True)
class _Burst:
    """One jump of a venue's premium: `peak_bps` (signed) at the top, forgotten with `memory_ms`,
    turning into `after_turn` times itself at `turn_ms` if that comes (None: never)."""

    start_ms: int
    venue: VenueName
    peak_bps: float
    memory_ms: float
    turn_ms: int | None
    after_turn: float

    def bps(self, at_ms: int) -> float:
        """Return the premium it adds at an instant."""
        age_ms = at_ms - self.start_ms
        if age_ms <= 0:
            return 0.0
        size = self.peak_bps * min(1.0, age_ms / _RISE_MS) * math.exp(-age_ms / self.memory_ms)
        if self.turn_ms is None or at_ms <= self.turn_ms:
            return size
        turned = min(1.0, (at_ms - self.turn_ms) / _TURN_MS)
        return size * (1 + turned * (self.after_turn - 1))


class Showcase:
    """All bursts of one seed, made hour by hour as they are asked for."""

    def __init__(self, seed: int, rows: Sequence[MarketRow], *, origin_ms: int) -> None:
        """Begin at the hour of `origin_ms`; nothing bursts before. `rows` without a default symbol
        stay calm."""
        self._rng = random.Random(f"{seed}:showcase")
        self._hour_ms = origin_ms // HOUR_MS * HOUR_MS
        self._needs = {row.symbol: _need_bps(row) for row in rows if row.symbol in DEFAULT_SYMBOLS}
        self._liquid = [row.symbol for row in rows if row.symbol in self._needs and is_liquid(row)]
        self._bursts: dict[str, deque[_Burst]] = {
            symbol: deque(maxlen=_KEPT_MAX) for symbol in self._needs
        }

    def premium_bps(self, symbol: str, venue: VenueName, at_ms: int) -> float:
        """Return what bursts add to a premium at an instant, signed."""
        while self._hour_ms <= at_ms and self._needs:
            self._begin_hour()
        bursts = self._bursts.get(symbol, ())
        return sum(burst.bps(at_ms) for burst in bursts if burst.venue is venue)

    def _begin_hour(self) -> None:
        """Start what starts at this hour: one burst if nothing else pays through it, perhaps one
        more."""
        end_ms = self._hour_ms + HOUR_MS
        if self._liquid and not any(self._pays(symbol, end_ms) for symbol in self._liquid):
            self._begin(self._liquid)
        if self._rng.random() < _EXTRA_SHARE:
            self._begin(list(self._needs))
        self._hour_ms = end_ms

    def _pays(self, symbol: str, until_ms: int) -> bool:
        """Return whether the spread pays from this hour to `until_ms`, in one direction."""
        need_bps = self._needs[symbol]
        ends = [self._spread_bps(symbol, at_ms) for at_ms in (self._hour_ms, until_ms)]
        return min(ends) >= need_bps or max(ends) <= -need_bps

    def _begin(self, symbols: list[str]) -> None:
        """Start a burst on one of `symbols` that are calm, on the calmest if none is."""
        height = {symbol: abs(self._spread_bps(symbol, self._hour_ms)) for symbol in symbols}
        calm = [symbol for symbol in symbols if height[symbol] < _CALM_BPS]
        rng = self._rng
        symbol = rng.choice(calm) if calm else min(symbols, key=lambda name: height[name])
        turn_ms = self._hour_ms + round(rng.uniform(*_TURN_HOURS) * HOUR_MS)
        self._bursts[symbol].append(
            _Burst(
                start_ms=self._hour_ms,
                venue=rng.choice(tuple(VenueName)),
                peak_bps=self._needs[symbol] * rng.uniform(*_PEAK_OF_NEED) * rng.choice((-1, 1)),
                memory_ms=rng.uniform(*_MEMORY_HOURS) * HOUR_MS,
                turn_ms=turn_ms if rng.random() < _TURN_SHARE else None,
                after_turn=-rng.uniform(*_TURN_DEPTH),
            )
        )

    def _spread_bps(self, symbol: str, at_ms: int) -> float:
        """Return by how much bursts put Lighter's premium above Pacifica's."""
        return sum(
            burst.bps(at_ms) * (1 if burst.venue is VenueName.LIGHTER else -1)
            for burst in self._bursts[symbol]
        )


def _need_bps(row: MarketRow) -> float:
    """Return how far a burst has to go for a hedge to be expected to pay its costs."""
    sides = row.venues.values()
    hourly_bps = (_FEES_BPS + sum(side.spread_bps for side in sides)) / _PAYMENTS_EXPECTED
    against = [abs(mean) + 1.3 * deviation for mean, deviation in (s.premium_bps for s in sides)]
    return max(against) + _FLAT_BPS + 8 * hourly_bps


def is_liquid(row: MarketRow) -> bool:
    """Return whether the bot's default filter lets a market pass on both venues."""
    return all(side.volume_24h_usd >= VOLUME_USD_MIN for side in row.venues.values())
