"""The market channels: book, bbo, trades, candles, prices.

Books are sent whole, at most every 250 ms, and only when they changed (docs: WebSocket, book). What
may be sent is sent at once, in one go with what else the moment brings.
"""

import asyncio

import msgspec

from desk.sim.exchange import BookChanged, ExchangeEvent, StatsChanged, TradePrinted
from desk.sim.pacifica_server import rows
from desk.sim.pacifica_server.connection import Connection
from desk.sim.pacifica_server.context import Context
from desk.sim.pacifica_server.subscriptions import Subscriptions, Topic, frame_of
from desk.sim.web import encode

PRICES = Topic("prices")
Sides = list[list[rows.Row]]


class MarketStreams:
    """Tells subscribers what happened on the markets."""

    def __init__(self, context: Context, subscriptions: Subscriptions[Connection]) -> None:
        """Read from one context."""
        self._context = context
        self._exchange = context.exchange
        self._subscriptions = subscriptions
        self._books_due: dict[str, asyncio.TimerHandle] = {}
        self._book_sent_ms: dict[str, int] = {}
        self._prices_due: asyncio.TimerHandle | None = None
        self._prices_sent_ms = 0
        self._price_rows: dict[str, msgspec.Raw] = {}
        self._said: dict[Topic, bytes] = {}

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._books_due.values():
            timer.cancel()
        if self._prices_due is not None:
            self._prices_due.cancel()

    def snapshot(self, topic: Topic) -> bytes | None:
        """Return the frame after a subscription: the present book, top of book or prices."""
        if topic == PRICES:
            self._price_rows.clear()  # while nobody listened, nobody noted what happened
            return self._prices_frame()
        if topic.source == "book":
            return self._book_frame(topic, self._levels(topic))
        return self._bbo_frame(topic, self._top(topic)) if topic.source == "bbo" else None

    def publish(self, events: list[ExchangeEvent]) -> None:
        """Send, or set a time for, what a batch of events means."""
        books: dict[str, None] = {}
        marks: dict[str, None] = {}
        for event in events:
            if isinstance(event, TradePrinted):
                marks[event.trade.symbol] = None
                self._on_trade(event)
            elif isinstance(event, BookChanged):
                books[event.symbol] = None
            elif isinstance(event, StatsChanged):
                marks[event.symbol] = None
        for symbol in books:
            self._push_top(symbol)
            self._plan_book(symbol)
        for symbol in marks:
            self._price_rows.pop(symbol, None)
            self._push_candles("mark_price_candle", symbol)
        if marks:
            self._plan_prices()

    def _say(self, topic: Topic, content: object, frame: bytes | None) -> None:
        """Push `frame` unless the last one of this topic had the same content."""
        said = encode(content)
        if frame is not None and self._said.get(topic) != said:
            self._said[topic] = said
            self._subscriptions.push(topic, frame)

    def _on_trade(self, event: TradePrinted) -> None:
        topic = Topic("trades", event.trade.symbol)
        if self._subscriptions.has(topic):
            row = rows.stream_trade(event.trade, sequence=self._exchange.sequence())
            self._subscriptions.push(topic, frame_of(topic, [row]))
        self._push_candles("candle", event.trade.symbol)

    def _push_candles(self, source: str, symbol: str) -> None:
        for topic in self._subscriptions.topics(source, symbol):
            interval_ms = rows.INTERVALS_MS[topic.detail]
            now_ms = self._exchange.now_ms
            bars = self._exchange.candles(
                symbol,
                interval_ms,
                start_ms=now_ms - interval_ms,
                end_ms=now_ms,
                of_mark=source == "mark_price_candle",
            )
            if bars:
                row = rows.candle(symbol, topic.detail, bars[-1])
                self._say(topic, row, frame_of(topic, row))

    def _plan_prices(self) -> None:
        """Send prices as soon as they are wanted, else set a time at which they are."""
        if not self._subscriptions.has(PRICES):
            return
        rules, now_ms = self._context.switches.sockets, self._context.door.now_ms()
        age_ms = now_ms - self._prices_sent_ms
        quiet_ms = now_ms - self._subscriptions.pushed_at_ms(PRICES)
        if age_ms >= rules.prices_patience_ms or quiet_ms >= rules.prices_interval_ms:
            self._push_prices()
        elif self._prices_due is None:
            wait_s = (rules.prices_patience_ms - age_ms) / 1000
            loop = asyncio.get_running_loop()
            self._prices_due = loop.call_later(wait_s, self._push_prices)

    def _push_prices(self) -> None:
        if self._prices_due is not None:
            self._prices_due.cancel()
            self._prices_due = None
        self._prices_sent_ms = self._context.door.now_ms()
        self._subscriptions.push(PRICES, self._prices_frame())

    def _prices_frame(self) -> bytes:
        """Return every market: ccxt 4.5.90 fails on a push that leaves out the one it watches."""
        return frame_of(PRICES, [self._price_row(symbol) for symbol in self._exchange.markets])

    def _price_row(self, symbol: str) -> msgspec.Raw:
        """Return a market's row, made anew only after something happened on that market."""
        row = self._price_rows.get(symbol)
        if row is None:
            row = msgspec.Raw(encode(self._context.price_row(symbol)))
            if not self._context.door.is_stale():
                self._price_rows[symbol] = row
        return row

    def _plan_book(self, symbol: str) -> None:
        if not self._subscriptions.topics("book", symbol) or symbol in self._books_due:
            return
        interval_ms = self._context.switches.sockets.book_interval_ms
        due_ms = self._book_sent_ms.get(symbol, 0) + interval_ms
        wait_s = (due_ms - self._context.door.now_ms()) / 1000
        if wait_s <= 0:
            self._push_book(symbol)
            return
        loop = asyncio.get_running_loop()
        self._books_due[symbol] = loop.call_later(wait_s, self._push_book, symbol)

    def _push_book(self, symbol: str) -> None:
        self._books_due.pop(symbol, None)
        self._book_sent_ms[symbol] = self._context.door.now_ms()
        for topic in self._subscriptions.topics("book", symbol):
            levels = self._levels(topic)
            self._say(topic, levels, self._book_frame(topic, levels))

    def _levels(self, topic: Topic) -> Sides:
        return self._context.book_rows(topic.subject, int(topic.detail))

    def _book_frame(self, topic: Topic, levels: Sides) -> bytes:
        data = {
            "l": levels,
            "s": topic.subject,
            "t": self._context.door.now_ms(),
            "li": self._exchange.sequence(),
        }
        return frame_of(topic, data)

    def _push_top(self, symbol: str) -> None:
        topic = Topic("bbo", symbol)
        if self._subscriptions.has(topic):
            top = self._top(topic)
            self._say(topic, top, self._bbo_frame(topic, top))

    def _top(self, topic: Topic) -> Sides:
        return self._context.book_rows(topic.subject, 1, depth=1)

    def _bbo_frame(self, topic: Topic, top: Sides) -> bytes | None:
        bids, asks = top
        if not bids or not asks:
            return None
        sequence = self._exchange.sequence()
        data = {
            "s": topic.subject,
            "i": sequence,
            "li": sequence,
            "t": self._context.door.now_ms(),
            "b": bids[0]["p"],
            "B": bids[0]["a"],
            "a": asks[0]["p"],
            "A": asks[0]["a"],
        }
        return frame_of(topic, data)
