"""The account GETs: public too, whoever asks (docs: REST, account)."""

from collections.abc import Sequence

from aiohttp import web

from desk.sim.exchange import CashRow, Fill, FundingPaid, OrderView
from desk.sim.pacifica_server import account_rows
from desk.sim.pacifica_server.context import Context
from desk.sim.pacifica_server.credits import API_PREFIX
from desk.sim.pacifica_server.errors import ApiError, malformed
from desk.sim.pacifica_server.registry import Member
from desk.sim.pacifica_server.replies import done, integer, page, required
from desk.sim.pacifica_server.rows import money
from desk.sim.pacifica_server.switches import SettingsShape

ROWS_MAX = 100_000
TIME_RANGES = ("1d", "7d", "14d", "30d", "all")


class AccountApi:
    """Handlers of the account reads; an unknown account is empty, but a 404 on `/account`."""

    def __init__(self, context: Context) -> None:
        """Read from one context."""
        self._context = context
        self._exchange = context.exchange
        self._seen = context.mishaps.seen

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        table = {
            "/account": self.account,
            "/account/settings": self.settings,
            "/account/balance/history": self.balance_history,
            "/positions": self.positions,
            "/orders": self.orders,
            "/orders/history": self.order_history,
            "/orders/history_by_id": self.order_events,
            "/account/builder_codes/approvals": self.builder_codes,
            "/orders/twap": self.nothing,
            "/orders/twap/history": self.empty_page,
            "/orders/twap/history_by_id": self.nothing,
            "/trades/history": self.fills,
            "/positions/history": self.fills,
            "/funding/history": self.funding,
            "/portfolio": self.portfolio,
        }
        return [web.get(API_PREFIX + path, handler) for path, handler in table.items()]

    def _member(self, request: web.Request) -> Member | None:
        return self._context.registry.find(required(request.query, "account"))

    async def account(self, request: web.Request) -> web.Response:
        """Answer `/account`: money and counts."""
        member = self._member(request)
        if member is None:
            raise ApiError(404, f"Account not found: {request.query['account']}", 404)
        row = account_rows.account(self._exchange.account(member.account_id))
        return done([row] if self._context.switches.account_as_array else row)

    async def settings(self, request: web.Request) -> web.Response:
        """Answer `/account/settings`: what was set; markets at their default are left out."""
        member = self._member(request)
        margins = [
            account_rows.setting(row)
            for row in (() if member is None else self._exchange.settings(member.account_id))
            if not row.is_default
        ]
        if self._context.switches.settings_shape is SettingsShape.LIST:
            return done(margins)
        return done({"auto_lend_disabled": None, "margin_settings": margins, "spot_settings": []})

    async def positions(self, request: web.Request) -> web.Response:
        """Answer `/positions`: a flat market has no row."""
        member = self._member(request)
        data = []
        if member is not None:
            view = self._exchange.account(member.account_id)
            data = [account_rows.position(row) for row in view.positions.values()]
        return done(data, last_order_id=self._exchange.sequence())

    async def orders(self, request: web.Request) -> web.Response:
        """Answer `/orders`: open orders and resting stops."""
        member = self._member(request)
        data = []
        if member is not None:
            open_orders = self._exchange.orders(member.account_id)
            data = [account_rows.open_order(self._seen(row)) for row in open_orders]
        return done(data, last_order_id=self._exchange.sequence())

    async def order_history(self, request: web.Request) -> web.Response:
        """Answer `/orders/history`: one row per order, newest first."""
        member = self._member(request)
        found: list[OrderView] = []
        if member is not None:
            found += self._exchange.orders(member.account_id)
            found += self._exchange.order_history(member.account_id, limit=ROWS_MAX)
            found.sort(key=lambda row: -row.order_id)
        return page(
            found,
            request.query,
            id_of=lambda row: row.order_id,
            print_row=lambda row: account_rows.past_order(self._seen(row)),
        )

    async def order_events(self, request: web.Request) -> web.Response:
        """Answer `/orders/history_by_id`: the events of one order, newest first."""
        order_id = integer(request.query, "order_id")
        events = self._exchange.order_events(order_id)
        if not events and self._context.switches.unknown_history_is_404:
            raise ApiError(404, f"Order history not found for order ID: {order_id}", 404)
        return done([account_rows.order_event(self._seen(view)) for view in events])

    async def fills(self, request: web.Request) -> web.Response:
        """Answer `/trades/history`: executions, newest first; `start_time` and `end_time` are ms,
        inclusive."""
        member = self._member(request)
        query = request.query
        since_ms = integer(query, "start_time", 0)
        until_ms = integer(query, "end_time", self._exchange.now_ms)
        found: Sequence[Fill] = ()
        if member is not None:
            found = self._exchange.fills(member.account_id, query.get("symbol"), limit=ROWS_MAX)
        return page(
            [fill for fill in found if since_ms <= fill.at_ms <= until_ms],
            query,
            id_of=lambda fill: fill.fill_id,
            print_row=account_rows.past_fill,
        )

    async def funding(self, request: web.Request) -> web.Response:
        """Answer `/funding/history`: payments, newest first."""
        member = self._member(request)
        found: Sequence[FundingPaid] = ()
        if member is not None:
            found = self._exchange.funding_payments(member.account_id, limit=ROWS_MAX)
        return page(
            found,
            request.query,
            id_of=lambda row: row.payment_id,
            print_row=account_rows.funding_payment,
        )

    async def balance_history(self, request: web.Request) -> web.Response:
        """Answer `/account/balance/history`: changes of cash, newest first."""
        member = self._member(request)
        found: Sequence[CashRow] = ()
        if member is not None:
            found = self._exchange.balance_history(member.account_id, limit=ROWS_MAX)
        return page(
            found,
            request.query,
            id_of=lambda row: row.row_id,
            print_row=account_rows.cash_row,
        )

    async def portfolio(self, request: web.Request) -> web.Response:
        """Answer `/portfolio` with the present alone: the embedded venue keeps no daily curve."""
        member = self._member(request)
        if required(request.query, "time_range") not in TIME_RANGES:
            raise malformed(f"Invalid time range: {request.query['time_range']}")
        data = []
        if member is not None:
            view = self._exchange.account(member.account_id)
            data = [
                {
                    "account_equity": money(view.equity),
                    "pnl": money(view.equity - view.balance),
                    "timestamp": self._context.door.now_ms(),
                }
            ]
        return done(data)

    async def builder_codes(self, request: web.Request) -> web.Response:
        """Answer `/account/builder_codes/approvals`: what the account approved."""
        member = self._member(request)
        approved = {} if member is None else member.builder_codes
        return done(
            [{"builder_code": code, "max_fee_rate": rate} for code, rate in approved.items()]
        )

    async def nothing(self, request: web.Request) -> web.Response:
        """Answer with no rows: there are no time-weighted orders here."""
        return done([])

    async def empty_page(self, request: web.Request) -> web.Response:
        """Answer with an empty page, as `nothing`."""
        required(request.query, "account")
        return page((), request.query, id_of=lambda row: 0, print_row=lambda row: row)
