"""Every read of the venue port, for Lighter: by request, or from what the stream told last.

A read raises; it never answers with a stand-in. Which request a read costs is said here, what its
answer means in `lighter.wire`, `lighter.account` and `lighter.orders`.
"""

from asyncio import gather
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from desk.core.account import Account, Leverage
from desk.core.book import Book, Quote
from desk.core.errors import BadMessage, ConfigError, StaleData, VenueUnavailable
from desk.core.funding import SETTLEMENT_PERIOD_MS, FundingPayment, FundingPoint
from desk.core.market import Candle, FeeRates, Instrument, MarketStats
from desk.core.order import Fill, Order
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.venues.http import HttpResponse
from desk.venues.kept import FEES_KEPT_S, SHARED_S, Kept
from desk.venues.lighter import account as lighter_account
from desk.venues.lighter import wire as lighter_wire
from desk.venues.lighter.api import LighterApi
from desk.venues.lighter.decode import bad
from desk.venues.lighter.feed import LighterFeed
from desk.venues.lighter.history import PAGES_MAX, whole_history
from desk.venues.lighter.orders import read_fills, read_orders
from desk.venues.lighter.wire import MarketDetails
from desk.venues.limits import Priority

T = TypeVar("T")

PAGE_ROWS = 100  # the venue's own maximum for account rows
STATS_WAIT_S = 5.0

ReadPage = Callable[[bytes, Mapping[int, str]], tuple[list[T], str | None]]


class LighterReads:
    """The reads; needs `account_index` for an account's, tokens in `api` for private ones."""

    def __init__(
        self, *, api: LighterApi, feed: LighterFeed, clock: Clock, account_index: int | None
    ) -> None:
        """Know no market yet."""
        self._api = api
        self._feed = feed
        self._clock = clock
        self._account_index = account_index
        self._listed = Kept(self._ask_instruments, age_s_max=SHARED_S, clock=clock)
        self._fees = Kept(self._ask_fees, age_s_max=FEES_KEPT_S, clock=clock)
        self._latest: _AccountRead | None = None
        self._markets: dict[str, MarketDetails] = {}
        self._symbols: dict[int, str] = {}
        self._instruments: dict[str, Instrument] = {}

    # Markets

    async def instruments(self) -> Mapping[str, Instrument]:
        """Return every perpetual by symbol, read within the last second: one request."""
        return await self._listed.get()

    async def _ask_instruments(self) -> Mapping[str, Instrument]:
        response = await self._api.get("orderBookDetails")
        self._markets = lighter_wire.read_market_details(response.body)
        self._symbols = lighter_wire.symbols_of(self._markets)
        self._instruments = {
            symbol: lighter_wire.instrument(market) for symbol, market in self._markets.items()
        }
        self._feed.set_instruments(self._instruments.values())
        return self._instruments

    async def market_stats(self) -> Mapping[str, MarketStats]:
        """Return statistics of every perpetual that has them: two requests, one of them shared
        with `instruments`.

        Where the deployment's REST has no mark and index they come from the stream; a market
        with neither is left out. Raises `StaleData` when that leaves none.
        """
        _, rates = await gather(self.instruments(), self._api.get("funding-rates"))
        funding = lighter_wire.read_funding_rates(rates.body)
        if not all(market.mark_price for market in self._markets.values()):
            await self._feed.wait_stats(STATS_WAIT_S)
        streamed = self._feed.fresh_stats()
        found = {
            symbol: stats
            for symbol, market in self._markets.items()
            if (
                stats := lighter_wire.stats_of(
                    market,
                    funding.get(market.market_id),
                    streamed.get(symbol),
                    at_ms=rates.received_at_ms,
                )
            )
            is not None
        }
        if not found:
            text = "no mark and index price by request, and none streamed"
            raise StaleData(text, venue=VenueName.LIGHTER, request="market_stats")
        return found

    def quote(self, symbol: str) -> Quote:
        """Return the streamed top of a watched book; raises `StaleData`."""
        return self._feed.quote(symbol)

    def book(self, symbol: str) -> Book:
        """Return a copy of a watched book; raises `StaleData`."""
        return self._feed.book(symbol)

    async def funding_history(
        self, symbol: str, *, since_ms: int, until_ms: int
    ) -> Sequence[FundingPoint]:
        """Return settled hours, oldest first: one request per 500 hours."""
        market = await self._market(symbol)

        async def page(start_ms: int, end_ms: int) -> list[FundingPoint]:
            params = {
                "market_id": market.market_id,
                "resolution": "1h",
                "start_timestamp": start_ms // 1_000,
                "end_timestamp": end_ms // 1_000,
                "count_back": (end_ms - start_ms) // SETTLEMENT_PERIOD_MS + 1,
            }
            response = await self._api.get("fundings", params)
            return lighter_wire.read_funding_history(response.body, symbol)

        return await whole_history(
            page,
            lambda point: point.settled_at_ms,
            step_ms=SETTLEMENT_PERIOD_MS,
            since_ms=since_ms,
            until_ms=until_ms,
        )

    async def candles(
        self, symbol: str, *, interval_s: int, since_ms: int, until_ms: int
    ) -> Sequence[Candle]:
        """Return bars, oldest first: one request per 500. Raises `ValueError` for a bar length
        the venue does not have."""
        market = await self._market(symbol)
        resolution = lighter_wire.resolution(interval_s)

        async def page(start_ms: int, end_ms: int) -> list[Candle]:
            params = {
                "market_id": market.market_id,
                "resolution": resolution,
                "start_timestamp": start_ms,
                "end_timestamp": end_ms,
                "count_back": 0,
            }
            response = await self._api.get("candles", params)
            return lighter_wire.read_candles(response.body, symbol)

        return await whole_history(
            page,
            lambda bar: bar.open_at_ms,
            step_ms=interval_s * 1_000,
            since_ms=since_ms,
            until_ms=until_ms,
        )

    # Account

    async def account(self, *, urgent: bool = False) -> Account:
        """Return equity and every open position: one request."""
        read = self._latest = await self._read_account(urgent=urgent)
        return lighter_account.account(read.row, asked_at_ms=read.asked_at_ms, at_ms=read.at_ms)

    async def l1_address(self) -> str:
        """Return the owner's address as an account read told it: at most one request."""
        if self._latest is None:
            self._latest = await self._read_account()
        return self._latest.row.l1_address

    async def leverage(self, symbol: str) -> Leverage:
        """Return the symbol's setting: one request, none within a second after `account`, unless
        we wrote since. A market never touched has its default.

        Never the other way round: an account is always asked for anew, since what is decided on
        it must not be older than the question.
        """
        market = await self._market(symbol)
        read = self._latest
        if read is None or not self._is_current(read):
            read = await self._read_account()
        return lighter_account.leverage(read.row, market)

    async def open_orders(
        self, symbol: str | None = None, *, urgent: bool = False
    ) -> Sequence[Order]:
        """Return resting orders and waiting triggers, whoever placed them: one request, and one
        for each further page the venue names.

        Whether the last page names one too is not documented, nor that the name is heeded: a page
        without a new order is the end.
        """
        asked: dict[str, object] = {
            "account_index": self.account_index,
            **await self._market_filter(symbol),
        }
        found: dict[str, Order] = {}
        for _ in range(PAGES_MAX):
            response = await self._ask("accountActiveOrders", asked, priority=_guard(urgent))
            rows, cursor = await self._named(response.body, read_orders)
            known = len(found)
            found.update((order.order_id, order) for order in rows)
            if cursor is None or len(found) == known:
                return [order for order in found.values() if not order.status.is_final]
            asked["cursor"] = cursor
        raise _endless("accountActiveOrders")

    async def inactive_orders(self, symbol: str | None = None, *, limit: int) -> Sequence[Order]:
        """Return the latest `limit` orders that are gone, newest first: a request per 100."""
        params = {"account_index": self.account_index, **await self._market_filter(symbol)}
        rows: list[Order] = []

        def is_enough(page: Sequence[Order]) -> bool:
            rows.extend(page)
            return len(rows) >= limit

        await self.pages(
            "accountInactiveOrders", params, read_orders, is_enough, priority=Priority.EVIDENCE
        )
        return rows[:limit]

    async def find_order(self, symbol: str, client_id: str) -> Order | None:
        """Return the order with our id, live or gone; None when the venue does not know it.

        No request when the stream has shown its end; else up to two. Orders that ended more
        than 100 orders of that market ago are not found.
        """
        ended = self._feed.ended_order(symbol, client_id)
        if ended is not None:
            return ended
        for order in await self.open_orders(symbol, urgent=True):
            if order.client_id == client_id:
                return order
        for order in await self.inactive_orders(symbol, limit=PAGE_ROWS):
            if order.client_id == client_id:
                return order
        return None

    async def fills(
        self, *, since_ms: int, symbol: str | None = None, urgent: bool = False
    ) -> Sequence[Fill]:
        """Return executions since `since_ms` (inclusive), oldest first: a request per 100."""
        return await self.fills_since(since_ms, symbol=symbol, priority=_evidence(urgent))

    async def fills_since(
        self, since_ms: int, *, symbol: str | None, priority: Priority
    ) -> Sequence[Fill]:
        """Return what `fills` does, asked for with that priority."""
        account_index = self.account_index
        params = {
            "sort_by": "timestamp",
            "sort_dir": "desc",
            "account_index": account_index,
            **await self._market_filter(symbol),
        }
        found: dict[str, Fill] = {}

        def read(body: bytes, symbols: Mapping[int, str]) -> tuple[list[Fill], str | None]:
            return read_fills(body, symbols, account_index)

        def is_enough(page: Sequence[Fill]) -> bool:
            found.update((fill.fill_id, fill) for fill in page if fill.at_ms >= since_ms)
            return _ends_before([fill.at_ms for fill in page], since_ms)

        await self.pages("trades", params, read, is_enough, priority=priority)
        return sorted(found.values(), key=lambda fill: (fill.at_ms, _trade_id(fill)))

    async def funding_payments(
        self, *, since_ms: int, symbol: str | None = None
    ) -> Sequence[FundingPayment]:
        """Return funding since `since_ms` (inclusive), oldest first: a request per 100, over all
        markets (the parameter that names one has changed between deployments)."""
        found = await self.payments_since(since_ms, priority=Priority.NORMAL)
        return [each for each in found if symbol in (None, each.symbol)]

    async def payments_since(
        self, since_ms: int, *, priority: Priority
    ) -> Sequence[FundingPayment]:
        """Return what `funding_payments` does, asked for with that priority."""
        found: dict[str, FundingPayment] = {}

        def is_enough(page: Sequence[FundingPayment]) -> bool:
            found.update((each.payment_id, each) for each in page if each.at_ms >= since_ms)
            return _ends_before([each.at_ms for each in page], since_ms)

        params = {"account_index": self.account_index}
        read = lighter_account.read_funding_payments
        await self.pages("positionFunding", params, read, is_enough, priority=priority)
        return sorted(found.values(), key=lambda each: (each.at_ms, each.payment_id))

    async def fees(self) -> FeeRates:
        """Return the fees this account pays, as read within the last hour: one request."""
        return await self._fees.get()

    async def _ask_fees(self) -> FeeRates:
        params = {"account_index": self.account_index}
        response = await self._ask("accountLimits", params)
        return lighter_account.read_fees(response.body)

    # How

    @property
    def account_index(self) -> int:
        """Return which account is read; raises `ConfigError` without one."""
        if self._account_index is None:
            raise ConfigError("lighter: no account to read: set ACCOUNT_INDEX")
        return self._account_index

    async def _ask(
        self,
        name: str,
        params: Mapping[str, object],
        *,
        auth: bool = True,
        priority: Priority = Priority.NORMAL,
    ) -> HttpResponse:
        """Return the answer to a question about the account."""
        return await self._api.get(name, params, auth=auth, priority=priority)

    async def _read_account(self, *, urgent: bool = False) -> "_AccountRead":
        writes = self._api.writes
        params = {"by": "index", "value": self.account_index}
        response = await self._ask("account", params, auth=False, priority=_guard(urgent))
        row = lighter_account.read_account_row(response.body, self.account_index)
        came_s = self._clock.monotonic_s()
        return _AccountRead(row, response.sent_at_ms, response.received_at_ms, came_s, writes)

    def _is_current(self, read: "_AccountRead") -> bool:
        age_s = self._clock.monotonic_s() - read.came_s
        return age_s <= SHARED_S and read.writes == self._api.writes

    async def _market(self, symbol: str) -> MarketDetails:
        if symbol not in self._markets:
            await self.instruments()
        market = self._markets.get(symbol)
        if market is None:
            raise bad("no such market", f"market {symbol}", symbol)
        return market

    async def _market_filter(self, symbol: str | None) -> dict[str, object]:
        return {} if symbol is None else {"market_id": (await self._market(symbol)).market_id}

    async def _named(self, body: bytes, read: ReadPage[T]) -> tuple[list[T], str | None]:
        """Return the rows of an answer; look the markets up when none or one has no name yet."""
        if not self._markets:
            await self.instruments()
        try:
            return read(body, self._symbols)
        except BadMessage as error:
            if not isinstance(error.__cause__, KeyError):
                raise
            await self._listed.anew()
            return read(body, self._symbols)

    async def pages(
        self,
        name: str,
        params: Mapping[str, object],
        read: ReadPage[T],
        is_enough: Callable[[Sequence[T]], bool],
        *,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """Hand each page to `is_enough` until it is, or there is no next one."""
        asked: dict[str, object] = {**params, "limit": PAGE_ROWS}
        for _ in range(PAGES_MAX):
            response = await self._ask(name, asked, priority=priority)
            rows, cursor = await self._named(response.body, read)
            if is_enough(rows) or cursor is None:
                return
            asked["cursor"] = cursor
        raise _endless(name)


@dataclass(frozen=True, slots=True)
class _AccountRead:
    """An account's row, when it was asked for and came, and how many writes had begun or ended."""

    row: lighter_account.AccountRow
    asked_at_ms: int
    at_ms: int
    came_s: float
    writes: int


def _guard(urgent: bool) -> Priority:
    return Priority.GUARD if urgent else Priority.NORMAL


def _evidence(urgent: bool) -> Priority:
    return Priority.EVIDENCE if urgent else Priority.NORMAL


def _endless(name: str) -> VenueUnavailable:
    text = f"more than {PAGES_MAX} pages"
    return VenueUnavailable(text, venue=VenueName.LIGHTER, request=name)


def _ends_before(stamps_ms: Sequence[int], since_ms: int) -> bool:
    """Return whether a page, newest first, has reached what nobody asked for."""
    return bool(stamps_ms) and stamps_ms[0] >= stamps_ms[-1] and stamps_ms[-1] < since_ms


def _trade_id(fill: Fill) -> int:
    return int(fill.fill_id.partition(":")[0])
