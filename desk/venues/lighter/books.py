"""Books of the watched Lighter markets, as the stream left them: a book with a hole is no book.

Pure state: frames in, quotes out. Which connection the frames came by, and whether it lives, is
the owner's question.
"""

from dataclasses import dataclass, field

from desk.core.book import Book, Quote
from desk.venues.lighter.frames import BookFrame

RESUBSCRIBE_S = 5.0
# A market's books change many times a minute (recorded); one that is quiet for longer than this may
# have lost its subscription, and a snapshot is the proof.
BOOK_SILENCE_S_MAX = 60.0


class StreamedBook:
    """One market's book, kept from frames.

    `book` is None before the first snapshot and from a gap to the next snapshot: a book with a
    hole in it looks like any other.
    """

    def __init__(self) -> None:
        """Start without a book."""
        self.book: Book | None = None
        self._last: BookFrame | None = None

    def forget(self) -> None:
        """Drop the book: its connection is gone."""
        self.book = self._last = None

    def apply(self, frame: BookFrame) -> bool:
        """Take one frame in; return False when it does not follow, and the book is lost.

        An update must begin at the nonce of the frame before it (stream documentation); one that
        ends at or before that nonce is a repetition. Offsets count frames only where there are
        no nonces: since December 2025 they differ between servers.
        """
        if frame.is_snapshot:
            self.book = Book(frame.bids, frame.asks)
        elif self.book is None or self._last is None:
            return False
        elif _repeats(self._last, frame):
            return True
        elif not _follows(self._last, frame):
            self.forget()
            return False
        else:
            self.book.apply(frame.bids, frame.asks)
        self._last = frame
        if self.book.is_crossed:
            self.forget()
            return False
        return True


def _repeats(last: BookFrame, frame: BookFrame) -> bool:
    if frame.nonce is None or last.nonce is None:
        return frame.offset <= last.offset
    return frame.nonce <= last.nonce


def _follows(last: BookFrame, frame: BookFrame) -> bool:
    if frame.begin_nonce is None or last.nonce is None:
        return frame.offset == last.offset + 1
    return frame.begin_nonce == last.nonce


@dataclass(slots=True)
class _Market:
    symbol: str
    asked_s: float
    heard_s: float
    streamed: StreamedBook = field(default_factory=StreamedBook)
    quote: Quote | None = None


class WatchedBooks:
    """The books of one connection, by market id."""

    def __init__(self) -> None:
        """Watch nothing."""
        self._markets: dict[int, _Market] = {}

    @property
    def market_ids(self) -> set[int]:
        """Return the watched markets."""
        return set(self._markets)

    def begin(self, market_id: int, symbol: str, *, now_s: float) -> None:
        """Watch a market whose snapshot has just been asked for."""
        self._markets[market_id] = _Market(symbol, asked_s=now_s, heard_s=now_s)

    def end(self, market_id: int) -> None:
        """Watch a market no more."""
        self._markets.pop(market_id, None)

    def forget(self) -> None:
        """Drop every book: the connection is gone."""
        for market_id in self._markets:
            self.lose(market_id)

    def lose(self, market_id: int) -> None:
        """Drop one book: a frame of it was missed."""
        market = self._markets[market_id]
        market.streamed.forget()
        market.quote = None

    def lose_silent(self, *, now_s: float) -> list[int]:
        """Drop the books of markets nothing was heard of for too long; return their ids."""
        silent = [
            market_id
            for market_id, market in self._markets.items()
            if now_s - max(market.heard_s, market.asked_s) > BOOK_SILENCE_S_MAX
        ]
        for market_id in silent:
            self.lose(market_id)
        return silent

    def book(self, symbol: str) -> Book | None:
        """Return a standing book, None for one that is lost or has not come yet.

        Raises `KeyError` for a symbol that is not watched.
        """
        for market in self._markets.values():
            if market.symbol == symbol:
                return market.streamed.book
        raise KeyError(symbol)

    def apply(self, frame: BookFrame, *, at_ms: int, now_s: float) -> Quote | None:
        """Take a frame in; return the top of the book if it changed."""
        market = self._markets.get(frame.market_id)
        if market is None:
            return None
        market.heard_s = now_s
        if not market.streamed.apply(frame) or market.streamed.book is None:
            market.quote = None
            return None
        before = market.quote
        market.quote = quote = market.streamed.book.quote(market.symbol, received_at_ms=at_ms)
        return quote if quote is not None and not _same_top(quote, before) else None

    def needs_snapshot(self, market_id: int, *, now_s: float) -> bool:
        """Return whether to ask for a snapshot now: the book is lost, and it was not asked for
        just before."""
        market = self._markets.get(market_id)
        if market is None or market.streamed.book is not None:
            return False
        if now_s - market.asked_s < RESUBSCRIBE_S:
            return False
        market.asked_s = now_s
        return True


def _same_top(quote: Quote, other: Quote | None) -> bool:
    return other is not None and (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (
        other.bid,
        other.bid_size,
        other.ask,
        other.ask_size,
    )
