"""Lighter's order, trade and transaction rows as our orders, fills and fates.

Requests and streams carry the same rows, so they are read here once. Pure: rows in, core values
out; `ValueError` or `KeyError` for senseless rows (the readers make `BadMessage` of them). Shapes
are those of the official OpenAPI description and stream documentation (apidocs.lighter.xyz).
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from desk.core.market import Instrument
from desk.core.order import Fill, FillCause, Order, OrderKind, OrderStatus, Side
from desk.venues.lighter.account import FEE_TICK
from desk.venues.lighter.decode import (
    decode,
    is_perp,
    positive_or_none,
    readable,
    rows_of,
    to_ms,
)
from desk.venues.rows import Row

CREATE_ORDER = 14
_STATUSES = {
    "in-progress": OrderStatus.PENDING,
    "pending": OrderStatus.PENDING,
    "open": OrderStatus.OPEN,
    "filled": OrderStatus.FILLED,
}
_KINDS = {
    "stop-loss": OrderKind.STOP,
    "stop-loss-limit": OrderKind.STOP,
    "take-profit": OrderKind.TAKE_PROFIT,
    "take-profit-limit": OrderKind.TAKE_PROFIT,
}
_KIND_NUMBERS = {
    2: OrderKind.STOP,
    3: OrderKind.STOP,
    4: OrderKind.TAKE_PROFIT,
    5: OrderKind.TAKE_PROFIT,
}


# Orders


class OrderRow(Row, frozen=True):
    """One order; amounts in base units, `filled_quote_amount` in USDC.

    `side` may be empty in live rows, so `is_ask` is read. Stamps were documented in seconds and
    recorded in milliseconds: told apart by size.
    """

    order_index: int
    market_index: int
    initial_base_amount: Decimal
    filled_base_amount: Decimal
    filled_quote_amount: Decimal
    price: Decimal
    is_ask: bool
    type: str
    status: str
    client_order_index: int = 0
    reduce_only: bool = False
    trigger_price: str = ""
    timestamp: int = 0
    updated_at: int = 0


def order_rows(raws: Iterable[msgspec.Raw] | None) -> list[OrderRow]:
    """Return the rows that are orders; raises `BadMessage` for one that does not read."""
    return rows_of(raws, OrderRow, key="order_index", request="orders")


def order(row: OrderRow, symbol: str) -> Order:
    """Return one order; raises `ValueError` for a status we do not know."""
    filled = row.filled_base_amount
    return Order(
        symbol=symbol,
        order_id=str(row.order_index),
        client_id=_client_id(row.client_order_index),
        side=_side(row.is_ask),
        size=row.initial_base_amount,
        filled=filled,
        price=row.price,
        status=_status(row.status),
        at_ms=to_ms(row.updated_at or row.timestamp),
        kind=_KINDS.get(row.type, OrderKind.LIMIT),
        reduce_only=row.reduce_only,
        trigger_price=positive_or_none(row.trigger_price),
        average_price=row.filled_quote_amount / filled if filled > 0 else None,
        reason=row.status if row.status.startswith("canceled") else None,
    )


def _status(word: str) -> OrderStatus:
    """Return the status for the venue's word; there are a dozen of "canceled-…" and more to
    come."""
    if word.startswith("canceled"):
        return OrderStatus.CANCELED
    if word not in _STATUSES:
        raise ValueError(f"order status {word!r}")
    return _STATUSES[word]


def _client_id(index: int) -> str | None:
    """Return a client order index as text; 0 means that the order carries none."""
    return str(index) if index != 0 else None


def _side(is_ask: bool) -> Side:
    return Side.SELL if is_ask else Side.BUY


class _Orders(Row, frozen=True):
    orders: list[msgspec.Raw] | None
    next_cursor: str | None = None


def read_orders(body: bytes, symbols: Mapping[int, str]) -> tuple[list[Order], str | None]:
    """Return the perpetual orders of `accountActiveOrders` or `accountInactiveOrders` as they
    come, and the cursor of the next page."""
    page = decode(body, _Orders, "orders")
    with readable("orders", body):
        rows = [
            order(row, symbols[row.market_index])
            for row in order_rows(page.orders)
            if is_perp(row.market_index)
        ]
    return rows, page.next_cursor or None


# Fills


class TradeRow(Row, frozen=True):
    """One execution, both sides of it; fees in millionths of `usd_amount`, left out when zero."""

    trade_id: int
    market_id: int
    size: Decimal
    price: Decimal
    usd_amount: Decimal
    ask_id: int
    bid_id: int
    ask_account_id: int
    bid_account_id: int
    is_maker_ask: bool
    timestamp: int
    type: str = "trade"
    ask_client_id: int = 0
    bid_client_id: int = 0
    taker_fee: int = 0
    maker_fee: int = 0


def trade_rows(raws: Iterable[msgspec.Raw] | None) -> list[TradeRow]:
    """Return the rows that are trades; raises `BadMessage` for one that does not read."""
    return rows_of(raws, TradeRow, key="trade_id", request="trades")


def fills(row: TradeRow, symbol: str, account_index: int) -> list[Fill]:
    """Return the account's part of a trade: none, one, or both sides of a self-trade."""
    asks = [True] if row.ask_account_id == account_index else []
    bids = [False] if row.bid_account_id == account_index else []
    both = bool(asks and bids)
    return [_fill(row, symbol, is_ask=is_ask, is_self_trade=both) for is_ask in asks + bids]


def _fill(row: TradeRow, symbol: str, *, is_ask: bool, is_self_trade: bool) -> Fill:
    is_maker = is_ask == row.is_maker_ask
    side = _side(is_ask)
    fee = row.maker_fee if is_maker else row.taker_fee
    return Fill(
        symbol=symbol,
        fill_id=f"{row.trade_id}:{side}" if is_self_trade else str(row.trade_id),
        order_id=str(row.ask_id if is_ask else row.bid_id),
        client_id=_client_id(row.ask_client_id if is_ask else row.bid_client_id),
        side=side,
        size=row.size,
        price=row.price,
        fee_usd=row.usd_amount * fee * FEE_TICK,
        at_ms=to_ms(row.timestamp),
        is_maker=is_maker,
        cause=_cause(row.type, is_maker=is_maker),
    )


def _cause(word: str, *, is_maker: bool) -> FillCause:
    """Return why: the taker of a liquidation is the liquidated (recorded: it pays the fee), its
    maker only traded; deleverage and settlement are the venue's hand on both sides."""
    if word == "trade" or (word == "liquidation" and is_maker):
        return FillCause.TRADE
    return FillCause.LIQUIDATION if word == "liquidation" else FillCause.DELEVERAGE


class _Trades(Row, frozen=True):
    trades: list[msgspec.Raw] | None
    next_cursor: str | None = None


def read_fills(
    body: bytes, symbols: Mapping[int, str], account_index: int
) -> tuple[list[Fill], str | None]:
    """Return the account's fills of one `trades` page as they come, and the next cursor."""
    page = decode(body, _Trades, "trades")
    with readable("trades", body):
        rows = [
            fill
            for row in trade_rows(page.trades)
            if is_perp(row.market_id)
            for fill in fills(row, symbols[row.market_id], account_index)
        ]
    return rows, page.next_cursor or None


# Transactions


class TxFate(StrEnum):
    """What became of a transaction.

    `NOT_FOUND` proves nothing while the transaction is valid and its nonce untaken.
    """

    EXECUTED = "executed"
    FAILED = "failed"
    PENDING = "pending"
    NOT_FOUND = "not_found"

    @property
    def is_final(self) -> bool:
        """Return whether nothing more can happen."""
        return self in (TxFate.EXECUTED, TxFate.FAILED)


class TxRow(Row, frozen=True):
    """A transaction as `tx` and the account_tx stream tell it: 0 failed, 1 pending, 2 executed,
    3 executed but not yet final; `info` and `event_info` are JSON texts."""

    hash: str
    type: int
    status: int
    info: str = ""
    event_info: str = ""
    executed_at: int = 0
    queued_at: int = 0


class _EventInfo(Row, frozen=True):
    """`ae` says why a transaction failed, in words or as an object; empty when it did not."""

    ae: str | dict[str, Any] | None = None


class _OrderInfo(Row, frozen=True, rename="pascal"):
    market_index: int
    client_order_index: int
    base_amount: int
    price: int
    is_ask: int
    type: int
    reduce_only: int
    trigger_price: int


def read_tx(body: bytes) -> TxRow:
    """Return the row of `tx`."""
    return decode(body, TxRow, "tx")


def tx_rows(raws: Iterable[msgspec.Raw] | None) -> list[TxRow]:
    """Return the rows that are transactions; raises `BadMessage` for one that does not read."""
    return rows_of(raws, TxRow, key="hash", request="account_tx")


def fate(row: TxRow) -> TxFate:
    """Return what became of a transaction."""
    if row.status == 0 or (row.status == 2 and failure(row)):
        return TxFate.FAILED
    return TxFate.EXECUTED if row.status == 2 else TxFate.PENDING


def failure(row: TxRow) -> str:
    """Return the sequencer's words for why a transaction failed, "" when it gives none."""
    try:
        told = msgspec.json.decode(row.event_info, type=_EventInfo).ae
    except msgspec.MsgspecError:
        # Not every kind of transaction has an object here; the status alone then decides.
        return ""
    return told if isinstance(told, str) else json.dumps(told) if told else ""


def refused_order(row: TxRow, instruments: Mapping[int, Instrument]) -> Order | None:
    """Return the order that a failed transaction was meant to create, as rejected.

    The sequencer leaves no order row for some rejections, so this is the only word of them.
    None for other transactions, and for markets without an instrument. Raises
    `msgspec.MsgspecError` when `info` does not read as an order.
    """
    if row.type != CREATE_ORDER or fate(row) is not TxFate.FAILED:
        return None
    info = msgspec.json.decode(row.info, type=_OrderInfo)
    instrument = instruments.get(info.market_index)
    if instrument is None:
        return None
    return Order(
        symbol=instrument.symbol,
        order_id=row.hash,
        client_id=_client_id(info.client_order_index),
        side=_side(bool(info.is_ask)),
        size=info.base_amount * instrument.size_lot,
        filled=Decimal(0),
        price=info.price * instrument.price_tick,
        status=OrderStatus.REJECTED,
        at_ms=to_ms(row.executed_at or row.queued_at),
        kind=_KIND_NUMBERS.get(info.type, OrderKind.LIMIT),
        reduce_only=bool(info.reduce_only),
        trigger_price=info.trigger_price * instrument.price_tick if info.trigger_price else None,
        reason=failure(row) or "failed",
    )
