"""The public GETs: markets, prices, books, trades, candles, funding rates."""

from aiohttp import web

from desk.sim.exchange import FundingRow
from desk.sim.pacifica_server import rows
from desk.sim.pacifica_server.context import AGG_LEVELS, Context
from desk.sim.pacifica_server.credits import API_PREFIX
from desk.sim.pacifica_server.errors import ApiError, malformed
from desk.sim.pacifica_server.replies import done, integer, page, required
from desk.sim.web import plain

CANDLES_MAX = 4_000
TRADES_SHOWN = 100
FUNDING_ROWS_MAX = 100_000
LISTED_AT_MS = 1_748_881_333_944


class MarketApi:
    """Handlers of the public reads."""

    def __init__(self, context: Context) -> None:
        """Read from one context."""
        self._context = context
        self._exchange = context.exchange

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        table = {
            "/info": self.info,
            "/info/prices": self.prices,
            "/info/fees": self.fees,
            "/book": self.book,
            "/trades": self.trades,
            "/kline": self.kline,
            "/kline/mark": self.kline_of_mark,
            "/funding_rate/history": self.funding_rates,
        }
        return [web.get(API_PREFIX + path, handler) for path, handler in table.items()]

    def _symbol(self, request: web.Request) -> str:
        symbol = required(request.query, "symbol")
        if symbol not in self._exchange.markets:
            raise ApiError(422, f"Book not found: {symbol}", 3)
        return symbol

    async def info(self, request: web.Request) -> web.Response:
        """Answer `/info`: every market with its steps and limits."""
        return done(
            [
                rows.market(spec, self._context.stats(symbol), created_at_ms=LISTED_AT_MS)
                for symbol, spec in self._exchange.markets.items()
            ]
        )

    async def prices(self, request: web.Request) -> web.Response:
        """Answer `/info/prices`: every market's statistics."""
        return done([self._context.price_row(symbol) for symbol in self._exchange.markets])

    async def fees(self, request: web.Request) -> web.Response:
        """Answer `/info/fees`: the fee tiers."""
        return done(
            [
                {
                    "level": level,
                    "maker_fee_rate": plain(tier.maker),
                    "taker_fee_rate": plain(tier.taker),
                }
                for level, tier in enumerate(self._exchange.rules.tiers)
            ]
        )

    async def book(self, request: web.Request) -> web.Response:
        """Answer `/book`: up to ten levels a side."""
        symbol = self._symbol(request)
        agg_level = integer(request.query, "agg_level", 1)
        if agg_level not in AGG_LEVELS:
            raise malformed(f"Invalid aggregation level: {agg_level}")
        levels = self._context.book_rows(symbol, agg_level)
        data = {"s": symbol, "l": levels, "t": self._context.door.now_ms()}
        shows_sequence = self._context.switches.book_has_last_order_id
        return done(data, last_order_id=self._exchange.sequence() if shows_sequence else None)

    async def trades(self, request: web.Request) -> web.Response:
        """Answer `/trades`: recent prints, newest first."""
        prints = self._exchange.trades(self._symbol(request), limit=TRADES_SHOWN)
        data = [rows.public_trade(trade) for trade in prints]
        return done(data, last_order_id=self._exchange.sequence())

    async def kline(self, request: web.Request) -> web.Response:
        """Answer `/kline`: candles of trades."""
        return self._candles(request, of_mark=False)

    async def kline_of_mark(self, request: web.Request) -> web.Response:
        """Answer `/kline/mark`: candles of the mark price."""
        return self._candles(request, of_mark=True)

    def _candles(self, request: web.Request, *, of_mark: bool) -> web.Response:
        symbol = self._symbol(request)
        interval = required(request.query, "interval")
        if interval not in rows.INTERVALS_MS:
            raise malformed(f"Invalid interval: {interval}")
        bars = self._exchange.candles(
            symbol,
            rows.INTERVALS_MS[interval],
            start_ms=integer(request.query, "start_time"),
            end_ms=integer(request.query, "end_time", self._exchange.now_ms),
            limit=CANDLES_MAX,
            of_mark=of_mark,
        )
        return done([rows.candle(symbol, interval, bar) for bar in bars])

    async def funding_rates(self, request: web.Request) -> web.Response:
        """Answer `/funding_rate/history`: settled hours, newest first."""
        symbol = self._symbol(request)
        next_rate = self._context.stats(symbol).funding_next.fraction
        history = self._exchange.funding_history(symbol, limit=FUNDING_ROWS_MAX)

        def print_row(row: FundingRow) -> rows.Row:
            return rows.funding_rate(row, next_rate=next_rate)

        return page(
            history, request.query, id_of=lambda row: row.settled_at_ms, print_row=print_row
        )
