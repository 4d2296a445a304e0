"""Recorded funding, as hourly pairs of rates; and what stands in for it where there is no record.

Reads files and nothing else. Rates are bp of notional an hour, as floats: material for market
models.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

Hour = tuple[float, float]
Stretch = list[Hour]

RECORDS = Path(__file__).resolve().parents[2].parent / "shared" / "data"
FILE = "funding_history.csv.gz"
HOURS_MIN = 200  # of a symbol with less nobody knows how it behaves
_STRETCH_MIN = 20
_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Records:
    """Unbroken stretches by symbol: Lighter's rate and the other venue's, hour by hour.

    `stand_in` is Lighter against Hyperliquid for a fortnight, `joint` Lighter against Pacifica for
    three blocks of five or six hours: all there is of the two together. `dated` is the fortnight by
    hours since 1970, gaps and all.
    """

    stand_in: dict[str, list[Stretch]]
    joint: dict[str, list[Stretch]]
    dated: dict[str, dict[int, Hour]]


def load(folder: Path = RECORDS) -> Records | None:
    """Return the records in `folder`, None where it has none."""
    path = folder / FILE
    if not path.is_file():
        return None
    rates: dict[tuple[str, str], dict[str, dict[int, float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    with gzip.open(path, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            hour = int(datetime.fromisoformat(row["settled_at_utc_iso"]).timestamp()) // 3600
            rate = float(row["rate_hourly_fraction"]) * _BPS
            rates[row["venue"], row["kind"]][row["symbol"]][hour] = rate
    fortnight = _pairs(
        rates["lighter", "live_rate_snapshot"], rates["hyperliquid", "live_rate_snapshot"]
    )
    hours = _pairs(rates["lighter", "last_settled_seen"], rates["pacifica", "last_settled_seen"])
    return Records(
        stand_in={
            symbol: _stretches(rows, _STRETCH_MIN)
            for symbol, rows in fortnight.items()
            if len(rows) >= HOURS_MIN
        },
        joint={symbol: _stretches(rows, 1) for symbol, rows in hours.items()},
        dated={symbol: rows for symbol, rows in fortnight.items() if rows},
    )


def _pairs(
    first: dict[str, dict[int, float]], second: dict[str, dict[int, float]]
) -> dict[str, dict[int, Hour]]:
    """Return the hours both venues have, by symbol."""
    return {
        symbol: {
            hour: (first[symbol][hour], second[symbol][hour])
            for hour in sorted(first[symbol].keys() & second[symbol].keys())
        }
        for symbol in sorted(first.keys() & second.keys())
    }


def _stretches(rows: dict[int, Hour], least: int) -> list[Stretch]:
    """Return the unbroken stretches of at least `least` hours."""
    found: list[Stretch] = []
    before: int | None = None
    for hour, pair in rows.items():
        if before is None or hour != before + 1:
            found.append([])
        found[-1].append(pair)
        before = hour
    return [stretch for stretch in found if len(stretch) >= least]


def spreads(stretches: Iterable[Stretch]) -> list[float]:
    """Return every hour's spread, in sequence."""
    return [lighter - other for stretch in stretches for lighter, other in stretch]
