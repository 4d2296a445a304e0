"""One venue's exchange: the door through which markets, accounts and wire servers reach it.

Sans-IO and deterministic: it never reads a clock, never draws a number, never waits. Time comes in
through `advance`. The work is done by the modules beside this one; here they are put together.
"""

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal

from desk.core.account import MarginMode
from desk.core.book import Level
from desk.core.funding import HourlyRate
from desk.core.order import Side
from desk.sim.exchange import changes, entry, liquidation, settings, settlement, triggers
from desk.sim.exchange.accounts import Account
from desk.sim.exchange.arrivals import settle
from desk.sim.exchange.audit import audit
from desk.sim.exchange.clearing import Execution, execute
from desk.sim.exchange.events import EVENT_KINDS, ExchangeEvent
from desk.sim.exchange.floor import Floor, Listener
from desk.sim.exchange.matching import Walk, meet_new_depth, walk
from desk.sim.exchange.orders import NewOrder, TriggerLeg
from desk.sim.exchange.reading import Reading
from desk.sim.exchange.rules import MarketSpec, VenueRules
from desk.sim.exchange.views import AuditLine, Bar, Fill, FundingRow, Trade
from desk.sim.exchange.words import CashKind, FillCause, Grouping, OrderType


class Exchange(Reading):
    """One venue: its markets, its accounts, its time.

    Every request may raise `Refusal`; then nothing happened. A request that is taken may still
    fail later (speed bump, Lighter's sequencer): `TxDone` and `OrderChanged` tell. Queries return
    newest first where they return rows.
    """

    def __init__(self, rules: VenueRules, markets: Sequence[MarketSpec], *, start_ms: int) -> None:
        """Open with empty books at `start_ms`."""
        super().__init__(Floor(rules, markets, start_ms))
        self.rules = rules
        self.markets: dict[str, MarketSpec] = {spec.symbol: spec for spec in markets}
        settlement.put_next(self._floor)

    @property
    def now_ms(self) -> int:
        """Return the instant the exchange stands at."""
        return self._floor.now_ms

    def listen(self, listener: Listener, *kinds: type[ExchangeEvent]) -> None:
        """Tell `listener` of every event of these kinds from now on, of all without any named."""
        self._floor.listen(listener, kinds or EVENT_KINDS)

    def unlisten(self, listener: Listener) -> None:
        """Tell `listener` nothing more; safe for one who never listened."""
        self._floor.unlisten(listener)

    @property
    def due_listeners(self) -> list[Callable[[], None]]:
        """Return the list of those told when `next_due_ms` becomes earlier: append to it."""
        return self._floor.schedule.listeners

    # Time

    def advance(self, now_ms: int) -> None:
        """Run everything due up to and including `now_ms`, in time order: delayed requests,
        expiries, settlements, scheduled cancel-alls; then stand at `now_ms`.

        An instant in the past is ignored.
        """
        floor, schedule = self._floor, self._floor.schedule
        while schedule.next_ms is not None and schedule.next_ms <= now_ms:
            at_ms, task = schedule.pop()
            floor.now_ms = max(at_ms, floor.now_ms)
            task()
        if now_ms > floor.now_ms:
            floor.now_ms = now_ms

    def next_due_ms(self) -> int | None:
        """Return the next instant `advance` has work at (always at least the next settlement)."""
        return self._floor.schedule.next_ms

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
        floor, market = self._floor, self._floor.market(symbol)
        market.index, market.mark = index, mark
        market.meter.sample(floor.now_ms, premium)
        market.tape.mark(floor.now_ms, mark)
        market.book.replace(bids, asks)
        if market.book.has_own:
            meet_new_depth(floor, market)
        settle(floor, market)
        floor.emit(market.stats_changed)
        if market.triggers:
            triggers.check(floor, market)
        for account in floor.accounts.values():
            if account.size_of(symbol):
                liquidation.check(floor, account)

    def print_ambient(self, symbol: str, side: Side, size: Decimal) -> None:
        """Let strangers trade `size` base units with each other, as one print at the best price
        and without a trace in the book: they refill what they take.

        Our accounts' resting orders on that side come first, as far as a third of the strangers'
        depth reaches.
        """
        floor, market = self._floor, self._floor.market(symbol)
        book, resting = market.book, side.opposite
        if book.own[resting]:
            depth = sum((level for _, level in book.ambient[resting]), Decimal(0))
            size -= self.trade_ambient(symbol, side, min(size, depth / 3))
        price = book.best(resting)
        if size > 0 and price is not None:
            execute(floor, Execution(market, price, size, side, None, None))

    def trade_ambient(
        self, symbol: str, side: Side, size: Decimal, *, price: Decimal | None = None
    ) -> Decimal:
        """Let a stranger take up to `size` base units, at `price` or better; return what was
        taken."""
        floor, market = self._floor, self._floor.market(symbol)
        way = Walk(market, side, size, limit=price)
        walk(floor, way)
        settle(floor, market)
        return way.taken

    def pin_funding(self, symbol: str, rate: HourlyRate | None) -> None:
        """Make the estimate and the settlements of `symbol` be `rate` until given None."""
        market = self._floor.market(symbol)
        market.meter.pin(rate)
        self._floor.emit(market.stats_changed)

    def set_open_interest(self, symbol: str, base: Decimal) -> None:
        """Say how many base units strangers hold long; our accounts' longs are added to it."""
        self._floor.market(symbol).open_interest = base

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
        market = self._floor.market(symbol)
        market.tape.load(bars, trades)
        rows = market.funding_rows
        market.funding_rows = deque([*funding, *rows], maxlen=rows.maxlen)

    # Accounts

    def add_account(self, *, collateral: Decimal, account_id: int, fee_level: int = 0) -> None:
        """Open an account holding `collateral` USD."""
        self._floor.accounts[account_id] = account = Account(account_id, fee_level)
        self._floor.post(account, CashKind.DEPOSIT, collateral)

    def deposit(self, account_id: int, amount: Decimal) -> None:
        """Add USD to the account's cash; a negative `amount` withdraws."""
        account = self._floor.account(account_id)
        kind = CashKind.DEPOSIT if amount > 0 else CashKind.WITHDRAW
        self._floor.post(account, kind, amount)
        self._floor.account_changed(account)

    def set_fee_level(self, account_id: int, fee_level: int) -> None:
        """Move an account to another row of `rules.tiers`."""
        self._floor.account(account_id).fee_level = fee_level

    # Requests

    def submit(self, account_id: int, order: NewOrder) -> int:
        """Take an order and return its id; it reaches the book after its speed bump."""
        return entry.submit(self._floor, account_id, order)

    def submit_group(
        self, account_id: int, orders: Sequence[NewOrder], grouping: Grouping
    ) -> tuple[int, ...]:
        """Take up to three linked orders, all or none; return their ids in order.

        ONE_TRIGGERS_*: the first is the parent, children wake when it has filled.
        """
        return entry.submit_group(self._floor, account_id, orders, grouping)

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
        legs = ((take_profit, OrderType.TAKE_PROFIT), (stop_loss, OrderType.STOP_LOSS))
        given = [(leg, kind) for leg, kind in legs if leg is not None]
        return entry.set_position_tpsl(self._floor, account_id, symbol, side=side, legs=given)

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
        changes.cancel(
            self._floor,
            account_id,
            symbol,
            order_id=order_id,
            client_id=client_id,
            tag=tag,
            triggers_only=triggers_only,
        )

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
        return changes.cancel_all(
            self._floor,
            account_id,
            symbol=symbol,
            exclude_reduce_only=exclude_reduce_only,
            tag=tag,
        )

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

        `size` is the new total on Lighter, the new order's size on Pacifica; None keeps. On Lighter
        the id is 0 when no such order is live yet: what becomes of the request is told by `TxDone`.
        """
        return changes.modify(
            self._floor,
            account_id,
            symbol,
            order_id=order_id,
            client_id=client_id,
            size=size,
            price=price,
            trigger_price=trigger_price,
            tag=tag,
        )

    def schedule_cancel_all(
        self, account_id: int, at_ms: int | None, *, tag: str | None = None
    ) -> None:
        """Cancel everything at `at_ms` (5 minutes to 15 days ahead); None aborts (Lighter)."""
        settings.schedule_cancel_all(self._floor, account_id, at_ms, tag=tag)

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
        settings.set_leverage(
            self._floor,
            account_id,
            symbol,
            fraction=initial_margin_fraction,
            margin_mode=margin_mode,
            tag=tag,
        )

    def set_margin_mode(
        self, account_id: int, symbol: str, margin_mode: MarginMode, *, tag: str | None = None
    ) -> None:
        """Set cross or isolated; refused with a position or an order in the market."""
        settings.set_margin_mode(self._floor, account_id, symbol, margin_mode, tag=tag)

    def move_isolated_margin(
        self, account_id: int, symbol: str, amount: Decimal, *, tag: str | None = None
    ) -> None:
        """Move USD from cash into an isolated position's margin; negative takes it out
        (Lighter)."""
        settings.move_isolated_margin(self._floor, account_id, symbol, amount, tag=tag)

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
        account = self._floor.account(account_id)
        return liquidation.close_by_hand(self._floor, account, symbol, fraction, cause=cause)

    def audit(self) -> tuple[AuditLine, ...]:
        """Return every account's books by ascending id; raise `InvariantBroken` if one of them
        does not balance to the last decimal."""
        return audit(self._floor)
