"""Seeded markets, in families: with an edge, with none, and resampled from the record.

A named estimator: float inside. A market is six symbols for which a bot has one slot, as the
shipped configuration has; two weeks of history it may learn from, then four weeks to trade.

The families without an edge are so by construction: nothing in them lasts long enough to pay a
round trip, so what a perfect trader earns there is luck that nobody can foresee.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desk.proof.records import Records, Stretch, spreads

HISTORY_HOURS = 14 * 24
TRADED_HOURS = 28 * 24
HOURS = HISTORY_HOURS + TRADED_HOURS
SYMBOLS = 6
BLOCK_HOURS = 72
"""Long enough to keep what a spread does within days; both long stretches hold more than one."""
JOINT_BLOCK_HOURS = 6

_APR = 1 / 87.6  # bp an hour for one per cent a year
_FLOOR_GAP = (10.512 - 10.95) * _APR
_FLOORS = (10.512 * _APR, 10.95 * _APR)
# Half the width of the band of premiums, bp an hour, in which a venue's rate stays at its floor.
_FLOOR_BAND = 6.25 / 8
# Median widths of eight recorded books, bp, from the most liquid to the thinnest.
BOOKS_BPS = ("0.12", "0.67", "0.88", "1.55", "2.37", "2.00", "5.78", "6.56")
_OTHER_BOOKS = 6  # the thinnest are thin on one venue at a time


@dataclass(frozen=True, slots=True)
class Series:
    """One symbol: the spread (Lighter less the other venue, bp an hour), and the two books' widths
    (bp)."""

    spreads: list[float]
    books_bps: tuple[str, str]


Market = tuple[Series, ...]
Maker = Callable[[random.Random], list[float]]


@dataclass(frozen=True, slots=True)
class Family:
    """One way a market may be made; `is_recorded`: out of recorded hours."""

    name: str
    has_edge: bool
    about: str
    make: Maker
    is_recorded: bool = False


def market(family: Family, seed: int) -> Market:
    """Return the market of that seed: the same each time."""
    rng = random.Random(f"{family.name}:{seed}")
    return tuple(_series(family, rng) for _ in range(SYMBOLS))


def _series(family: Family, rng: random.Random) -> Series:
    rows = family.make(rng)
    return Series(rows[:HOURS], (rng.choice(BOOKS_BPS), rng.choice(BOOKS_BPS[:_OTHER_BOOKS])))


def families(records: Records | None) -> list[Family]:
    """Return every family there is material for."""
    resampled = _of_records(records) if records is not None else [_SUMMARY]
    return [*resampled, *_OF_MODELS]


def _of_records(records: Records) -> list[Family]:
    fortnight = [records.stand_in[symbol] for symbol in sorted(records.stand_in)]
    joint = [records.joint[symbol] for symbol in sorted(records.joint)]
    return [
        Family(
            "record",
            True,
            f"Lighter against Hyperliquid, blocks of {BLOCK_HOURS} h of one symbol",
            lambda rng: _blocks(rng, rng.choice(fortnight), BLOCK_HOURS),
            is_recorded=True,
        ),
        Family(
            "turnover",
            True,
            "the same, but every block may be another symbol's: no level lasts",
            lambda rng: _any_blocks(rng, fortnight),
            is_recorded=True,
        ),
        Family(
            "joint",
            True,
            f"Lighter against Pacifica, blocks of {JOINT_BLOCK_HOURS} h of one symbol",
            lambda rng: _blocks(rng, rng.choice(joint), JOINT_BLOCK_HOURS),
            is_recorded=True,
        ),
        Family(
            "shuffled",
            False,
            "the record's hours in any order, about the floors: nothing lasts",
            lambda rng: _shuffled(rng, rng.choice(fortnight)),
            is_recorded=True,
        ),
    ]


def _blocks(rng: random.Random, stretches: Sequence[Stretch], hours: int) -> list[float]:
    """Return blocks of one symbol, each begun anywhere in the record where it has room."""
    longest = max(len(stretch) for stretch in stretches)
    length = min(hours, longest)
    fitting = [stretch for stretch in stretches if len(stretch) >= length]
    found: list[float] = []
    while len(found) < HOURS:
        stretch = rng.choices(fitting, [len(each) for each in fitting])[0]
        start = rng.randrange(len(stretch) - length + 1)
        found += spreads([stretch[start : start + length]])
    return found


def _any_blocks(rng: random.Random, symbols: Sequence[Sequence[Stretch]]) -> list[float]:
    found = _blocks(rng, rng.choice(symbols), BLOCK_HOURS)[: rng.randrange(1, BLOCK_HOURS)]
    while len(found) < HOURS:
        found += _blocks(rng, rng.choice(symbols), BLOCK_HOURS)[:BLOCK_HOURS]
    return found


def _shuffled(rng: random.Random, stretches: Sequence[Stretch]) -> list[float]:
    hours = spreads(stretches)
    mean = sum(hours) / len(hours)
    return [rng.choice(hours) - mean + _FLOOR_GAP for _ in range(HOURS)]


def _wander(rng: random.Random, apr_pct: float, memory_hours: float) -> list[float]:
    """Return an Ornstein-Uhlenbeck process of that deviation, hour by hour."""
    keep = math.exp(-1 / memory_hours)
    size = apr_pct * _APR
    fresh = size * math.sqrt(1 - keep * keep)
    value, found = rng.gauss(0, size), []
    for _ in range(HOURS):
        found.append(value)
        value = value * keep + rng.gauss(0, fresh)
    return found


def _levels(rng: random.Random) -> list[float]:
    size = rng.choice((5.0, 10.0, 20.0, 40.0))
    slow = _wander(rng, size, 24 * rng.choice((5.0, 10.0, 20.0)))
    return [_FLOOR_GAP + a + b for a, b in zip(slow, _wander(rng, size, 2.0), strict=True)]


def _bursts(rng: random.Random) -> list[float]:
    memory = rng.uniform(5.0, 40.0)
    found = [_FLOOR_GAP + noise for noise in _wander(rng, 8.0, 2.0)]
    start = int(rng.expovariate(1 / 120)) + 1
    while start < HOURS:
        peak = rng.choice((-1, 1)) * rng.uniform(50.0, 400.0) * _APR
        for hour in range(start, min(HOURS, start + int(10 * memory))):
            found[hour] += peak * math.exp(-(hour - start) / memory)
        start += int(rng.expovariate(1 / 120)) + 1
    return found


def _floors(rng: random.Random) -> list[float]:
    """Return two rates at their floors, which short spikes of premium leave for hours."""
    sides = [
        [_rate(premium, floor) for premium in _wander(rng, 0.5 / _APR, 3.0)] for floor in _FLOORS
    ]
    return [first - second for first, second in zip(*sides, strict=True)]


def _rate(premium: float, floor: float) -> float:
    """Return what a premium makes of a rate: nothing inside the band."""
    over = max(abs(premium) - _FLOOR_BAND, 0.0)
    return floor + math.copysign(over, premium)


def _noise(rng: random.Random) -> list[float]:
    return [_FLOOR_GAP + value for value in _wander(rng, rng.uniform(5.0, 60.0), 1.5)]


# What a symbol of the record is like: mean and deviation of its spread (% a year), and how long
# half, and how much, of a deviation is remembered. One row for each eighth of 79 symbols by
# deviation, written down once.
_LIKENESSES = (
    (1.0, 7.0, 2.0, 20.0),
    (1.2, 10.6, 2.0, 20.0),
    (3.5, 13.0, 2.0, 24.0),
    (4.0, 16.0, 2.5, 24.0),
    (6.0, 19.0, 2.5, 30.0),
    (8.0, 23.5, 3.0, 30.0),
    (12.0, 34.0, 3.0, 40.0),
    (25.0, 90.0, 4.0, 48.0),
)


def _likeness(rng: random.Random) -> list[float]:
    mean, size, short, long = rng.choice(_LIKENESSES)
    level = rng.gauss(0, mean) * _APR
    slow, fast = _wander(rng, 0.6 * size, long), _wander(rng, 0.8 * size, short)
    return [level + a + b for a, b in zip(slow, fast, strict=True)]


_SUMMARY = Family("likeness", True, "models of the record's symbols, in its place", _likeness)
_OF_MODELS = [
    Family("levels", True, "levels that wander for 5 to 20 days", _levels),
    Family("bursts", True, "jumps every five days or so that fade in 5 to 40 h", _bursts),
    Family("floors", False, "rates at their floors, but for spikes of a few hours", _floors),
    Family("noise", False, "deviations of up to 60 % a year that last an hour or two", _noise),
]
