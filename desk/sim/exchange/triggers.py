"""Triggers: orders that wait for a price, and what happens when it comes.

Lighter watches the mark (Lighter API docs, order types); Pacifica the price the order names.
"""

from decimal import Decimal

from desk.core.order import Side
from desk.sim.exchange import life
from desk.sim.exchange.arrivals import place, settle
from desk.sim.exchange.floor import Floor, Market
from desk.sim.exchange.matching import closable
from desk.sim.exchange.orders import ZERO, Order
from desk.sim.exchange.words import (
    PROFIT_TYPES,
    OrderStatus,
    PacificaEvent,
    TriggerBy,
    TriggerStatus,
)

# Bound once: an enum finds its members slowly, and triggers are asked at every move of a price.
_BUY, _PENDING, _MARK = Side.BUY, OrderStatus.PENDING, TriggerBy.MARK


def check(floor: Floor, market: Market) -> None:
    """Fire every trigger of a market whose price has been reached, oldest first."""
    for order in list(market.triggers):
        if order.status is _PENDING and is_reached(market, order):
            fire(floor, market, order)


def is_reached(market: Market, order: Order) -> bool:
    """Return whether the price an order watches is at or beyond its trigger.

    Stops fire when the price goes against the position (a buy on the way up), take-profits the
    other way round.
    """
    price, trigger = _watched(market, order), order.trigger_price
    if price is None or trigger is None:
        return False
    upwards = (order.new.side is _BUY) != (order.new.type in PROFIT_TYPES)
    return price >= trigger if upwards else price <= trigger


def fire(floor: Floor, market: Market, order: Order) -> None:
    """Turn a trigger into the order it stands for and run it."""
    market.triggers.remove(order)
    order.status = OrderStatus.IN_PROGRESS
    order.trigger_status = TriggerStatus.READY
    order.triggered_at_ms = floor.now_ms
    floor.record(order, PacificaEvent.STOP_TRIGGERED)
    life.cancel_twin(floor, order)
    if order.new.reduce_only and not closable(floor, order):
        life.finish(floor, order, OrderStatus.CANCELED_REDUCE_ONLY, PacificaEvent.FORCE_CANCEL)
    else:
        if order.size == ZERO:
            order.size = closable(floor, order)
        place(floor, order)
    settle(floor, market, floor.accounts[order.account_id])


def _watched(market: Market, order: Order) -> Decimal | None:
    by = order.new.trigger_by
    if by is _MARK:
        return market.mark
    return market.tape.last if by is TriggerBy.LAST else market.book.mid
