"""One market's book: strangers' aggregated levels, and our accounts' orders among them.

Knows prices, sizes and queue places; nothing of accounts, margin or money. Our order at a price
stands behind the strangers' size that was there when it came (`Order.ahead`): that size shrinks as
strangers trade or leave, and only then is it our order's turn.
"""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from desk.core.book import Level
from desk.core.order import Side
from desk.sim.exchange.orders import ZERO, Order
from desk.sim.exchange.views import RestingOrder

# Bound once: an enum finds its members slowly, and a book is asked at every move of a price.
_BUY, _SELL = Side.BUY, Side.SELL
# Ids of strangers' levels keep clear of those dealt to real orders.
_STRANGER_ASK = (1 << 48) + (1 << 40)
_STRANGER_BID = (1 << 49) - (1 << 40)


@dataclass(frozen=True, slots=True)
class Slice:
    """The next quantity a taker meets; `order` is None for a stranger's."""

    price: Decimal
    size: Decimal
    order: Order | None


class MarketBook:
    """Both sides of one market, best first."""

    __slots__ = ("ambient", "nonce", "own", "tick")

    def __init__(self, tick: Decimal) -> None:
        """Start empty; `tick` numbers the strangers' levels."""
        self.ambient: dict[Side, list[Level]] = {Side.BUY: [], Side.SELL: []}
        self.own: dict[Side, list[Order]] = {Side.BUY: [], Side.SELL: []}
        self.tick = tick
        self.nonce = 0

    @property
    def has_own(self) -> bool:
        """Return whether an order of our accounts rests here."""
        return bool(self.own[_BUY] or self.own[_SELL])

    def replace(self, bids: list[Level], asks: list[Level]) -> None:
        """Put new strangers' depth in place; queue places ahead of our orders can only shrink."""
        self.ambient[_BUY], self.ambient[_SELL] = list(bids), list(asks)
        for side, orders in self.own.items():
            if orders:
                sizes = dict(self.ambient[side])
                for order in orders:
                    order.ahead = min(order.ahead, sizes.get(price_of(order), ZERO))

    def rest(self, order: Order) -> None:
        """Let an order wait at its price, behind whoever stands there."""
        side, price = order.new.side, price_of(order)
        order.ahead = dict(self.ambient[side]).get(price, ZERO)
        insort(self.own[side], order, key=_priority)

    def remove(self, order: Order) -> None:
        """Take a resting order out; one that does not rest is no error."""
        orders = self.own[order.new.side]
        if order in orders:
            orders.remove(order)

    def best(self, side: Side) -> Decimal | None:
        """Return the best price of `side` (BUY: bids), None when that side is empty."""
        ambient, own = self.ambient[side], self.own[side]
        if not own:
            return ambient[0][0] if ambient else None
        price = price_of(own[0])
        if not ambient:
            return price
        return (max if side is Side.BUY else min)(price, ambient[0][0])

    @property
    def mid(self) -> Decimal | None:
        """Return the middle of both best prices, None while a side is empty."""
        bid, ask = self.best(_BUY), self.best(_SELL)
        return None if bid is None or ask is None else (bid + ask) / 2

    def head(self, side: Side) -> Slice | None:
        """Return what a taker would meet first on `side`, in price-time order."""
        ambient, own = self.ambient[side], self.own[side]
        if not own:
            return Slice(*ambient[0], None) if ambient else None
        order = own[0]
        price = price_of(order)
        if not ambient or is_better(side, price, ambient[0][0]):
            return Slice(price, order.remaining, order)
        level_price, level_size = ambient[0]
        if level_price != price:
            return Slice(level_price, level_size, None)
        if order.ahead > 0:
            return Slice(price, min(order.ahead, level_size), None)
        return Slice(price, order.remaining, order)

    def take_ambient(self, side: Side, size: Decimal) -> None:
        """Eat `size` of the strangers' best level; our orders there move up the queue."""
        levels = self.ambient[side]
        price, available = levels[0]
        if size >= available:
            del levels[0]
        else:
            levels[0] = (price, available - size)
        for order in self.own[side]:
            if order.price != price:
                break
            order.ahead = max(ZERO, order.ahead - size)

    def merged(self, side: Side) -> Iterator[tuple[Decimal, Decimal, int]]:
        """Yield (price, size, orders) per level, best first; a stranger's level counts as one."""
        ambient, own = self.ambient[side], self.own[side]
        if not own:
            for price, size in ambient:
                yield price, size, 1
            return
        levels: dict[Decimal, tuple[Decimal, int]] = {price: (size, 1) for price, size in ambient}
        for order in own:
            size, count = levels.get(price_of(order), (ZERO, 0))
            levels[price_of(order)] = (size + order.remaining, count + 1)
        for price in sorted(levels, reverse=side is Side.BUY):
            yield price, *levels[price]

    def singles(self, side: Side) -> Iterator[RestingOrder]:
        """Yield single orders best first; a stranger's level is one order of account -1."""
        own = list(self.own[side])
        for price, size in self.ambient[side]:
            while own and is_better(side, price_of(own[0]), price):
                yield _resting(own.pop(0))
            yield RestingOrder(self.stranger_order_id(side, price), -1, price, size, size, 0)
        yield from (_resting(order) for order in own)

    def stranger_order_id(self, side: Side, price: Decimal) -> int:
        """Return the id a stranger's level goes by: the same as long as its price."""
        ticks = int(price / self.tick)
        return _STRANGER_BID - ticks if side is Side.BUY else _STRANGER_ASK + ticks


def price_of(order: Order) -> Decimal:
    """Return the limit of an order that has one."""
    assert order.price is not None, f"order {order.order_id} has no price"
    return order.price


def is_better(side: Side, price: Decimal, other: Decimal) -> bool:
    """Return whether a resting order of `side` at `price` comes before one at `other`."""
    return price > other if side is Side.BUY else price < other


def is_within(side: Side, price: Decimal, limit: Decimal) -> bool:
    """Return whether a taker of `side` with `limit` accepts `price`."""
    return price <= limit if side is Side.BUY else price >= limit


def _priority(order: Order) -> tuple[Decimal, int]:
    price = price_of(order)
    return (-price if order.new.side is Side.BUY else price), order.seq


def _resting(order: Order) -> RestingOrder:
    return RestingOrder(
        order_id=order.order_id,
        account_id=order.account_id,
        price=price_of(order),
        initial_size=order.size,
        remaining=order.remaining,
        at_ms=order.updated_at_ms,
    )
