"""What may be asked of Pacifica with a signature: paths, payloads and what their answers mean.

Pure. There is no operation here that moves money off the venue, and there must never be one.
Source of every shape: docs.pacifica.fi, "REST API → Orders" and "→ Account".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from desk.core.errors import BadMessage, InvariantBroken
from desk.core.order import (
    Accepted,
    OrderKind,
    OrderRequest,
    Outcome,
    Rejected,
    Side,
    TimeInForce,
    Unknown,
)
from desk.venues.pacifica.account import ASK, BID
from desk.venues.pacifica.errors import is_unsure, refusal_code
from desk.venues.pacifica.wire import decode
from desk.venues.rows import Row

BATCH_MAX = 10
MARK_PRICE = "mark_price"  # the default is the mid, which is zero on an empty book
HALF_CREDITS_ACTION = 2
HALF_CREDITS_CANCEL = 1
_TIME_IN_FORCE = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.POST_ONLY: "ALO",
}
TOP_OF_BOOK = "TOB"  # post-only, re-priced one tick behind the other side instead of rejected


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to be signed.

    `type` is the signing header's word, `batch_type` the word inside a batch ("" where it cannot
    be in one). `client_id` names it in outcomes. `is_guard` marks what reduces or cancels: it may
    use the reserve of the request budget.
    """

    type: str
    path: str
    payload: dict[str, Any]
    client_id: str
    batch_type: str = ""
    is_guard: bool = False
    half_credits: int = HALF_CREDITS_ACTION


@dataclass(frozen=True, slots=True)
class Trigger:
    """One side of a position's protection: at `trigger_price` (the mark's) an order of `size` at
    `price` or better goes out; `size` None means the whole position, `price` None any price."""

    client_id: str
    trigger_price: Decimal
    price: Decimal | None = None
    size: Decimal | None = None

    def payload(self) -> dict[str, Any]:
        """Return the venue's object for it."""
        return _present(
            stop_price=text_of(self.trigger_price),
            limit_price=None if self.price is None else text_of(self.price),
            amount=None if self.size is None else text_of(self.size),
            client_order_id=client_order_id(self.client_id),
            trigger_price_type=MARK_PRICE,
        )


def text_of(value: Decimal) -> str:
    """Return a decimal as the venue spells it: no exponent, every digit kept."""
    return format(value, "f")


def word_of(side: Side) -> str:
    """Return "bid" for a buy and "ask" for a sell."""
    return BID if side is Side.BUY else ASK


def client_order_id(text: str) -> str:
    """Return `text` if it is a UUID, which the venue requires; raises `InvariantBroken`."""
    try:
        UUID(text)
    except ValueError as error:
        raise InvariantBroken(f"client id {text!r} is not a UUID") from error
    return text


def _present(**fields: Any) -> dict[str, Any]:
    """Return the fields that are set: an unset one must be absent from what is signed."""
    return {name: value for name, value in fields.items() if value is not None}


# Orders


def place(request: OrderRequest, *, top_of_book: bool = False) -> Operation:
    """Return the operation for an order request, whatever its kind.

    A stop is an order of its own; a take-profit exists only as part of a position's protection,
    so it must be reduce-only. The venue knows no expiry: `expires_at_ms` is not carried, an order
    rests until it is cancelled. Raises `InvariantBroken` on a request nobody should have made.
    """
    if request.kind is OrderKind.LIMIT:
        return _limit(request, top_of_book=top_of_book)
    if request.trigger_price is None:
        raise InvariantBroken(f"{request.kind} order without a trigger price")
    trigger = Trigger(request.client_id, request.trigger_price, request.price, request.size)
    if request.kind is OrderKind.STOP:
        return _stop(request, trigger)
    if not request.reduce_only:
        raise InvariantBroken("a take-profit must be reduce-only")
    return protect(request.symbol, request.side, take_profit=trigger)


def _limit(request: OrderRequest, *, top_of_book: bool) -> Operation:
    if top_of_book and request.time_in_force is not TimeInForce.POST_ONLY:
        raise InvariantBroken("top-of-book orders are post-only")
    return Operation(
        "create_order",
        "/orders/create",
        {
            "symbol": request.symbol,
            "price": text_of(request.price),
            "amount": text_of(request.size),
            "side": word_of(request.side),
            "tif": TOP_OF_BOOK if top_of_book else _TIME_IN_FORCE[request.time_in_force],
            "reduce_only": request.reduce_only,
            "client_order_id": client_order_id(request.client_id),
        },
        request.client_id,
        batch_type="Create",
        is_guard=request.is_close,
    )


def _stop(request: OrderRequest, trigger: Trigger) -> Operation:
    return Operation(
        "create_stop_order",
        "/orders/stop/create",
        {
            "symbol": request.symbol,
            "side": word_of(request.side),
            "reduce_only": request.reduce_only,
            "stop_order": trigger.payload(),
        },
        request.client_id,
        is_guard=request.reduce_only,
    )


def protect(
    symbol: str,
    side: Side,
    *,
    take_profit: Trigger | None = None,
    stop_loss: Trigger | None = None,
) -> Operation:
    """Return the operation that sets a position's triggers; `side` is that of the closing order.

    The answer carries no order id. One bad trigger may be refused while the other rests.
    """
    named = take_profit or stop_loss
    if named is None:
        raise InvariantBroken("a protection without any trigger")
    return Operation(
        "set_position_tpsl",
        "/positions/tpsl",
        _present(
            symbol=symbol,
            side=word_of(side),
            take_profit=None if take_profit is None else take_profit.payload(),
            stop_loss=None if stop_loss is None else stop_loss.payload(),
        ),
        named.client_id,
        batch_type="SetPositionTpsl",
        is_guard=True,
    )


def market(request: OrderRequest, *, slippage_pct: Decimal) -> Operation:
    """Return a market order; `slippage_pct` is the band in percent ("0.5" = 0.5 %) of a reference
    price the venue does not document: for an exact band use an IOC limit order (`place`)."""
    return Operation(
        "create_market_order",
        "/orders/create_market",
        {
            "symbol": request.symbol,
            "amount": text_of(request.size),
            "side": word_of(request.side),
            "slippage_percent": text_of(slippage_pct),
            "reduce_only": request.reduce_only,
            "client_order_id": client_order_id(request.client_id),
        },
        request.client_id,
        batch_type="CreateMarket",
        is_guard=request.reduce_only,
    )


def edit(
    symbol: str,
    *,
    price: Decimal,
    size: Decimal,
    client_id: str | None = None,
    order_id: int | None = None,
) -> Operation:
    """Return a change of a resting order: the venue cancels it and places a post-only one with a
    new order id and the old client id."""
    return Operation(
        "edit_order",
        "/orders/edit",
        {
            "symbol": symbol,
            "price": text_of(price),
            "amount": text_of(size),
            **_which(client_id, order_id),
        },
        client_id or str(order_id),
        batch_type="Edit",
    )


# Cancels


def cancel(symbol: str, *, client_id: str | None = None, order_id: int | None = None) -> Operation:
    """Return the cancel of one resting order, by exactly one of the two ids."""
    order = Operation("cancel_order", "/orders/cancel", {"symbol": symbol}, "", "Cancel")
    return _cancel(order, client_id, order_id)


def cancel_stop(
    symbol: str, *, client_id: str | None = None, order_id: int | None = None
) -> Operation:
    """Return the cancel of one waiting trigger, by exactly one of the two ids."""
    stop = Operation(
        "cancel_stop_order", "/orders/stop/cancel", {"symbol": symbol}, "", "CancelStopOrder"
    )
    return _cancel(stop, client_id, order_id)


def _cancel(draft: Operation, client_id: str | None, order_id: int | None) -> Operation:
    return replace(
        draft,
        payload=draft.payload | _which(client_id, order_id),
        client_id=client_id or str(order_id),
        is_guard=True,
        half_credits=HALF_CREDITS_CANCEL,
    )


def _which(client_id: str | None, order_id: int | None) -> dict[str, Any]:
    if (client_id is None) is (order_id is None):
        raise InvariantBroken("name an order by its client id or by its order id, not by both")
    if order_id is not None:
        return {"order_id": order_id}
    return {"client_order_id": client_order_id(str(client_id))}


def cancel_all(symbol: str | None, *, exclude_reduce_only: bool = False) -> Operation:
    """Return the cancel of every order, triggers included, of one symbol or of the account."""
    return Operation(
        "cancel_all_orders",
        "/orders/cancel_all",
        _present(
            symbol=symbol,
            all_symbols=symbol is None,
            exclude_reduce_only=exclude_reduce_only,
        ),
        f"cancel_all:{symbol or '*'}",
        is_guard=True,
        half_credits=HALF_CREDITS_CANCEL,
    )


# Account


def leverage(symbol: str, value: int) -> Operation:
    """Return the change of a symbol's leverage; with a position open it can only be raised."""
    return Operation(
        "update_leverage",
        "/account/leverage",
        {"symbol": symbol, "leverage": value},
        f"leverage:{symbol}",
    )


def margin_mode(symbol: str, *, isolated: bool) -> Operation:
    """Return the change of a symbol's margin mode; refused while a position is open."""
    return Operation(
        "update_margin_mode",
        "/account/margin",
        {"symbol": symbol, "is_isolated": isolated},
        f"margin_mode:{symbol}",
    )


# Answers


class _OrderRef(Row, frozen=True, kw_only=True):
    order_id: int | None = None


class _BatchResult(Row, frozen=True, kw_only=True):
    success: bool
    order_id: int | None = None
    error: str | None = None
    code: int | str | None = None
    error_id: str | None = None


class _BatchResults(Row, frozen=True, kw_only=True):
    results: list[_BatchResult]


def reference_of(data: msgspec.Raw, *, client_id: str) -> str:
    """Return the order id an acceptance names, else the client id: not every operation has
    one."""
    try:
        found = msgspec.json.decode(data, type=_OrderRef | None)
    except msgspec.DecodeError:
        return client_id
    return client_id if found is None or found.order_id is None else str(found.order_id)


def batch_outcomes(
    data: msgspec.Raw, doubts: Sequence[Unknown], *, at_ms: int
) -> Sequence[Outcome]:
    """Return one outcome per action of an accepted batch, in its order.

    `doubts` are what becomes of the actions when the answer does not tell.
    """
    try:
        results = decode(data, _BatchResults, request="POST /orders/batch").results
    except BadMessage:
        return doubts
    if len(results) != len(doubts):
        return doubts
    return [_batch_outcome(*pair, at_ms) for pair in zip(results, doubts, strict=True)]


def _batch_outcome(result: _BatchResult, doubt: Unknown, at_ms: int) -> Outcome:
    client_id = doubt.client_id
    if result.success:
        reference = client_id if result.order_id is None else str(result.order_id)
        return Accepted(client_id, reference, at_ms)
    text = result.error or "refused"
    if is_unsure(text, code=result.code, error_id=result.error_id):
        return replace(doubt, reason=text)
    code = refusal_code(text, code=result.code, error_id=result.error_id)
    return Rejected(client_id, code, text)
