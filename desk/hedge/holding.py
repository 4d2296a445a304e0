"""HOLD: collect the payments, watch both legs, and know when to stop.

HALT holds what still stands by the same rules: it opens nothing, but guards and closes.
"""

from dataclasses import replace

from desk.core.actions import Action, Alert, Decision, Exit, Level, ReadAccounts
from desk.core.events import AccountsRead, MarketsRead, Tick
from desk.core.funding import HourlyRate
from desk.core.market import MarketStatus
from desk.hedge import guarding, history, proving, reducing, renewing, risk, triggers
from desk.hedge.closing import begin_close
from desk.hedge.economics import settlements_between
from desk.hedge.history import BOOKED_MS
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CloseReason, Hedge, Phase
from desk.hedge.steps import (
    FAILED_CHECK_MS,
    Step,
    absorb,
    ask_markets,
    differences,
    fenced,
    hedge_of,
    leave_halted,
    note_outages,
    stay,
    tell_once,
    with_market,
)

STIRRED_PAUSE_MS = 5_000
# The first check after an hour settled, and both venues have published it, also asks what was paid.
PAYMENTS_SHOWN_MS = 2 * 3_600_000
# How often to look while a venue's mark is where its triggers fire.
REACHED_MS = 10_000


def on_tick(state: BotState, event: Tick) -> Step:
    """Check the guards, then whether the hold is over, then whether a full check is due."""
    hedge = state.hedge
    if hedge is None or not hedge.is_standing:
        return stay(state, "halted")
    stopped = risk.stopped_leg(state.config, hedge, event.marks)
    if stopped is not None:
        venue, is_credible = stopped
        if is_credible:
            return begin_close(state, CloseReason.STOP_LOSS, event.at_ms, marks=event.marks)
        text = f"{venue} mark of {hedge.symbol} is at the stop but stands alone"
        state, alerts = tell_once(state, text, Alert(Level.CRITICAL, text))
        step = _keep_time(state, event)
        return Decision(step.state, (*alerts, *step.actions), f"{text}; {step.reason}")
    return _keep_time(state, event)


def _keep_time(state: BotState, event: Tick) -> Step:
    hedge, at_ms = hedge_of(state), event.at_ms
    if event.stirred:
        hedge = _stirred(state, at_ms)
        state = state.with_hedge(hedge)
    if state.waiting:
        return stay(state, "holding")
    assert hedge.review_at_ms is not None, "a hedge that stands has a review time"
    if at_ms >= hedge.review_at_ms:
        return _wait_to_end(state, event) or _review(state, at_ms)
    if renewing.is_due(state, hedge, at_ms):
        return ask_markets(state, "an hour has settled; is it still worth holding?")
    is_reached = triggers.is_reached(hedge, event.marks)
    due_ms = hedge.next_check_at_ms - (state.config.check_ms - REACHED_MS if is_reached else 0)
    is_look = hedge.guard is not None and at_ms >= hedge.guard.look_at_ms
    if is_look or at_ms >= min(due_ms, hedge.next_check_at_ms):
        is_odd = hedge.guard is not None and hedge.is_suspect
        return _check(state, at_ms, orders=is_look or is_reached or is_odd)
    return stay(state, "holding")


def _stirred(state: BotState, at_ms: int) -> Hedge:
    """Return the hedge to be looked at now, but not too often: one who trades a lot in our symbol
    must not use up our requests. A second look keeps its distance from the first."""
    hedge = hedge_of(state)
    if hedge.suspicions:
        return hedge
    soon_ms = max(at_ms, hedge.stirred_at_ms + STIRRED_PAUSE_MS)
    return replace(
        hedge,
        next_check_at_ms=min(soon_ms, hedge.next_check_at_ms),
        is_stirred=True,
        stirred_at_ms=at_ms if soon_ms == at_ms else hedge.stirred_at_ms,
    )


def _check(state: BotState, at_ms: int, *, orders: bool) -> Step:
    """Read both venues; with `orders` what rests there, behind a fence if a first look failed."""
    hedge = replace(hedge_of(state), next_check_at_ms=at_ms + state.config.check_ms)
    state = replace(state, hedge=hedge, asked=state.asked + 1, waiting=True)
    told_ms = at_ms - BOOKED_MS
    just_settled = settlements_between(told_ms - state.config.check_ms, told_ms) > 0
    since_ms = max(hedge.approved_at_ms, at_ms - PAYMENTS_SHOWN_MS) if just_settled else None
    # A leg may stand alone: these looks are not kept back for want of requests.
    urgent = hedge.is_suspect or bool(state.outages)
    if urgent:
        since_ms = None
    is_first_look = hedge.guard is None or hedge.guard.tries == 1
    action = ReadAccounts(
        state.asked,
        symbol=hedge.symbol,
        orders=orders,
        since_ms=since_ms,
        fence=fenced(hedge, orders=orders and not is_first_look),
        urgent=urgent,
        market=() if urgent else BOTH,
    )
    return Decision(state, (action,), "full check of both venues")


def _wait_to_end(state: BotState, event: Tick) -> Step | None:
    """Put the review off while to close would do harm: the hedge is whole, it can wait.

    A market takes no orders, so that one leg would go alone; or the venues' prices have parted so
    far that a close would cost more than the widest band we allow. None where nothing is in the
    way.
    """
    hedge = hedge_of(state)
    loss_bps = risk.price_loss_bps(hedge, event.marks)
    if hedge.shut():
        what, text = "shut at the end", f"hold is over, but {_shut_text(hedge)}"
    elif loss_bps is not None and loss_bps > state.config.close_slippage_max_bps:
        what, text = "gap at the end", f"hold is over, but prices have parted by {loss_bps:.0f} bp"
    else:
        return None
    text = f"{hedge.symbol}: {text}; waiting"
    state, alerts = tell_once(state, what, Alert(Level.WARNING, text))
    later = replace(hedge_of(state), review_at_ms=event.at_ms + state.config.check_ms)
    return Decision(state.with_hedge(later), alerts, text)


def _review(state: BotState, at_ms: int) -> Step:
    why = _why_last(state, at_ms)
    if why is None:
        return ask_markets(state, "hold ended; is it worth renewing?")
    if renewing.is_near_settlement(state.config, at_ms):
        return ask_markets(state, "hold ended; is it paid on the coming settlement?")
    return begin_close(state, CloseReason.HOLD_ENDED, at_ms, why=f"not renewed: {why}")


def _why_last(state: BotState, at_ms: int) -> str | None:
    """Return why nobody has to ask whether this hold is worth renewing, None if it may be."""
    if state.stop_asked:
        return "the owner said stop"
    if state.cycles_left == 1:
        return "the last cycle asked for"
    if not state.config.renew_hold:
        return "renew_hold is off"
    return "max_hold_hours is reached" if _is_too_old(state, at_ms) else None


def _is_too_old(state: BotState, at_ms: int) -> bool:
    age_max_ms = state.config.max_hold_ms
    return bool(age_max_ms) and at_ms - (hedge_of(state).opened_at_ms or at_ms) >= age_max_ms


def on_markets(state: BotState, event: MarketsRead) -> Step:
    """Weigh what is held against closing it; at the review: renew it or close.

    Where nothing can be weighed a hold is renewed while our direction still earns the threshold.
    """
    state, alerts = note_outages(state, event.at_ms, event.failures)
    state = replace(state, histories=history.take_in(state.histories, event.venues))
    hedge = hedge_of(state)
    is_over = hedge.review_at_ms is None or event.at_ms >= hedge.review_at_ms
    for venue, row in event.venues.items():
        hedge = with_market(hedge, venue, row.instruments)
    state = state.with_hedge(hedge)
    step = _on_ending_market(state, event, *alerts)
    if step is not None:
        return step
    earned = None if event.failures else _earned(hedge, event)
    if earned is None or hedge.shut():
        # Nobody can say what the hedge earns now, or it could not be closed; it is guarded, and
        # the question stays open.
        later = replace(hedge, weighed_at_ms=event.at_ms)
        if is_over:
            later = replace(later, review_at_ms=event.at_ms + state.config.check_ms)
        said = "; ".join(event.failures.values()) or f"no funding rate of {hedge.symbol}"
        said = _shut_text(hedge) if hedge.shut() else said
        return Decision(state.with_hedge(later), alerts, f"review put off: {said}")
    if renewing.applies(state.config):
        why = _why_last(state, event.at_ms) if is_over else None
        step = renewing.weigh(state, event, *alerts, is_over=is_over, why_last=why)
        if step is not None:
            return step
        hedge = replace(hedge, weighed_at_ms=event.at_ms)
        state = state.with_hedge(hedge)
    if not is_over:
        return stay(state, "held on: the history is too short to tell what that is worth", *alerts)
    if not renewing.still_earns(state.config, earned):
        least = state.config.min_net_apr_threshold
        why = f"not renewed: {earned.apr_pct:.2f} % APR now, min_net_apr_threshold is {least:f}"
        return begin_close(state, CloseReason.HOLD_ENDED, event.at_ms, *alerts, why=why)
    reason = f"renewed: {hedge.symbol} still earns {earned.apr_pct:.2f} % APR"
    return renewing.renew(state, event.at_ms, reason, *alerts)


def _earned(hedge: Hedge, event: MarketsRead) -> HourlyRate | None:
    """Return what our direction is paid an hour now, None where a venue does not say."""
    stats = {venue: row.stats.get(hedge.symbol) for venue, row in event.venues.items()}
    long, short = stats[hedge.long_venue], stats[hedge.long_venue.twin]
    if long is None or short is None:
        return None
    return short.funding_next - long.funding_next


def on_accounts(state: BotState, event: AccountsRead) -> Step:
    """Compare what the venues hold with what is ours; a venue that is away proves nothing."""
    state, alerts = note_outages(state, event.at_ms, event.failures)
    hedge = absorb(hedge_of(state), event.venues)
    state, doubts = proving.take_in(state.with_hedge(hedge), event)
    alerts = (*alerts, *doubts)
    step = reducing.on_harm(state, event, CloseReason.IMBALANCE, *alerts)
    if step is not None:
        return step
    step = _on_ending_market(state, event, *alerts)
    if step is not None:
        return step
    if event.failures:  # asked again soon, then ever later up to the regular pace
        away_ms = event.at_ms - max(state.outages.values())
        soon = event.at_ms + max(away_ms, FAILED_CHECK_MS)
        hedge = replace(hedge, next_check_at_ms=min(hedge.next_check_at_ms, soon))
        state = state.with_hedge(hedge)
    if hedge.is_suspect and len(event.venues) == len(BOTH):
        state = state.with_hedge(replace(hedge, suspicions=0, is_stirred=False))
    state, shut = _tell_of_shut(state)
    state, more = _tell_of_more(state, event)
    reason = "; ".join(event.failures.values()) or "both legs stand"
    if state.leaving:  # this look was all that was left to do
        leave = leave_halted(state) if state.phase is Phase.HALT else (Exit(0),)
        return Decision(state, (*alerts, *shut, *more, *leave), reason)
    return guarding.tend(state, event, reason, *alerts, *shut, *more)


def _on_ending_market(
    state: BotState, event: AccountsRead | MarketsRead, *also: Action
) -> Step | None:
    """Close while both markets still let us: one of them lets positions only be closed, which is
    how a venue begins to take a market away. None where there is no such one."""
    hedge = hedge_of(state)
    ending = [
        venue
        for venue, row in hedge.instruments.items()
        if row.status is MarketStatus.REDUCE_ONLY
    ]
    if not ending or hedge.shut() or event.failures or state.is_latched:
        return None
    why = f"{hedge.symbol} is reduce-only at {' and '.join(ending)}"
    alert = Alert(Level.WARNING, f"{why}: closing while it can be closed")
    return begin_close(state, CloseReason.MARKET, event.at_ms, *also, alert, why=why)


def _tell_of_shut(state: BotState) -> tuple[BotState, tuple[Action, ...]]:
    """Tell the owner once of a market that takes no orders: nothing can be done about it."""
    hedge = hedge_of(state)
    if not hedge.shut():
        return state, ()
    text = f"{_shut_text(hedge)}: neither leg is closed before the other can be, but at its stop"
    return tell_once(state, f"shut at {hedge.shut()}", Alert(Level.CRITICAL, text))


def _shut_text(hedge: Hedge) -> str:
    return f"{' and '.join(hedge.shut())} takes no orders in {hedge.symbol}"


def _tell_of_more(state: BotState, event: AccountsRead) -> tuple[BotState, tuple[Action, ...]]:
    """The owner may add to our symbol: say so once, and close only what is ours."""
    alerts: tuple[Action, ...] = ()
    hedge = hedge_of(state)
    for venue, difference in differences(hedge, event).items():
        if difference:
            added = f"{abs(difference).normalize():f} {hedge.symbol}"
            text = f"{venue} holds {added} more than ours; left alone"
            state, more = tell_once(state, f"{venue} more", Alert(Level.WARNING, text))
            alerts = (*alerts, *more)
    return state, alerts
