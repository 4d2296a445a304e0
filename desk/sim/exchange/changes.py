"""Changes: cancelling and modifying what is there.

Each function takes a request or raises `Refusal`. Pacifica changes at once; on Lighter the request
sits out a speed bump, and what fails then is told by `TxDone`.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from desk.sim.exchange import arrivals, entry, gate, life
from desk.sim.exchange.accounts import Account
from desk.sim.exchange.floor import Floor
from desk.sim.exchange.orders import NewOrder, Order
from desk.sim.exchange.words import (
    OrderStatus,
    PacificaEvent,
    Refusal,
    RefusalReason,
    TimeInForce,
)


def cancel(
    floor: Floor,
    account_id: int,
    symbol: str,
    *,
    order_id: int | None,
    client_id: str | None,
    tag: str | None,
    triggers_only: bool,
) -> None:
    """Cancel one order, at once or behind the cancel's speed bump."""
    account = floor.account(account_id)
    floor.market(symbol)

    def run() -> None:
        order = _found(floor, account, symbol, order_id=order_id, client_id=client_id)
        if triggers_only and order.status is not OrderStatus.PENDING:
            raise Refusal(RefusalReason.ORDER_NOT_FOUND, "no such stop order")
        life.finish(floor, order, OrderStatus.CANCELED, PacificaEvent.CANCEL)
        floor.done(account_id, tag, order_id=order.order_id)
        floor.touch_book(floor.markets[symbol])
        floor.account_changed(account)

    _run(floor, account, floor.tier(account).bumps.cancel_ms, run, tag=tag)


def cancel_all(
    floor: Floor,
    account_id: int,
    *,
    symbol: str | None,
    exclude_reduce_only: bool,
    tag: str | None,
) -> int:
    """Cancel all orders, triggers too; return how many are live now."""
    account = floor.account(account_id)
    if symbol is not None:
        floor.market(symbol)

    def run() -> None:
        cancel_everything(floor, account, symbol, exclude_reduce_only=exclude_reduce_only)
        floor.done(account_id, tag)

    count = len(_cancellable(floor, account, symbol, exclude_reduce_only=exclude_reduce_only))
    _run(floor, account, floor.tier(account).bumps.cancel_ms, run, tag=tag)
    return count


def cancel_everything(
    floor: Floor, account: Account, symbol: str | None, *, exclude_reduce_only: bool = False
) -> None:
    """Cancel all orders the engine knows of, now."""
    orders = _cancellable(floor, account, symbol, exclude_reduce_only=exclude_reduce_only)
    for order in orders:
        life.finish(floor, order, OrderStatus.CANCELED, PacificaEvent.CANCEL)
    for name in dict.fromkeys(order.new.symbol for order in orders):
        floor.touch_book(floor.markets[name])
    floor.account_changed(account)


def modify(
    floor: Floor,
    account_id: int,
    symbol: str,
    *,
    order_id: int | None,
    client_id: str | None,
    size: Decimal | None,
    price: Decimal | None,
    trigger_price: Decimal | None,
    tag: str | None,
) -> int:
    """Change an order in place (Lighter) or re-place it as post-only (Pacifica)."""
    account, market = floor.account(account_id), floor.market(symbol)
    order = floor.find(account, symbol, order_id, client_id)

    def change(old: Order) -> NewOrder:
        kept = old.size if floor.rules.edit_keeps_id else old.remaining
        return replace(
            old.new,
            size=kept if size is None else size,
            price=old.price if price is None else price,
            trigger_price=old.trigger_price if trigger_price is None else trigger_price,
            take_profit=None,
            stop_loss=None,
            tag=tag,
        )

    if not floor.rules.edit_keeps_id:
        return _replace_order(floor, account, order, change)
    if order is not None:
        gate.check(floor, account, change(order), replaces=order)

    def run() -> None:
        found = _found(floor, account, symbol, order_id=order_id, client_id=client_id)
        _modify_in_place(floor, account, found, change(found))
        floor.done(account_id, tag, order_id=found.order_id)
        arrivals.settle(floor, market, account)

    _run(floor, account, floor.tier(account).bumps.maker_ms, run, tag=tag)
    return order.order_id if order is not None else 0


def _replace_order(
    floor: Floor, account: Account, order: Order | None, change: Callable[[Order], NewOrder]
) -> int:
    """Cancel a resting order and place its successor as post-only, with no speed bump."""
    if order is None or order.status is not OrderStatus.OPEN:
        raise Refusal(RefusalReason.ORDER_NOT_FOUND, "Order not found")
    new = replace(change(order), tif=TimeInForce.POST_ONLY)
    draft = entry.admitted(floor, account, new, replaces=order)
    life.finish(floor, order, OrderStatus.CANCELED, PacificaEvent.CANCEL)
    floor.enlist(draft)
    entry.send(floor, account, draft)
    return draft.order_id


def _modify_in_place(floor: Floor, account: Account, order: Order, new: NewOrder) -> None:
    """Give an order its new numbers; it keeps its place only when it merely shrinks."""
    if new.size <= order.filled and new.size:
        raise Refusal(RefusalReason.INVALID_SIZE, "size is filled already")
    market = floor.markets[new.symbol]
    draft = floor.draft(account, new)
    draft.filled = order.filled
    if order.status is OrderStatus.OPEN and not new.reduce_only:
        gate.check_margin_at_gate(floor, account, market, draft, replaces=order)
    keeps_place = new.price == order.price and new.size <= order.size
    order.new, order.size = new, new.size
    order.trigger_price = new.trigger_price
    if order.status is not OrderStatus.OPEN or keeps_place:
        order.price = new.price
        floor.record(order, PacificaEvent.ADJUST)
        return
    market.book.remove(order)
    order.price, order.seq = new.price, floor.next_seq()
    order.status = OrderStatus.IN_PROGRESS
    arrivals.place(floor, order)


def _found(
    floor: Floor, account: Account, symbol: str, *, order_id: int | None, client_id: str | None
) -> Order:
    """Return the live order or refuse; Lighter does not know orders that are still on their
    way."""
    order = floor.find(account, symbol, order_id, client_id)
    on_its_way = order is not None and order.status is OrderStatus.IN_PROGRESS
    if order is None or (on_its_way and floor.rules.has_sequencer):
        by_client = order_id is None
        reason = RefusalReason.UNKNOWN_CLIENT_ID if by_client else RefusalReason.ORDER_NOT_FOUND
        raise Refusal(reason, f"no live order {order_id or client_id}", str(client_id))
    return order


def _cancellable(
    floor: Floor, account: Account, symbol: str | None, *, exclude_reduce_only: bool
) -> list[Order]:
    """Return the live orders a cancel-all takes."""
    return [
        order
        for order in account.live.values()
        if (symbol is None or order.new.symbol == symbol)
        and not (exclude_reduce_only and order.new.reduce_only)
        and not (order.status is OrderStatus.IN_PROGRESS and floor.rules.has_sequencer)
    ]


def _run(
    floor: Floor, account: Account, delay_ms: int, run: Callable[[], None], *, tag: str | None
) -> None:
    """Run a request now, or after its speed bump; Lighter's sequencer tells its refusals later."""

    def guarded() -> None:
        try:
            run()
        except Refusal as refusal:
            floor.done(account.account_id, tag, refusal=refusal)

    if not floor.rules.has_sequencer:
        run()
    elif delay_ms:
        floor.schedule.put(floor.now_ms + delay_ms, guarded)
    else:
        guarded()
