"""HOLD: collect the payments, watch both legs, and know when to stop."""

from dataclasses import replace
from decimal import Decimal

from desk.core.actions import Alert, Decision, Exit, Level, ReadAccounts
from desk.core.events import AccountsRead, Command, MarketsRead, OwnerAsked, Tick
from desk.hedge import risk
from desk.hedge.closing import begin_close
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CloseReason, Hedge
from desk.hedge.steps import Step, ask_markets, differences, hedge_of, note_outages, stay

HOUR_MS = 3_600_000


def on_tick(state: BotState, event: Tick) -> Step:
    """Check the guards, then whether the hold is over, then whether a full check is due."""
    hedge = hedge_of(state)
    stopped = risk.stopped_leg(state.config, hedge, event.marks)
    if stopped is not None:
        venue, is_credible = stopped
        if is_credible:
            return begin_close(state, CloseReason.STOP_LOSS, event.at_ms)
        return _doubt_mark(state, f"{venue} mark of {hedge.symbol} is at the stop but stands alone")
    if state.waiting:
        return stay(state, "holding")
    assert hedge.review_at_ms is not None, "a hedge in HOLD has a review time"
    if event.at_ms >= hedge.review_at_ms:
        return _review(state, event.at_ms)
    if event.at_ms >= hedge.next_check_at_ms:
        return _check(state, hedge, event.at_ms)
    return stay(state, "holding")


def on_tick_halted(state: BotState, event: Tick) -> Step:
    """HALT opens nothing, but what is held stays guarded."""
    if state.hedge is None:
        return stay(state, "halted")
    stopped = risk.stopped_leg(state.config, state.hedge, event.marks)
    if stopped is not None and stopped[1]:
        return begin_close(state, CloseReason.STOP_LOSS, event.at_ms)
    return stay(state, "halted; the hedge is guarded")


def _doubt_mark(state: BotState, text: str) -> Step:
    if text in state.refusals.values():
        return stay(state, text)
    refusals = {**state.refusals, "mark": text}
    return stay(replace(state, refusals=refusals), text, Alert(Level.CRITICAL, text))


def _check(state: BotState, hedge: Hedge, at_ms: int) -> Step:
    due = replace(hedge, next_check_at_ms=at_ms + state.config.check_ms)
    state = replace(state, hedge=due, asked=state.asked + 1, waiting=True)
    action = ReadAccounts(state.asked, symbol=hedge.symbol)
    return Decision(state, (action,), "full check of both venues")


def _review(state: BotState, at_ms: int) -> Step:
    hedge = hedge_of(state)
    is_last = state.cycles_left == 1 or state.stop_asked
    if is_last or not state.config.renew_hold or _is_too_old(state, hedge, at_ms):
        return begin_close(state, CloseReason.HOLD_ENDED, at_ms)
    return ask_markets(state, "hold ended; is it worth renewing?")


def _is_too_old(state: BotState, hedge: Hedge, at_ms: int) -> bool:
    age_max_ms = state.config.max_hold_hours * HOUR_MS
    return bool(age_max_ms) and at_ms - (hedge.opened_at_ms or at_ms) >= age_max_ms


def on_markets(state: BotState, event: MarketsRead) -> Step:
    """At the review: renew while our direction still earns the threshold, else close."""
    state, alerts = note_outages(state, event.at_ms, event.failures)
    hedge = hedge_of(state)
    if event.failures:
        # Nobody can say what the hedge earns now; it is guarded, and the question stays open.
        later = replace(hedge, review_at_ms=event.at_ms + state.config.check_ms)
        return Decision(state.with_hedge(later), alerts, "; ".join(event.failures.values()))
    apr = _earning_apr_pct(hedge, event)
    if apr is None or apr < state.config.min_net_apr_threshold:
        return begin_close(state, CloseReason.HOLD_ENDED, event.at_ms, *alerts)
    renewed = replace(
        hedge,
        review_at_ms=event.at_ms + state.config.hold_ms,
        renewals=hedge.renewals + 1,
    )
    reason = f"renewed: {hedge.symbol} still earns {apr:.2f} % APR"
    return Decision(state.with_hedge(renewed), alerts, reason)


def _earning_apr_pct(hedge: Hedge, event: MarketsRead) -> Decimal | None:
    stats = {venue: row.stats.get(hedge.symbol) for venue, row in event.venues.items()}
    long, short = stats[hedge.long_venue], stats[hedge.long_venue.twin]
    if long is None or short is None:
        return None
    return (short.funding_next - long.funding_next).apr_pct


def on_accounts(state: BotState, event: AccountsRead) -> Step:
    """Compare what the venues hold with what is ours; a venue that is away proves nothing."""
    state, alerts = note_outages(state, event.at_ms, event.failures)
    hedge = hedge_of(state)
    for venue, difference in differences(hedge, event).items():
        added = difference * hedge.side_at(venue).sign
        if added < 0:
            text = f"{venue} holds {-added.normalize():f} {hedge.symbol} less than we opened"
            alert = Alert(Level.CRITICAL, text)
            return begin_close(state, CloseReason.IMBALANCE, event.at_ms, *alerts, alert)
        if added > 0:
            text = f"{venue} holds {added.normalize():f} {hedge.symbol} more than ours; left alone"
            alerts = (*alerts, Alert(Level.WARNING, text))
    thin = risk.thin_margin(state.config, hedge, event.venues)
    if thin is not None:
        alert = Alert(Level.CRITICAL, thin)
        return begin_close(state, CloseReason.MARGIN, event.at_ms, *alerts, alert)
    spoke = [venue for venue in BOTH if venue in event.venues]
    reason = "both legs stand" if len(spoke) == len(BOTH) else "; ".join(event.failures.values())
    return Decision(state, alerts, reason)


def on_owner(state: BotState, event: OwnerAsked) -> Step:
    """Close now, close later, or leave the hedge standing and end the process."""
    if event.command is Command.CLOSE:
        return begin_close(replace(state, paused=True), CloseReason.OWNER, event.at_ms)
    if event.command is Command.LEAVE:
        return stay(replace(state, leaving=True), "leaving; the hedge stays", Exit(0))
    if event.command is Command.STOP:
        return stay(replace(state, stop_asked=True), "stops at the end of this hold")
    paused = event.command is Command.PAUSE
    return stay(replace(state, paused=paused), f"owner said {event.command}")
