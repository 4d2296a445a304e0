"""What may be read of an exchange: accounts, orders, history, books, statistics.

Queries only; nothing here changes anything. `Exchange` inherits it.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Protocol, TypeVar

from desk.core.book import Level
from desk.core.funding import HourlyRate
from desk.core.order import Side
from desk.sim.exchange.floor import Floor, Market
from desk.sim.exchange.margin import account_view
from desk.sim.exchange.orders import ZERO, OrderView
from desk.sim.exchange.settlement import next_settlement_ms
from desk.sim.exchange.views import (
    AccountView,
    Bar,
    CashRow,
    Fill,
    FundingPaid,
    FundingRow,
    MarketSetting,
    RestingOrder,
    Stats,
    Trade,
)
from desk.sim.exchange.words import OrderStatus

_NO_RATE = HourlyRate(ZERO)


class _OfMarket(Protocol):
    @property
    def symbol(self) -> str: ...


Row = TypeVar("Row", bound=_OfMarket)


class Reading:
    """The reading half of an exchange. Rows come newest first unless said otherwise."""

    def __init__(self, floor: Floor) -> None:
        """Read from `floor`."""
        self._floor = floor

    # Accounts, read

    def account_ids(self) -> tuple[int, ...]:
        """Return the accounts, ascending."""
        return tuple(sorted(self._floor.accounts))

    def account(self, account_id: int) -> AccountView:
        """Return the account at the present marks."""
        return account_view(self._floor, self._floor.account(account_id))

    def holds(self, account_id: int, symbol: str) -> bool:
        """Return whether the account has a position in a market."""
        return self._floor.account(account_id).size_of(symbol) != 0

    def settings(self, account_id: int) -> tuple[MarketSetting, ...]:
        """Return leverage and margin mode of every market, in the order of `markets`."""
        account = self._floor.account(account_id)
        rows = ((symbol, self._floor.setting(account, symbol)) for symbol in self._floor.markets)
        return tuple(
            MarketSetting(
                symbol=symbol,
                initial_margin_fraction=row.initial_margin_fraction,
                margin_mode=row.margin_mode,
                is_default=row.is_default,
                created_at_ms=row.created_at_ms,
                updated_at_ms=row.updated_at_ms,
            )
            for symbol, row in rows
        )

    def touched(self, account_id: int) -> tuple[str, ...]:
        """Return the markets the account ever had a fill in (Lighter prints them even when
        flat)."""
        return tuple(self._floor.account(account_id).holdings)

    def orders(self, account_id: int, symbol: str | None = None) -> tuple[OrderView, ...]:
        """Return open and pending orders, oldest first; those in a speed bump are left out."""
        live = self._floor.account(account_id).live.values()
        return tuple(
            order.view()
            for order in live
            if order.status is not OrderStatus.IN_PROGRESS and symbol in (None, order.new.symbol)
        )

    def order_history(
        self, account_id: int, symbol: str | None = None, *, limit: int = 1000
    ) -> tuple[OrderView, ...]:
        """Return finished orders, newest first (bounded by `ORDERS_KEPT_MAX`)."""
        finished = reversed(self._floor.account(account_id).finished)
        rows = (order for order in finished if symbol in (None, order.new.symbol))
        return tuple(order.view() for order in islice(rows, limit))

    def order(self, order_id: int, *, symbol: str | None = None) -> OrderView | None:
        """Return an order in any state, while it is remembered; `symbol` is needed on Lighter,
        where ids repeat across markets."""
        symbols = self._floor.markets if symbol is None else (symbol,)
        found = (self._floor.orders.get((name, order_id)) for name in symbols)
        return next((order.view() for order in found if order is not None), None)

    def order_by_client_id(self, account_id: int, client_id: str) -> OrderView | None:
        """Return the account's latest order with this client id, in any state."""
        order = self._floor.account(account_id).by_client_id.get(client_id)
        return order.view() if order is not None else None

    def order_events(self, order_id: int) -> tuple[OrderView, ...]:
        """Return the pictures of an order after each of its events, newest first (Pacifica)."""
        rows = (self._floor.order_events.get((name, order_id)) for name in self._floor.markets)
        return tuple(reversed(next((found for found in rows if found), [])))

    def fills(
        self, account_id: int, symbol: str | None = None, *, limit: int = 1000
    ) -> tuple[Fill, ...]:
        """Return the account's fills, newest first (bounded by `FILLS_KEPT_MAX`)."""
        return _newest(self._floor.account(account_id).fills, symbol, limit)

    def account_trades(
        self, account_id: int, symbol: str | None = None, *, limit: int = 1000
    ) -> tuple[Trade, ...]:
        """Return the same executions as public trades with both sides, newest first."""
        return _newest(self._floor.account(account_id).trades, symbol, limit)

    def funding_payments(
        self, account_id: int, symbol: str | None = None, *, limit: int = 1000
    ) -> tuple[FundingPaid, ...]:
        """Return payments, newest first (bounded by `PAYMENTS_KEPT_MAX`)."""
        return _newest(self._floor.account(account_id).payments, symbol, limit)

    def balance_history(self, account_id: int, *, limit: int = 1000) -> tuple[CashRow, ...]:
        """Return changes of cash, newest first (bounded by `CASH_KEPT_MAX`)."""
        return tuple(islice(reversed(self._floor.account(account_id).cash_rows), limit))

    # Markets, read

    def sequence(self) -> int:
        """Return the last order id dealt, or the count of changes on Lighter (Pacifica's `li`)."""
        return self._floor.sequence()

    def levels(self, symbol: str, side: Side, depth: int) -> list[Level]:
        """Return up to `depth` aggregated levels of `side` (BUY: bids), best first, strangers'
        and our accounts' orders together."""
        book = self._floor.market(symbol).book
        if not book.own[side]:
            return book.ambient[side][:depth]
        return [(price, size) for price, size, _ in islice(book.merged(side), depth)]

    def level_counts(self, symbol: str, side: Side, depth: int) -> list[int]:
        """Return how many orders stand at each of `levels`; a stranger's level counts as one."""
        book = self._floor.market(symbol).book
        return [count for _, _, count in islice(book.merged(side), depth)]

    def resting_orders(self, symbol: str, side: Side, depth: int) -> tuple[RestingOrder, ...]:
        """Return single orders, best first; each stranger's level is one order with a stable
        id."""
        return tuple(islice(self._floor.market(symbol).book.singles(side), depth))

    def book_nonce(self, symbol: str) -> int:
        """Return a number that grows with each change of the book."""
        return self._floor.market(symbol).book.nonce

    def stats(self, symbol: str) -> Stats:
        """Return the market's statistics."""
        return _stats(self._floor, self._floor.market(symbol))

    def trades(self, symbol: str, *, limit: int = 100) -> tuple[Trade, ...]:
        """Return public trades, newest first (bounded by `TRADES_KEPT_MAX`)."""
        return self._floor.market(symbol).tape.recent(limit)

    def candles(
        self,
        symbol: str,
        interval_ms: int,
        *,
        start_ms: int,
        end_ms: int,
        limit: int = 4000,
        of_mark: bool = False,
    ) -> tuple[Bar, ...]:
        """Return bars whose opening is in [start_ms, end_ms], OLDEST first, the newest `limit` of
        them; aggregated up from one minute, or of the mark price."""
        bars = self._floor.market(symbol).tape.bars(interval_ms, of_mark=of_mark)
        inside = (bar for bar in bars if start_ms <= bar.open_at_ms <= end_ms)
        return tuple(deque(inside, maxlen=limit))

    def funding_history(
        self, symbol: str, *, since_ms: int = 0, until_ms: int | None = None, limit: int = 1000
    ) -> tuple[FundingRow, ...]:
        """Return settled periods inside the range, newest first (bounded by
        `FUNDING_KEPT_MAX`)."""
        rows = reversed(self._floor.market(symbol).funding_rows)
        until = self._floor.now_ms if until_ms is None else until_ms
        inside = (row for row in rows if since_ms <= row.settled_at_ms <= until)
        return tuple(islice(inside, limit))


def _newest(rows: Sequence[Row], symbol: str | None, limit: int) -> tuple[Row, ...]:
    chosen = (row for row in reversed(rows) if symbol in (None, row.symbol))
    return tuple(islice(chosen, limit))


def _stats(floor: Floor, market: Market) -> Stats:
    symbol, tape, now_ms = market.symbol, market.tape, floor.now_ms
    day = tape.day
    day.forget(now_ms)
    last_row = market.funding_rows[-1] if market.funding_rows else None
    ours = ZERO
    for account in floor.accounts.values():
        size = account.size_of(symbol)
        if size > 0:
            ours += size
    return Stats(
        symbol=symbol,
        at_ms=now_ms,
        index=market.index,
        mark=market.mark,
        mid=market.book.mid,
        last=tape.last,
        volume_24h=day.volume,
        quote_volume_24h=day.quote_volume,
        trades_24h=day.count,
        high_24h=day.high,
        low_24h=day.low,
        price_24h_ago=day.opening,
        open_interest=market.open_interest + ours,
        funding_last=last_row.rate if last_row is not None else _NO_RATE,
        funding_last_at_ms=last_row.settled_at_ms if last_row is not None else 0,
        funding_next=market.meter.estimate(now_ms),
        funding_next_at_ms=next_settlement_ms(floor),
    )
