"""One venue's exchange: the door through which markets, accounts and wire servers reach it.

Sans-IO and deterministic: it never reads a clock, never draws a number, never waits. Time comes in
through `advance`. The work is done by the modules beside this one; here they are put together.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from desk.core.account import MarginMode
from desk.core.book import Level
from desk.core.funding import HourlyRate
from desk.core.order import Side
from desk.sim.exchange.events import ExchangeEvent
from desk.sim.exchange.orders import NewOrder, OrderView, TriggerLeg
from desk.sim.exchange.rules import MarketSpec, VenueRules
from desk.sim.exchange.views import (
    AccountView,
    AuditLine,
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
from desk.sim.exchange.words import FillCause, Grouping


class Exchange:
    """One venue: its markets, its accounts, its time.

    Every request may raise `Refusal`; then nothing happened. A request that is taken may still
    fail later (speed bump, Lighter's sequencer): `TxDone` and `OrderChanged` tell. Queries return
    newest first where they return rows.
    """

    def __init__(self, rules: VenueRules, markets: Sequence[MarketSpec], *, start_ms: int) -> None:
        """Open with empty books at `start_ms`."""
        self.rules = rules
        self.markets: dict[str, MarketSpec] = {spec.symbol: spec for spec in markets}
        self.now_ms = start_ms
        self.listeners: list[Callable[[ExchangeEvent], None]] = []

    # Time

    def advance(self, now_ms: int) -> None:
        """Run everything due up to and including `now_ms`, in time order: delayed requests,
        expiries, settlements, scheduled cancel-alls; then stand at `now_ms`.

        An instant in the past is ignored.
        """
        raise NotImplementedError

    def next_due_ms(self) -> int | None:
        """Return the next instant `advance` has work at (always at least the next settlement)."""
        raise NotImplementedError

    # The market model

    def set_market(
        self,
        symbol: str,
        *,
        index: Decimal,
        mark: Decimal,
        bids: list[Level],
        asks: list[Level],
        premium: Decimal,
    ) -> None:
        """Replace other people's depth (best first, not crossed) and the prices of a market.

        Resting orders of our accounts stay; those the new depth crosses fill at their own price.
        Triggers and liquidations on the new mark run before this returns. `premium` is the sampled
        funding premium, a signed fraction of index.
        """
        raise NotImplementedError

    def trade_ambient(
        self, symbol: str, side: Side, size: Decimal, *, price: Decimal | None = None
    ) -> Decimal:
        """Let a stranger take up to `size` base units, at `price` or better; return what was
        taken."""
        raise NotImplementedError

    def pin_funding(self, symbol: str, rate: HourlyRate | None) -> None:
        """Make the estimate and the settlements of `symbol` be `rate` until given None."""
        raise NotImplementedError

    def backfill(
        self,
        symbol: str,
        *,
        funding: Sequence[FundingRow] = (),
        bars: Sequence[Bar] = (),
        trades: Sequence[Trade] = (),
    ) -> None:
        """Put history from before `start_ms` (oldest first) in front of what is recorded; `bars`
        are one-minute bars."""
        raise NotImplementedError

    # Accounts

    def add_account(self, *, collateral: Decimal, account_id: int, fee_level: int = 0) -> None:
        """Open an account holding `collateral` USD."""
        raise NotImplementedError

    def deposit(self, account_id: int, amount: Decimal) -> None:
        """Add USD to the account's cash; a negative `amount` withdraws."""
        raise NotImplementedError

    def set_fee_level(self, account_id: int, fee_level: int) -> None:
        """Move an account to another row of `rules.tiers`."""
        raise NotImplementedError

    # Requests

    def submit(self, account_id: int, order: NewOrder) -> int:
        """Take an order and return its id; it reaches the book after its speed bump."""
        raise NotImplementedError

    def submit_group(
        self, account_id: int, orders: Sequence[NewOrder], grouping: Grouping
    ) -> tuple[int, ...]:
        """Take up to three linked orders, all or none; return their ids in order.

        ONE_TRIGGERS_*: the first is the parent, children wake when it has filled.
        """
        raise NotImplementedError

    def set_position_tpsl(
        self,
        account_id: int,
        symbol: str,
        *,
        side: Side,
        take_profit: TriggerLeg | None,
        stop_loss: TriggerLeg | None,
    ) -> tuple[int, ...]:
        """Rest reduce-only triggers on the open position, replacing earlier ones of the same kind
        without a size; `side` is the closing side. Return their ids."""
        raise NotImplementedError

    def cancel(
        self,
        account_id: int,
        symbol: str,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
        tag: str | None = None,
        triggers_only: bool = False,
    ) -> None:
        """Cancel one order by either id.

        Pacifica refuses at once (ORDER_NOT_FOUND, UNKNOWN_CLIENT_ID); Lighter answers in `TxDone`.
        """
        raise NotImplementedError

    def cancel_all(
        self,
        account_id: int,
        *,
        symbol: str | None = None,
        exclude_reduce_only: bool = False,
        tag: str | None = None,
    ) -> int:
        """Cancel all orders, triggers too, in one market or everywhere; return how many are live
        now."""
        raise NotImplementedError

    def modify(
        self,
        account_id: int,
        symbol: str,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
        size: Decimal | None = None,
        price: Decimal | None = None,
        trigger_price: Decimal | None = None,
        tag: str | None = None,
    ) -> int:
        """Change a resting order and return its id: the same on Lighter (after the maker's delay),
        a new post-only order's on Pacifica.

        `size` is the new total on Lighter, the new order's size on Pacifica; None keeps.
        """
        raise NotImplementedError

    def schedule_cancel_all(
        self, account_id: int, at_ms: int | None, *, tag: str | None = None
    ) -> None:
        """Cancel everything at `at_ms` (5 minutes to 15 days ahead); None aborts (Lighter)."""
        raise NotImplementedError

    def set_leverage(
        self,
        account_id: int,
        symbol: str,
        *,
        initial_margin_fraction: Decimal,
        margin_mode: MarginMode | None = None,
        tag: str | None = None,
    ) -> None:
        """Set an account's initial margin fraction in a market (1 / leverage), and on Lighter the
        margin mode with it."""
        raise NotImplementedError

    def set_margin_mode(
        self, account_id: int, symbol: str, margin_mode: MarginMode, *, tag: str | None = None
    ) -> None:
        """Set cross or isolated; refused with a position or an order in the market."""
        raise NotImplementedError

    def move_isolated_margin(
        self, account_id: int, symbol: str, amount: Decimal, *, tag: str | None = None
    ) -> None:
        """Move USD from cash into an isolated position's margin; negative takes it out
        (Lighter)."""
        raise NotImplementedError

    # The control plane

    def liquidate(
        self,
        account_id: int,
        symbol: str,
        fraction: Decimal,
        *,
        cause: FillCause = FillCause.LIQUIDATION,
    ) -> Fill:
        """Close `fraction` (0..1] of a position at mark by the venue's hand, rounded up to a lot;
        LIQUIDATION takes the fee, DELEVERAGE does not."""
        raise NotImplementedError

    def audit(self) -> tuple[AuditLine, ...]:
        """Return every account's books by ascending id; raise `InvariantBroken` if one of them
        does not balance to the last decimal."""
        raise NotImplementedError

    # Accounts, read

    def account_ids(self) -> tuple[int, ...]:
        """Return the accounts, ascending."""
        raise NotImplementedError

    def account(self, account_id: int) -> AccountView:
        """Return the account at the present marks."""
        raise NotImplementedError

    def settings(self, account_id: int) -> tuple[MarketSetting, ...]:
        """Return leverage and margin mode of every market, in the order of `markets`."""
        raise NotImplementedError

    def touched(self, account_id: int) -> tuple[str, ...]:
        """Return the markets the account ever had a fill in (Lighter prints them even when
        flat)."""
        raise NotImplementedError

    def orders(self, account_id: int, symbol: str | None = None) -> tuple[OrderView, ...]:
        """Return open and pending orders, oldest first; those in a speed bump are left out."""
        raise NotImplementedError

    def order_history(
        self, account_id: int, symbol: str | None = None, *, limit: int = 1000
    ) -> tuple[OrderView, ...]:
        """Return finished orders, newest first (bounded by `ORDERS_KEPT_MAX`)."""
        raise NotImplementedError

    def order(self, order_id: int, *, symbol: str | None = None) -> OrderView | None:
        """Return an order in any state, while it is remembered; `symbol` is needed on Lighter,
        where ids repeat across markets."""
        raise NotImplementedError

    def order_by_client_id(self, account_id: int, client_id: str) -> OrderView | None:
        """Return the account's latest order with this client id, in any state."""
        raise NotImplementedError

    def order_events(self, order_id: int) -> tuple[OrderView, ...]:
        """Return the pictures of an order after each of its events, newest first (Pacifica)."""
        raise NotImplementedError

    def fills(
        self, account_id: int, symbol: str | None = None, *, limit: int = 1000
    ) -> tuple[Fill, ...]:
        """Return the account's fills, newest first (bounded by `FILLS_KEPT_MAX`)."""
        raise NotImplementedError

    def account_trades(
        self, account_id: int, symbol: str | None = None, *, limit: int = 1000
    ) -> tuple[Trade, ...]:
        """Return the same executions as public trades with both sides, newest first."""
        raise NotImplementedError

    def funding_payments(
        self, account_id: int, symbol: str | None = None, *, limit: int = 1000
    ) -> tuple[FundingPaid, ...]:
        """Return payments, newest first (bounded by `PAYMENTS_KEPT_MAX`)."""
        raise NotImplementedError

    def balance_history(self, account_id: int, *, limit: int = 1000) -> tuple[CashRow, ...]:
        """Return changes of cash, newest first (bounded by `CASH_KEPT_MAX`)."""
        raise NotImplementedError

    # Markets, read

    def sequence(self) -> int:
        """Return the last order id dealt, or the count of changes on Lighter (Pacifica's `li`)."""
        raise NotImplementedError

    def levels(self, symbol: str, side: Side, depth: int) -> list[Level]:
        """Return up to `depth` aggregated levels of `side` (BUY: bids), best first, strangers'
        and our accounts' orders together."""
        raise NotImplementedError

    def level_counts(self, symbol: str, side: Side, depth: int) -> list[int]:
        """Return how many orders stand at each of `levels`; a stranger's level counts as one."""
        raise NotImplementedError

    def resting_orders(self, symbol: str, side: Side, depth: int) -> tuple[RestingOrder, ...]:
        """Return single orders, best first; each stranger's level is one order with a stable
        id."""
        raise NotImplementedError

    def book_nonce(self, symbol: str) -> int:
        """Return a number that grows with each change of the book."""
        raise NotImplementedError

    def stats(self, symbol: str) -> Stats:
        """Return the market's statistics."""
        raise NotImplementedError

    def trades(self, symbol: str, *, limit: int = 100) -> tuple[Trade, ...]:
        """Return public trades, newest first (bounded by `TRADES_KEPT_MAX`)."""
        raise NotImplementedError

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
        raise NotImplementedError

    def funding_history(
        self, symbol: str, *, since_ms: int = 0, until_ms: int | None = None, limit: int = 1000
    ) -> tuple[FundingRow, ...]:
        """Return settled periods inside the range, newest first (bounded by
        `FUNDING_KEPT_MAX`)."""
        raise NotImplementedError
