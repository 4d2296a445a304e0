"""Books of the watched markets, as the stream last left them.

Pure state: frames in, quotes out; time comes with the frames. It knows no socket: whether the
connection behind a book still lives is its owner's question.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from desk.core.book import Book, Level, Quote
from desk.core.errors import StaleData
from desk.core.venue import VenueName
from desk.venues.pacifica.frames import BboRow
from desk.venues.pacifica.wire import BookRow

BOOK_SILENCE_MS_MAX = 30_000  # books are sent some four times a second; one that stopped is dead


@dataclass(slots=True)
class _Market:
    begun_at_ms: int
    book: BookRow | None = None
    bid: Level | None = None
    ask: Level | None = None
    sequence: int = -1
    seen_at_ms: int | None = None


class MarketFeed:
    """The books of one connection's markets.

    Both channels of a market, whole books and tops, carry the exchange-wide sequence `li`; a
    frame that is older than one already seen is dropped, so the top is always the later of the
    two.
    """

    def __init__(self) -> None:
        """Start with no market."""
        self._markets: dict[str, _Market] = {}

    def begin(self, symbol: str, *, at_ms: int) -> None:
        """Expect a market anew: what was known of it is forgotten."""
        self._markets[symbol] = _Market(at_ms)

    def end(self, symbol: str) -> None:
        """Expect a market no more."""
        self._markets.pop(symbol, None)

    def forget(self, *, at_ms: int) -> None:
        """Forget every book: the connection is gone, or a frame was missed."""
        for symbol in self._markets:
            self.begin(symbol, at_ms=at_ms)

    def silent(self, *, at_ms: int) -> list[str]:
        """Return the markets nothing was heard of for too long."""
        return [
            symbol
            for symbol, market in self._markets.items()
            if at_ms - (market.seen_at_ms or market.begun_at_ms) > BOOK_SILENCE_MS_MAX
        ]

    def apply_book(self, row: BookRow, *, at_ms: int) -> Quote | None:
        """Take a whole book in; return the top if it changed."""
        market = self._admit(row.s, row.li, at_ms)
        if market is None:
            return None
        market.book = row
        bids, asks = row.bids, row.asks
        tops = bids[0] if bids else None, asks[0] if asks else None
        return self._retop(row.s, market, tops, at_ms=at_ms)

    def apply_bbo(self, row: BboRow, *, at_ms: int) -> Quote | None:
        """Take the top of a book in; return it if it changed."""
        market = self._admit(row.s, row.li, at_ms)
        if market is None:
            return None
        tops = _level(row.b, row.B), _level(row.a, row.A)
        return self._retop(row.s, market, tops, at_ms=at_ms)

    def quote(self, symbol: str, *, received_at_ms: int) -> Quote:
        """Return the top of a market's book, stamped with its connection's last frame.

        Raises `StaleData` before the first frame, after a long silence of that market, with an
        empty side and on a crossed book.
        """
        market = self._fresh(symbol, received_at_ms)
        if market.bid is None or market.ask is None:
            _stale(symbol, "a side of the book is empty")
        if market.bid[0] >= market.ask[0]:
            _stale(symbol, "the book is crossed")
        return Quote(symbol, *market.bid, *market.ask, received_at_ms)

    def book(self, symbol: str, *, received_at_ms: int) -> Book:
        """Return a market's book, up to ten levels a side; raises `StaleData` as `quote` does."""
        market = self._fresh(symbol, received_at_ms)
        if market.book is None:
            _stale(symbol, "no book yet")
        book = Book(market.book.bids, market.book.asks)
        if not market.book.bids or not market.book.asks or book.is_crossed:
            _stale(symbol, "a side of the book is empty, or it is crossed")
        return book

    def _admit(self, symbol: str, sequence: int | None, at_ms: int) -> _Market | None:
        """Return the market a frame belongs to; None for a late frame or an unknown market."""
        market = self._markets.get(symbol)
        if market is None or (sequence is not None and sequence < market.sequence):
            return None
        market.sequence = market.sequence if sequence is None else sequence
        market.seen_at_ms = at_ms
        return market

    @staticmethod
    def _retop(
        symbol: str, market: _Market, tops: tuple[Level | None, Level | None], *, at_ms: int
    ) -> Quote | None:
        if (market.bid, market.ask) == tops:
            return None
        market.bid, market.ask = bid, ask = tops
        if bid is None or ask is None or bid[0] >= ask[0]:
            return None
        return Quote(symbol, *bid, *ask, at_ms)

    def _fresh(self, symbol: str, received_at_ms: int) -> _Market:
        market = self._markets.get(symbol)
        if market is None:
            _stale(symbol, "not watched")
        if market.seen_at_ms is None:
            _stale(symbol, "no frame yet")
        if received_at_ms - market.seen_at_ms > BOOK_SILENCE_MS_MAX:
            _stale(symbol, f"no frame of this market for {BOOK_SILENCE_MS_MAX} ms")
        return market


def _level(price: Decimal | None, size: Decimal | None) -> Level | None:
    return (price, size) if price and size else None


def _stale(symbol: str, reason: str) -> NoReturn:
    raise StaleData(reason, venue=VenueName.PACIFICA, request=f"book {symbol}")
