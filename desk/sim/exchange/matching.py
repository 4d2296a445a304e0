"""Matching: a taker walks the other side of the book in price-time order.

The taker is one of our accounts' orders or a stranger. Decides what trades with what, not whether
it may (`gate`), nor what it costs (`clearing`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from enum import Enum, auto
from functools import partial

from desk.core.order import Side
from desk.sim.exchange import life
from desk.sim.exchange.book import Slice, is_within, price_of
from desk.sim.exchange.clearing import Execution, execute
from desk.sim.exchange.floor import Floor, Market
from desk.sim.exchange.orders import ZERO, Order
from desk.sim.exchange.views import Fill
from desk.sim.exchange.words import FillCause, OrderStatus, PacificaEvent, SelfTrade

SLICES_MAX = 10_000


class Stop(Enum):
    """Why a walk through the book ended."""

    DONE = auto()
    EMPTY = auto()
    PRICE = auto()
    SLIPPAGE = auto()
    SELF_TRADE = auto()


@dataclass(slots=True)
class Walk:
    """One taker on its way: `left` base units to take, at `limit` or better, or with an average no
    worse than `average_limit`; `taken` and `spent` tell what was.

    `charge` tells what a liquidation takes for a price and size, USD.
    """

    market: Market
    side: Side
    left: Decimal
    taker: Order | None = None
    limit: Decimal | None = None
    average_limit: Decimal | None = None
    cause: FillCause = FillCause.TRADE
    charge: Callable[[Decimal, Decimal], Decimal] | None = None
    taken: Decimal = ZERO
    spent: Decimal = ZERO


def walk(floor: Floor, way: Walk) -> Stop:
    """Trade until something stops the taker."""
    book = way.market.book
    resting = way.side.opposite
    for _ in range(SLICES_MAX):
        if way.left <= 0:
            return Stop.DONE
        head = book.head(resting)
        if head is None:
            return Stop.EMPTY
        if way.limit is not None and not is_within(way.side, head.price, way.limit):
            return Stop.PRICE
        size = min(way.left, head.size, _within_average(way, head))
        if size <= 0:
            return Stop.SLIPPAGE
        if head.order is None:
            trade(floor, way, head.price, size)
            book.take_ambient(resting, size)
        elif way.taker is not None and way.taker.account_id == head.order.account_id:
            if not _meet_oneself(floor, way, way.taker, head.order):
                return Stop.SELF_TRADE
        else:
            _meet_maker(floor, way, head.order, size)
    return Stop.PRICE


def meet_new_depth(floor: Floor, market: Market) -> None:
    """Let the strangers' new levels fill those of our orders they cross, at our price."""
    book = market.book
    for side in Side:
        for _ in range(SLICES_MAX):
            levels, own = book.ambient[side.opposite], book.own[side]
            if not levels or not own or not is_within(side, levels[0][0], price_of(own[0])):
                break
            order = own[0]
            size = min(order.remaining, levels[0][1])
            way = Walk(market, side.opposite, size)
            _meet_maker(floor, way, order, size)
            if way.taken:
                book.take_ambient(side.opposite, way.taken)


def trade(
    floor: Floor, way: Walk, price: Decimal, size: Decimal, *, maker: Order | None = None
) -> Fill | None:
    """Book one slice of a walk."""
    way.left -= size
    way.taken += size
    way.spent += size * price
    charge = None if way.charge is None else partial(way.charge, price, size)
    return execute(
        floor,
        Execution(
            way.market, price, size, way.side, way.taker, maker, cause=way.cause, charge=charge
        ),
    )


def closable(floor: Floor, order: Order) -> Decimal:
    """Return how much a reduce-only order may still close, zero without an opposite position."""
    size = floor.accounts[order.account_id].size_of(order.new.symbol)
    return max(ZERO, -size * order.new.side.sign)


def _meet_maker(floor: Floor, way: Walk, maker: Order, size: Decimal) -> None:
    """Trade with one of our resting orders, or put it away if it has nothing left to reduce."""
    if maker.new.reduce_only:
        size = min(size, closable(floor, maker))
    if size <= 0:
        life.finish(floor, maker, OrderStatus.CANCELED_REDUCE_ONLY, PacificaEvent.FORCE_CANCEL)
        return
    trade(floor, way, price_of(maker), size, maker=maker)
    life.complete(floor, maker)


def _meet_oneself(floor: Floor, way: Walk, taker: Order, maker: Order) -> bool:
    """Prevent a self-trade and return whether the taker goes on."""
    mode = taker.new.self_trade
    if mode is SelfTrade.REDUCE:
        size = min(way.left, maker.remaining)
        taker.canceled += size
        maker.canceled += size
        way.left -= size
        floor.record(maker, PacificaEvent.ADJUST)
        if maker.remaining > 0:
            return False
    if mode is not SelfTrade.EXPIRE_TAKER:
        life.finish(
            floor, maker, OrderStatus.CANCELED_SELF_TRADE, PacificaEvent.SELF_TRADE_PREVENTED
        )
    return mode in (SelfTrade.EXPIRE_MAKER, SelfTrade.REDUCE)


def _within_average(way: Walk, head: Slice) -> Decimal:
    """Return how much at `head`'s price keeps the whole walk's average within its limit."""
    limit = way.average_limit
    if limit is None or is_within(way.side, head.price, limit):
        return head.size
    room = (limit * way.taken - way.spent) / (head.price - limit)
    lot = way.market.spec.instrument.size_lot
    return (room / lot).to_integral_value(ROUND_FLOOR) * lot
