"""Read a recorded joint snapshot (one hour, several venues) as the markets of a look.

The record holds marks, indexes and settled funding, no books and no trustworthy volumes: what it
lacks stays absent. Its rates are those already settled, the nearest thing to the estimate that a
live look would decide on.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from desk.core.errors import ConfigError
from desk.core.events import MarketsRead, VenueMarkets
from desk.core.funding import HourlyRate
from desk.core.market import Instrument, MarketStats
from desk.core.venue import VenueName
from desk.hedge.select import BOTH

# A record says nothing of steps and minimums; nothing is sized from it.
_UNKNOWN_STEP = Decimal("0.00000001")


def parse_snapshot(text: str, *, source: str) -> MarketsRead:
    """Return the snapshot in `text` (JSON with `hour_utc` and `venues`) as a look at both venues.

    Raises `ConfigError`, one line, when it is anything else.
    """
    try:
        raw = json.loads(text, parse_float=Decimal)
        at_ms = int(datetime.fromisoformat(raw["hour_utc"]).timestamp()) * 1000
        venues = {venue: _venue(venue, raw["venues"][venue], at_ms) for venue in BOTH}
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise ConfigError(
            f"{source}: not a recorded joint snapshot ({type(error).__name__}: {error}); "
            "it needs hour_utc and venues.lighter / venues.pacifica"
        ) from error
    return MarketsRead(at_ms, 0, venues)


def _venue(venue: VenueName, rows: Mapping[str, Mapping[str, object]], at_ms: int) -> VenueMarkets:
    instruments, stats = {}, {}
    for name, row in rows.items():
        if not row["mark"] or not row["index"]:
            continue  # a market that did not trade has no price to speak of
        symbol = f"k{name[4:]}" if name.startswith("1000") else name
        instruments[symbol] = _instrument(venue, symbol)
        stats[symbol] = MarketStats(
            symbol=symbol,
            mark=Decimal(str(row["mark"])),
            index=Decimal(str(row["index"])),
            funding_next=HourlyRate.from_hourly(Decimal(str(row["funding_hourly_fraction"]))),
            volume_24h_usd=None,
            at_ms=at_ms,
        )
    return VenueMarkets(instruments, stats, quotes={})


def _instrument(venue: VenueName, symbol: str) -> Instrument:
    return Instrument(
        venue=venue,
        symbol=symbol,
        price_tick=_UNKNOWN_STEP,
        size_lot=_UNKNOWN_STEP,
        size_min=Decimal(0),
        notional_min_usd=Decimal(0),
        leverage_max=1,
        maintenance_margin_fraction=Decimal(0),
    )
