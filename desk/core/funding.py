"""Funding rates with one unit.

Venue-specific spellings are converted here and nowhere else. The venues publish the same quantity
as a fraction per eight hours, a percent per hour and a fraction per hour. `HourlyRate` is a type
so that they cannot be added to each other: a bare number has no way in but through a constructor
that names its unit.
"""

from dataclasses import dataclass
from decimal import Decimal

HOURS_PER_YEAR = 24 * 365
SETTLEMENT_PERIOD_MS = 3_600_000


@dataclass(frozen=True, slots=True, order=True)
class HourlyRate:
    """A funding rate as a signed fraction of notional per hour; positive means longs pay
    shorts."""

    fraction: Decimal

    @classmethod
    def from_hourly(cls, fraction: Decimal) -> "HourlyRate":
        """Return the rate for a fraction per hour (Pacifica: `funding`, `next_funding`)."""
        return cls(fraction)

    @classmethod
    def from_hourly_percent(cls, percent: Decimal) -> "HourlyRate":
        """Return the rate for a percent per hour (Lighter: stream statistics, funding history)."""
        return cls(percent / 100)

    @classmethod
    def from_8h(cls, fraction: Decimal) -> "HourlyRate":
        """Return the rate for a fraction per eight hours (Lighter: `funding-rates`)."""
        return cls(fraction / 8)

    @property
    def apr_pct(self) -> Decimal:
        """Return the yearly rate in percent, simple interest: what people read and thresholds
        use."""
        return self.fraction * HOURS_PER_YEAR * 100

    @property
    def bps(self) -> Decimal:
        """Return the rate in basis points of notional per hour."""
        return self.fraction * 10_000

    def __sub__(self, other: "HourlyRate") -> "HourlyRate":
        """Return the spread between two rates, still per hour."""
        if not isinstance(other, HourlyRate):
            return NotImplemented
        return HourlyRate(self.fraction - other.fraction)

    def __neg__(self) -> "HourlyRate":
        """Return the same rate seen from the other side."""
        return HourlyRate(-self.fraction)

    def __abs__(self) -> "HourlyRate":
        """Return the size of the rate without its direction."""
        return HourlyRate(abs(self.fraction))


@dataclass(frozen=True, slots=True)
class FundingPoint:
    """One settled hour of a market's public funding history."""

    symbol: str
    rate: HourlyRate
    settled_at_ms: int


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """One payment booked to our account; `usd` is positive when we received it."""

    symbol: str
    payment_id: str
    usd: Decimal
    at_ms: int
    rate: HourlyRate | None = None
    position_size: Decimal | None = None


def next_settlement_ms(now_ms: int) -> int:
    """Return the first top of an hour strictly after `now_ms`; both venues settle there."""
    return (now_ms // SETTLEMENT_PERIOD_MS + 1) * SETTLEMENT_PERIOD_MS
