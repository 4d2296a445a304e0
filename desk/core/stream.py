"""What a venue's streams tell a listener, in our words.

Values only; the sockets live in the clients.
"""

from dataclasses import dataclass

from desk.core.book import Quote
from desk.core.market import MarketStats
from desk.core.order import Fill, Order


@dataclass(frozen=True, slots=True)
class StreamUp:
    """The connection stands and everything asked for is subscribed again."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class StreamDown:
    """The connection is gone or silent; `reason` is for people."""

    at_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class QuoteSeen:
    """The top of a subscribed book changed."""

    quote: Quote


@dataclass(frozen=True, slots=True)
class StatsSeen:
    """Mark, index, funding or volume of a market changed."""

    stats: MarketStats


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """One of the account's orders changed, whoever placed it."""

    order: Order


@dataclass(frozen=True, slots=True)
class FillSeen:
    """The account traded, whoever sent the order.

    May repeat: `fill.fill_id` tells.
    """

    fill: Fill


StreamEvent = StreamUp | StreamDown | QuoteSeen | StatsSeen | OrderSeen | FillSeen
