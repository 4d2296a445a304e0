"""The streams of a simulated client: what the exchange does, told a little later.

One connection carries statistics of every market, books of the watched ones, and the account's
orders and fills. It can fall silent or break; what happens meanwhile is not told afterwards, as on
the real venues.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

from desk.core.book import Book, Level, Quote
from desk.core.errors import StaleData
from desk.core.order import Side
from desk.core.ports import Clock, StreamListener
from desk.core.stream import (
    FillSeen,
    OrderSeen,
    QuoteSeen,
    StatsSeen,
    StreamDown,
    StreamEvent,
    StreamUp,
)
from desk.core.venue import VenueName
from desk.sim.exchange import (
    BookChanged,
    ExchangeEvent,
    FillBooked,
    OrderChanged,
    StatsChanged,
)
from desk.sim.sim_wire import Latency
from desk.sim.sim_words import fill_of, order_of, stats_of
from desk.sim.world import World

BOOK_DEPTH = 20
SILENCE_MS_MAX = 20_000
"""The age of the last frame at which a client calls its connection dead."""
FRAME_MS_MAX = 1_000
"""A live connection carries a frame of some market at least this often, as the venues' streams of
all statistics do, however seldom this world moves a price."""

PrivateTwist = Callable[[list[StreamEvent]], list[StreamEvent]]
"""What becomes of the account's messages of one frame: doubled, reordered, dropped."""


class Line(StrEnum):
    """The state of the connection: `SILENT` looks alive and carries nothing."""

    CLOSED = "closed"
    LIVE = "live"
    SILENT = "silent"
    DOWN = "down"


# Bound once: an enum finds its members slowly, and a feed hears of every move of a price.
_BUY, _SELL = Side.BUY, Side.SELL
_LIVE = Line.LIVE
_OF_MARKETS = (BookChanged, StatsChanged)


class Feed:
    """The stream side of one client."""

    def __init__(
        self, world: World, venue: VenueName, account_id: int, *, clock: Clock, latency: Latency
    ) -> None:
        """Stand closed until `start`; `twist` may spoil what the stream tells of the account."""
        self.twist: PrivateTwist | None = None
        self._world = world
        self._venue = venue
        self._exchange = world.exchanges[venue]
        self._account_id = account_id
        self._clock = clock
        self._latency = latency
        self._listeners: list[StreamListener] = []
        self._watched: dict[str, None] = {}
        self._books: dict[str, tuple[list[Level], list[Level]]] = {}
        self._private: list[StreamEvent] = []
        self._changed: dict[str, None] = {}
        self._line = Line.CLOSED
        self._frame_at_ms = 0

    # The client's side

    def listen(self, listener: StreamListener) -> None:
        """Call `listener` with every event from now on."""
        self._listeners.append(listener)

    def watch(self, symbols: Sequence[str]) -> None:
        """Carry the books of exactly `symbols`; each begins with a snapshot one frame later."""
        self._watched = dict.fromkeys(symbols)
        self._books = {name: book for name, book in self._books.items() if name in self._watched}
        for symbol in symbols:
            if symbol in self._exchange.markets and symbol not in self._books:
                self._note(symbol)

    def start(self) -> None:
        """Connect."""
        if self._line is Line.CLOSED:
            self._exchange.listen(self._hear_market, BookChanged, StatsChanged)
            self._exchange.listen(self._hear_account, OrderChanged, FillBooked)
            self._line = Line.DOWN
            self.mend()

    def stop(self) -> None:
        """Disconnect for good; safe to call twice."""
        if self._line is not Line.CLOSED:
            self._exchange.unlisten(self._hear_market)
            self._exchange.unlisten(self._hear_account)
            self._line = Line.CLOSED

    @property
    def frame_at_ms(self) -> int:
        """Return when the last frame of any kind came, ms UTC."""
        if self._line is not Line.LIVE:
            return self._frame_at_ms
        now_ms = self._clock.now_ms()
        return max(self._frame_at_ms, now_ms - now_ms % FRAME_MS_MAX)

    @property
    def is_whole(self) -> bool:
        """Return whether all that concerns the account is being told."""
        return self._line is Line.LIVE and self.twist is None

    def levels(self, symbol: str) -> tuple[list[Level], list[Level]]:
        """Return bids and asks as last seen; raise `StaleData` unless they are live."""
        book = self._books.get(symbol)
        age_ms = self._clock.now_ms() - self.frame_at_ms
        if self._line in (Line.CLOSED, Line.DOWN) or age_ms > SILENCE_MS_MAX:
            raise self._stale(symbol, f"stream is {self._line}, last frame {age_ms} ms ago")
        if symbol not in self._watched or book is None:
            raise self._stale(symbol, "no book")
        if not book[0] or not book[1]:
            raise self._stale(symbol, "a side of the book is empty")
        return book

    def quote(self, symbol: str) -> Quote:
        """Return the top of the book as last seen; raise `StaleData` as `levels` does."""
        (bid, bid_size), (ask, ask_size) = (side[0] for side in self.levels(symbol))
        return Quote(symbol, bid, bid_size, ask, ask_size, self.frame_at_ms)

    def book(self, symbol: str) -> Book:
        """Return a copy of the book as last seen; raise `StaleData` as `levels` does."""
        return Book(*self.levels(symbol))

    # The world's side

    def silence(self) -> None:
        """Carry nothing from now on without closing; the client notices after a while."""
        if self._line is Line.LIVE:
            self._frame_at_ms = self.frame_at_ms
            self._line = Line.SILENT
            self._forget()
            self._world.schedule(self._world.now_ms + SILENCE_MS_MAX, self._give_up)

    def cut(self, reason: str = "connection lost") -> None:
        """Break the connection; it stays down until `mend`."""
        if self._line in (Line.LIVE, Line.SILENT):
            self._line = Line.DOWN
            self._forget()
            self._books.clear()
            self._tell(StreamDown(self._clock.now_ms(), reason))

    def mend(self) -> None:
        """Connect again: live books, then the account's open orders; nothing missed is made up."""
        if self._line is Line.SILENT:
            self.cut("reconnecting")
        if self._line is not Line.DOWN:
            return
        rows = self._exchange.orders(self._account_id)
        self._line = Line.LIVE
        self._will_tell(StreamUp(self._clock.now_ms()))
        for row in rows:
            self._will_tell(OrderSeen(order_of(row)))
        for symbol in self._watched:
            if symbol in self._exchange.markets:
                self._note(symbol)

    def _give_up(self) -> None:
        if self._line is Line.SILENT:
            self.cut(f"silent for {SILENCE_MS_MAX / 1000:g} s")

    def _forget(self) -> None:
        self._private.clear()
        self._changed.clear()

    def _hear_market(self, event: ExchangeEvent) -> None:
        """Queue a market that changed; the exchange is in the middle of something."""
        if self._line is _LIVE and isinstance(event, _OF_MARKETS):
            self._note(event.symbol)

    def _hear_account(self, event: ExchangeEvent) -> None:
        """Queue what concerns this client's account."""
        if self._line is not _LIVE:
            return
        if isinstance(event, OrderChanged) and event.order.account_id == self._account_id:
            self._will_tell(OrderSeen(order_of(event.order)))
        elif isinstance(event, FillBooked) and event.fill.account_id == self._account_id:
            self._will_tell(FillSeen(fill_of(event.fill)))

    def _will_tell(self, event: StreamEvent) -> None:
        """Put a message into the next frame of the account."""
        if not self._private:
            self._world.schedule(self._world.now_ms + self._latency.stream_ms, self._tell_account)
        self._private.append(event)

    def _note(self, symbol: str) -> None:
        """Put a market into the next frame of the markets, as it will then be."""
        if not self._changed:
            self._world.schedule(self._world.now_ms + self._latency.market_ms, self._show_markets)
        self._changed[symbol] = None

    def _tell_account(self) -> None:
        private, self._private = self._private, []
        if self._line is not _LIVE:
            return
        self._frame_at_ms = self._clock.now_ms()
        for event in private if self.twist is None else self.twist(private):
            self._tell(event)

    def _show_markets(self) -> None:
        changed, self._changed = self._changed, {}
        if self._line is not _LIVE:
            return
        self._frame_at_ms = self._clock.now_ms()
        for symbol in changed:
            if symbol in self._watched:
                self._show(symbol)

    def _show(self, symbol: str) -> None:
        bids = self._exchange.levels(symbol, _BUY, BOOK_DEPTH)
        asks = self._exchange.levels(symbol, _SELL, BOOK_DEPTH)
        self._books[symbol] = (bids, asks)
        if bids and asks:
            self._tell(QuoteSeen(Quote(symbol, *bids[0], *asks[0], self._frame_at_ms)))
        self._tell(StatsSeen(stats_of(self._exchange.stats(symbol))))

    def _tell(self, event: StreamEvent) -> None:
        for listener in self._listeners:
            listener(event)

    def _stale(self, symbol: str, reason: str) -> StaleData:
        return StaleData(reason, venue=self._venue, request=f"book {symbol}")
