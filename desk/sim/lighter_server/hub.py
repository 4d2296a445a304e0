"""Turns what happens on the exchange into frames for whoever listens.

Events are queued as they come and worked off outside the exchange: private streams at once, books
and statistics together, only what changed and at most each 50 ms. A frame is built and encoded
once, however many listen.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from desk.sim.exchange import (
    BookChanged,
    ExchangeEvent,
    FillCause,
    OrderChanged,
    StatsChanged,
    Trade,
    TradePrinted,
    TxDone,
)
from desk.sim.lighter_server.books import BookFeed
from desk.sim.lighter_server.channels import Snapshots, Topic, height
from desk.sim.lighter_server.ledger import Ledger, event_info
from desk.sim.lighter_server.markets import Row, WireMarket
from desk.sim.lighter_server.news import AccountNews, private_frame
from desk.sim.lighter_server.reader import Reader
from desk.sim.lighter_server.switches import SocketLimits
from desk.sim.web import Door, encode

BOOK_FAMILIES = ("order_book", "ticker")


class Listener(Protocol):
    """A connection that frames are posted to."""

    @property
    def posted_at_ms(self) -> int:
        """Return when a frame was last posted, by the venue's clock."""
        ...

    def post(self, operation: str, frame: bytes) -> None:
        """Queue one encoded frame; never blocks, never raises."""


@dataclass(slots=True)
class _Group:
    """Who hears one stream, by connection number; `last` is the body sent last where equal
    bodies are not repeated."""

    topic: Topic
    listeners: dict[int, Listener] = field(default_factory=dict)
    last: Row | None = None


class Hub:
    """Every stream of the venue, and who hears it."""

    def __init__(
        self, reader: Reader, ledger: Ledger, *, door: Door, limits: SocketLimits
    ) -> None:
        """Frames carry `door`'s time; nothing is sent before `start`."""
        self._reader = reader
        self._ledger = ledger
        self._door = door
        self._limits = limits
        self._books = {
            market_id: BookFeed(reader.exchange, market)
            for market_id, market in reader.markets.items()
        }
        self._snapshots = Snapshots(reader, ledger, self._books)
        self._groups: dict[str, _Group] = {}
        self._events: list[ExchangeEvent] = []
        self._changed_books: dict[str, None] = {}
        self._changed_stats: dict[str, None] = {}
        self._trades: dict[str, list[Trade]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drain_handle: asyncio.Handle | None = None
        self._flush_handle: asyncio.TimerHandle | None = None
        self._flushed_at_ms = 0
        self._stats_sent_ms = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hear the exchange from now on."""
        self._loop = loop
        self._reader.exchange.listen(self.on_event)

    def stop(self) -> None:
        """Hear no more, and forget what was not sent."""
        self._reader.exchange.unlisten(self.on_event)
        for handle in (self._drain_handle, self._flush_handle):
            if handle is not None:
                handle.cancel()
        self._loop = None

    # Listeners

    def subscribe(self, topic: Topic, number: int, listener: Listener) -> Row:
        """Add a listener; return the stream's first frame, up to date for everybody."""
        now_ms = self._door.now_ms()
        self.drain()
        if topic.family in BOOK_FAMILIES and topic.market is not None:
            self._refresh_book(topic.market, now_ms)
        frame = self._snapshots.frame(topic, now_ms)
        group = self._groups.setdefault(topic.key, _Group(topic))
        group.listeners[number] = listener
        return frame

    def unsubscribe(self, key: str, number: int) -> None:
        """Remove a listener of the stream with this key."""
        group = self._groups.get(key)
        if group is None:
            return
        group.listeners.pop(number, None)
        if not group.listeners:
            del self._groups[key]

    # Events

    def on_event(self, event: ExchangeEvent) -> None:
        """Queue one event; the exchange must not be asked anything now."""
        if self._loop is None:
            return
        self._events.append(event)
        if self._drain_handle is None:
            self._drain_handle = self._loop.call_soon(self._drain_soon)

    def _drain_soon(self) -> None:
        self._drain_handle = None
        self.drain()

    def drain(self) -> None:
        """Work off what has happened: outcomes, private frames, and what the next flush is of."""
        events, self._events = self._events, []
        news: dict[int, AccountNews] = {}
        for event in events:
            self._note(event, news)
        now_ms = self._door.now_ms()
        for account, fresh in news.items():
            self._post_private(account, fresh, now_ms)
        if self._changed_books or self._changed_stats or self._trades:
            self._schedule_flush()

    def _note(self, event: ExchangeEvent, news: dict[int, AccountNews]) -> None:
        if isinstance(event, BookChanged):
            self._changed_books[event.symbol] = None
        elif isinstance(event, StatsChanged):
            self._changed_stats[event.symbol] = None
        elif isinstance(event, TradePrinted):
            self._note_trade(event.trade, news)
        elif isinstance(event, OrderChanged):
            order = event.order
            fresh = news.setdefault(order.account_id, AccountNews())
            fresh.orders[order.symbol, order.order_id] = order
        elif isinstance(event, TxDone):
            self._note_outcome(event, news)
        elif (account := getattr(event, "account_id", None)) is not None:
            news.setdefault(account, AccountNews()).has_changed = True

    def _note_trade(self, trade: Trade, news: dict[int, AccountNews]) -> None:
        self._trades.setdefault(trade.symbol, []).append(trade)
        for side in (trade.taker, trade.maker):
            if side.fill is not None:
                fresh = news.setdefault(side.account_id, AccountNews())
                fresh.trades.append(trade)
                if trade.cause is not FillCause.TRADE:
                    fresh.forced.append(side.fill)

    def _note_outcome(self, done: TxDone, news: dict[int, AccountNews]) -> None:
        record = self._ledger.get(done.tag)
        if record is None:
            return
        market_id = record.transaction.body.get("MarketIndex")
        market = None if market_id is None else self._reader.markets.get(market_id)
        order = None
        if market is not None and done.order_id is not None:
            order = self._reader.exchange.order(done.order_id, symbol=market.symbol)
        info = event_info(done, market, order and self._reader.seen(order))
        self._ledger.finish(record, ok=done.ok, event_info=info, now_ms=done.at_ms)
        news.setdefault(done.account_id, AccountNews()).txs.append(record)

    def _post_private(self, account: int, fresh: AccountNews, now_ms: int) -> None:
        for group in self._of_account(account):
            body = private_frame(
                group.topic, fresh, self._reader, snapshots=self._snapshots, now_ms=now_ms
            )
            if body is not None:
                group.last = body
                self._post(group, body)

    def _of_account(self, account: int) -> list[_Group]:
        return [group for group in self._groups.values() if group.topic.account == account]

    # Public frames

    def _schedule_flush(self) -> None:
        if self._loop is None or self._flush_handle is not None:
            return
        wait_ms = self._flushed_at_ms + self._limits.flush_interval_ms - self._door.now_ms()
        if wait_ms <= 0:
            self._flush()
        else:
            self._flush_handle = self._loop.call_later(wait_ms / 1000, self._flush)

    def _flush(self) -> None:
        """Send what changed since the last time; nothing while prices are to stand still."""
        self._flush_handle = None
        self._flushed_at_ms = now_ms = self._door.now_ms()
        if self._door.is_stale():
            self._trades.clear()
            return
        books, self._changed_books = self._changed_books, {}
        trades, self._trades = self._trades, {}
        by_symbol = self._reader.by_symbol
        for symbol in books:
            if self._is_book_heard(by_symbol[symbol]):
                self._flush_book(by_symbol[symbol], now_ms)
        stats = self._take_stats(now_ms)
        self._flush_stats([by_symbol[symbol] for symbol in stats], now_ms)
        for symbol, printed in trades.items():
            self._flush_trades(by_symbol[symbol], printed)
        self._flush_candles({**stats, **dict.fromkeys(trades)}, now_ms)
        self._flush_rest(stats, now_ms)

    def _take_stats(self, now_ms: int) -> dict[str, None]:
        """Return the symbols whose statistics are to be sent now; others wait their time, unless
        somebody who waits for them has heard nothing else."""
        is_due = now_ms >= self._stats_sent_ms + self._limits.stats_interval_ms
        if not is_due and now_ms < self._posted_at_ms() + self._limits.quiet_ms_max:
            return {}
        stats, self._changed_stats = self._changed_stats, {}
        self._stats_sent_ms = now_ms
        return stats

    def _posted_at_ms(self) -> int:
        """Return when the one who waited longest for all statistics was last sent any frame."""
        group = self._groups.get("market_stats:all")
        listeners = group.listeners.values() if group is not None else ()
        return min((listener.posted_at_ms for listener in listeners), default=0)

    def _refresh_book(self, market: WireMarket, now_ms: int) -> None:
        """Bring a book up to date before a snapshot, unless prices are to stand still."""
        if self._books[market.market_id].is_unread or not self._door.is_stale():
            self._flush_book(market, now_ms)

    def _is_book_heard(self, market: WireMarket) -> bool:
        return any(f"{family}:{market.market_id}" in self._groups for family in BOOK_FAMILIES)

    def _flush_book(self, market: WireMarket, now_ms: int) -> None:
        book = self._groups.get(f"order_book:{market.market_id}")
        ticker = self._groups.get(f"ticker:{market.market_id}")
        feed = self._books[market.market_id]
        delta = feed.advance(now_ms)
        if delta is not None and book is not None:
            self._post(book, delta)
        if ticker is not None and (best := feed.new_ticker(now_ms)) is not None:
            self._post(ticker, best)

    def _flush_stats(self, markets: list[WireMarket], now_ms: int) -> None:
        for market in markets:
            group = self._groups.get(f"market_stats:{market.market_id}")
            if group is not None:
                stats = self._reader.market_stats(market)
                self._post(group, {"market_stats": stats, "timestamp": now_ms})
        every = self._groups.get("market_stats:all")
        if every is not None and markets:
            self._post(every, self._snapshots.all_stats(markets, now_ms))

    def _flush_trades(self, market: WireMarket, trades: list[Trade]) -> None:
        group = self._groups.get(f"trade:{market.market_id}")
        if group is None:
            return
        plain = [self._reader.trade(row) for row in trades if row.cause is FillCause.TRADE]
        forced = [self._reader.trade(row) for row in trades if row.cause is not FillCause.TRADE]
        nonce = self._reader.exchange.book_nonce(market.symbol)
        shown = {"trades": self._reader.listed(plain), "liquidation_trades": forced}
        self._post(group, {"nonce": nonce, **shown})

    def _flush_candles(self, symbols: dict[str, None], now_ms: int) -> None:
        for group in [row for row in self._groups.values() if row.topic.resolution]:
            market = group.topic.market
            if market is None or market.symbol not in symbols:
                continue
            body = self._snapshots.candle(group.topic, market, now_ms)
            if body["candles"] and body["candles"] != (group.last or {}).get("candles"):
                group.last = body
                self._post(group, body)

    def _flush_rest(self, symbols: dict[str, None], now_ms: int) -> None:
        """Send the height, and the statistics of accounts whose value moved with the marks of
        `symbols`."""
        for group in list(self._groups.values()):
            account = group.topic.account
            if group.topic.family == "height":
                self._post(group, height(now_ms))
            elif group.topic.family == "user_stats" and account is not None:
                self._flush_user_stats(group, account, symbols, now_ms)

    def _flush_user_stats(
        self, group: _Group, account: int, symbols: dict[str, None], now_ms: int
    ) -> None:
        if not any(self._reader.exchange.holds(account, symbol) for symbol in symbols):
            return
        body = self._snapshots.user_stats(account, now_ms)
        if body["stats"] != (group.last or {}).get("stats"):
            group.last = body
            self._post(group, body)

    def _post(self, group: _Group, body: Row) -> None:
        topic = group.topic
        frame = encode({"channel": topic.name, **body, "type": f"update/{topic.family}"})
        for listener in list(group.listeners.values()):
            listener.post(topic.operation, frame)
