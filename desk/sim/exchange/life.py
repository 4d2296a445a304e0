"""The life of an order: it comes to rest, it is finished, and what hangs on it follows.

Moves orders between book, triggers and history. Does not match and does not check.
"""

from desk.sim.exchange.accounts import Account
from desk.sim.exchange.floor import Floor
from desk.sim.exchange.orders import ZERO, Order
from desk.sim.exchange.words import (
    OrderStatus,
    OrderType,
    PacificaEvent,
    TimeInForce,
    TriggerStatus,
)


def is_immediate(order: Order) -> bool:
    """Return whether what does not fill at once is cancelled."""
    if order.new.type is OrderType.LIMIT:
        return order.new.tif is TimeInForce.IOC
    return not order.new.type.rests_when_triggered


def rest_in_book(floor: Floor, order: Order) -> None:
    """Let a limit order wait in the book."""
    order.status = OrderStatus.OPEN
    floor.markets[order.new.symbol].book.rest(order)
    floor.record(order, PacificaEvent.MAKE)


def rest_as_trigger(floor: Floor, order: Order, event: PacificaEvent) -> None:
    """Let a trigger watch its price, or wait for its parent."""
    order.status = OrderStatus.PENDING
    order.trigger_status = TriggerStatus.MARK_PRICE
    floor.markets[order.new.symbol].triggers.append(order)
    floor.record(order, event)


def wait_for_parent(floor: Floor, order: Order) -> None:
    """Let a child order wait until its parent has filled."""
    order.status = OrderStatus.PENDING
    order.trigger_status = TriggerStatus.PARENT_ORDER
    floor.record(order, PacificaEvent.STOP_CREATED)


def finish(floor: Floor, order: Order, status: OrderStatus, event: PacificaEvent) -> None:
    """End an order with `status`; its children go with it unless something filled."""
    if order.status.is_final:
        return
    order.canceled += order.remaining
    order.status = status
    _leave(floor, order)
    floor.record(order, event)
    if order.filled == ZERO:
        _finish_children(floor, order)


def complete(floor: Floor, order: Order) -> None:
    """Put a filled order away; its event was told with the fill."""
    if order.status is OrderStatus.FILLED:
        _leave(floor, order)
        cancel_twin(floor, order)


def expire(floor: Floor, order: Order) -> None:
    """End an order whose time is up."""
    if not order.status.is_final:
        finish(floor, order, OrderStatus.CANCELED_EXPIRED, PacificaEvent.EXPIRED)
        floor.touch_book(floor.markets[order.new.symbol])
        floor.account_changed(floor.accounts[order.account_id])


def discard(floor: Floor, account: Account, order: Order) -> None:
    """Make an order never have been: Lighter's sequencer refused it and leaves no row."""
    order.status = OrderStatus.CANCELED
    floor.drop_live(account, order, remember=False)
    _finish_children(floor, order)


def cancel_twin(floor: Floor, order: Order) -> None:
    """Cancel the other half of a one-cancels-other pair."""
    if order.oco_id is None:
        return
    twin = floor.orders.get((order.new.symbol, order.oco_id))
    if twin is not None:
        finish(floor, twin, OrderStatus.CANCELED_OCO, PacificaEvent.CANCEL)


def tidy(floor: Floor, account: Account, symbol: str) -> None:
    """Cancel reduce-only orders that have nothing left to reduce: resting ones, and triggers
    without a size of their own, which belong to the position."""
    size = account.size_of(symbol)
    for order in list(floor.live_in(account, symbol)):
        if not order.new.reduce_only or (size and (size > 0) != (order.new.side.sign > 0)):
            continue
        tied = order.size == ZERO and order.trigger_status is TriggerStatus.MARK_PRICE
        if order.status is OrderStatus.OPEN or tied:
            finish(floor, order, OrderStatus.CANCELED_REDUCE_ONLY, PacificaEvent.FORCE_CANCEL)


def _leave(floor: Floor, order: Order) -> None:
    market = floor.markets[order.new.symbol]
    market.book.remove(order)
    if order in market.triggers:
        market.triggers.remove(order)
    floor.drop_live(floor.accounts[order.account_id], order)


def _finish_children(floor: Floor, order: Order) -> None:
    for child_id in order.child_ids:
        child = floor.orders.get((order.new.symbol, child_id))
        if child is not None:
            finish(floor, child, OrderStatus.CANCELED_CHILD, PacificaEvent.CANCEL)
