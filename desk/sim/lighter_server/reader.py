"""Rows composed from several views of the exchange, for answers and frames alike.

Reads only. Amounts, units and field names are those of `markets` and `accounts`.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from desk.core.order import Side
from desk.sim.exchange import (
    AccountView,
    Exchange,
    Fill,
    OrderView,
    Refusal,
    RestingOrder,
    Stats,
    Trade,
)
from desk.sim.lighter_server import accounts, codes, numbers
from desk.sim.lighter_server import markets as market_rows
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.keyring import Keyring
from desk.sim.lighter_server.markets import DAY_MS, Row, WireMarket
from desk.sim.lighter_server.refusals import refused
from desk.sim.lighter_server.switches import LighterSwitches
from desk.venues.lighter.crypto.transactions import NIL_MARKET

HISTORY_MAX = 10_000
BOOK_ORDERS_MAX = 250
_PERIODS = (("daily", DAY_MS), ("weekly", 7 * DAY_MS), ("monthly", 30 * DAY_MS))


class Reader:
    """Compose rows of one exchange; every method may raise `LighterRefusal`."""

    def __init__(
        self,
        exchange: Exchange,
        keyring: Keyring,
        switches: LighterSwitches,
        *,
        seen: Callable[[OrderView], OrderView],
        is_stale: Callable[[], bool],
    ) -> None:
        """Read `exchange`; addresses come from `keyring`, `seen` shows an order as its owner
        should see it, and while `is_stale` books and statistics stand still."""
        self.seen = seen
        self._is_stale = is_stale
        self._frozen_stats: dict[str, Stats] = {}
        self._frozen_books: dict[tuple[str, Side], tuple[RestingOrder, ...]] = {}
        self.exchange = exchange
        self.keyring = keyring
        self.switches = switches
        wired = [WireMarket.of(spec) for spec in exchange.markets.values()]
        self.markets = {market.market_id: market for market in wired}
        self.by_symbol = {market.symbol: market for market in wired}

    def listed(self, rows: list[Row]) -> list[Row] | None:
        """Return rows as a list that the venue prints as null while it is empty."""
        return rows or (None if self.switches.empty_as_null else rows)

    # Markets

    def market(self, market_id: int) -> WireMarket:
        """Return a market by its id; 21602 where there is none."""
        if market_id not in self.markets:
            raise LighterRefusal(codes.INVALID_MARKET_INDEX)
        return self.markets[market_id]

    def chosen(self, market_id: int) -> list[WireMarket]:
        """Return one market, or all of them for 255."""
        if market_id == NIL_MARKET:
            return list(self.markets.values())
        return [self.market(market_id)]

    def stats(self, market: WireMarket) -> Stats:
        """Return a market's statistics, those of the past while prices are stale."""
        stats = self.exchange.stats(market.symbol)
        if self._is_stale():
            return self._frozen_stats.setdefault(market.symbol, stats)
        self._frozen_stats.clear()
        return stats

    def resting_orders(self, market: WireMarket, side: Side, limit: int) -> Sequence[RestingOrder]:
        """Return the best orders of one side, those of the past while prices are stale."""
        orders = self.exchange.resting_orders(market.symbol, side, BOOK_ORDERS_MAX)
        if self._is_stale():
            orders = self._frozen_books.setdefault((market.symbol, side), orders)
        else:
            self._frozen_books.clear()
        return orders[:limit]

    def market_stats(self, market: WireMarket) -> Row:
        """Return the `market_stats` object of the stream."""
        return market_rows.market_stats(market, self.stats(market), self.exchange.rules)

    def trade(self, trade: Trade) -> Row:
        """Return a trade's row."""
        return market_rows.trade_row(self.by_symbol[trade.symbol], trade)

    # Accounts

    def account(self, account_id: int) -> AccountView:
        """Return an account's view; 21100 for one nobody knows."""
        self.keyring.l1_address(account_id)
        try:
            return self.exchange.account(account_id)
        except Refusal as refusal:
            raise refused(refusal) from refusal

    def account_row(self, account_id: int, *, only_open: bool = False) -> Row:
        """Return one row of `account`."""
        view = self.account(account_id)
        positions = self.positions(view, only_open=only_open)
        address = self.keyring.l1_address(account_id)
        return accounts.account_row(view, address, list(positions.values()))

    def positions(self, view: AccountView, *, only_open: bool = False) -> dict[str, Row]:
        """Return position rows by market index: open ones, and flat ones of markets that the
        account traded, set or has orders in."""
        account_id = view.account_id
        orders = self.exchange.orders(account_id)
        known = {*self.exchange.touched(account_id), *(order.symbol for order in orders)}
        hides_flat = only_open or not self.switches.touched_positions
        rows: dict[str, Row] = {}
        for setting in self.exchange.settings(account_id):
            position = view.positions.get(setting.symbol)
            is_touched = setting.symbol in known or not setting.is_default
            if position is None and (hides_flat or not is_touched):
                continue
            market = self.by_symbol[setting.symbol]
            row = accounts.position_row(market, setting, position, orders)
            rows[str(market.market_id)] = row
        return rows

    def position(self, view: AccountView, market: WireMarket) -> Row:
        """Return one market's position row, flat or not."""
        settings = {row.symbol: row for row in self.exchange.settings(view.account_id)}
        return accounts.position_row(
            market,
            settings[market.symbol],
            view.positions.get(market.symbol),
            self.exchange.orders(view.account_id, market.symbol),
        )

    def order(self, order: OrderView) -> Row:
        """Return an order's row."""
        return accounts.order_row(self.by_symbol[order.symbol], self.seen(order), self.switches)

    def orders_by_market(self, orders: Iterable[OrderView]) -> Row:
        """Return order rows by market index."""
        rows = ((self.by_symbol[order.symbol].market_id, self.order(order)) for order in orders)
        return dict(accounts.grouped(rows))

    def trades_by_market(self, trades: Iterable[Trade]) -> Row:
        """Return trade rows by market index."""
        rows = ((self.by_symbol[trade.symbol].market_id, self.trade(trade)) for trade in trades)
        return dict(accounts.grouped(rows))

    def payments_by_market(self, account_id: int, *, limit: int) -> Row:
        """Return the newest funding payments by market index."""
        payments = self.exchange.funding_payments(account_id, limit=limit)
        markets = self.by_symbol
        rows = (
            (markets[paid.symbol].market_id, accounts.payment_row(markets[paid.symbol], paid))
            for paid in payments
        )
        return dict(accounts.grouped(rows))

    def volumes(self, account_id: int, now_ms: int) -> Row:
        """Return trade counts and USD volumes of a day, a week, a month and for ever, as JSON
        numbers."""
        fills = self.exchange.fills(account_id, limit=HISTORY_MAX)
        row: Row = {}
        for name, length_ms in _PERIODS:
            recent = [fill for fill in fills if fill.at_ms > now_ms - length_ms]
            row |= _volume(name, recent)
        return row | _volume("total", fills)


def _volume(name: str, fills: Sequence[Fill]) -> Row:
    traded = sum((fill.size * fill.price for fill in fills), Decimal(0))
    return {f"{name}_trades_count": len(fills), f"{name}_volume": numbers.json_number(traded)}
