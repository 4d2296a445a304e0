"""What a hedge is expected to bring and cost, in basis points of one leg's notional.

The estimator here is the cautious prior: how much of a funding spread is left some hours later,
read off recorded rates. It knows nothing of the symbol at hand.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from itertools import pairwise

from desk.core.book import Quote
from desk.core.funding import HourlyRate, next_settlement_ms
from desk.core.market import FeeRates
from desk.core.venue import VenueName

# The fees of an account nobody has asked about: Lighter's standard tier and Pacifica's level 0, as
# both publish them. Used only where no account is at hand.
PUBLISHED_FEES: Mapping[VenueName, FeeRates] = {
    VenueName.LIGHTER: FeeRates(maker=Decimal(0), taker=Decimal(0)),
    VenueName.PACIFICA: FeeRates(maker=Decimal("0.00015"), taker=Decimal("0.0004")),
}

# Share of an entry spread still paid h hours later: 21,993 recorded market-hours of Lighter against
# another venue, entries at 5 % APR and more, December 2025 and January 2026.
_SHARE_LEFT: tuple[tuple[int, Decimal], ...] = (
    (0, Decimal(1)),
    (1, Decimal("0.61")),
    (4, Decimal("0.46")),
    (12, Decimal("0.38")),
    (24, Decimal("0.28")),
    (48, Decimal("0.22")),
)
_SETTLEMENTS_MAX = 24 * 365
_QUANTUM_BPS = Decimal("0.0001")


def settlements_between(start_ms: int, end_ms: int) -> int:
    """Return how many hourly payments fall into (start, end]."""
    first = next_settlement_ms(start_ms)
    return 0 if end_ms < first else (end_ms - first) // 3_600_000 + 1


def prior_share_left(hours: int) -> Decimal:
    """Return the share (0..1) of today's spread expected `hours` (>= 0) settlements from now."""
    for (low, low_share), (high, high_share) in pairwise(_SHARE_LEFT):
        if hours <= high:
            part = Decimal(hours - low) / (high - low)
            return low_share + (high_share - low_share) * part
    return _SHARE_LEFT[-1][1]


def expected_funding_bps(spread: HourlyRate, settlements: int) -> Decimal:
    """Return the funding expected over that many payments, by the prior."""
    left = _shares_paid(min(settlements, _SETTLEMENTS_MAX))
    return (spread.bps * left).quantize(_QUANTUM_BPS, ROUND_HALF_EVEN)


@cache
def _shares_paid(settlements: int) -> Decimal:
    """Return how many payments of today's spread that many settlements are worth, by the prior."""
    return sum((prior_share_left(hour) for hour in range(1, settlements + 1)), Decimal(0))


def round_trip_cost_bps(
    fees: Mapping[VenueName, FeeRates], quotes: Mapping[VenueName, Quote]
) -> Decimal:
    """Return what a taker pays to get into and out of both legs: four fees, and each book crossed
    once.

    Half a spread on the way in and half on the way out, on each venue.
    """
    fee_bps = sum((row.taker * 2 * 10_000 for row in fees.values()), Decimal(0))
    crossing_bps = sum((row.spread_bps for row in quotes.values()), Decimal(0))
    return (fee_bps + crossing_bps).quantize(_QUANTUM_BPS, ROUND_HALF_EVEN)
