"""An order book as price levels, and the top of one as a value.

Knows nothing of streams, gaps or venues.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile

from desk.core.order import Side

Level = tuple[Decimal, Decimal]

BPS = Decimal(10_000)
_QUANTUM_BPS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask of one market, in USD, with their sizes in base units.

    `received_at_ms` is our clock at the last frame on that connection: the age that gates an
    opening.
    """

    symbol: str
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    received_at_ms: int

    @property
    def mid(self) -> Decimal:
        """Return the middle of bid and ask."""
        return (self.bid + self.ask) / 2

    @property
    def spread_bps(self) -> Decimal:
        """Return the width of the book in basis points of its middle."""
        return (self.ask - self.bid) / self.mid * 10_000


@dataclass(frozen=True, slots=True)
class Impact:
    """What taking a given amount from a book costs against its middle, bp (>= 0), by the side of
    the taker; half the spread is in it."""

    buy_bps: Decimal
    sell_bps: Decimal

    @property
    def round_trip_bps(self) -> Decimal:
        """Return what it costs to get in and out again."""
        return self.buy_bps + self.sell_bps


class Book:
    """Price levels of one market.

    Prices USD, sizes base units; a level of size zero does not exist.
    """

    __slots__ = ("_prices", "_sizes")

    def __init__(self, bids: Iterable[Level] = (), asks: Iterable[Level] = ()) -> None:
        """Build a book from levels in any order."""
        self._sizes: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
        self._prices: dict[Side, list[Decimal]] = {Side.BUY: [], Side.SELL: []}
        self.apply(bids, asks)

    def apply(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Set each given level to its absolute size; zero removes it, a level unknown to us
        included."""
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            for price, size in levels:
                self._set(side, price, size)

    def _set(self, side: Side, price: Decimal, size: Decimal) -> None:
        sizes, prices = self._sizes[side], self._prices[side]
        if size > 0:
            if price not in sizes:
                insort(prices, price)
            sizes[price] = size
        elif sizes.pop(price, None) is not None:
            del prices[bisect_left(prices, price)]

    def levels(self, side: Side) -> Iterator[Level]:
        """Yield resting levels of `side` (BUY: bids), best first."""
        prices, sizes = self._prices[side], self._sizes[side]
        for price in reversed(prices) if side is Side.BUY else prices:
            yield price, sizes[price]

    def best(self, side: Side) -> Level | None:
        """Return the best resting level of `side`, or None when that side is empty."""
        return next(self.levels(side), None)

    @property
    def is_crossed(self) -> bool:
        """Return whether the best bid reaches the best ask: a sign of a broken feed."""
        bids, asks = self._prices[Side.BUY], self._prices[Side.SELL]
        return bool(bids and asks) and bids[-1] >= asks[0]

    def quote(self, symbol: str, *, received_at_ms: int) -> Quote | None:
        """Return the top of the book, or None while a side is empty."""
        bid, ask = self.best(Side.BUY), self.best(Side.SELL)
        if bid is None or ask is None:
            return None
        return Quote(symbol, bid[0], bid[1], ask[0], ask[1], received_at_ms)


def taking_price(levels: Iterable[Level], size: Decimal) -> tuple[Decimal, Decimal] | None:
    """Walk `levels` (best first) to take `size` base units.

    Returns the average price paid and the worst level touched, in USD; None when the levels hold
    less than `size`. Raises `ValueError` unless `size` is positive.
    """
    if size <= 0:
        raise ValueError(f"nothing to take: size {size}")
    left, spent = size, Decimal(0)
    for price, available in levels:
        taken = min(left, available)
        left -= taken
        spent += taken * price
        if left == 0:
            return spent / size, price
    return None


def impact(
    book: Book, notional_usd: Decimal, *, band_bps: Decimal | None = None
) -> Impact | None:
    """Return what taking that notional (USD, > 0) costs on each side of `book`.

    None where a side is empty, or holds less than that, within `band_bps` of the middle if given.
    """
    mid = _mid(book)
    if mid is None:
        return None
    size = notional_usd / mid
    bought, sold = (
        taking_price(_within(book, side, mid, band_bps), size) for side in (Side.SELL, Side.BUY)
    )
    if bought is None or sold is None:
        return None
    return Impact(
        buy_bps=((bought[0] - mid) / mid * BPS).quantize(_QUANTUM_BPS),
        sell_bps=((mid - sold[0]) / mid * BPS).quantize(_QUANTUM_BPS),
    )


def held_usd(book: Book, *, band_bps: Decimal | None = None) -> Decimal:
    """Return what the thinner side of `book` holds, within `band_bps` of the middle if given."""
    mid = _mid(book)
    if mid is None:
        return Decimal(0)
    return min(
        sum((price * size for price, size in _within(book, side, mid, band_bps)), Decimal(0))
        for side in (Side.SELL, Side.BUY)
    )


def _mid(book: Book) -> Decimal | None:
    ask, bid = book.best(Side.SELL), book.best(Side.BUY)
    return None if ask is None or bid is None else (ask[0] + bid[0]) / 2


def _within(
    book: Book, side: Side, mid: Decimal, band_bps: Decimal | None
) -> Iterable[Level]:
    """Return the levels of a side that an order with that band could take, best first."""
    levels = book.levels(side)
    if band_bps is None:
        return levels
    width = mid * band_bps / BPS
    return takewhile(lambda level: abs(level[0] - mid) <= width, levels)
