"""Arrivals: an order reaches the engine, trades what it can, and rests or ends.

What was taken at the gate is judged once more here, because time passed in between.
"""

from desk.core.order import Side
from desk.sim.exchange import gate, life
from desk.sim.exchange.accounts import Account
from desk.sim.exchange.book import is_within, price_of
from desk.sim.exchange.clearing import tell_touched
from desk.sim.exchange.floor import Floor, Market
from desk.sim.exchange.matching import Stop, Walk, closable, walk
from desk.sim.exchange.orders import ZERO, Order
from desk.sim.exchange.words import (
    OrderStatus,
    OrderType,
    PacificaEvent,
    Refusal,
    RefusalReason,
    TimeInForce,
    TriggerStatus,
)

ROUNDS_MAX = 50


def arrive(floor: Floor, order: Order) -> None:
    """Run an order that has sat out its speed bump; one cancelled meanwhile is gone."""
    if order.status is not OrderStatus.IN_PROGRESS:
        return
    account = floor.accounts[order.account_id]
    refusal = _unreducible(floor, account, order)
    if refusal is not None and floor.rules.has_sequencer:
        life.discard(floor, account, order)
    elif refusal is not None:
        life.finish(floor, order, OrderStatus.CANCELED_REDUCE_ONLY, PacificaEvent.FORCE_CANCEL)
    elif order.new.type.is_trigger:
        life.rest_as_trigger(floor, order, PacificaEvent.STOP_CREATED)
    else:
        _hang_children(floor, order)
        refusal = place(floor, order)
    floor.done(order.account_id, order.new.tag, order_id=order.order_id, refusal=refusal)
    settle(floor, floor.markets[order.new.symbol], account)


def place(floor: Floor, order: Order) -> Refusal | None:
    """Trade and rest an order; return why the engine would not have it, None when it did."""
    market, account = floor.markets[order.new.symbol], floor.accounts[order.account_id]
    if not order.new.reduce_only:
        try:
            gate.check_margin(floor, account, market, order)
        except Refusal as refusal:
            life.finish(
                floor, order, OrderStatus.CANCELED_MARGIN_NOT_ALLOWED, PacificaEvent.FORCE_CANCEL
            )
            return refusal
    if order.new.tif is TimeInForce.TOB:
        _step_behind(market, order)
    if order.new.tif is TimeInForce.POST_ONLY and gate.crosses(market, order):
        life.finish(floor, order, OrderStatus.CANCELED_POST_ONLY, PacificaEvent.POST_ONLY_REJECTED)
        return None
    _end_or_rest(floor, order, walk(floor, _way(floor, market, order)))
    return None


def settle(floor: Floor, market: Market, asking: Account | None = None) -> None:
    """Tell what traded and let follow what follows: reduce-only orders with nothing left, children
    of filled parents. The account that asked is told even if it did not trade; one book event
    closes it."""
    if asking is not None and not any(key == asking.account_id for key, _ in floor.touched):
        floor.account_changed(asking)
    if floor.touched or floor.parents_filled:
        _let_follow(floor)
    floor.touch_book(market)


def _let_follow(floor: Floor) -> None:
    for _ in range(ROUNDS_MAX):
        for account, symbol in tell_touched(floor):
            life.tidy(floor, account, symbol)
        parents, floor.parents_filled = floor.parents_filled, []
        for parent in parents:
            _wake_children(floor, parent)
        if not floor.touched and not floor.parents_filled:
            break


def _unreducible(floor: Floor, account: Account, order: Order) -> Refusal | None:
    """Return why a reduce-only order cannot reduce; give a size to one for the whole position."""
    if not order.new.reduce_only or order.new.type.is_trigger:
        return None
    if not account.size_of(order.new.symbol):
        return Refusal(RefusalReason.REDUCE_ONLY_NO_POSITION, "no position to reduce")
    if not closable(floor, order):
        return Refusal(RefusalReason.REDUCE_ONLY_INCREASES, "reduce only increases position")
    if order.size == ZERO:
        order.size = closable(floor, order)
    return None


def _way(floor: Floor, market: Market, order: Order) -> Walk:
    """Return how far into the book an order may walk."""
    left = order.remaining
    if order.new.reduce_only:
        left = min(left, closable(floor, order))
    limit, average_limit = gate.price_limits(floor, market, order)
    return Walk(market, order.new.side, left, order, limit, average_limit)


def _end_or_rest(floor: Floor, order: Order, stop: Stop) -> None:
    """Decide what becomes of an order after its walk."""
    if order.status is OrderStatus.FILLED:
        life.complete(floor, order)
    elif stop is Stop.SELF_TRADE or order.remaining == ZERO:
        life.finish(
            floor, order, OrderStatus.CANCELED_SELF_TRADE, PacificaEvent.SELF_TRADE_PREVENTED
        )
    elif order.new.reduce_only and not closable(floor, order):
        life.finish(floor, order, OrderStatus.CANCELED_REDUCE_ONLY, PacificaEvent.CANCEL)
    elif life.is_immediate(order):
        life.finish(floor, order, _remainder_status(floor, order, stop), PacificaEvent.CANCEL)
    else:
        life.rest_in_book(floor, order)


def _remainder_status(floor: Floor, order: Order, stop: Stop) -> OrderStatus:
    """Return Lighter's word for what a taker could not take; Pacifica has only one."""
    if order.new.type is OrderType.LIMIT or not floor.rules.has_sequencer:
        return OrderStatus.CANCELED
    if stop is Stop.EMPTY:
        return OrderStatus.CANCELED_NOT_ENOUGH_LIQUIDITY
    return OrderStatus.CANCELED_TOO_MUCH_SLIPPAGE


def _step_behind(market: Market, order: Order) -> None:
    """Re-price a top-of-book order one tick behind the opposite best where it would cross."""
    best = market.book.best(order.new.side.opposite)
    if best is not None and is_within(order.new.side, best, price_of(order)):
        tick = market.spec.instrument.price_tick
        order.price = best - tick if order.new.side is Side.BUY else best + tick


def _hang_children(floor: Floor, order: Order) -> None:
    """Let the children of an arriving parent wait for it."""
    for child_id in order.child_ids:
        life.wait_for_parent(floor, floor.orders[(order.new.symbol, child_id)])


def _wake_children(floor: Floor, parent: Order) -> None:
    """Let the children of a parent that has begun to fill act."""
    for child_id in parent.child_ids:
        child = floor.orders.get((parent.new.symbol, child_id))
        if child is None or child.trigger_status is not TriggerStatus.PARENT_ORDER:
            continue
        if child.new.reduce_only and not closable(floor, child):
            # The parent has only made an opposite position smaller so far.
            if parent.status.is_final:
                reduced = OrderStatus.CANCELED_REDUCE_ONLY
                life.finish(floor, child, reduced, PacificaEvent.FORCE_CANCEL)
            continue
        if child.new.type.is_trigger:
            life.rest_as_trigger(floor, child, PacificaEvent.STOP_PARENT_ORDER_FILLED)
            continue
        child.trigger_status = TriggerStatus.READY
        if child.size == ZERO:
            child.size = parent.filled
        place(floor, child)
