"""What has been sent of one order book, and the frame that brings a listener up to date.

One per market, shared by all listeners: whoever subscribes gets the state as last sent, so that
one delta serves everybody. `begin_nonce` of a delta is the `nonce` of the frame before; `offset`
only counts and says nothing about gaps (venue's WebSocket reference, recorded frames).
"""

from decimal import Decimal

from desk.core.book import Level
from desk.core.order import Side
from desk.sim.exchange import Exchange
from desk.sim.lighter_server.markets import Row, WireMarket, level_rows

LEVELS_MAX = 1_000

Levels = dict[Decimal, Decimal]


class BookFeed:
    """One market's book as the stream's listeners hold it."""

    def __init__(self, exchange: Exchange, market: WireMarket) -> None:
        """Follow one market of `exchange`; nothing is read until somebody listens."""
        self._exchange = exchange
        self._market = market
        self._sent: dict[Side, Levels] = {Side.BUY: {}, Side.SELL: {}}
        self._nonce = 0
        self._offset = 0
        self._changed_us = 0
        self._best: tuple[Level | None, Level | None] = (None, None)

    @property
    def is_unread(self) -> bool:
        """Return whether nobody has asked for this book yet."""
        return self._offset == 0

    def advance(self, now_ms: int) -> Row | None:
        """Take over the exchange's levels; return the delta's body, None if nothing changed."""
        nonce = self._exchange.book_nonce(self._market.symbol)
        if nonce == self._nonce:
            return None
        bids, asks = self._delta(Side.BUY), self._delta(Side.SELL)
        if not bids and not asks:
            return None
        begin_nonce, self._nonce = self._nonce, nonce
        self._offset += 1
        self._changed_us = now_ms * 1000
        return self._body(bids, asks, begin_nonce=begin_nonce, now_ms=now_ms)

    def _delta(self, side: Side) -> list[Level]:
        """Return changed levels, best first, size zero for those gone, and remember the new
        state."""
        new = dict(self._exchange.levels(self._market.symbol, side, LEVELS_MAX))
        old, self._sent[side] = self._sent[side], new
        changed = [(price, size) for price, size in new.items() if old.get(price) != size]
        changed += [(price, Decimal(0)) for price in old if price not in new]
        return sorted(changed, reverse=side is Side.BUY)

    def _body(self, bids: list[Level], asks: list[Level], *, begin_nonce: int, now_ms: int) -> Row:
        return {
            "last_updated_at": self._changed_us,
            "offset": self._offset,
            "order_book": {
                "code": 0,
                "asks": level_rows(self._market, asks),
                "bids": level_rows(self._market, bids),
                "offset": self._offset,
                "nonce": self._nonce,
                "last_updated_at": self._changed_us,
                "begin_nonce": begin_nonce,
            },
            "timestamp": now_ms,
        }

    def snapshot(self, now_ms: int) -> Row:
        """Return the whole book as last sent; asks ascending, bids descending."""
        bids, asks = self._sent[Side.BUY], self._sent[Side.SELL]
        return self._body(list(bids.items()), list(asks.items()), begin_nonce=0, now_ms=now_ms)

    def new_ticker(self, now_ms: int) -> Row | None:
        """Return the ticker's body if the best levels changed since the last one."""
        best = (self._top(Side.SELL), self._top(Side.BUY))
        if best == self._best:
            return None
        self._best = best
        return self.ticker(now_ms)

    def ticker(self, now_ms: int) -> Row:
        """Return best ask and bid; an empty side prints empty texts."""
        return {
            "last_updated_at": self._changed_us,
            "nonce": self._nonce,
            "ticker": {
                "s": self._market.name,
                "a": self._printed(self._top(Side.SELL)),
                "b": self._printed(self._top(Side.BUY)),
                "last_updated_at": self._changed_us,
            },
            "timestamp": now_ms,
        }

    def _top(self, side: Side) -> Level | None:
        return next(iter(self._sent[side].items()), None)

    def _printed(self, level: Level | None) -> Row:
        if level is None:
            return {"price": "", "size": ""}
        return level_rows(self._market, [level])[0]
