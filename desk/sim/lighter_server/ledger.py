"""What became of every transaction the gateway took: found by hash, or by account.

Statuses and the short keys of `event_info` are those of the venue's transaction reference.
"""

from collections import OrderedDict
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import msgspec

from desk.core.order import Side
from desk.sim.exchange import OrderStatus, OrderType, OrderView, TimeInForce, TxDone
from desk.sim.lighter_server import numbers
from desk.sim.lighter_server.markets import Row, WireMarket, block_height
from desk.sim.lighter_server.refusals import app_error
from desk.sim.lighter_server.transactions import Transaction

RECORDS_MAX = 50_000

_STATUS_NUMBERS = {status: number for number, status in enumerate(OrderStatus)}
_TYPES = (
    OrderType.LIMIT,
    OrderType.MARKET,
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)
_TYPE_NUMBERS = {kind: number for number, kind in enumerate(_TYPES)}
_TIF_NUMBERS = {TimeInForce.IOC: 0, TimeInForce.GTC: 1, TimeInForce.POST_ONLY: 2}


class TxStatus(IntEnum):
    """Where a transaction is; FAILED and EXECUTED are final."""

    FAILED = 0
    PENDING = 1
    EXECUTED = 2


@dataclass(slots=True)
class TxRecord:
    """One transaction and its fate; `event_info` is JSON text, empty while pending."""

    hash: str
    transaction: Transaction
    sequence_index: int
    queued_at_ms: int
    status: TxStatus = TxStatus.PENDING
    event_info: str = ""
    executed_at_ms: int = 0


class Ledger:
    """The newest `RECORDS_MAX` transactions of the venue, in the order they were taken."""

    def __init__(self) -> None:
        """Start empty."""
        self._records: OrderedDict[str, TxRecord] = OrderedDict()
        self._count = 0

    def add(self, hash_: str, transaction: Transaction, now_ms: int) -> TxRecord:
        """Note a transaction as pending."""
        self._count += 1
        record = TxRecord(hash_, transaction, self._count, now_ms)
        self._records[hash_] = record
        if len(self._records) > RECORDS_MAX:
            self._records.popitem(last=False)
        return record

    def get(self, hash_: str) -> TxRecord | None:
        """Return a transaction by its hash."""
        return self._records.get(hash_)

    def at(self, sequence_index: int) -> TxRecord | None:
        """Return a transaction by its place in the sequence, from 1."""
        rows = self._records.values()
        return next((row for row in rows if row.sequence_index == sequence_index), None)

    def newest(self, *, account_index: int | None = None) -> list[TxRecord]:
        """Return transactions newest first, of one account or of all."""
        rows = reversed(self._records.values())
        wanted = account_index
        return [row for row in rows if wanted in (None, row.transaction.account_index)]

    def finish(
        self, record: TxRecord, *, ok: bool, event_info: dict[str, Any], now_ms: int
    ) -> None:
        """Write the fate of a transaction; the first one stands."""
        if record.status is not TxStatus.PENDING:
            return
        record.status = TxStatus.EXECUTED if ok else TxStatus.FAILED
        record.event_info = msgspec.json.encode(event_info).decode()
        record.executed_at_ms = now_ms


def event_info(done: TxDone, market: WireMarket | None, order: OrderView | None) -> Row:
    """Return the `event_info` of an executed or failed transaction."""
    error = "" if done.ok else app_error(done.reason, done.message)
    info: Row = {"a": done.account_id, "ae": error}
    if market is not None:
        info = {"m": market.market_id, **info}
    if market is not None and order is not None:
        info |= {"i": order.order_id, "u": int(order.client_id or "0")}
        info["to"] = order_event(market, order)
    return info


def order_event(market: WireMarket, order: OrderView) -> Row:
    """Return an order in the short keys of `event_info`, amounts as wire integers."""
    return {
        "i": order.order_id,
        "u": int(order.client_id or "0"),
        "a": order.account_id,
        "is": numbers.digits(market.size(order.size)),
        "p": numbers.digits(market.price(order.price)),
        "rs": numbers.digits(market.size(order.remaining)),
        "ia": int(order.side is Side.SELL),
        "ot": _TYPE_NUMBERS.get(order.type, 0),
        "f": _TIF_NUMBERS.get(order.tif, 1),
        "ro": int(order.reduce_only),
        "tp": numbers.digits(market.price(order.trigger_price)),
        "e": order.expires_at_ms or 0,
        "st": _STATUS_NUMBERS[order.status],
        "ts": 0,
        "t0": 0,
        "t1": 0,
        "c0": order.oco_id or 0,
    }


def tx_row(record: TxRecord, l1_address: str) -> Row:
    """Return a transaction as `tx`, `txs` and the account_tx stream print it (`Tx`)."""
    transaction = record.transaction
    return {
        "hash": record.hash,
        "type": int(transaction.kind),
        "info": transaction.info,
        "event_info": record.event_info,
        "status": int(record.status),
        "transaction_index": record.sequence_index,
        "l1_address": l1_address,
        "account_index": transaction.account_index,
        "api_key_index": transaction.api_key_index,
        "nonce": transaction.nonce,
        "expire_at": transaction.expired_at_ms,
        "block_height": block_height(record.executed_at_ms) if record.executed_at_ms else 0,
        "queued_at": record.queued_at_ms,
        "executed_at": record.executed_at_ms,
        "sequence_index": record.sequence_index,
        "parent_hash": "",
        "transaction_time": record.executed_at_ms * 1000,
    }


def enriched_tx(record: TxRecord, l1_address: str) -> Row:
    """Return the body of `tx` (`EnrichedTx`)."""
    return {"code": 200, **tx_row(record, l1_address), "committed_at": 0, "verified_at": 0}
