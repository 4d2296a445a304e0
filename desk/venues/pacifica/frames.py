"""Pacifica's stream: subscription texts out, frames in.

Pure: one text becomes one frame of ours, or `BadMessage`. What frames mean together (books, gaps)
is kept in `pacifica.feed`, sockets in `pacifica.streams`. Shapes: docs.pacifica.fi, "WebSocket API
→ Subscriptions", checked against recorded frames.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import field

from desk.core.account import Position
from desk.core.order import Fill, Order, OrderStatus
from desk.venues.pacifica.account import (
    OrderRow,
    PositionRow,
    TradeRow,
    positions,
    status_of,
    values,
)
from desk.venues.pacifica.wire import BookRow, PriceRow, bad_message, decode, price_rows
from desk.venues.rows import UNREADABLE, Row

PING = '{"method":"ping"}'
SUBSCRIPTIONS_PER_CHANNEL_MAX = 20


class Channel(StrEnum):
    """The channels we use, by the venue's names."""

    PRICES = "prices"
    BOOK = "book"
    BBO = "bbo"
    ORDER_UPDATES = "account_order_updates"
    TRADES = "account_trades"
    POSITIONS = "account_positions"
    ACCOUNT = "account_info"


MARKET_CHANNELS = (Channel.BOOK, Channel.BBO)
ACCOUNT_CHANNELS = (
    Channel.ORDER_UPDATES,
    Channel.TRADES,
    Channel.POSITIONS,
    Channel.ACCOUNT,
)


def market_params(channel: Channel, symbol: str) -> dict[str, Any]:
    """Return the parameters of a market's channel; books come unaggregated."""
    params: dict[str, Any] = {"source": channel.value, "symbol": symbol}
    return params | {"agg_level": 1} if channel is Channel.BOOK else params


def account_params(channel: Channel, account: str) -> dict[str, Any]:
    """Return the parameters of an account's channel; the venue asks for no proof."""
    return {"source": channel.value, "account": account}


def subscribe_text(params: Mapping[str, Any]) -> str:
    """Return the text that starts a subscription."""
    return msgspec.json.encode({"method": "subscribe", "params": params}).decode()


def unsubscribe_text(params: Mapping[str, Any]) -> str:
    """Return the text that ends it."""
    return msgspec.json.encode({"method": "unsubscribe", "params": params}).decode()


class BboRow(Row, frozen=True, kw_only=True):
    """The top of a book: `b`/`B` bid price and size, `a`/`A` ask, null or zero when empty."""

    s: str
    t: int
    b: Decimal | None = None
    B: Decimal | None = None
    a: Decimal | None = None
    A: Decimal | None = None
    li: int | None = None


class AccountInfoRow(Row, frozen=True, kw_only=True):
    """The account's money in USD: equity, free for new orders, cash, margin in use."""

    equity: Decimal = field(name="ae")
    free: Decimal = field(name="as")
    balance: Decimal = field(name="b")
    margin_used: Decimal = field(name="mu")
    fee_level: int = field(name="f")
    at_ms: int = field(name="t")


class _PositionUpdateRow(PositionRow, frozen=True, kw_only=True):
    symbol: str = field(name="s")
    side: str = field(name="d")
    amount: Decimal = field(name="a")
    entry_price: Decimal = field(name="p")
    isolated: bool = field(name="i", default=False)
    liquidation_price: Decimal | None = field(name="l", default=None)


class _TradeUpdateRow(TradeRow, frozen=True, kw_only=True):
    history_id: int = field(name="h")
    order_id: int = field(name="i")
    symbol: str = field(name="s")
    amount: Decimal = field(name="a")
    price: Decimal = field(name="p")
    fee: Decimal = field(name="f")
    event_type: str = field(name="te")
    side: str = field(name="ts")
    created_at: int = field(name="t")
    client_order_id: str | None = field(name="I", default=None)
    cause: str = field(name="tc", default="normal")


_ENDINGS = {
    "cancel": OrderStatus.CANCELED,
    "force_cancel": OrderStatus.CANCELED,
    "expired": OrderStatus.CANCELED,
    "post_only_rejected": OrderStatus.REJECTED,
    "self_trade_prevented": OrderStatus.REJECTED,
}


class _OrderUpdateRow(OrderRow, frozen=True, kw_only=True):
    order_id: int = field(name="i")
    symbol: str = field(name="s")
    side: str = field(name="d")
    order_type: str = field(name="ot")
    reduce_only: bool = field(name="r")
    created_at: int = field(name="ct")
    updated_at: int | None = field(name="ut", default=None)
    client_order_id: str | None = field(name="I", default=None)
    stop_price: Decimal | None = field(name="sp", default=None)
    size: Decimal = field(name="a")
    filled: Decimal = field(name="f")
    event: str = field(name="oe")
    status: str = field(name="os")
    price: Decimal | None = field(name="ip", default=None)
    average_price: Decimal | None = field(name="p", default=None)

    def value(self) -> Order:
        """Return the order; an event that ends it outweighs a status that lags behind."""
        return self.order(
            price=self.price or Decimal(0),
            size=self.size,
            filled=self.filled,
            status=_ENDINGS.get(self.event) or status_of(self.status),
            average_price=self.average_price if self.filled else None,
            reason=self.event,
        )


@dataclass(frozen=True, slots=True)
class BookFrame:
    """A whole book."""

    row: BookRow


@dataclass(frozen=True, slots=True)
class BboFrame:
    """The top of a book."""

    row: BboRow


@dataclass(frozen=True, slots=True)
class PricesFrame:
    """Statistics of some markets."""

    rows: tuple[PriceRow, ...]


@dataclass(frozen=True, slots=True)
class OrdersFrame:
    """Orders of the account that changed."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class FillsFrame:
    """Executions of the account's."""

    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class PositionsFrame:
    """Every open position of the account; none means flat. `li` is the sequence it stands at."""

    positions: tuple[Position, ...]
    li: int | None


@dataclass(frozen=True, slots=True)
class AccountFrame:
    """The account's money."""

    row: AccountInfoRow


@dataclass(frozen=True, slots=True)
class OtherFrame:
    """A pong, an acknowledgement or a channel we did not ask for; nothing to do.

    `error` is the text of a refused message of ours, None otherwise.
    """

    channel: str
    error: str | None = None


Frame = (
    BookFrame
    | BboFrame
    | PricesFrame
    | OrdersFrame
    | FillsFrame
    | PositionsFrame
    | AccountFrame
    | OtherFrame
)


class _Envelope(msgspec.Struct, frozen=True):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    li: int | None = None
    code: int | str | None = None
    err: str | None = None
    error: str | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_BOOK = msgspec.json.Decoder(BookRow)
_BBO = msgspec.json.Decoder(BboRow)


def parse(text: str) -> Frame:
    """Return what one text says.

    Raises `BadMessage`, whose `request` names the channel ("stream" when not even that is known).
    """
    try:
        envelope = _ENVELOPE.decode(text)
    except UNREADABLE as error:
        raise bad_message(str(error), text, request="stream") from error
    name = f"stream {envelope.channel}"
    try:
        return _frame(envelope, name)
    except UNREADABLE as error:
        raise bad_message(str(error), text, request=name) from error


def _frame(envelope: _Envelope, name: str) -> Frame:
    data = envelope.data
    match envelope.channel:
        case Channel.BOOK:
            return BookFrame(_BOOK.decode(data))
        case Channel.BBO:
            return BboFrame(_BBO.decode(data))
        case Channel.PRICES:
            return PricesFrame(tuple(price_rows(data, request=name)))
        case Channel.ORDER_UPDATES:
            return OrdersFrame(tuple(values(data, _OrderUpdateRow, request=name)))
        case Channel.TRADES:
            return FillsFrame(tuple(values(data, _TradeUpdateRow, request=name)))
        case Channel.POSITIONS:
            return PositionsFrame(positions(data, _PositionUpdateRow), envelope.li)
        case Channel.ACCOUNT:
            return AccountFrame(decode(data, AccountInfoRow, request=name))
        case _:
            return OtherFrame(envelope.channel, _problem(envelope))


def _problem(envelope: _Envelope) -> str | None:
    text = envelope.err or envelope.error
    if text is None and envelope.code in (None, 200):
        return None
    return f"{text or 'refused'} (code {envelope.code})"
