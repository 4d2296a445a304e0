"""Markets: what may be traded, in which steps, and what the venue says about it right now.

Rounding lives here and is always named; a price or size that would be rounded silently raises.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from desk.core.funding import HourlyRate
from desk.core.order import Side
from desk.core.venue import VenueName

BPS = Decimal(10_000)


class MarketStatus(StrEnum):
    """Whether a market takes new positions."""

    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    INACTIVE = "inactive"


class NotAligned(ValueError):
    """A price is off the tick or a size is off the lot: it would have been rounded silently."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One perpetual future on one venue.

    Sizes are base units, prices and notionals USD. `market_id` is Lighter's market index,
    where 0 is a market like any other; None where a venue has no such id. `notional_max_usd`
    is None when the venue publishes no limit. `maintenance_margin_fraction` is of notional.
    """

    venue: VenueName
    symbol: str
    price_tick: Decimal
    size_lot: Decimal
    size_min: Decimal
    notional_min_usd: Decimal
    leverage_max: int
    maintenance_margin_fraction: Decimal
    notional_max_usd: Decimal | None = None
    market_id: int | None = None
    status: MarketStatus = MarketStatus.ACTIVE

    def price_down(self, price: Decimal) -> Decimal:
        """Return the highest tick at or below `price`."""
        return step_down(price, self.price_tick)

    def price_up(self, price: Decimal) -> Decimal:
        """Return the lowest tick at or above `price`."""
        return step_up(price, self.price_tick)

    def size_down(self, size: Decimal) -> Decimal:
        """Return the largest lot multiple at or below `size` (>= 0)."""
        return step_down(size, self.size_lot)

    def size_up(self, size: Decimal) -> Decimal:
        """Return the smallest lot multiple at or above `size` (>= 0)."""
        return step_up(size, self.size_lot)

    def size_floor(self, price: Decimal) -> Decimal:
        """Return the smallest size the venue opens at `price`: both minimums, rounded up to a
        lot."""
        return self.size_up(max(self.size_min, self.notional_min_usd / price))

    def worst_price(self, reference: Decimal, side: Side, bps: Decimal) -> Decimal:
        """Return the worst acceptable price, `bps` from `reference` at most, on the tick."""
        if side is Side.BUY:
            return self.price_down(reference * (1 + bps / BPS))
        return self.price_up(reference * (1 - bps / BPS))

    def check_price(self, price: Decimal) -> None:
        """Raise `NotAligned` unless `price` is a positive multiple of the tick."""
        _check_step(price, self.price_tick, what=f"{self.venue} {self.symbol} price")

    def check_size(self, size: Decimal) -> None:
        """Raise `NotAligned` unless `size` is a positive multiple of the lot."""
        _check_step(size, self.size_lot, what=f"{self.venue} {self.symbol} size")


@dataclass(frozen=True, slots=True)
class MarketStats:
    """What one venue says about one market.

    Prices in USD, volume and open interest in USD. `funding_next` is the estimate for the hour
    in progress (the one to decide on); `funding_last` is the hour already settled. `mid` is
    None where the venue shows none (one-sided book), the volume where nobody recorded it.
    """

    symbol: str
    mark: Decimal
    index: Decimal
    funding_next: HourlyRate
    volume_24h_usd: Decimal | None
    at_ms: int
    mid: Decimal | None = None
    funding_last: HourlyRate | None = None
    open_interest_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FeeRates:
    """The account's own fees as fractions of notional (0.0004 = 4 bps)."""

    maker: Decimal
    taker: Decimal


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar of trades: prices in USD, volume in base units, `open_at_ms` inclusive."""

    symbol: str
    open_at_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


def step_down(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` (> 0) at or below `value` (>= 0)."""
    return value // step * step


def step_up(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of `step` (> 0) at or above `value` (>= 0)."""
    # The remainder is exact; a quotient would be rounded to the context's digits first.
    return (value // step + (value % step > 0)) * step


def _check_step(value: Decimal, step: Decimal, *, what: str) -> None:
    if value <= 0 or value % step != 0:
        raise NotAligned(f"{what} {value} is not a positive multiple of {step}")
