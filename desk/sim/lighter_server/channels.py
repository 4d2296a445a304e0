"""The streams: their names, who may hear them, and the first frame of each.

Asked for with slashes ("order_book/0"), named with colons in frames ("order_book:0"). Shapes are
those of the venue's WebSocket reference and of recorded frames.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from desk.sim.lighter_server import accounts, codes
from desk.sim.lighter_server import markets as market_rows
from desk.sim.lighter_server.api_markets import RESOLUTIONS_MS
from desk.sim.lighter_server.books import BookFeed
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.ledger import Ledger, tx_row
from desk.sim.lighter_server.markets import Row, WireMarket
from desk.sim.lighter_server.reader import Reader
from desk.sim.lighter_server.switches import LighterSwitches, TokenNeed

ALL = "all"
TRADES_SHOWN = 50
PAYMENTS_SHOWN = 50
TXS_SHOWN = 50

_PARTS: Mapping[str, tuple[str, ...]] = {
    "order_book": ("market",),
    "ticker": ("market",),
    "market_stats": ("market_or_all",),
    "spot_market_stats": ("market_or_all",),
    "trade": ("market",),
    "candle": ("market", "resolution"),
    "mark_price_candle": ("market", "resolution"),
    "height": (),
    "account_all": ("account",),
    "account_market": ("market", "account"),
    "account_orders": ("market", "account"),
    "account_all_orders": ("account",),
    "account_all_trades": ("account",),
    "account_all_positions": ("account",),
    "account_all_assets": ("account",),
    "user_stats": ("account",),
    "account_tx": ("account",),
    "notification": ("account",),
}
_ALWAYS_PRIVATE = (
    "account_market",
    "account_orders",
    "account_all_orders",
    "account_all_positions",
    "account_all_assets",
    "account_tx",
    "notification",
)
_DISPUTED = ("account_all", "account_all_trades", "user_stats")


@dataclass(frozen=True, slots=True)
class Topic:
    """One stream: its family, and the market, account or resolution it is of.

    `key` tells streams apart, `name` is what frames call it (both with colons). `market` is None
    for the `all` form and for account streams.
    """

    family: str
    key: str
    name: str
    market: WireMarket | None = None
    account: int | None = None
    resolution: str = ""

    @property
    def operation(self) -> str:
        """Return the name that stream faults match: family, then symbol or account."""
        of = self.market.symbol if self.market else self.account
        return f"stream {self.family} {'' if of is None else of}".rstrip()


def parse_topic(channel: object, reader: Reader, switches: LighterSwitches) -> Topic:
    """Return the stream a client asks for; 30005 where there is none of that name."""
    if not isinstance(channel, str):
        raise LighterRefusal(codes.WS_INVALID_CHANNEL)
    family, *values = channel.split("/")
    parts = _PARTS.get(family)
    if parts is None or len(parts) != len(values):
        raise LighterRefusal(codes.WS_INVALID_CHANNEL)
    market: WireMarket | None = None
    account: int | None = None
    resolution = ""
    for part, value in zip(parts, values, strict=True):
        if part == "resolution":
            resolution = _resolution(value)
        elif part == "account":
            account = _account(value, reader)
        elif part == "market" or value != ALL:
            market = _market(value, reader)
    key = name = ":".join((family, *values))
    if family == "account_orders" and not switches.account_orders_names_account:
        name = f"{family}:{values[0]}"
    return Topic(family, key, name, market=market, account=account, resolution=resolution)


def needs_token(topic: Topic, switches: LighterSwitches) -> bool:
    """Return whether a stream is for the account's owner only."""
    strict = switches.token_need is TokenNeed.STRICT
    return topic.family in _ALWAYS_PRIVATE or (strict and topic.family in _DISPUTED)


def _market(value: str, reader: Reader) -> WireMarket:
    market = reader.markets.get(int(value)) if value.isdecimal() else None
    if market is None:
        raise LighterRefusal(codes.WS_INVALID_CHANNEL, " (marketId)")
    return market


def _account(value: str, reader: Reader) -> int:
    if not value.isdecimal():
        raise LighterRefusal(codes.WS_INVALID_CHANNEL, " (accountId)")
    reader.keyring.l1_address(int(value))
    return int(value)


def _resolution(value: str) -> str:
    if value not in RESOLUTIONS_MS:
        raise LighterRefusal(codes.WS_INVALID_CHANNEL, " (resolution)")
    return value


class Snapshots:
    """The first frame of each stream, whole but for `type` and `channel`."""

    def __init__(self, reader: Reader, ledger: Ledger, books: Mapping[int, BookFeed]) -> None:
        """Read from `reader` and `ledger`; `books` by market id say what was sent of each book."""
        self._reader = reader
        self._ledger = ledger
        self._books = books
        self._of_market: dict[str, Callable[[WireMarket, int], Row]] = {
            "order_book": self._order_book,
            "ticker": self._ticker,
            "market_stats": self._market_stats,
            "trade": self._trades,
        }
        self._of_account: dict[str, Callable[[int, int], Row]] = {
            "account_all": self.account_all,
            "account_all_orders": self._all_orders,
            "account_all_trades": self._all_trades,
            "account_all_positions": self.all_positions,
            "account_all_assets": self.all_assets,
            "user_stats": self.user_stats,
            "account_tx": self._txs,
            "notification": lambda account, now_ms: {"notifs": []},
        }

    def frame(self, topic: Topic, now_ms: int) -> Row:
        """Return the `subscribed/…` frame of a stream."""
        body = self._body(topic, now_ms)
        return {"channel": topic.name, **body, "type": f"subscribed/{topic.family}"}

    def _body(self, topic: Topic, now_ms: int) -> Row:
        market, account = topic.market, topic.account
        if topic.family == "height":
            return height(now_ms)
        if topic.family == "spot_market_stats":
            return {"spot_market_stats": {}, "timestamp": now_ms}
        if market is not None and account is not None:
            return self._account_market(topic, market, account)
        if account is not None:
            return self._of_account[topic.family](account, now_ms)
        if topic.resolution and market is not None:
            return self.candle(topic, market, now_ms)
        if market is not None:
            return self._of_market[topic.family](market, now_ms)
        return self.all_stats(self._reader.markets.values(), now_ms)

    def _order_book(self, market: WireMarket, now_ms: int) -> Row:
        return self._books[market.market_id].snapshot(now_ms)

    def _ticker(self, market: WireMarket, now_ms: int) -> Row:
        return self._books[market.market_id].ticker(now_ms)

    def _market_stats(self, market: WireMarket, now_ms: int) -> Row:
        return {"market_stats": self._reader.market_stats(market), "timestamp": now_ms}

    def all_stats(self, markets: Iterable[WireMarket], now_ms: int) -> Row:
        """Return the `all` form: statistics by market index."""
        stats = {str(row.market_id): self._reader.market_stats(row) for row in markets}
        return {"market_stats": stats, "timestamp": now_ms}

    def _trades(self, market: WireMarket, now_ms: int) -> Row:
        recent = self._reader.exchange.trades(market.symbol, limit=TRADES_SHOWN)
        return {
            "liquidation_trades": [],
            "nonce": self._reader.exchange.book_nonce(market.symbol),
            "trades": self._reader.listed([self._reader.trade(trade) for trade in recent]),
        }

    def candle(self, topic: Topic, market: WireMarket, now_ms: int) -> Row:
        """Return the bar in progress."""
        interval_ms = RESOLUTIONS_MS[topic.resolution]
        bars = self._reader.exchange.candles(
            market.symbol,
            interval_ms,
            start_ms=now_ms // interval_ms * interval_ms,
            end_ms=now_ms,
            limit=1,
            of_mark=topic.family == "mark_price_candle",
        )
        return {"candles": [market_rows.candle_row(bar) for bar in bars], "timestamp": now_ms}

    def _account_market(self, topic: Topic, market: WireMarket, account: int) -> Row:
        orders = self._reader.exchange.orders(account, market.symbol)
        if topic.family == "account_orders":
            nonce = self._reader.exchange.book_nonce(market.symbol)
            by_market = self._reader.orders_by_market(orders)
            return {"account": account, "nonce": nonce, "orders": by_market}
        view = self._reader.account(account)
        return {
            "account": account,
            "funding_history": None,
            "orders": [self._reader.order(order) for order in orders],
            "position": self._reader.position(view, market),
            "trades": [],
        }

    def account_all(self, account: int, now_ms: int) -> Row:
        """Return positions, recent trades and payments, and volumes: clients keep the last
        frame as the whole truth."""
        recent = self._reader.exchange.account_trades(account, limit=TRADES_SHOWN)
        return {
            "account": account,
            **self._reader.volumes(account, now_ms),
            "funding_histories": self._reader.payments_by_market(account, limit=PAYMENTS_SHOWN),
            "positions": self._reader.positions(self._reader.account(account)),
            "shares": [],
            "trades": self._reader.trades_by_market(recent),
        }

    def _all_orders(self, account: int, now_ms: int) -> Row:
        return {"orders": self._reader.orders_by_market(self._reader.exchange.orders(account))}

    def _all_trades(self, account: int, now_ms: int) -> Row:
        """Return no trades: the past does not replay (recorded frames)."""
        volumes = self._reader.volumes(account, now_ms)
        shown = {name: value for name, value in volumes.items() if name.endswith("_volume")}
        return {**shown, "trades": {}}

    def all_positions(self, account: int, now_ms: int) -> Row:
        """Return every position by market index."""
        positions = self._reader.positions(self._reader.account(account))
        return {
            "positions": positions,
            "shares": [],
            "last_funding_round": None,
            "last_funding_discount": None,
        }

    def all_assets(self, account: int, now_ms: int) -> Row:
        """Return the assets by id."""
        return {"assets": accounts.assets(self._reader.account(account)), "timestamp": now_ms}

    def user_stats(self, account: int, now_ms: int) -> Row:
        """Return collateral, free balance and leverage."""
        return {"stats": accounts.user_stats(self._reader.account(account)), "timestamp": now_ms}

    def _txs(self, account: int, now_ms: int) -> Row:
        address = self._reader.keyring.l1_address(account)
        records = self._ledger.newest(account_index=account)[:TXS_SHOWN]
        return {"txs": [tx_row(record, address) for record in records]}


def height(now_ms: int) -> Row:
    """Return the body of a height frame."""
    return {"height": market_rows.block_height(now_ms), "timestamp": now_ms}
