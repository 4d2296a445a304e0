"""The floor: what every part of one exchange shares.

Markets, accounts, orders, time, ids and listeners, with the few moves all parts make: find, emit,
record, post. No rule of trading is decided here.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from desk.core.account import MarginMode
from desk.core.order import Side
from desk.sim.exchange.accounts import ORDERS_KEPT_MAX, Account, Setting
from desk.sim.exchange.book import MarketBook
from desk.sim.exchange.events import (
    EVENT_KINDS,
    AccountChanged,
    BookChanged,
    ExchangeEvent,
    OrderChanged,
    StatsChanged,
    TxDone,
)
from desk.sim.exchange.funding import FundingMeter
from desk.sim.exchange.orders import ZERO, NewOrder, Order, OrderView
from desk.sim.exchange.rules import FeeTier, MarketSpec, OrderIds, VenueRules
from desk.sim.exchange.schedule import Schedule
from desk.sim.exchange.tape import Tape
from desk.sim.exchange.views import FundingRow
from desk.sim.exchange.words import CashKind, FillCause, PacificaEvent, Refusal, RefusalReason

_FIRST_ASK = 1 << 48
_FIRST_BID = 1 << 49
Listener = Callable[[ExchangeEvent], None]
ORDER_EVENTS_KEPT_MAX = 1_000
FUNDING_KEPT_MAX = 24 * 200


class Market:
    """One market: its spec, book, tape, funding, prices, and the triggers waiting in it."""

    def __init__(self, spec: MarketSpec, rules: VenueRules, now_ms: int) -> None:
        """Open without depth or prices."""
        self.spec = spec
        self.symbol = spec.symbol
        self.book = MarketBook(spec.instrument.price_tick)
        self.tape = Tape()
        self.meter = FundingMeter(rules.funding, now_ms)
        self.index = self.mark = ZERO
        self.open_interest = ZERO
        self.triggers: list[Order] = []
        self.funding_rows: deque[FundingRow] = deque(maxlen=FUNDING_KEPT_MAX)
        self.asks_dealt = self.bids_dealt = 0
        self.book_changed = BookChanged(spec.symbol)
        self.stats_changed = StatsChanged(spec.symbol)


class Floor:
    """The state of one exchange."""

    def __init__(self, rules: VenueRules, specs: Sequence[MarketSpec], start_ms: int) -> None:
        """Open every market at `start_ms`."""
        self.rules = rules
        self._has_global_ids = rules.order_ids is OrderIds.GLOBAL
        self.now_ms = start_ms
        self.markets = {spec.symbol: Market(spec, rules, start_ms) for spec in specs}
        self.accounts: dict[int, Account] = {}
        self.schedule = Schedule()
        self._listeners: dict[type[ExchangeEvent], list[Listener]] = {k: [] for k in EVENT_KINDS}
        self.orders: dict[tuple[str, int], Order] = {}
        self.order_events: dict[tuple[str, int], list[OrderView]] = {}
        self.touched: dict[tuple[int, str], None] = {}
        self.parents_filled: list[Order] = []
        self._last_order_id = rules.first_order_id
        self._last_trade_id = rules.first_trade_id
        self._last_row_id = rules.first_trade_id
        self._seq = 0

    # Finding

    def market(self, symbol: str) -> Market:
        """Return the market or refuse."""
        market = self.markets.get(symbol)
        if market is None:
            raise Refusal(RefusalReason.MARKET_NOT_FOUND, f"no market {symbol}", symbol)
        return market

    def account(self, account_id: int) -> Account:
        """Return the account or refuse."""
        account = self.accounts.get(account_id)
        if account is None:
            raise Refusal(RefusalReason.ACCOUNT_NOT_FOUND, f"no account {account_id}")
        return account

    def tier(self, account: Account) -> FeeTier:
        """Return the account's fees and speed bumps."""
        return self.rules.tiers[account.fee_level]

    def setting(self, account: Account, symbol: str) -> Setting:
        """Return the account's leverage and margin mode in a market, the default at first."""
        setting = account.settings.get(symbol)
        if setting is None:
            spec = self.markets[symbol].spec
            mode = MarginMode.ISOLATED if spec.isolated_only else MarginMode.CROSS
            setting = Setting(spec.initial_default, mode, True, self.now_ms, self.now_ms)
            account.settings[symbol] = setting
        return setting

    def find(
        self, account: Account, symbol: str, order_id: int | None, client_id: str | None
    ) -> Order | None:
        """Return a live order of the account by either id, None when there is none."""
        if order_id is not None:
            return account.live.get((symbol, order_id))
        order = account.by_client_id.get(client_id) if client_id is not None else None
        if order is None or order.status.is_final or order.new.symbol != symbol:
            return None
        return order

    def live_in(self, account: Account, symbol: str) -> Iterator[Order]:
        """Yield the account's live orders in one market, oldest first."""
        return (order for order in account.live.values() if order.new.symbol == symbol)

    # Ids

    def next_order_id(self, market: Market, side: Side) -> int:
        """Return the id of a new order."""
        if self._has_global_ids:
            self._last_order_id += 1
            return self._last_order_id
        if side is Side.SELL:
            market.asks_dealt += 1
            return _FIRST_ASK + market.asks_dealt
        market.bids_dealt += 1
        return _FIRST_BID - market.bids_dealt

    def next_trade_id(self) -> int:
        """Return the id of a new public trade."""
        self._last_trade_id += 1
        return self._last_trade_id

    def next_row_id(self) -> int:
        """Return the id of a new history row: fills, order events, payments, cash."""
        self._last_row_id += 1
        return self._last_row_id

    def next_seq(self) -> int:
        """Return the next place in time."""
        self._seq += 1
        return self._seq

    def sequence(self) -> int:
        """Return the exchange-wide sequence: Pacifica's last order id, elsewhere the last place
        in time."""
        return self._last_order_id if self._has_global_ids else self._seq

    # Telling

    def listen(self, listener: Listener, kinds: Sequence[type[ExchangeEvent]]) -> None:
        """Tell `listener` of these kinds of events from now on."""
        for kind in kinds:
            self._listeners[kind].append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Tell `listener` nothing more; one that was told nothing is no error."""
        for listeners in self._listeners.values():
            if listener in listeners:
                listeners.remove(listener)

    def is_heard(self, kind: type[ExchangeEvent]) -> bool:
        """Return whether anybody listens to a kind of event: what nobody hears need not be made."""
        return bool(self._listeners[kind])

    def emit(self, event: ExchangeEvent) -> None:
        """Tell those who listen to its kind."""
        for listener in self._listeners[type(event)]:
            listener(event)

    def touch_book(self, market: Market) -> None:
        """Say that levels changed."""
        market.book.nonce += 1
        if self._has_global_ids:
            self._last_order_id += 1
        else:
            self._seq += 1
        self.emit(market.book_changed)

    def record(self, order: Order, event: PacificaEvent) -> None:
        """Stamp a change of an order, keep Pacifica's event row, and tell."""
        order.event = event
        order.history_id = self.next_row_id()
        order.updated_at_ms = self.now_ms
        order.nonce = self.markets[order.new.symbol].book.nonce
        view = order.view()
        if self._has_global_ids:
            rows = self.order_events.setdefault((order.new.symbol, order.order_id), [])
            if len(rows) < ORDER_EVENTS_KEPT_MAX:
                rows.append(view)
        self.emit(OrderChanged(view, event))

    def done(
        self,
        account_id: int,
        tag: str | None,
        *,
        order_id: int | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        """Say that a tagged request was executed, or why the engine refused it."""
        if tag is None:
            return
        reason = refusal.reason if refusal is not None else None
        message = refusal.message if refusal is not None else ""
        ok = refusal is None
        self.emit(TxDone(account_id, tag, ok, reason, message, order_id, self.now_ms))

    # Keeping

    def drop_live(self, account: Account, order: Order, *, remember: bool = True) -> None:
        """Take an order off the live ones; keep it among the finished unless it leaves no row."""
        key = (order.new.symbol, order.order_id)
        account.live.pop(key, None)
        if not remember:
            self._forget(account, order)
            return
        account.finished.append(order)
        if len(account.finished) > ORDERS_KEPT_MAX:
            self._forget(account, account.finished.popleft())

    def _forget(self, account: Account, order: Order) -> None:
        key = (order.new.symbol, order.order_id)
        self.orders.pop(key, None)
        self.order_events.pop(key, None)
        client_id = order.new.client_id
        if client_id is not None and account.by_client_id.get(client_id) is order:
            del account.by_client_id[client_id]

    def draft(self, account: Account, new: NewOrder) -> Order:
        """Return the record of an order that nobody has taken yet: it has no id."""
        return Order(
            account_id=account.account_id,
            order_id=0,
            new=new,
            size=new.size,
            price=new.price,
            trigger_price=new.trigger_price,
            seq=0,
            created_at_ms=self.now_ms,
            updated_at_ms=self.now_ms,
        )

    def enlist(self, order: Order) -> None:
        """Give an order its id and its place in time, and make it findable."""
        account, market = self.accounts[order.account_id], self.markets[order.new.symbol]
        order.order_id = self.next_order_id(market, order.new.side)
        order.seq = self.next_seq()
        key = (order.new.symbol, order.order_id)
        account.live[key] = self.orders[key] = order
        if order.new.client_id is not None:
            account.by_client_id[order.new.client_id] = order

    def post(
        self,
        account: Account,
        kind: CashKind,
        amount: Decimal,
        *,
        symbol: str | None = None,
        fill_id: int | None = None,
        cause: FillCause = FillCause.TRADE,
    ) -> None:
        """Change an account's cash and remember why; a zero amount leaves no row."""
        if amount:
            account.post(
                kind,
                amount,
                row_id=self.next_row_id(),
                now_ms=self.now_ms,
                symbol=symbol,
                fill_id=fill_id,
                cause=cause,
            )

    def account_changed(self, account: Account) -> None:
        """Say that cash, orders or margin of an account changed."""
        account.updated_at_ms = self.now_ms
        self.emit(AccountChanged(account.account_id))
