"""Entry: how orders come in, from the gate to the schedule.

Each function takes orders or raises `Refusal`, and puts them behind the speed bump their kind has.
"""

from collections.abc import Sequence
from functools import partial

from desk.core.order import Side
from desk.sim.exchange import arrivals, gate, life
from desk.sim.exchange.accounts import Account
from desk.sim.exchange.floor import Floor
from desk.sim.exchange.orders import ZERO, NewOrder, Order, TriggerLeg
from desk.sim.exchange.words import (
    PROFIT_TYPES,
    Grouping,
    OrderStatus,
    OrderType,
    PacificaEvent,
    Refusal,
    RefusalReason,
    TriggerStatus,
)

GROUP_MAX = 3


def submit(floor: Floor, account_id: int, new: NewOrder) -> int:
    """Take an order with what is attached to it; return its id."""
    account = floor.account(account_id)
    parent = admitted(floor, account, new)
    legs = ((new.take_profit, OrderType.TAKE_PROFIT), (new.stop_loss, OrderType.STOP_LOSS))
    children = [
        admitted(floor, account, leg_order(new.symbol, new.side.opposite, leg, kind), waits=True)
        for leg, kind in legs
        if leg is not None
    ]
    floor.enlist(parent)
    _hang(floor, parent, children)
    _pair(children)
    send(floor, account, parent)
    return parent.order_id


def submit_group(
    floor: Floor, account_id: int, news: Sequence[NewOrder], grouping: Grouping
) -> tuple[int, ...]:
    """Take linked orders, all or none; return their ids."""
    account = floor.account(account_id)
    sizes = {
        Grouping.ONE_TRIGGERS_OTHER: 2,
        Grouping.ONE_CANCELS_OTHER: 2,
        Grouping.ONE_TRIGGERS_OCO: GROUP_MAX,
    }
    if len(news) != sizes[grouping] or len({new.symbol for new in news}) != 1:
        raise Refusal(RefusalReason.INVALID_GROUP, f"{len(news)} orders cannot be {grouping}")
    orders = [admitted(floor, account, new) for new in news]
    if grouping is Grouping.ONE_CANCELS_OTHER:
        for order in orders:
            floor.enlist(order)
        _pair(orders)
        for order in orders:
            send(floor, account, order)
    else:
        floor.enlist(orders[0])
        _hang(floor, orders[0], orders[1:])
        _pair(orders[1:])
        send(floor, account, orders[0])
    return tuple(order.order_id for order in orders)


def set_position_tpsl(
    floor: Floor,
    account_id: int,
    symbol: str,
    *,
    side: Side,
    legs: Sequence[tuple[TriggerLeg, OrderType]],
) -> tuple[int, ...]:
    """Rest triggers on an open position; a leg on the wrong side of mark is left out, and refused
    only when no leg is right (Pacifica docs, TP/SL)."""
    account, market = floor.account(account_id), floor.market(symbol)
    size = account.size_of(symbol)
    if not size:
        raise Refusal(RefusalReason.POSITION_NOT_FOUND, "Position not found")
    if (size > 0) == (side is Side.BUY):
        raise Refusal(RefusalReason.INVALID_STOP_SIDE, "Invalid stop order side")
    right = []
    for leg, kind in legs:
        upwards = (kind is OrderType.TAKE_PROFIT) == (size > 0)
        if leg.stop_price > market.mark if upwards else leg.stop_price < market.mark:
            right.append((leg, kind))
    if not right:
        raise Refusal(RefusalReason.INVALID_TRIGGER_PRICE, "Invalid stop price")
    orders = [admitted(floor, account, leg_order(symbol, side, leg, kind)) for leg, kind in right]
    for order in orders:
        _replace_tied(floor, account, order)
        floor.enlist(order)
        arrivals.arrive(floor, order)
    return tuple(order.order_id for order in orders)


def leg_order(symbol: str, side: Side, leg: TriggerLeg, kind: OrderType) -> NewOrder:
    """Return the reduce-only trigger a leg stands for; `kind` is the type without a limit."""
    limited = {
        OrderType.TAKE_PROFIT: OrderType.TAKE_PROFIT_LIMIT,
        OrderType.STOP_LOSS: OrderType.STOP_LOSS_LIMIT,
    }
    return NewOrder(
        symbol=symbol,
        side=side,
        size=leg.size if leg.size is not None else ZERO,
        price=leg.limit_price,
        type=kind if leg.limit_price is None else limited[kind],
        reduce_only=True,
        trigger_price=leg.stop_price,
        trigger_by=leg.trigger_by,
        client_id=leg.client_id,
    )


def admitted(
    floor: Floor,
    account: Account,
    new: NewOrder,
    *,
    replaces: Order | None = None,
    waits: bool = False,
) -> Order:
    """Return the draft of an order the gate lets through, in place of another if one is given;
    `waits` tells that it is a child."""
    market = gate.check(floor, account, new, replaces=replaces, waits=waits)
    draft = floor.draft(account, new)
    gate.check_margin_at_gate(floor, account, market, draft, replaces=replaces)
    return draft


def _hang(floor: Floor, parent: Order, children: Sequence[Order]) -> None:
    """Enlist children that wait for their parent."""
    for child in children:
        floor.enlist(child)
        _let_expire(floor, child)
        child.parent_id = parent.order_id
        child.trigger_status = TriggerStatus.PARENT_ORDER
        parent.child_ids.append(child.order_id)


def _pair(orders: Sequence[Order]) -> None:
    """Let two orders cancel each other."""
    if len(orders) > 1:
        first, second = orders
        first.oco_id, second.oco_id = second.order_id, first.order_id


def send(floor: Floor, account: Account, order: Order) -> None:
    """Put an order on its way into the engine, and its expiry into the schedule."""
    market = floor.markets[order.new.symbol]
    _let_expire(floor, order)
    delay = gate.delay_ms(floor, account, market, order)
    if delay:
        floor.schedule.put(floor.now_ms + delay, partial(arrivals.arrive, floor, order))
    else:
        arrivals.arrive(floor, order)


def _let_expire(floor: Floor, order: Order) -> None:
    if order.new.expires_at_ms is not None:
        floor.schedule.put(order.new.expires_at_ms, partial(life.expire, floor, order))


def _replace_tied(floor: Floor, account: Account, order: Order) -> None:
    """Cancel an earlier position trigger of the same kind."""
    if order.size != ZERO:
        return
    for other in list(floor.live_in(account, order.new.symbol)):
        same_kind = (other.new.type in PROFIT_TYPES) == (order.new.type in PROFIT_TYPES)
        if other.status is OrderStatus.PENDING and other.size == ZERO and same_kind:
            life.finish(floor, other, OrderStatus.CANCELED, PacificaEvent.CANCEL)
