"""Accounts and what they hold: cash, positions, settings, and the memory of what happened.

Netting and cash live here; margin is in `margin`. Every cent moves through `Account.post`.
"""

from collections import deque
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from desk.core.account import MarginMode
from desk.sim.exchange.orders import ZERO, Order
from desk.sim.exchange.views import CashRow, Fill, FundingPaid, Trade
from desk.sim.exchange.words import CashKind, FillCause

FILLS_KEPT_MAX = 10_000
PAYMENTS_KEPT_MAX = 10_000
CASH_KEPT_MAX = 10_000
ORDERS_KEPT_MAX = 5_000
COST_STEP = Decimal("0.000001")

OrderKey = tuple[str, int]


@dataclass(slots=True)
class Setting:
    """Leverage and margin mode of one account in one market."""

    initial_margin_fraction: Decimal
    margin_mode: MarginMode
    is_default: bool
    created_at_ms: int
    updated_at_ms: int


@dataclass(slots=True, eq=False)
class Holding:
    """A position: signed `size`, and its signed `cost`, the exact USD paid for what is held.

    Keeping the cost instead of an average price makes profit exact: nothing is lost to a division.
    """

    symbol: str
    size: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    funding: Decimal = ZERO
    margin: Decimal = ZERO
    opened_at_ms: int = 0
    updated_at_ms: int = 0

    @property
    def entry_price(self) -> Decimal:
        """Return the average entry in USD, zero when flat."""
        return self.cost / self.size if self.size else ZERO

    def unrealized(self, mark: Decimal) -> Decimal:
        """Return the profit that closing at `mark` would realise, USD."""
        return self.size * mark - self.cost

    def apply(self, change: Decimal, price: Decimal, now_ms: int) -> Decimal:
        """Add a signed `change` at `price` and return the realised profit before fees, USD."""
        before = self.size
        self.updated_at_ms = now_ms
        if before == 0 or (before > 0) == (change > 0):
            if before == 0:
                self._open(now_ms)
            self.size += change
            self.cost += change * price
            return ZERO
        closed = -before if abs(change) >= abs(before) else change
        released = self.cost
        if closed != -before:
            released = (self.cost * closed / -before).quantize(COST_STEP, ROUND_HALF_EVEN)
        pnl = -closed * price - released
        self.size += closed
        self.cost -= released
        self.realized += pnl
        rest = change - closed
        if rest:
            self._open(now_ms)
            self.size, self.cost = rest, rest * price
        return pnl

    def _open(self, now_ms: int) -> None:
        self.opened_at_ms = now_ms
        self.realized = self.funding = ZERO


class Account:
    """One account: cash, holdings by symbol, settings, live orders, and bounded history."""

    def __init__(self, account_id: int, fee_level: int) -> None:
        """Open it empty."""
        self.account_id = account_id
        self.fee_level = fee_level
        self.cash = ZERO
        self.booked: dict[CashKind, Decimal] = dict.fromkeys(CashKind, ZERO)
        self.flow = ZERO
        self.holdings: dict[str, Holding] = {}
        self.settings: dict[str, Setting] = {}
        self.live: dict[OrderKey, Order] = {}
        self.by_client_id: dict[str, Order] = {}
        self.finished: deque[Order] = deque()
        self.fills: deque[Fill] = deque(maxlen=FILLS_KEPT_MAX)
        self.trades: deque[Trade] = deque(maxlen=FILLS_KEPT_MAX)
        self.payments: deque[FundingPaid] = deque(maxlen=PAYMENTS_KEPT_MAX)
        self.cash_rows: deque[CashRow] = deque(maxlen=CASH_KEPT_MAX)
        self.cancel_all_at_ms: int | None = None
        self.updated_at_ms = 0

    def post(
        self,
        kind: CashKind,
        amount: Decimal,
        *,
        row_id: int,
        now_ms: int,
        symbol: str | None = None,
        fill_id: int | None = None,
        cause: FillCause = FillCause.TRADE,
    ) -> None:
        """Change the cash by a signed `amount` and remember why."""
        self.cash += amount
        self.booked[kind] += amount
        self.updated_at_ms = now_ms
        self.cash_rows.append(
            CashRow(
                row_id, self.account_id, kind, amount, self.cash, now_ms, symbol, fill_id, cause
            )
        )

    def size_of(self, symbol: str) -> Decimal:
        """Return the signed position, zero when flat."""
        holding = self.holdings.get(symbol)
        return holding.size if holding is not None else ZERO

    def holding(self, symbol: str) -> Holding:
        """Return the record of `symbol`, made at the first touch."""
        return self.holdings.setdefault(symbol, Holding(symbol))
