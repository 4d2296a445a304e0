"""OPEN: from two orders sent to a hedge verified on both venues, or to an orderly retreat."""

from dataclasses import replace
from decimal import Decimal

from desk.core.actions import Action, Decision, Exit
from desk.core.events import AccountsRead, OrdersSettled, Tick
from desk.core.venue import VenueName
from desk.hedge.closing import begin_close
from desk.hedge.orders import send_orders
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CloseReason, Hedge, Phase, Role
from desk.hedge.steps import (
    Step,
    absorb,
    ask_hedge,
    back_off,
    differences,
    hedge_of,
    note_outages,
    rest,
    retry_later,
    settle_reports,
)

TOP_UPS_MAX = 2


def on_settled(state: BotState, event: OrdersSettled) -> Step:
    """Take in what the engine saw of the orders, then top up, verify or retreat."""
    state = state.with_hedge(settle_reports(hedge_of(state), event.reports))
    return _judge(state, event.at_ms)


def on_accounts(state: BotState, event: AccountsRead) -> Step:
    """Compare positions with fills: both legs verified means HOLD."""
    if event.failures:
        state = state.with_hedge(absorb(hedge_of(state), event.venues))
        return _patiently(state, event)
    state, alerts = note_outages(state, event.at_ms, {})
    hedge = absorb(hedge_of(state), event.venues)
    state = state.with_hedge(hedge)
    if hedge.in_doubt() or not _is_even(hedge):
        return _judge(state, event.at_ms, *alerts)
    if all(hedge.held(venue) == 0 for venue in BOTH):
        return _nothing_opened(state, event.at_ms, *alerts)
    if any(differences(hedge, event).values()):
        return _patiently(state, event, *alerts)
    return hold(state, event.at_ms, *alerts)


def on_tick(state: BotState, event: Tick) -> Step:
    """Ask again what became of the orders."""
    return ask_hedge(state, "is the opening settled?")


def hold(state: BotState, at_ms: int, *also: Action) -> Step:
    """Both legs stand: hold them until the review."""
    hedge = hedge_of(state)
    opened = hedge.opened_at_ms or at_ms
    hedge = replace(
        hedge,
        opened_at_ms=opened,
        review_at_ms=hedge.review_at_ms or opened + state.config.hold_ms,
        next_check_at_ms=at_ms + state.config.check_ms,
    )
    backoffs = {key: row for key, row in state.backoffs.items() if key != hedge.symbol}
    state = replace(state, phase=Phase.HOLD, hedge=hedge, backoffs=backoffs, wake_at_ms=None)
    size = abs(hedge.held(hedge.long_venue))
    reason = f"both legs hold {size.normalize():f} {hedge.symbol}"
    leave: tuple[Action, ...] = (Exit(0),) if state.leaving else ()
    return Decision(state, (*also, *leave), reason)


def _judge(state: BotState, at_ms: int, *also: Action) -> Step:
    hedge = hedge_of(state)
    if hedge.in_doubt():
        if at_ms - hedge.approved_at_ms > state.config.unknown_s_max * 1000:
            return begin_close(state, CloseReason.UNWIND, at_ms, *also)
        return ask_hedge(state, f"{hedge.in_doubt()[0].venue} has not said what happened", *also)
    if _is_even(hedge):
        return ask_hedge(state, "verify both positions", *also)
    lagging, missing = _shortfall(hedge)
    if _may_top_up(state, lagging, missing, at_ms):
        price = next(row.price for row in hedge.intents if row.venue is lagging)
        reason = f"{lagging} lags by {missing.normalize():f}; top up inside the band"
        sizes = {lagging: missing}
        return send_orders(state, Role.OPEN, sizes, {lagging: price}, at_ms, reason, *also)
    return begin_close(state, CloseReason.UNWIND, at_ms, *also)


def _is_even(hedge: Hedge) -> bool:
    return sum((hedge.held(venue) for venue in BOTH), Decimal(0)) == 0


def _shortfall(hedge: Hedge) -> tuple[VenueName, Decimal]:
    """Return the venue that has filled less, and by how much (base units)."""
    sizes = {venue: abs(hedge.held(venue)) for venue in BOTH}
    lagging = min(BOTH, key=lambda venue: sizes[venue])
    return lagging, sizes[lagging.twin] - sizes[lagging]


def _may_top_up(state: BotState, lagging: VenueName, missing: Decimal, at_ms: int) -> bool:
    """Top up only early, a few times, and only with an order that venue takes."""
    hedge = hedge_of(state)
    tries = sum(1 for row in hedge.intents if row.venue is lagging)
    in_time = at_ms - hedge.approved_at_ms <= state.config.fill_deadline_s * 1000
    instrument = hedge.instruments[lagging]
    price = next(row.price for row in hedge.intents if row.venue is lagging)
    return tries <= TOP_UPS_MAX and in_time and missing >= instrument.size_floor(price)


def _patiently(state: BotState, event: AccountsRead, *also: Action) -> Step:
    """Positions do not bear out the fills yet, or a venue is away: ask again, then retreat."""
    hedge = hedge_of(state)
    if event.at_ms - hedge.approved_at_ms > state.config.unknown_s_max * 1000:
        return begin_close(state, CloseReason.UNWIND, event.at_ms, *also)
    missing = {
        venue: f"{venue} position differs from our fills by {difference}"
        for venue, difference in differences(hedge, event).items()
        if difference
    }
    step = retry_later(state, event.at_ms, event.failures or missing)
    return Decision(step.state, (*also, *step.actions), step.reason)


def _nothing_opened(state: BotState, at_ms: int, *also: Action) -> Step:
    hedge = hedge_of(state)
    state = replace(back_off(state, hedge.symbol, at_ms), hedge=None)
    reason = f"{hedge.symbol}: neither leg filled"
    return rest(state, at_ms, state.config.check_ms, reason, *also)
