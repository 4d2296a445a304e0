"""The public GET endpoints: markets, books, trades, candles, funding, statistics.

Each method answers one endpoint with its whole body. Shapes and units are those of the venue's
REST reference; row caps where it is silent are those seen by clients.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from desk.core.order import Side
from desk.sim.exchange import FillCause, FundingRow, Trade
from desk.sim.lighter_server import accounts, codes
from desk.sim.lighter_server import markets as rows
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.markets import DAY_MS, Row
from desk.sim.lighter_server.numbers import padded, percent
from desk.sim.lighter_server.query import Query, page
from desk.sim.lighter_server.reader import BOOK_ORDERS_MAX, HISTORY_MAX, Reader

PAGE_MAX = 100
CANDLES_MAX = 500
FUNDINGS_MAX = 750
NO_ACCOUNT = -1

RESOLUTIONS_MS = {
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
    "12h": 43_200_000,
    "1d": DAY_MS,
    "1w": 7 * DAY_MS,
}

_CAUSES = {
    "trade": (FillCause.TRADE,),
    "liquidation": (FillCause.LIQUIDATION, FillCause.BACKSTOP),
    "deleverage": (FillCause.DELEVERAGE,),
    "market-settlement": (),
}
_SYSTEM_CONFIG = (
    "liquidity_pool_index",
    "staking_pool_index",
    "funding_fee_rebate_account_index",
    "liquidity_pool_cooldown_period",
    "staking_pool_lockup_period",
    "max_integrator_perps_maker_fee",
    "max_integrator_perps_taker_fee",
    "max_integrator_spot_maker_fee",
    "max_integrator_spot_taker_fee",
    "fee_collector_account_index",
)
_TRADE_ID: Callable[[Trade], int] = attrgetter("trade_id")

Answer = Callable[[Query], Row]


class MarketsApi:
    """Answer public questions about one exchange."""

    def __init__(self, reader: Reader) -> None:
        """Answer from `reader`."""
        self._reader = reader
        self._exchange = reader.exchange
        self.answers: dict[str, Answer] = {
            "assetDetails": self.asset_details,
            "orderBooks": self.order_books,
            "orderBookDetails": self.order_book_details,
            "orderBookOrders": self.order_book_orders,
            "recentTrades": self.recent_trades,
            "trades": self.trades,
            "candles": self.candles,
            "markPriceCandles": self.mark_price_candles,
            "fundings": self.fundings,
            "funding-rates": self.funding_rates,
            "exchangeStats": self.exchange_stats,
            "currentHeight": self.current_height,
            "announcement": self.announcement,
            "systemConfig": self.system_config,
        }

    def asset_details(self, query: Query) -> Row:
        """Answer `assetDetails`: USDC alone."""
        return {"code": codes.OK, "asset_details": [accounts.asset_detail()]}

    def announcement(self, query: Query) -> Row:
        """Answer `announcement`: there never is one."""
        return {"code": codes.OK, "announcements": []}

    def system_config(self, query: Query) -> Row:
        """Answer `systemConfig`: there are no pools here and no integrators, so all of it is zero
        (keys: the venue's OpenAPI schema)."""
        return {"code": codes.OK} | dict.fromkeys(_SYSTEM_CONFIG, 0)

    def current_height(self, query: Query) -> Row:
        """Answer `currentHeight`."""
        return {"code": codes.OK, "height": rows.block_height(query.now_ms)}

    def order_books(self, query: Query) -> Row:
        """Answer `orderBooks`."""
        spot_only = query.one_of("filter", ("all", "spot", "perp"), "all") == "spot"
        markets = [] if spot_only else self._reader.chosen(query.market_id())
        return {"code": codes.OK, "order_books": [rows.order_book_row(row) for row in markets]}

    def order_book_details(self, query: Query) -> Row:
        """Answer `orderBookDetails`."""
        spot_only = query.one_of("filter", ("all", "spot", "perp"), "all") == "spot"
        markets = [] if spot_only else self._reader.chosen(query.market_id())
        details = [rows.order_book_detail(row, self._reader.stats(row)) for row in markets]
        return {"code": codes.OK, "order_book_details": details, "spot_order_book_details": []}

    def order_book_orders(self, query: Query) -> Row:
        """Answer `orderBookOrders`: single orders, asks ascending, bids descending."""
        market = self._reader.market(query.integer("market_id"))
        limit = query.within("limit", 1, BOOK_ORDERS_MAX)
        stranger = self._exchange.rules.stranger_account_id
        asks, bids = (
            [
                rows.resting_row(market, order, stranger=stranger, now_ms=query.now_ms)
                for order in self._reader.resting_orders(market, side, limit)
            ]
            for side in (Side.SELL, Side.BUY)
        )
        return {
            "code": codes.OK,
            "total_asks": len(asks),
            "asks": asks,
            "total_bids": len(bids),
            "bids": bids,
        }

    def recent_trades(self, query: Query) -> Row:
        """Answer `recentTrades`, newest first."""
        market = self._reader.market(query.integer("market_id"))
        limit = query.within("limit", 1, PAGE_MAX)
        trades = self._exchange.trades(market.symbol, limit=limit)
        return self._trades_body(trades, "")

    def trades(self, query: Query) -> Row:
        """Answer `trades`: everybody's, or with a token one account's."""
        query.one_of("sort_by", ("block_height", "timestamp", "trade_id"))
        limit = query.within("limit", 1, PAGE_MAX)
        account = query.integer("account_index", NO_ACCOUNT)
        if account != NO_ACCOUNT:
            query.require_token(self._reader.keyring, account)
        found = [row for row in self._found_trades(query, account) if _wanted(row, query, account)]
        found.sort(key=_TRADE_ID, reverse=query.text("sort_dir", "desc") == "desc")
        cursor = query.text("cursor", "")
        shown, following = page(found, limit=limit, cursor=cursor, key=_trade_key)
        return self._trades_body(shown, following)

    def _found_trades(self, query: Query, account: int) -> list[Trade]:
        found: list[Trade] = []
        for market in self._reader.chosen(query.market_id()):
            if account == NO_ACCOUNT:
                found += self._exchange.trades(market.symbol, limit=HISTORY_MAX)
            else:
                self._reader.account(account)
                found += self._exchange.account_trades(account, market.symbol, limit=HISTORY_MAX)
        return found

    def _trades_body(self, trades: Sequence[Trade], following: str) -> Row:
        printed = [self._reader.trade(trade) for trade in trades]
        body: Row = {"code": codes.OK, "trades": self._reader.listed(printed)}
        return {**body, "next_cursor": following} if following else body

    def candles(self, query: Query) -> Row:
        """Answer `candles`: the newest 500 of the range, oldest first."""
        return self._candles(query, of_mark=False)

    def mark_price_candles(self, query: Query) -> Row:
        """Answer `markPriceCandles`: the same of the mark price."""
        return self._candles(query, of_mark=True)

    def _candles(self, query: Query, *, of_mark: bool) -> Row:
        market = self._reader.market(query.integer("market_id"))
        resolution = query.text("resolution")
        if resolution not in RESOLUTIONS_MS:
            raise LighterRefusal(codes.INVALID_RESOLUTION)
        start_ms, end_ms = query.span_ms()
        count = query.integer("count_back") or CANDLES_MAX
        interval_ms = RESOLUTIONS_MS[resolution]
        bars = self._exchange.candles(
            market.symbol,
            interval_ms,
            start_ms=start_ms,
            end_ms=end_ms,
            limit=min(count, CANDLES_MAX),
            of_mark=of_mark,
        )
        printed = [rows.candle_row(bar) for bar in bars]
        if query.flag("set_timestamp_to_end"):
            printed = [{**row, "t": row["t"] + interval_ms} for row in printed]
        return {"code": codes.OK, "r": resolution, "c": self._reader.listed(printed)}

    def fundings(self, query: Query) -> Row:
        """Answer `fundings`: the newest settlements of the range, oldest first.

        Rates are unsigned percent per hour. A day's row is the mean of its hours, its value their
        sum.
        """
        market = self._reader.market(query.integer("market_id"))
        resolution = query.text("resolution")
        if resolution not in ("1h", "1d"):
            raise LighterRefusal(codes.INVALID_RESOLUTION)
        start_ms, end_ms = query.span_ms()
        count = min(query.integer("count_back") or FUNDINGS_MAX, FUNDINGS_MAX)
        settled = self._exchange.funding_history(
            market.symbol, since_ms=start_ms, until_ms=end_ms, limit=HISTORY_MAX
        )
        printed = [rows.funding_row(row) for row in settled]
        if resolution == "1d":
            printed = _days(settled)
        return {
            "code": codes.OK,
            "resolution": resolution,
            "fundings": printed[:count][::-1],
        }

    def funding_rates(self, query: Query) -> Row:
        """Answer `funding-rates`: estimates as fractions per eight hours, others' rates too."""
        printed: list[Row] = []
        for market in self._reader.markets.values():
            stats = self._reader.stats(market)
            printed += rows.funding_rate_rows(market, stats.funding_next)
        return {"code": codes.OK, "funding_rates": printed}

    def exchange_stats(self, query: Query) -> Row:
        """Answer `exchangeStats`."""
        markets = self._reader.markets.values()
        return rows.exchange_stats(self._reader.stats(market) for market in markets)


def _trade_key(trade: Trade) -> str:
    return str(trade.trade_id)


def _wanted(trade: Trade, query: Query, account: int) -> bool:
    """Return whether a trade passes the filters of `trades`."""
    kind = query.one_of("type", ("all", *_CAUSES), "all")
    if kind != "all" and trade.cause not in _CAUSES[kind]:
        return False
    role = query.one_of("role", ("all", "maker", "taker"), "all")
    side = {"maker": trade.maker, "taker": trade.taker}.get(role)
    if account != NO_ACCOUNT and side is not None and side.account_id != account:
        return False
    ask_filter = query.integer("ask_filter", -1)
    if account != NO_ACCOUNT and ask_filter in (0, 1):
        return (trade.ask.account_id == account) == (ask_filter == 1)
    return True


def _days(settled: Sequence[FundingRow]) -> list[Row]:
    """Return one row per UTC day, newest first like `settled`."""
    printed: list[Row] = []
    for day, group in groupby(settled, lambda row: row.settled_at_ms // DAY_MS):
        hours = list(group)
        mean = sum((row.rate.fraction for row in hours), Decimal(0)) / len(hours)
        value = sum((row.value for row in hours), Decimal(0))
        printed.append(
            {
                "timestamp": day * DAY_MS // 1000,
                "value": padded(abs(value), 8),
                "rate": percent(abs(mean)),
                "direction": "long" if mean >= 0 else "short",
            }
        )
    return printed
