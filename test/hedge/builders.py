"""Values that tests of the strategy are made of: a calm world in which one thing is changed.

The usual pair is ETH, market 0 on Lighter: long there, short on Pacifica, 0.01 ETH a leg at
3000 USD.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from desk.core.account import Account, Leverage, MarginMode, Position
from desk.core.actions import Decision, ReadAccounts, ReadMarkets, SendOrders
from desk.core.book import Quote
from desk.core.events import (
    AccountsRead,
    Event,
    MarketsRead,
    MarkView,
    OrderReport,
    OrdersSettled,
    Tick,
    VenueAccount,
    VenueMarkets,
    Verdict,
)
from desk.core.funding import FundingPayment, HourlyRate
from desk.core.market import FeeRates, Instrument, MarketStats
from desk.core.order import Fill, Order, OrderKind, OrderStatus, Side
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.guard import Guard, Trigger, TriggerStage
from desk.hedge.machine import decide
from desk.hedge.orders import REQUEST_LIFE_MS
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CloseReason, Hedge, Intent, Phase, Role

LIGHTER, PACIFICA = BOTH
HOUR_MS = 3_600_000
T0 = 497_000 * HOUR_MS + 600_000  # ten minutes past a full hour
EPOCH = 7
SYMBOL = "ETH"
MID = Decimal(3000)
SIZE = Decimal("0.01")
# Where the usual hedge has its triggers: a tenth of the way from the stop to liquidation.
LOW, HIGH = Decimal(1380), Decimal("4632.6")
FEES = {
    LIGHTER: FeeRates(maker=Decimal(0), taker=Decimal(0)),
    PACIFICA: FeeRates(maker=Decimal("0.00015"), taker=Decimal("0.0004")),
}
ZERO = Decimal(0)

BotDecision = Decision[BotState]


def d(text: str | int) -> Decimal:
    """Return a decimal: short, because tests are full of them."""
    return Decimal(text)


def apr(percent: str | int) -> HourlyRate:
    """Return the hourly rate for a yearly percentage."""
    return HourlyRate.from_hourly(Decimal(percent) / 100 / 24 / 365)


def config(**changes: Any) -> Config:
    """Return a configuration for one symbol that asks for no expected profit and no triggers."""
    plain: dict[str, Any] = {
        "symbols_to_monitor": (SYMBOL,),
        "base_capital_allocation": Decimal(35),
        "require_expected_profit": False,
        "venue_triggers": False,
    }
    return Config(**(plain | changes))


# Markets


def instrument(venue: VenueName, symbol: str = SYMBOL, **changes: Any) -> Instrument:
    """Return a market with small steps and the venues' 10 USD minimum."""
    plain = Instrument(
        venue=venue,
        symbol=symbol,
        price_tick=Decimal("0.1"),
        size_lot=Decimal("0.0001"),
        size_min=Decimal("0.001"),
        notional_min_usd=Decimal(10),
        leverage_max=20,
        maintenance_margin_fraction=Decimal("0.03"),
        market_id=0 if venue is LIGHTER else None,
    )
    return replace(plain, **changes)


def stats(symbol: str = SYMBOL, **changes: Any) -> MarketStats:
    """Return a liquid market at the usual price, paying no funding."""
    plain = MarketStats(
        symbol=symbol,
        mark=MID,
        index=MID,
        funding_next=apr(0),
        volume_24h_usd=Decimal(50_000_000),
        at_ms=T0,
    )
    return replace(plain, **changes)


def quote(symbol: str = SYMBOL, *, mid: Decimal = MID, at_ms: int = T0, half: str = "0.1") -> Quote:
    """Return the top of a book around `mid`, `half` USD on each side."""
    size = Decimal(10)
    return Quote(symbol, mid - Decimal(half), size, mid + Decimal(half), size, at_ms)


def market(venue: VenueName, rates: Mapping[str, HourlyRate], at_ms: int = T0) -> VenueMarkets:
    """Return one venue's markets for the symbols in `rates`."""
    return VenueMarkets(
        instruments={name: instrument(venue, name) for name in rates},
        stats={name: stats(name, funding_next=rate, at_ms=at_ms) for name, rate in rates.items()},
        quotes={name: quote(name, at_ms=at_ms) for name in rates},
        fees=FEES[venue],
    )


def markets(spread: str | int = 40, *, at_ms: int = T0) -> dict[VenueName, VenueMarkets]:
    """Return both venues' ETH market; the short side (Pacifica) earns `spread` % a year."""
    return {
        LIGHTER: market(LIGHTER, {SYMBOL: apr(0)}, at_ms),
        PACIFICA: market(PACIFICA, {SYMBOL: apr(spread)}, at_ms),
    }


# Accounts


def account(*positions: Position, at_ms: int = T0, equity: str | int = 1000) -> Account:
    """Return an account with 1000 USD and these positions."""
    usd = Decimal(equity)
    return Account(usd, usd, usd, positions, asked_at_ms=at_ms, at_ms=at_ms)


def position(size: Decimal, symbol: str = SYMBOL, liquidation: str | None = None) -> Position:
    """Return a position entered at the usual price."""
    price = None if liquidation is None else Decimal(liquidation)
    return Position(symbol, size, MID, price)


def seen(size: Decimal = ZERO, *, at_ms: int = T0, **changes: Any) -> VenueAccount:
    """Return one venue's full answer: a position of `size`, no orders, no rows."""
    row = VenueAccount(
        account=account(*([position(size)] if size else []), at_ms=at_ms),
        orders=(),
        fills=(),
        payments=(),
        quote=quote(at_ms=at_ms),
        stats=stats(),
    )
    return replace(row, **changes)


def close_look(venue: VenueName, at_ms: int = T0, **changes: Any) -> VenueAccount:
    """Return the answer SELECT hopes for: free, leverage 1, fees, a fresh book, and a spread that
    is no smaller than any it was chosen for."""
    leverage = Leverage(SYMBOL, Decimal(1), MarginMode.CROSS)
    rates = stats(funding_next=apr(1_000 if venue is PACIFICA else 0))
    plain = seen(at_ms=at_ms, leverage=leverage, fees=FEES[venue], stats=rates)
    return replace(plain, **changes)


def order_row(intent: Intent, status: OrderStatus, filled: Decimal = ZERO) -> Order:
    """Return what a venue says of one of our orders."""
    return Order(
        symbol=SYMBOL,
        order_id="1",
        client_id=intent.client_id,
        side=intent.side,
        size=intent.size,
        filled=filled,
        price=intent.price,
        status=status,
        at_ms=T0,
        average_price=MID if filled else None,
    )


def fill(
    client_id: str | None, side: Side, size: Decimal, *, at_ms: int = T0 + 500, **changes: Any
) -> Fill:
    """Return one execution at the usual price, without a fee."""
    plain = Fill(
        symbol=SYMBOL,
        fill_id=f"{client_id}/{at_ms}/{side}/{size}",
        order_id="1",
        client_id=client_id,
        side=side,
        size=size,
        price=MID,
        fee_usd=ZERO,
        at_ms=at_ms,
    )
    return replace(plain, **changes)


def fills_of(hedge: Hedge, venue: VenueName) -> tuple[Fill, ...]:
    """Return the rows that bear out what the hedge knows to have filled on `venue`."""
    return tuple(
        fill(row.client_id, row.side, row.filled, price=row.average_price or MID)
        for row in hedge.intents
        if row.venue is venue and row.filled
    )


def payment(usd: str, at_ms: int, symbol: str = SYMBOL) -> FundingPayment:
    """Return one funding payment."""
    return FundingPayment(symbol, f"p{at_ms}", Decimal(usd), at_ms)


# States


def bot(phase: Phase = Phase.WAIT, **changes: Any) -> BotState:
    """Return a state in `phase`, nothing asked."""
    return BotState(config=changes.pop("config", config()), epoch=EPOCH, phase=phase, **changes)


def intent(venue: VenueName, role: Role = Role.OPEN, attempt: int = 0, **changes: Any) -> Intent:
    """Return an order of the usual hedge: in doubt, nothing filled, until it is changed."""
    state = BotState(config=config(), epoch=EPOCH, hedge=bare_hedge())
    is_entry = (role is Role.OPEN) == (venue is LIGHTER)
    plain = Intent(
        venue=venue,
        client_id=state.key(role, attempt).text_for(venue),
        role=role,
        side=Side.BUY if is_entry else Side.SELL,
        size=SIZE,
        price=MID,
        saved_at_ms=T0,
        expires_at_ms=T0 + REQUEST_LIFE_MS[venue],
    )
    return replace(plain, **changes)


def filled(
    venue: VenueName, role: Role = Role.OPEN, size: Decimal = SIZE, **changes: Any
) -> Intent:
    """Return an order of the usual hedge that is final, `size` of it filled."""
    price = MID if size else None
    return intent(venue, role, in_doubt=False, filled=size, average_price=price, **changes)


def bare_hedge(**changes: Any) -> Hedge:
    """Return the usual hedge just approved, no order written down yet."""
    plain = Hedge(
        cycle=1,
        symbol=SYMBOL,
        size=SIZE,
        long_venue=LIGHTER,
        spread_apr_pct=Decimal(40),
        approved_at_ms=T0,
        equity_before_usd={LIGHTER: Decimal(1000), PACIFICA: Decimal(1000)},
        instruments={venue: instrument(venue) for venue in BOTH},
        rounds=1,
    )
    return replace(plain, **changes)


def opening(**changes: Any) -> Hedge:
    """Return the usual hedge with both orders sent and nothing heard."""
    return bare_hedge(intents=(intent(LIGHTER), intent(PACIFICA)), **changes)


def standing(**changes: Any) -> Hedge:
    """Return the usual hedge verified on both venues, an hour into its hold."""
    plain: dict[str, Any] = {
        "intents": (filled(LIGHTER), filled(PACIFICA)),
        "opened_at_ms": T0,
        "review_at_ms": T0 + 12 * HOUR_MS,
        "next_check_at_ms": T0 + HOUR_MS,
    }
    return bare_hedge(**(plain | changes))


def trigger(venue: VenueName, kind: OrderKind, number: int = 0, **changes: Any) -> Trigger:
    """Return a trigger of the usual hedge that has been seen at rest."""
    state = BotState(config=config(), epoch=EPOCH, hedge=bare_hedge())
    is_low = (kind is OrderKind.STOP) == (venue is LIGHTER)
    side = Side.SELL if venue is LIGHTER else Side.BUY
    mark = LOW if is_low else HIGH
    plain = Trigger(
        venue=venue,
        client_id=state.trigger_key(number).text_for(venue),
        kind=kind,
        side=side,
        size=SIZE,
        trigger_price=mark,
        price=mark * (1 + side.sign * Decimal("0.3")),
        saved_at_ms=T0,
        lands_until_ms=T0 + REQUEST_LIFE_MS[venue],
        expires_at_ms=T0 + 28 * 24 * HOUR_MS,
        stage=TriggerStage.RESTING,
        was_answered=True,
    )
    return replace(plain, **changes)


def guard(**changes: Any) -> Guard:
    """Return the venues' guard of the usual hedge, all four triggers at rest; `changes` go into
    each of them."""
    keys = ((venue, kind) for venue in BOTH for kind in (OrderKind.STOP, OrderKind.TAKE_PROFIT))
    rows = tuple(trigger(*key, number, **changes) for number, key in enumerate(keys))
    return Guard(LOW, HIGH, Decimal(50), rows, placed=len(rows), look_at_ms=T0 + HOUR_MS)


def listed(row: Trigger, **changes: Any) -> Order:
    """Return what a venue's open orders say of a trigger at rest."""
    plain = Order(
        symbol=SYMBOL,
        order_id="2",
        client_id=row.client_id,
        side=row.side,
        size=row.size,
        filled=ZERO,
        price=row.price,
        status=OrderStatus.OPEN,
        at_ms=T0,
        kind=row.kind,
        reduce_only=True,
        trigger_price=row.trigger_price,
    )
    return replace(plain, **changes)


def listed_at(hedge: Hedge, venue: VenueName) -> tuple[Order, ...]:
    """Return the open orders of a venue where every trigger on record rests."""
    return tuple(listed(row) for row in hedge.triggers if row.venue is venue)


def halted(**changes: Any) -> BotState:
    """Return a state in HALT."""
    return bot(Phase.HALT, halt_reason="a human is needed", **changes)


def closing_hedge(reason: CloseReason = CloseReason.OWNER, **changes: Any) -> Hedge:
    """Return the usual hedge on its way out, no closing order sent yet."""
    return standing(close_reason=reason, **changes)


# Events and answers


def tick(at_ms: int, marks: Mapping[VenueName, Decimal] | None = None) -> Tick:
    """Return a tick; marks come with an index that supports them."""
    views = {venue: MarkView(mark, mark, at_ms) for venue, mark in (marks or {}).items()}
    return Tick(at_ms, views)


def asked(step: BotDecision) -> tuple[ReadAccounts | ReadMarkets | SendOrders, ...]:
    """Return the questions among a decision's actions."""
    return tuple(
        row for row in step.actions if isinstance(row, ReadAccounts | ReadMarkets | SendOrders)
    )


def sent(step: BotDecision) -> SendOrders | None:
    """Return the orders a decision sends, None if it sends none."""
    return next((row for row in step.actions if isinstance(row, SendOrders)), None)


def accounts_read(
    state: BotState,
    at_ms: int = T0,
    *,
    lighter: VenueAccount | None = None,
    pacifica: VenueAccount | None = None,
) -> AccountsRead:
    """Return the answer to the state's question; a venue that is left out did not answer."""
    rows = {LIGHTER: lighter, PACIFICA: pacifica}
    return AccountsRead(
        at_ms,
        state.asked,
        venues={venue: row for venue, row in rows.items() if row is not None},
        failures={venue: f"{venue} is away" for venue, row in rows.items() if row is None},
    )


def markets_read(
    state: BotState, at_ms: int = T0, venues: dict[VenueName, VenueMarkets] | None = None
) -> MarketsRead:
    """Return the answer to the state's question about markets."""
    return MarketsRead(at_ms, state.asked, markets(at_ms=at_ms) if venues is None else venues)


def report(
    row: Intent | Trigger, filled_size: Decimal | None = None, **changes: Any
) -> OrderReport:
    """Return a report that an order is over, fully filled unless it says otherwise."""
    size = row.size if filled_size is None else filled_size
    plain = OrderReport(
        venue=row.venue,
        client_id=row.client_id,
        verdict=Verdict.ACCEPTED,
        is_final=True,
        filled=size,
        average_price=MID if size else None,
    )
    return replace(plain, **changes)


def settled(state: BotState, at_ms: int, sizes: Sequence[Decimal | None]) -> OrdersSettled:
    """Return the answer to the last orders: how much of each filled, None for an unknown fate."""
    assert state.hedge is not None
    rows = state.hedge.intents[-len(sizes) :]
    reports = tuple(
        report(row, ZERO, verdict=Verdict.UNKNOWN, is_final=False)
        if size is None
        else report(row, size)
        for row, size in zip(rows, sizes, strict=True)
    )
    return OrdersSettled(at_ms, state.asked, reports)


def run(state: BotState, *events: Event) -> BotDecision:
    """Feed events one after the other and return the last decision."""
    step = None
    for event in events:
        step = decide(state, event)
        state = step.state
    assert step is not None, "no event"
    return step
