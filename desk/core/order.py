"""Orders, fills and the three outcomes of a write.

A write ends Accepted, Rejected or Unknown. Accepted is the venue's acknowledgement, not a fill:
what happened to the order is told by `Order` and `Fill`, from streams first and requests second.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Side(StrEnum):
    """What an order does.

    Not to be mixed up with the side of a position.
    """

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """Return the side that undoes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """Return +1 for a buy and -1 for a sell: the sign a fill adds to a position."""
        return _SIGNS[self]


_SIGNS = {Side.BUY: 1, Side.SELL: -1}


class PositionSide(StrEnum):
    """Which way a position earns."""

    LONG = "long"
    SHORT = "short"

    @property
    def entry(self) -> Side:
        """Return the order side that opens such a position."""
        return Side.BUY if self is PositionSide.LONG else Side.SELL

    @property
    def exit(self) -> Side:
        """Return the order side that closes such a position."""
        return self.entry.opposite

    @property
    def sign(self) -> int:
        """Return +1 for long and -1 for short."""
        return self.entry.sign


class OrderKind(StrEnum):
    """LIMIT executes at `price` or better.

    The two triggers rest until the MARK price reaches `trigger_price`, then execute at
    `price` or better (`price` is then the worst acceptable price).
    """

    LIMIT = "limit"
    STOP = "stop"
    TAKE_PROFIT = "take_profit"


class TimeInForce(StrEnum):
    """How long a limit order lives: until cancelled, for an instant, or only as a maker."""

    GTC = "gtc"
    IOC = "ioc"
    POST_ONLY = "post_only"


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    PENDING = "pending"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        """Return whether nothing more can happen to the order."""
        return self in (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED)


class FillCause(StrEnum):
    """Why a fill happened: our order, or the venue's hand."""

    TRADE = "trade"
    LIQUIDATION = "liquidation"
    DELEVERAGE = "deleverage"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order to be signed.

    `size` is in base units, on the lot; `price` is the worst acceptable, on the tick. A
    market-like order is LIMIT + IOC with its price at the edge of the band. `client_id` is the
    venue's own text form of an `OrderKey` (see `desk.core.ids`). `expires_at_ms` bounds a
    resting order's life; None leaves the venue's default. `goes_through` marks the one close that
    is not reduce-only: a rest below the venue's minimum is closed by an order through zero.
    """

    symbol: str
    side: Side
    size: Decimal
    price: Decimal
    client_id: str
    kind: OrderKind = OrderKind.LIMIT
    time_in_force: TimeInForce = TimeInForce.IOC
    reduce_only: bool = False
    trigger_price: Decimal | None = None
    expires_at_ms: int | None = None
    goes_through: bool = False

    @property
    def is_close(self) -> bool:
        """Return whether it is meant to close: request budgets keep room for such orders."""
        return self.reduce_only or self.goes_through


@dataclass(frozen=True, slots=True)
class Order:
    """What a venue says of one order.

    `filled` and `size` are base units; `average_price` is None until something filled.
    `client_id` is None where the order carries none; `reason` is the venue's own word for why it
    ended.
    """

    symbol: str
    order_id: str
    client_id: str | None
    side: Side
    size: Decimal
    filled: Decimal
    price: Decimal
    status: OrderStatus
    at_ms: int
    kind: OrderKind = OrderKind.LIMIT
    reduce_only: bool = False
    trigger_price: Decimal | None = None
    average_price: Decimal | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of ours.

    `fee_usd` is positive when paid. `fill_id` is unique on its venue and account.
    """

    symbol: str
    fill_id: str
    order_id: str
    client_id: str | None
    side: Side
    size: Decimal
    price: Decimal
    fee_usd: Decimal
    at_ms: int
    is_maker: bool = False
    cause: FillCause = FillCause.TRADE


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue took the request.

    `reference` is its order id or transaction hash.
    """

    client_id: str
    reference: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing happened, and nothing will: refused by the venue, or never sent (`code` is then
    "not_sent")."""

    client_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say yet.

    The request may take effect until `expires_at_ms`; ask before acting, never send it anew.
    """

    client_id: str
    reference: str
    reason: str
    expires_at_ms: int


Outcome = Accepted | Rejected | Unknown

NOT_SENT = "not_sent"
