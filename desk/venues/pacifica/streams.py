"""Pacifica's sockets: which connection carries what, and what its frames tell a listener.

One connection carries the account and the first markets; more are opened when a channel is full.
Frames are read in `pacifica.frames`, books kept in `pacifica.feed`, sockets kept alive in
`stream`. Source of the limits: docs.pacifica.fi, "WebSocket API".
"""

from asyncio import gather
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from desk.core.account import Position
from desk.core.book import Book, Quote
from desk.core.errors import BadMessage, StaleData, VenueUnavailable
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
from desk.venues.pacifica.feed import MarketFeed
from desk.venues.pacifica.frames import (
    ACCOUNT_CHANNELS,
    MARKET_CHANNELS,
    PING,
    SUBSCRIPTIONS_PER_CHANNEL_MAX,
    AccountFrame,
    AccountInfoRow,
    BboFrame,
    BookFrame,
    Channel,
    FillsFrame,
    Frame,
    OrdersFrame,
    OtherFrame,
    PositionsFrame,
    PricesFrame,
    account_params,
    market_params,
    parse,
    subscribe_text,
    unsubscribe_text,
)
from desk.venues.pacifica.wire import market_stats
from desk.venues.sockets import SocketOpener
from desk.venues.stream import StreamHandlers, StreamSession, StreamSettings, Subscription

CONNECTIONS_MAX = 16
_ACCOUNT_STREAMS = frozenset(f"stream {channel}" for channel in ACCOUNT_CHANNELS)
_PRICES_STREAM = f"stream {Channel.PRICES}"
# The venue closes a connection that hears nothing from us for 60 s, and answers every ping.
SETTINGS = StreamSettings(heartbeat_text=PING)


@dataclass(slots=True)
class _Link:
    """One connection and the markets it carries."""

    session: StreamSession
    feed: MarketFeed = field(default_factory=MarketFeed)
    symbols: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """What the account's streams said last; each part None before its first frame.

    Convenience for people and tools: a decision reads `PacificaClient.account`.
    """

    positions: tuple[Position, ...] | None = None
    money: AccountInfoRow | None = None


class PacificaStreams:
    """The account's and the markets' streams as one feed of events."""

    def __init__(
        self,
        url: str,
        *,
        opener: SocketOpener,
        clock: Clock,
        jitter: Callable[[], float],
        account: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare the first connection; nothing is opened.

        Without `account` only markets are streamed.
        """
        self._url = url
        self._opener = opener
        self._clock = clock
        self._jitter = jitter
        self._headers = headers or {}
        self._listeners: list[StreamListener] = []
        self._started = False
        self._announced_up = False
        self.account_seen = AccountSeen()
        first = self._new_link()
        self._links = [first]
        self._want(first, Channel.PRICES.value, {"source": Channel.PRICES.value})
        if account is not None:
            for channel in ACCOUNT_CHANNELS:
                self._want(first, channel.value, account_params(channel, account))

    # Life

    def listen(self, listener: StreamListener) -> None:
        """Call `listener` with every event from now on."""
        self._listeners.append(listener)

    async def open(self, wait_s_max: float) -> None:
        """Start, and wait until the first connection stands; raises `VenueUnavailable`."""
        self._started = True
        for link in self._links:
            link.session.start()
        first = self._links[0].session
        if not await first.wait_up(wait_s_max):
            raise VenueUnavailable(first.reason, venue=VenueName.PACIFICA, request="stream")

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        self._started = False
        await gather(*(link.session.close() for link in self._links))

    # Markets

    def watch(self, symbols: Sequence[str]) -> None:
        """Stream exactly these markets.

        Raises `ValueError` for more than all connections can carry.
        """
        wanted = dict.fromkeys(symbols)
        if len(wanted) > CONNECTIONS_MAX * SUBSCRIPTIONS_PER_CHANNEL_MAX:
            raise ValueError(f"{len(wanted)} symbols are more than the connections carry")
        for link in self._links:
            for symbol in [each for each in link.symbols if each not in wanted]:
                self._drop(link, symbol)
        carried = {symbol for link in self._links for symbol in link.symbols}
        for symbol in wanted:
            if symbol not in carried:
                self._carry(self._link_with_room(), symbol)

    def quote(self, symbol: str) -> Quote:
        """Return the top of a watched market's book; raises `StaleData`."""
        link = self._live_link(symbol)
        return link.feed.quote(symbol, received_at_ms=link.session.last_data_at_ms)

    def book(self, symbol: str) -> Book:
        """Return a watched market's book, up to ten levels a side; raises `StaleData`."""
        link = self._live_link(symbol)
        return link.feed.book(symbol, received_at_ms=link.session.last_data_at_ms)

    def _live_link(self, symbol: str) -> _Link:
        link = next((link for link in self._links if symbol in link.symbols), None)
        reason = "not watched" if link is None else link.session.trouble
        if link is None or reason is not None:
            raise StaleData(str(reason), venue=VenueName.PACIFICA, request=f"book {symbol}")
        return link

    def _link_with_room(self) -> _Link:
        for link in self._links:
            if len(link.symbols) < SUBSCRIPTIONS_PER_CHANNEL_MAX:
                return link
        link = self._new_link()
        self._links.append(link)
        if self._started:
            link.session.start()
        return link

    def _carry(self, link: _Link, symbol: str) -> None:
        link.symbols.append(symbol)
        self._ask_for_books(link, symbol)

    def _ask_for_books(self, link: _Link, symbol: str) -> None:
        link.feed.begin(symbol, at_ms=self._clock.now_ms())
        for channel in MARKET_CHANNELS:
            self._want(link, f"{channel}:{symbol}", market_params(channel, symbol))

    @staticmethod
    def _drop(link: _Link, symbol: str) -> None:
        link.symbols.remove(symbol)
        link.feed.end(symbol)
        for channel in MARKET_CHANNELS:
            link.session.unsubscribe(f"{channel}:{symbol}")

    @staticmethod
    def _want(link: _Link, key: str, params: Mapping[str, Any]) -> None:
        link.session.subscribe(
            Subscription(key, partial(subscribe_text, params), unsubscribe_text(params))
        )

    def _new_link(self) -> _Link:
        handlers = StreamHandlers(
            on_text=lambda text: self._on_text(link, text),
            on_up=self._on_up,
            on_down=lambda reason: self._on_down(link, reason),
        )
        session = StreamSession(
            self._url,
            opener=self._opener,
            handlers=handlers,
            clock=self._clock,
            jitter=self._jitter,
            settings=SETTINGS,
            headers=self._headers,
        )
        link = _Link(session)
        return link

    # Frames

    def _on_up(self) -> None:
        if not self._announced_up and all(link.session.is_up for link in self._links):
            self._announced_up = True
            self._tell(StreamUp(self._clock.now_ms()))

    def _on_down(self, link: _Link, reason: str) -> None:
        link.feed.forget(at_ms=self._clock.now_ms())
        if self._announced_up:
            self._announced_up = False
            self._tell(StreamDown(self._clock.now_ms(), reason))

    def _on_text(self, link: _Link, text: str) -> bool:
        try:
            frame = parse(text)
        except BadMessage as error:
            self._on_unreadable(link, error)
            return False
        self._take(link, frame)
        return not isinstance(frame, OtherFrame)

    def _take(self, link: _Link, frame: Frame) -> None:
        match frame:
            case BookFrame(row):
                quote = link.feed.apply_book(row, at_ms=self._clock.now_ms())
                self._tell(*([] if quote is None else [QuoteSeen(quote)]))
            case BboFrame(row):
                quote = link.feed.apply_bbo(row, at_ms=self._clock.now_ms())
                self._tell(*([] if quote is None else [QuoteSeen(quote)]))
            case PricesFrame(found):
                seen = market_stats(found, symbols=self._watched)
                self._tell(*(StatsSeen(stats) for stats in seen.values()))
                self._mend_silent_books()
            case OrdersFrame(orders):
                self._tell(*(OrderSeen(order) for order in orders))
            case FillsFrame(fills):
                self._tell(*(FillSeen(fill) for fill in fills))
            case PositionsFrame(positions):
                self.account_seen = AccountSeen(positions, self.account_seen.money)
            case AccountFrame(money):
                self.account_seen = AccountSeen(self.account_seen.positions, money)
            case OtherFrame():
                return

    def _on_unreadable(self, link: _Link, error: BadMessage) -> None:
        """Say that something was missed: books are forgotten until their next frame, and for
        the account's channels the listener hears of a break, so that it asks by request.

        The socket stays: a new one would bring the same frame again.
        """
        if error.request == _PRICES_STREAM:
            return  # statistics come again by themselves
        if error.request not in _ACCOUNT_STREAMS:
            link.feed.forget(at_ms=self._clock.now_ms())
        elif self._announced_up:
            now_ms = self._clock.now_ms()
            self._tell(StreamDown(now_ms, f"unreadable frame: {error}"), StreamUp(now_ms))

    def _mend_silent_books(self) -> None:
        """Ask anew for books that stopped while their connection went on."""
        for link in self._links:
            if link.session.is_up:
                for symbol in link.feed.silent(at_ms=self._clock.now_ms()):
                    for channel in MARKET_CHANNELS:
                        link.session.unsubscribe(f"{channel}:{symbol}")
                    self._ask_for_books(link, symbol)

    @property
    def _watched(self) -> frozenset[str]:
        return frozenset(symbol for link in self._links for symbol in link.symbols)

    def _tell(self, *events: StreamEvent) -> None:
        for event in events:
            for listener in self._listeners:
                listener(event)
