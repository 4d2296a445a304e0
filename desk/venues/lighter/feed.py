"""Lighter's streams for one account: books, statistics, and what happens to our orders.

Holds what the stream told last and passes it on as core events. It asks nothing by request and
sends no transaction.
"""

import json
from asyncio import Event, TimerHandle, get_running_loop, timeout
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial

from desk.core.book import Book, Quote
from desk.core.errors import BadMessage, StaleData
from desk.core.market import Instrument, MarketStats
from desk.core.order import Order, Side
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
from desk.venues.lighter.api import AuthTokens
from desk.venues.lighter.books import WatchedBooks
from desk.venues.lighter.decode import readable
from desk.venues.lighter.frames import (
    CODE_ALREADY_SUBSCRIBED,
    PONG,
    BookFrame,
    Frame,
    OrdersFrame,
    Ping,
    Problem,
    Shutdown,
    StatsFrame,
    TradesFrame,
    TxFrame,
    UserStats,
    channel_of,
    read_frame,
    stats,
)
from desk.venues.lighter.orders import fills, order, refused_order
from desk.venues.sockets import SocketOpener
from desk.venues.stream import StreamHandlers, StreamSession, Subscription

STATS_CHANNEL = "market_stats/all"
PRIVATE_CHANNELS = ("account_all_orders", "account_all_trades", "account_tx", "user_stats")
# What must have answered before the stream counts as up: without these we would miss a fill.
VITAL_FRAMES = frozenset((OrdersFrame, TradesFrame))
DATA_FRAMES = (BookFrame, StatsFrame, OrdersFrame, TradesFrame, TxFrame, UserStats)
ANSWERED_S_MAX = 5.0
STATS_AGE_S_MAX = 10.0
# A market's mark moves many times a minute (recorded); one whose rows cannot be read stands still.
MARKET_STATS_AGE_MS_MAX = 60_000
ENDED_ORDERS_MAX = 512


class LighterFeed:
    """One connection with everything we listen to.

    `tokens` and `account_index` are None for public data alone.
    """

    def __init__(
        self,
        *,
        ws_url: str,
        opener: SocketOpener,
        clock: Clock,
        jitter: Callable[[], float],
        tokens: AuthTokens | None,
        account_index: int | None,
    ) -> None:
        """Connect nothing yet."""
        self._clock = clock
        self._tokens = tokens
        self._account_index = account_index
        self._listeners: list[StreamListener] = []
        self._instruments: dict[int, Instrument] = {}
        self._wanted: tuple[str, ...] = ()
        self._books = WatchedBooks()
        self._stats: dict[str, MarketStats] = {}
        self._stats_seen_s: float | None = None
        self._stats_came = Event()
        self._ended: OrderedDict[str, Order] = OrderedDict()
        self._answered: set[type[Frame]] = set()
        self._problem: str | None = None
        self._stands = Event()
        self._held: list[StreamEvent] = []  # for `ANSWERED_S_MAX` at most
        self._timer: TimerHandle | None = None
        self.user_stats: UserStats | None = None
        handlers = StreamHandlers(self._on_text, self._on_up, self._on_down)
        self._session = StreamSession(
            ws_url, opener=opener, handlers=handlers, clock=clock, jitter=jitter
        )

    # Life

    def listen(self, listener: StreamListener) -> None:
        """Call `listener` with every event from now on."""
        self._listeners.append(listener)

    async def start(self, wait_s_max: float) -> str | None:
        """Connect and subscribe; return why the stream does not stand after `wait_s_max`, None if
        it does. It keeps trying either way."""
        self._subscribe_public(STATS_CHANNEL)
        if self._tokens is not None:
            for name in PRIVATE_CHANNELS:
                self._subscribe_private(f"{name}/{self._account_index}")
        self._session.start()
        with suppress(TimeoutError):
            async with timeout(wait_s_max):
                if await self._session.wait_up(wait_s_max):
                    await self._stands.wait()
        return None if self._stands.is_set() else self._problem or self._session.reason

    async def close(self) -> None:
        """Close the connection; listeners hear nothing more."""
        self._stop_timer()
        await self._session.close()

    def set_instruments(self, instruments: Iterable[Instrument]) -> None:
        """Know these markets from now on."""
        self._instruments = {
            instrument.market_id: instrument
            for instrument in instruments
            if instrument.market_id is not None
        }
        self.watch(self._wanted)

    @property
    def watched(self) -> tuple[str, ...]:
        """Return the symbols whose books are wanted."""
        return self._wanted

    def watch(self, symbols: Iterable[str]) -> None:
        """Stream the books of exactly these symbols; one we have no market for is kept in mind."""
        self._wanted = tuple(symbols)
        wanted = {
            market_id: instrument.symbol
            for market_id, instrument in self._instruments.items()
            if instrument.symbol in self._wanted
        }
        for market_id in sorted(self._books.market_ids - wanted.keys()):
            self._session.unsubscribe(_book_channel(market_id))
            self._books.end(market_id)
        for market_id in sorted(wanted.keys() - self._books.market_ids):
            now_s = self._clock.monotonic_s()
            self._books.begin(market_id, wanted[market_id], now_s=now_s)
            self._subscribe_public(_book_channel(market_id))

    # What it knows

    def quote(self, symbol: str) -> Quote:
        """Return the top of a watched book; raises `StaleData`."""
        at_ms = self._session.last_data_at_ms
        quote = self._standing(symbol).quote(symbol, received_at_ms=at_ms)
        if quote is None:
            raise _stale(symbol, "a side of the book is empty")
        return quote

    def book(self, symbol: str) -> Book:
        """Return a copy of a watched book with both sides; raises `StaleData`."""
        self.quote(symbol)
        book = self._standing(symbol)
        return Book(book.levels(Side.BUY), book.levels(Side.SELL))

    def _standing(self, symbol: str) -> Book:
        if self._session.trouble is not None:
            raise _stale(symbol, self._session.trouble)
        try:
            book = self._books.book(symbol)
        except KeyError as error:
            raise _stale(symbol, "not watched") from error
        if book is None:
            raise _stale(symbol, "no snapshot since the last gap")
        return book

    def fresh_stats(self) -> Mapping[str, MarketStats]:
        """Return streamed statistics by symbol: nothing when the channel is silent, no market that
        it has not told of for a minute."""
        seen_s = self._stats_seen_s
        is_fresh = seen_s is not None and self._clock.monotonic_s() - seen_s <= STATS_AGE_S_MAX
        if not is_fresh or not self._session.is_up:
            return {}
        since_ms = self._clock.now_ms() - MARKET_STATS_AGE_MS_MAX
        return {symbol: each for symbol, each in self._stats.items() if each.at_ms >= since_ms}

    async def wait_stats(self, wait_s_max: float) -> None:
        """Return once statistics have come since the connection stood, or after `wait_s_max`."""
        with suppress(TimeoutError):
            async with timeout(wait_s_max):
                await self._stats_came.wait()

    def ended_order(self, symbol: str, client_id: str) -> Order | None:
        """Return an order of a market that the stream has shown at its end."""
        order = self._ended.get(client_id)
        return order if order is not None and order.symbol == symbol else None

    # Subscriptions

    def _subscribe_public(self, channel: str) -> None:
        begin, end = (
            json.dumps({"type": verb, "channel": channel}) for verb in ("subscribe", "unsubscribe")
        )
        self._session.subscribe(Subscription(channel, lambda: begin, end))

    def _subscribe_private(self, channel: str) -> None:
        self._session.subscribe(Subscription(channel, partial(self._private_text, channel)))

    def _private_text(self, channel: str) -> str:
        assert self._tokens is not None
        token = self._tokens.current_now()
        return json.dumps({"type": "subscribe", "channel": channel, "auth": token})

    def _mend_book(self, market_id: int) -> None:
        """Ask for a new snapshot of a lost book, now and then: the answer takes a moment."""
        if self._books.needs_snapshot(market_id, now_s=self._clock.monotonic_s()):
            self._session.unsubscribe(_book_channel(market_id))
            self._subscribe_public(_book_channel(market_id))

    # The connection

    def _on_up(self) -> None:
        self._answered.clear()
        self._problem = None
        self._timer = get_running_loop().call_later(ANSWERED_S_MAX, self._on_patience_end)
        if self._tokens is None:
            self._announce()

    def _on_down(self, reason: str) -> None:
        self._stop_timer()
        self._stands.clear()
        self._held.clear()
        self._stats_came.clear()
        self._stats_seen_s = None
        self._stats.clear()
        self._books.forget()
        if self._tokens is not None:
            self._tokens.forget()
        self._emit(StreamDown(self._clock.now_ms(), reason))

    def _on_patience_end(self) -> None:
        """Come up without every answer, unless the server complained: then begin again.

        The documentation promises a first frame per channel; no recording shows it for an
        account without orders.
        """
        if self._problem is not None:
            self._session.restart(self._problem)
        else:
            self._announce()

    def _announce(self) -> None:
        self._stop_timer()
        self._stands.set()
        self._emit(StreamUp(self._clock.now_ms()))
        self._release()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _emit(self, event: StreamEvent) -> None:
        for listener in self._listeners:
            listener(event)

    # Frames

    def _on_text(self, text: str) -> bool:
        try:
            frame = read_frame(text)
            with readable(channel_of(text) or "stream", text):
                events = list(self._take(frame))
        except BadMessage as error:
            self._on_unreadable(text, error)
            return False
        self._held += events
        if isinstance(frame, OrdersFrame | TradesFrame) and frame.is_snapshot:
            self._on_answer(type(frame))
        if self._stands.is_set():
            self._release()
        return isinstance(frame, DATA_FRAMES)

    def _release(self) -> None:
        """Tell what was held back: a listener hears first that the connection stands."""
        held, self._held = self._held, []
        for event in held:
            self._emit(event)

    def _on_unreadable(self, text: str, error: BadMessage) -> None:
        """Repair what an unreadable frame may have told: a book by a snapshot, the account by a
        new connection (its listener then asks); statistics come again by themselves."""
        kind, _, subject = channel_of(text).partition(":")
        if kind == "market_stats":
            return
        if kind == "order_book" and subject.isdigit() and int(subject) in self._books.market_ids:
            self._books.lose(int(subject))
            self._mend_book(int(subject))
            return
        self._session.restart(str(error))

    def _on_answer(self, kind: type[Frame]) -> None:
        self._answered.add(kind)
        if not self._stands.is_set() and self._answered.issuperset(VITAL_FRAMES):
            self._announce()

    def _take(self, frame: Frame | None) -> Iterator[StreamEvent]:
        match frame:
            case BookFrame():
                yield from self._on_book(frame)
            case StatsFrame():
                yield from self._on_stats(frame)
            case OrdersFrame():
                yield from self._on_orders(frame)
            case TradesFrame():
                yield from self._on_trades(frame)
            case TxFrame():
                yield from self._on_transactions(frame)
            case UserStats():
                self.user_stats = frame
            case Ping():
                self._session.send(PONG)
            case Shutdown():
                self._session.restart("the server restarts")
            case Problem(code, message) if code != CODE_ALREADY_SUBSCRIBED:
                self._problem = f"refused by the stream: {message} (code {code})"

    def _on_book(self, frame: BookFrame) -> Iterator[QuoteSeen]:
        at_ms, now_s = self._clock.now_ms(), self._clock.monotonic_s()
        quote = self._books.apply(frame, at_ms=at_ms, now_s=now_s)
        self._mend_book(frame.market_id)
        if quote is not None:
            yield QuoteSeen(quote)

    def _on_stats(self, frame: StatsFrame) -> Iterator[StatsSeen]:
        self._stats_seen_s = self._clock.monotonic_s()
        for row in frame.rows:
            instrument = self._instruments.get(row.market_id)
            seen = stats(row, instrument.symbol, at_ms=self._clock.now_ms()) if instrument else None
            if seen is None:
                continue
            self._stats[seen.symbol] = seen
            if seen.symbol in self._wanted:
                yield StatsSeen(seen)
        self._stats_came.set()
        for market_id in self._books.lose_silent(now_s=self._clock.monotonic_s()):
            self._mend_book(market_id)

    def _on_orders(self, frame: OrdersFrame) -> Iterator[OrderSeen]:
        for row in frame.rows:
            instrument = self._instruments.get(row.market_index)
            if instrument is not None:
                yield self._order_seen(order(row, instrument.symbol))

    def _on_trades(self, frame: TradesFrame) -> Iterator[FillSeen]:
        for row in frame.rows:
            instrument = self._instruments.get(row.market_id)
            if instrument is not None and self._account_index is not None:
                for fill in fills(row, instrument.symbol, self._account_index):
                    yield FillSeen(fill)

    def _on_transactions(self, frame: TxFrame) -> Iterator[OrderSeen]:
        for row in frame.rows:
            refused = refused_order(row, self._instruments)
            if refused is not None:
                yield self._order_seen(refused)

    def _order_seen(self, seen: Order) -> OrderSeen:
        if seen.client_id is not None and seen.status.is_final:
            self._ended[seen.client_id] = seen
            while len(self._ended) > ENDED_ORDERS_MAX:
                self._ended.popitem(last=False)
        return OrderSeen(seen)


def _book_channel(market_id: int) -> str:
    return f"order_book/{market_id}"


def _stale(symbol: str, reason: str) -> StaleData:
    return StaleData(reason, venue=VenueName.LIGHTER, request=f"book {symbol}")
