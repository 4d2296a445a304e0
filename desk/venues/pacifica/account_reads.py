"""Pacifica's account by request: what it holds, what rests, what happened.

Which request answers which question, over how many pages; rows are read in `pacifica.account`.
Every request names the account; the venue asks for no proof to read one.
"""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal

from desk.core.account import Account, Leverage, MarginMode
from desk.core.errors import InvariantBroken, StaleData, VenueRejected, VenueUnavailable
from desk.core.funding import FundingPayment
from desk.core.market import FeeRates
from desk.core.order import Fill, Order
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.venues.kept import FEES_KEPT_S, Kept
from desk.venues.limits import Priority
from desk.venues.pacifica.account import (
    BalanceRow,
    account_row,
    balance_changes,
    fills,
    funding_payments,
    leverage_settings,
    open_orders,
    order_events,
    past_orders,
    positions,
)
from desk.venues.pacifica.errors import Refusal
from desk.venues.pacifica.market_reads import MarketReads
from desk.venues.pacifica.memory import OrderMemory
from desk.venues.pacifica.rest import Answer, PacificaRest

PAGES_MAX = 50
FUNDING = "funding"  # the word for a settlement among the changes of cash
FIND_PAGES_MAX = 3
FILLS_SPAN_MS = 29 * 86_400_000  # the venue refuses spans above 30 days
VENUE_BORN_MS = 1_748_736_000_000  # June 2025, before its first market: nothing is older


class AccountReads:
    """One account's reads; all raise `VenueError`, and `InvariantBroken` without an account."""

    def __init__(
        self,
        rest: PacificaRest,
        *,
        markets: MarketReads,
        memory: OrderMemory,
        clock: Clock,
        account: str | None,
    ) -> None:
        """Keep the parts; nothing is read yet."""
        self._rest = rest
        self._markets = markets
        self._memory = memory
        self._clock = clock
        self._account = account
        self._fees = Kept(self._ask_fees, age_s_max=FEES_KEPT_S, clock=clock)

    async def account(self, *, urgent: bool = False) -> Account:
        """Return equity and every open position, from two requests sent together.

        An account that never deposited is refused by the venue (`account_unknown` or "404"). An
        empty list beside an account that counts positions is no answer: venues have shown one for
        an instant, and flat is what it would be taken for.
        """
        priority = _guard(urgent)
        money, held = await asyncio.gather(
            self._get("/account", priority), self._get("/positions", priority)
        )
        row = account_row(money.data)
        if row.fees is not None:
            self._fees.put(row.fees)
        listed = positions(held.data)
        if row.positions_count and not listed:
            text = f"the account counts {row.positions_count} positions, and none is listed"
            raise StaleData(text, venue=VenueName.PACIFICA, request="GET /positions")
        return Account(
            equity_usd=row.account_equity,
            balance_usd=row.balance,
            free_usd=row.available_to_spend,
            positions=listed,
            asked_at_ms=min(money.sent_at_ms, held.sent_at_ms),
            at_ms=max(money.received_at_ms, held.received_at_ms),
        )

    async def fees(self) -> FeeRates:
        """Return the account's own rates, as any read of the account told them within an hour;
        from the public schedule when the account names only its level."""
        return await self._fees.get()

    async def _ask_fees(self) -> FeeRates:
        row = account_row((await self._get("/account")).data)
        return row.fees or await self._markets.fees_of(row.fee_level)

    async def leverage(self, symbol: str) -> Leverage:
        """Return a symbol's setting; one the venue does not list is at the market's highest
        leverage, and cross unless the market allows isolated margin only.

        Raises `InvariantBroken` for an unknown market.
        """
        settings = leverage_settings((await self._get("/account/settings")).data)
        if symbol in settings:
            return settings[symbol]
        await self._markets.loaded()
        market = self._markets.rows.get(symbol)
        if market is None:
            raise InvariantBroken(f"no market {symbol} on Pacifica")
        mode = MarginMode.ISOLATED if market.isolated_only else MarginMode.CROSS
        return Leverage(symbol, Decimal(market.max_leverage), mode)

    async def open_orders(
        self, symbol: str | None = None, *, urgent: bool = False
    ) -> Sequence[Order]:
        """Return resting orders and waiting triggers."""
        found = open_orders((await self._get("/orders", _guard(urgent))).data)
        return [order for order in found if symbol in (None, order.symbol)]

    async def find_order(self, symbol: str, client_id: str) -> Order | None:
        """Return the order with our id, live or gone, None when the venue does not know it.

        Asked in the order of cost: what the stream said last if that is final (no request), the
        open orders (1 credit), the order's own events if its order id is known (1), the history
        (`FIND_PAGES_MAX` heavy pages).
        """
        seen = self._memory.order(symbol, client_id)
        if seen is not None and seen.status.is_final:
            return seen
        live = _pick(await self.open_orders(symbol, urgent=True), symbol, client_id)
        if live is not None:
            return live
        order_id = self._memory.order_id(client_id)
        told = None if order_id is None else await self._events(order_id)
        if told is not None:
            return _pick([told], symbol, client_id)
        past = await self._in_history(symbol, client_id)
        if past is None or past.status.is_final:
            return past
        # Neither open nor listed as over: its own events tell.
        return await self._events(past.order_id) or past

    async def _in_history(self, symbol: str, client_id: str) -> Order | None:
        tries_left = FIND_PAGES_MAX
        pages = self._rest.pages(
            "/orders/history", self._query(), pages_max=PAGES_MAX, priority=Priority.EVIDENCE
        )
        async for data in pages:
            found = _pick(past_orders(data), symbol, client_id)
            tries_left -= 1
            if found is not None or not tries_left:
                return found
        return None

    async def _events(self, order_id: str) -> Order | None:
        try:
            answer = await self._rest.get(
                "/orders/history_by_id", {"order_id": order_id}, priority=Priority.EVIDENCE
            )
        except VenueRejected as error:
            if error.code in (Refusal.ORDER_GONE, "404"):
                return None
            raise
        return order_events(answer.data)

    async def fills(
        self, *, since_ms: int, symbol: str | None = None, urgent: bool = False
    ) -> Sequence[Fill]:
        """Return executions since `since_ms` (inclusive), oldest first, all pages."""
        return await self.fills_since(since_ms, symbol=symbol, priority=_evidence(urgent))

    async def fills_since(
        self, since_ms: int, *, symbol: str | None, priority: Priority
    ) -> Sequence[Fill]:
        """Return what `fills` does, asked for with that priority."""
        found: dict[str, Fill] = {}
        for start_ms, end_ms in _spans(max(since_ms, VENUE_BORN_MS), self._clock.now_ms()):
            query = self._query(symbol) | {"start_time": str(start_ms)}
            if end_ms is not None:
                query["end_time"] = str(end_ms)
            pages = self._rest.pages(
                "/trades/history", query, pages_max=PAGES_MAX, priority=priority
            )
            async for data in pages:
                found |= {fill.fill_id: fill for fill in fills(data)}
        rows = (row for row in found.values() if row.at_ms >= since_ms)
        return sorted(
            (row for row in rows if symbol in (None, row.symbol)),
            key=lambda fill: (fill.at_ms, int(fill.fill_id)),
        )

    async def funding_payments(
        self, *, since_ms: int, symbol: str | None = None
    ) -> Sequence[FundingPayment]:
        """Return funding booked since `since_ms` (inclusive), oldest first, all pages.

        The venue has answered 504 here for accounts that never had any (other clients' reports);
        then the changes of cash are asked: without funding among them there was none.
        """
        found = await self.payments_since(since_ms, priority=Priority.NORMAL)
        return [row for row in found if symbol in (None, row.symbol)]

    async def payments_since(
        self, since_ms: int, *, priority: Priority
    ) -> Sequence[FundingPayment]:
        """Return what `funding_payments` does, asked for with that priority."""
        try:
            found = await self._funding_since(since_ms, priority)
        except VenueUnavailable:
            changes = await self.cash_changes(since_ms, priority=priority)
            if any(row.event_type == FUNDING for row in changes):
                raise
            return []
        return sorted(found, key=lambda payment: (payment.at_ms, int(payment.payment_id)))

    async def _funding_since(self, since_ms: int, priority: Priority) -> list[FundingPayment]:
        found: dict[str, FundingPayment] = {}
        pages = self._rest.pages(
            "/funding/history",
            self._query(),
            pages_max=PAGES_MAX,
            heavy=False,
            priority=priority,
        )
        async for data in pages:
            page = funding_payments(data)
            found |= {row.payment_id: row for row in page}
            if any(row.at_ms < since_ms for row in page):
                break
        return [row for row in found.values() if row.at_ms >= since_ms]

    async def cash_changes(self, since_ms: int, *, priority: Priority) -> Sequence[BalanceRow]:
        """Return every change of cash since `since_ms` (inclusive), newest first, all pages."""
        found: dict[BalanceRow, None] = {}  # a row has no id: it is known by all it says
        pages = self._rest.pages(
            "/account/balance/history", self._query(), pages_max=PAGES_MAX, priority=priority
        )
        async for data in pages:
            page = balance_changes(data)
            found |= dict.fromkeys(page)
            if any(row.created_at < since_ms for row in page):
                break
        return [row for row in found if row.created_at >= since_ms]

    @property
    def account_id(self) -> str:
        """Return the address of the account; raises `InvariantBroken` without one."""
        if self._account is None:
            raise InvariantBroken("a client without credentials has no account")
        return self._account

    def _query(self, symbol: str | None = None) -> dict[str, str]:
        query = {"account": self.account_id}
        return query if symbol is None else query | {"symbol": symbol}

    async def _get(self, path: str, priority: Priority = Priority.NORMAL) -> Answer:
        return await self._rest.get(path, self._query(), priority=priority)


def _guard(urgent: bool) -> Priority:
    return Priority.GUARD if urgent else Priority.NORMAL


def _evidence(urgent: bool) -> Priority:
    return Priority.EVIDENCE if urgent else Priority.NORMAL


def _pick(orders: Sequence[Order], symbol: str, client_id: str) -> Order | None:
    return next(
        (each for each in orders if each.client_id == client_id and each.symbol == symbol), None
    )


def _spans(since_ms: int, now_ms: int) -> Iterator[tuple[int, int | None]]:
    """Yield spans the venue accepts, oldest first; the last has no end, since the venue's clock
    may be ahead of ours.

    Each begins a millisecond early: whether the venue counts a span's two ends in is not
    documented, and a fill must not fall between two of them.
    """
    start_ms = since_ms - 1
    while start_ms + FILLS_SPAN_MS < now_ms:
        yield start_ms, start_ms + FILLS_SPAN_MS
        start_ms += FILLS_SPAN_MS - 1
    yield start_ms, None
