"""OPEN: from two orders sent to a hedge verified on both venues, or to an orderly retreat."""

from dataclasses import replace
from decimal import Decimal

from desk.core.actions import Action, Alert, Exit, Level
from desk.core.events import AccountsRead, OrderReport, OrdersSettled, Tick
from desk.core.venue import VenueName
from desk.hedge import risk
from desk.hedge.closing import begin_close
from desk.hedge.guarding import tend
from desk.hedge.orders import Wanted, send_orders
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CloseReason, Hedge, Phase, Role
from desk.hedge.steps import (
    FAILED_CHECK_MS,
    PAUSE_MS_MIN,
    Step,
    absorb,
    ask_hedge,
    back_off,
    differences,
    has_rows,
    hedge_of,
    leave_halted,
    less_than_ours,
    linger,
    needs_rows,
    note_outages,
    rest,
    settle_reports,
    shortfall,
    stay,
    unexplained,
    was_told,
)

TOP_UPS_MAX = 2
# Looks at a position that is less than ours before it is believed. Venues have shown an empty list
# for an instant; one that their fills contradict, for many seconds.
SUSPICIONS_MAX = 1
LAGGING_LOOKS = 8
LAGGING_PAUSE_MS_MAX = 8_000
UNEVEN_MS_MAX = 10_000  # for rows that explain why one leg is larger by them and not in truth
DOUBT_PAUSE_MS_MAX = 4_000  # one leg may stand alone: Pacifica's window is over in eight seconds


def on_settled(state: BotState, event: OrdersSettled) -> Step:
    """Take in what the engine saw of the orders, then top up, verify or retreat."""
    hedge = _timed(settle_reports(hedge_of(state), event.reports), event.reports)
    state = state.with_hedge(hedge)
    if state.halt_reason is not None:
        return begin_close(state, CloseReason.UNWIND, event.at_ms)
    if hedge.in_doubt():
        return ask_hedge(state, "what became of the orders?")
    if not hedge.is_even:
        if _may_top_up(state, *_lag(hedge), event.at_ms):
            # Venues have called a filled order canceled: its position says how much is missing.
            return ask_hedge(state, "one leg lags; what do both venues hold?")
        return begin_close(state, CloseReason.UNWIND, event.at_ms)
    is_empty = _is_empty(hedge)
    return ask_hedge(state, "verify both positions", rows=is_empty, can_wait=is_empty)


def _timed(hedge: Hedge, reports: tuple[OrderReport, ...]) -> Hedge:
    """Return the hedge with the time in which one of its legs could stand alone."""
    sent = [row.sent_at_ms for row in reports if row.sent_at_ms is not None]
    filled = [row.filled_at_ms for row in reports if row.filled_at_ms is not None]
    return replace(
        hedge,
        first_sent_at_ms=hedge.first_sent_at_ms or min(sent, default=None),
        last_filled_at_ms=max(filled, default=hedge.last_filled_at_ms),
    )


def on_tick(state: BotState, event: Tick) -> Step:
    """Ask again what became of the orders; a leg that stands meanwhile has its stop."""
    return look_again(state, event, "is the opening settled?")


def look_again(state: BotState, event: Tick, question: str, *, orders: bool = False) -> Step:
    """Close at the stop of what already stands, else ask again when it is time."""
    if state.waiting:
        return stay(state, question)
    stopped = risk.stopped_leg(state.config, hedge_of(state), event.marks)
    if stopped is not None and stopped[1]:
        return begin_close(state, CloseReason.STOP_LOSS, event.at_ms, marks=event.marks)
    if state.wake_at_ms is None or event.at_ms < state.wake_at_ms:
        return stay(state, question)
    return ask_hedge(state, question, orders=orders)


def on_accounts(state: BotState, event: AccountsRead) -> Step:
    """Compare positions with fills: both legs verified means HOLD."""
    state, alerts = note_outages(state, event.at_ms, event.failures)
    state = state.with_hedge(absorb(hedge_of(state), event.venues))
    if state.halt_reason is not None:
        return begin_close(state, CloseReason.UNWIND, event.at_ms, *alerts)
    return verify(state, event, CloseReason.UNWIND, *alerts)


def verify(state: BotState, event: AccountsRead, retreat: CloseReason, *also: Action) -> Step:
    """Go on from what is known of an opening, after the venues' answers are in the hedge.

    Positions that agree with the fills in hand prove a hedge. Whatever else they show, and that
    nothing was filled at all, is believed only with the venues' rows. `retreat` is the reason to
    be written down if it must be closed.
    """
    hedge = hedge_of(state)
    if needs_rows(hedge, event):
        reason = "a position is not what our fills make it: what filled?"
        return ask_hedge(state, reason, *also, rows=True)
    differ = any(differences(hedge, event).values())
    if hedge.in_doubt() or not (hedge.is_even or differ):
        return _mend(state, event.at_ms, retreat, *also)
    if event.failures:
        return _unverified(state, event, *also)
    if not was_told(event) and (_is_empty(hedge) or differ):
        reason = "what do the venues' fills say?"
        return ask_hedge(state, reason, *also, rows=True, can_wait=not differ)
    strange = unexplained(hedge, event)
    short = shortfall(hedge, event)
    if short is not None:
        return _cut(state, event, short, *also)
    if strange:
        return _contradicted(state, event, strange, retreat, *also)
    if not hedge.is_even:
        return _mend(state, event.at_ms, retreat, *also)
    if _is_empty(hedge):
        return _nothing_opened(state, event.at_ms, *also)
    return hold(state, event, *also)


def _contradicted(
    state: BotState,
    event: AccountsRead,
    strange: dict[VenueName, Decimal],
    retreat: CloseReason,
    *also: Action,
) -> Step:
    """Fills do not explain a position: their rows may be late, so look again for a while; a short
    one where the positions are not even either, none where rows were refused besides."""
    hedge, at_ms = hedge_of(state), event.at_ms
    said = ", ".join(f"{venue} by {odd.normalize():f}" for venue, odd in strange.items())
    said = f"positions differ from fills: {said}"
    is_late = at_ms - hedge.approved_at_ms > UNEVEN_MS_MAX or not has_rows(event)
    stands = sum(row.account.size_of(hedge.symbol) for row in event.venues.values())
    is_even = hedge.is_even or stands == 0
    if (is_late and not is_even) or _is_out_of_patience(state, at_ms):
        return begin_close(state, retreat, at_ms, *also, Alert(Level.CRITICAL, said))
    pause_ms_max = 30_000 if is_even else PAUSE_MS_MIN
    return linger(state, at_ms, said, *also, pause_ms_max=pause_ms_max)


def _cut(
    state: BotState, event: AccountsRead, short: tuple[VenueName, Decimal], *also: Action
) -> Step:
    """Somebody made a leg smaller while it was opened: close, once a row or more looks say so."""
    hedge = hedge_of(state)
    alert = less_than_ours(short, hedge.symbol)
    looks = looks_before_belief(hedge, event, short[0])
    if hedge.suspicions >= looks:
        return begin_close(state, CloseReason.IMBALANCE, event.at_ms, *also, alert)
    return suspect(state, event, alert.text, *also, is_contradicted=looks > SUSPICIONS_MAX)


def looks_before_belief(hedge: Hedge, event: AccountsRead, venue: VenueName) -> int:
    """Return how many looks at a position on `venue` that is less than ours must have come before
    this one.

    None where rows explain it. Few where they were refused, for the twin may stand bare. More where
    they were told, if only the last time, and know of no other hand: a position that lags is
    likelier than a cut.
    """
    is_told = event.venues[venue].fills is not None
    if is_told and venue not in unexplained(hedge, event):
        return 0
    return LAGGING_LOOKS if is_told or hedge.suspicions > SUSPICIONS_MAX else SUSPICIONS_MAX


def suspect(
    state: BotState, event: AccountsRead, reason: str, *also: Action, is_contradicted: bool
) -> Step:
    """Look again soon, ever later where the rows contradict what was seen."""
    hedge = hedge_of(state)
    pause_ms = PAUSE_MS_MIN << (hedge.suspicions if is_contradicted else 0)
    pause_ms = min(pause_ms, LAGGING_PAUSE_MS_MAX)
    hedge = replace(
        hedge, suspicions=hedge.suspicions + 1, next_check_at_ms=event.at_ms + pause_ms
    )
    return linger(state.with_hedge(hedge), event.at_ms, reason, *also, pause_ms=pause_ms)


def _is_empty(hedge: Hedge) -> bool:
    """Return whether nothing of an even opening has filled, as far as is known."""
    return hedge.held(hedge.long_venue) == 0


def hold(state: BotState, event: AccountsRead, *also: Action) -> Step:
    """Both legs stand: hold them until the review, in HALT where the latch is set, and have the
    venues guard them."""
    hedge, at_ms = hedge_of(state), event.at_ms
    opened = hedge.opened_at_ms or at_ms
    check_ms = state.config.check_ms
    if hedge.is_stirred or state.outages:
        check_ms = min(PAUSE_MS_MIN if hedge.is_stirred else FAILED_CHECK_MS, check_ms)
    hedge = replace(
        hedge,
        opened_at_ms=opened,
        suspicions=0,
        review_at_ms=hedge.review_at_ms or review_after(state, opened, opened_at_ms=opened),
        next_check_at_ms=at_ms + check_ms,
    )
    backoffs = {key: row for key, row in state.backoffs.items() if key != hedge.symbol}
    state = replace(
        state,
        hedge=hedge,
        backoffs=backoffs,
        wake_at_ms=None,
        unwound=0,
        unwound_usd=Decimal(0),
    )
    if state.close_asked:
        return begin_close(state, CloseReason.OWNER, at_ms, *also)
    size = abs(hedge.held(hedge.long_venue))
    reason = f"both legs hold {size.normalize():f} {hedge.symbol}"
    if state.outages:
        unseen = " and ".join(state.outages)
        reason = f"holding {size.normalize():f} {hedge.symbol}; {unseen} has not shown its leg"
    if state.halt_reason is not None:
        leave = leave_halted(state)
        state, reason = replace(state, phase=Phase.HALT), f"{reason}; halted: {state.halt_reason}"
        return tend(state, event, reason, *also, *leave)
    leave = (Exit(0),) if state.leaving else ()
    return tend(replace(state, phase=Phase.HOLD), event, reason, *also, *leave)


def review_after(state: BotState, at_ms: int, *, opened_at_ms: int) -> int:
    """Return when a hold that begins or is renewed at `at_ms` ends, `max_hold_hours` included."""
    review_at_ms = at_ms + state.config.hold_ms
    if not state.config.max_hold_ms:
        return review_at_ms
    return min(review_at_ms, opened_at_ms + state.config.max_hold_ms)


def _mend(state: BotState, at_ms: int, retreat: CloseReason, *also: Action) -> Step:
    """An order's fate is open, or one leg is larger: wait for the one, top up the other.

    An order its venue has acknowledged is likelier to stand than not: to close its twin would be
    to make the naked leg, so that one is kept, with its stop, for as long as the venue is silent.
    """
    hedge = hedge_of(state)
    if hedge.in_doubt():
        is_likely = all(row.was_taken for row in hedge.in_doubt())
        if _is_out_of_patience(state, at_ms) and not is_likely:
            return begin_close(state, retreat, at_ms, *also)
        venue = hedge.in_doubt()[0].venue
        reason = f"{venue} has not said what became of an order"
        return linger(state, at_ms, reason, *also, pause_ms_max=DOUBT_PAUSE_MS_MAX)
    lagging, missing = _lag(hedge)
    if not _may_top_up(state, lagging, missing, at_ms):
        return begin_close(state, retreat, at_ms, *also)
    reason = f"{lagging} lags by {missing.normalize():f}; top up inside the band"
    side, price = hedge.side_at(lagging).entry, _band(hedge, lagging)
    wanted = {lagging: Wanted(Role.OPEN, side, missing, price)}
    return send_orders(state, wanted, *also, at_ms=at_ms, reason=reason)


def _lag(hedge: Hedge) -> tuple[VenueName, Decimal]:
    """Return the venue that has filled less, and by how much (base units)."""
    sizes = {venue: abs(hedge.held(venue)) for venue in BOTH}
    lagging = min(BOTH, key=lambda venue: sizes[venue])
    return lagging, sizes[lagging.twin] - sizes[lagging]


def _may_top_up(state: BotState, lagging: VenueName, missing: Decimal, at_ms: int) -> bool:
    """Top up only early, a few times, only with an order that venue takes, and no leg beyond the
    size that was approved."""
    hedge = hedge_of(state)
    if state.phase is not Phase.OPEN or abs(hedge.held(lagging)) + missing > hedge.size:
        return False
    tries = sum(1 for row in hedge.intents if row.venue is lagging)
    in_time = at_ms - hedge.approved_at_ms <= state.config.fill_deadline_s * 1000
    instrument = hedge.instruments[lagging]
    fits = instrument.size_down(missing) == missing >= instrument.size_floor(_band(hedge, lagging))
    return tries <= TOP_UPS_MAX and in_time and fits


def _band(hedge: Hedge, venue: VenueName) -> Decimal:
    """Return the price the first opening order on `venue` was allowed: top-ups keep to it."""
    return next(row.price for row in hedge.intents if row.venue is venue)


def _is_out_of_patience(state: BotState, at_ms: int) -> bool:
    return at_ms - hedge_of(state).approved_at_ms > state.config.unknown_s_max * 1000


def _unverified(state: BotState, event: AccountsRead, *also: Action) -> Step:
    """Both orders are final and even by their fills, but a venue does not show its position.

    To close the other leg now would make a naked one out of a good hedge, so it is held once
    patience ends: HOLD guards it and looks again. Nothing filled is nothing at risk: wait.
    """
    hedge = hedge_of(state)
    said = "; ".join(event.failures.values())
    if _is_empty(hedge) or not _is_out_of_patience(state, event.at_ms):
        return linger(state, event.at_ms, f"not verified: {said}", *also)
    text = f"{hedge.symbol} is held as filled on both venues, not yet verified: {said}"
    return hold(state, event, *also, Alert(Level.WARNING, text))


def _nothing_opened(state: BotState, at_ms: int, *also: Action) -> Step:
    hedge = hedge_of(state)
    state = replace(back_off(state, hedge.symbol, at_ms), hedge=None, close_asked=False)
    reason = f"{hedge.symbol}: neither leg filled"
    return rest(state, at_ms, state.config.check_ms, reason, *also)
