"""Lighter's stream frames as values.

Pure: text in, frames out, `BadMessage` for what should be readable and is not; channels we never
asked for are no frames. Source: the stream documentation (apidocs.lighter.xyz) and recorded
frames; older recordings have no nonces, and their rows no `*_str` ids.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from desk.core.book import Level
from desk.core.funding import HourlyRate
from desk.core.market import MarketStats
from desk.venues.lighter.decode import (
    bad,
    decode,
    is_perp,
    positive_or_none,
    readable,
)
from desk.venues.lighter.orders import OrderRow, TradeRow, TxRow, order_rows, trade_rows, tx_rows
from desk.venues.rows import Row

CODE_ALREADY_SUBSCRIBED = 30003
PONG = '{"type":"pong"}'


# What a frame can be


@dataclass(frozen=True, slots=True)
class Ping:
    """The server wants a pong, or it closes (code 1008)."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The server restarts soon."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The server refused something we sent; it does not say which message."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class BookFrame:
    """A snapshot or the changed levels of one market; nonces None in old recordings."""

    market_id: int
    is_snapshot: bool
    bids: Sequence[Level]
    asks: Sequence[Level]
    offset: int
    begin_nonce: int | None
    nonce: int | None


@dataclass(frozen=True, slots=True)
class StatsFrame:
    """Statistics of the perpetuals that changed."""

    rows: Sequence["StatsRow"]


@dataclass(frozen=True, slots=True)
class OrdersFrame:
    """Orders of the account; a snapshot has every open one, an update those that changed."""

    rows: Sequence[OrderRow]
    is_snapshot: bool


@dataclass(frozen=True, slots=True)
class TradesFrame:
    """Trades of the account, or a market's public ones; a snapshot repeats recent ones."""

    rows: Sequence[TradeRow]
    is_snapshot: bool


@dataclass(frozen=True, slots=True)
class TxFrame:
    """Transactions of the account with what the sequencer made of them."""

    rows: Sequence[TxRow]
    is_snapshot: bool


class UserStats(Row, frozen=True):
    """The account's sums in USDC: `portfolio_value` is collateral plus unrealised profit."""

    collateral: Decimal
    available_balance: Decimal
    portfolio_value: Decimal


Frame = (
    Ping
    | Shutdown
    | Problem
    | BookFrame
    | StatsFrame
    | OrdersFrame
    | TradesFrame
    | TxFrame
    | UserStats
)


class StatsRow(Row, frozen=True):
    """One market of market_stats: funding in percent per hour, volume and interest in USDC.

    `current_funding_rate` is the estimate for the hour in progress, `funding_rate` the last one
    settled. Recorded BTC frames show that `open_interest` is USDC here, base units in REST.
    """

    market_id: int
    mark_price: Decimal
    index_price: Decimal
    current_funding_rate: Decimal
    daily_quote_token_volume: Decimal
    funding_rate: str = ""
    mid_price: str = ""
    open_interest: str = ""


def stats(row: StatsRow, symbol: str, *, at_ms: int) -> MarketStats | None:
    """Return one market's statistics, None while it has no mark or index price."""
    if row.mark_price <= 0 or row.index_price <= 0:
        return None
    settled = row.funding_rate
    return MarketStats(
        symbol=symbol,
        mark=row.mark_price,
        index=row.index_price,
        funding_next=HourlyRate.from_hourly_percent(row.current_funding_rate),
        volume_24h_usd=row.daily_quote_token_volume,
        at_ms=at_ms,
        mid=positive_or_none(row.mid_price),
        funding_last=HourlyRate.from_hourly_percent(Decimal(settled)) if settled else None,
        open_interest_usd=positive_or_none(row.open_interest),
    )


# Reading


class _Error(Row, frozen=True):
    code: int = 0
    message: str = ""


class _Envelope(Row, frozen=True):
    type: str = ""
    channel: str = ""
    code: int = 0
    message: str = ""
    error: _Error | None = None


def read_frame(text: str) -> Frame | None:
    """Return a frame, None for one that says nothing to us (greetings, other channels)."""
    envelope = decode(text, _Envelope, "stream")
    match envelope.type:
        case "ping":
            return Ping()
        case "shutdown":
            return Shutdown()
        case "error":
            return Problem(envelope.code, envelope.message)
    if envelope.error is not None:
        return Problem(envelope.error.code, envelope.error.message)
    return _read_channel(text, envelope)


def channel_of(text: str) -> str:
    """Return the channel of a frame ("order_book:0"), "" when it names none or is broken."""
    try:
        return msgspec.json.decode(text, type=_Envelope).channel
    except (msgspec.MsgspecError, UnicodeError):
        return ""


def _read_channel(text: str, envelope: _Envelope) -> Frame | None:
    verb, _, _ = envelope.type.partition("/")
    if verb not in ("subscribed", "update"):
        return None
    kind, _, subject = envelope.channel.partition(":")
    is_snapshot = verb == "subscribed"
    # Keyed on the channel alone: its account part is not always there (account_orders).
    match kind:
        case "order_book":
            return _read_book(text, subject, is_snapshot=is_snapshot)
        case "market_stats":
            return _read_stats(text, subject)
        case "account_orders" | "account_all_orders":
            orders = order_rows(_flat(decode(text, _Orders, kind).orders))
            return OrdersFrame([row for row in orders if is_perp(row.market_index)], is_snapshot)
        case "account_all_trades" | "trade":
            page = decode(text, _Trades, kind)
            trades = trade_rows([*_flat(page.trades), *(page.liquidation_trades or ())])
            return TradesFrame([row for row in trades if is_perp(row.market_id)], is_snapshot)
        case "account_tx":
            return TxFrame(tx_rows(decode(text, _Txs, kind).txs), is_snapshot)
        case "user_stats":
            return decode(text, _UserStats, kind).stats
    return None


class _Level(Row, frozen=True):
    price: Decimal
    size: Decimal


class _Book(Row, frozen=True):
    asks: list[_Level] | None = None
    bids: list[_Level] | None = None
    offset: int = 0
    begin_nonce: int | None = None
    nonce: int | None = None


class _BookEnvelope(Row, frozen=True):
    order_book: _Book


def _read_book(text: str, subject: str, *, is_snapshot: bool) -> BookFrame:
    book = decode(text, _BookEnvelope, "order_book").order_book
    with readable("order_book", text):
        return BookFrame(
            market_id=int(subject),
            is_snapshot=is_snapshot,
            bids=_levels(book.bids),
            asks=_levels(book.asks),
            offset=book.offset,
            begin_nonce=book.begin_nonce,
            nonce=book.nonce,
        )


def _levels(rows: list[_Level] | None) -> list[Level]:
    if any(row.price <= 0 or row.size < 0 for row in rows or []):
        raise ValueError("a level below zero")
    return [(row.price, row.size) for row in rows or []]


class _OneStats(Row, frozen=True):
    market_stats: StatsRow


class _AllStats(Row, frozen=True):
    market_stats: dict[str, msgspec.Raw]


def _read_stats(text: str, subject: str) -> StatsFrame:
    if subject != "all":
        rows = [decode(text, _OneStats, "market_stats").market_stats]
    else:
        raws = decode(text, _AllStats, "market_stats").market_stats.values()
        rows = [row for raw in raws if (row := _stats_row(raw)) is not None]
        if raws and not rows:
            raise bad("no readable market", "market_stats", text)
    return StatsFrame([row for row in rows if is_perp(row.market_id)])


def _stats_row(raw: msgspec.Raw) -> StatsRow | None:
    """Return a row, None for one we cannot read: its market then has no fresh statistics."""
    try:
        return msgspec.json.decode(raw, type=StatsRow)
    except msgspec.MsgspecError:
        return None


# Rows come keyed by market, as a list, or not at all.
_Rows = dict[str, list[msgspec.Raw] | None] | list[msgspec.Raw] | None


class _Orders(Row, frozen=True):
    orders: _Rows = None


class _Trades(Row, frozen=True):
    trades: _Rows = None
    liquidation_trades: list[msgspec.Raw] | None = None


class _Txs(Row, frozen=True):
    txs: list[msgspec.Raw] | None = None


class _UserStats(Row, frozen=True):
    stats: UserStats


def _flat(rows: _Rows) -> Iterator[msgspec.Raw]:
    groups = rows.values() if isinstance(rows, dict) else (rows,)
    for group in groups:
        yield from group or ()
