"""What a hedge is expected to bring and cost, in basis points of one leg's notional.

The estimator here is the cautious prior: how much of a funding spread is left some hours later,
read off recorded rates. It knows nothing of the symbol at hand, and speaks where its own history is
too short for `desk.hedge.forecast`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from itertools import pairwise

from desk.core.book import Impact, Quote
from desk.core.funding import HourlyRate, next_settlement_ms
from desk.core.market import FeeRates
from desk.core.venue import VenueName
from desk.hedge.config import EntryStyle

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
# Of the gap between two venues' marks about half stood for as long as 17 recorded hours of Lighter
# and Pacifica last, and the rest was gone an hour later (733 market-hours, January 2026).
BASIS_SHARE_CLOSING = Decimal("0.5")
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


@dataclass(frozen=True, slots=True)
class Costs:
    """What it costs to get into both legs and out again, bp of one leg's notional.

    `fees_bps` are four fees, `impact_bps` what the books take on top, `basis_bps` what the venues'
    prices are expected to move against the pair.
    """

    fees_bps: Decimal
    impact_bps: Decimal
    basis_bps: Decimal = Decimal(0)

    @property
    def total_bps(self) -> Decimal:
        """Return the sum."""
        total = self.fees_bps + self.impact_bps + self.basis_bps
        return total.quantize(_QUANTUM_BPS, ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a pair was opened for: `funding_bps` over so many `settlements`, less the costs; bp of
    one leg's notional."""

    settlements: int
    funding_bps: Decimal
    costs: Costs

    @property
    def net_bps(self) -> Decimal:
        """Return what was to be left."""
        return self.funding_bps - self.costs.total_bps


def round_trip(
    fees: Mapping[VenueName, FeeRates],
    quotes: Mapping[VenueName, Quote],
    *,
    style: EntryStyle = EntryStyle.TAKER,
    impacts: Mapping[VenueName, Impact] | None = None,
    long_venue: VenueName | None = None,
) -> Costs:
    """Return what a round trip costs by `style`.

    `impacts` are both books walked at the real size; where a venue has none, its book is crossed
    once at the top: half a spread on the way in and half on the way out. Without `long_venue`
    nothing is said of the basis. A venue without a quote adds its fees alone.
    """
    resting = dear_venue(fees) if style is EntryStyle.MAKER else None
    fee_bps = sum(
        ((row.maker if venue is resting else row.taker) * 20_000 for venue, row in fees.items()),
        Decimal(0),
    )
    walked = impacts or {}
    impact_bps = sum(
        (
            walked[venue].round_trip_bps if venue in walked else quote.spread_bps
            for venue, quote in quotes.items()
            if venue is not resting
        ),
        Decimal(0),
    )
    return Costs(fee_bps, impact_bps, _adverse_basis_bps(quotes, long_venue))


def dear_venue(fees: Mapping[VenueName, FeeRates]) -> VenueName:
    """Return where taking costs more than resting by most: there a maker rests its orders."""
    return max(fees, key=lambda venue: fees[venue].taker - fees[venue].maker)


def _adverse_basis_bps(
    quotes: Mapping[VenueName, Quote], long_venue: VenueName | None
) -> Decimal:
    """Return what is lost when the venues' prices come together, nothing when that would gain.

    Only the loss is counted: to hope for the gain would be to bet on prices.
    """
    if long_venue is None or len(quotes) < len(VenueName):
        return Decimal(0)
    bought, sold = quotes[long_venue].mid, quotes[long_venue.twin].mid
    return max(Decimal(0), (bought - sold) / sold * 10_000 * BASIS_SHARE_CLOSING)


def round_trip_cost_bps(
    fees: Mapping[VenueName, FeeRates], quotes: Mapping[VenueName, Quote]
) -> Decimal:
    """Return what a taker pays to get into and out of both legs: four fees, and each book crossed
    once."""
    return round_trip(fees, quotes).total_bps
