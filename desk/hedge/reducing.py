"""A leg was cut by another hand: let its twin follow, and go on holding what is left.

The owner reduces by hand, a venue liquidates a part or deleverages. Only the venues' own rows prove
a cut; it is written down, and what stands above it on the other venue is closed reduce-only, by the
rules of every other close. Where too little is left to be held, or nothing proves the cut in time,
all is closed.
"""

from dataclasses import replace

from desk.core.actions import Action, Alert, Level
from desk.core.events import AccountsRead
from desk.core.order import FillCause
from desk.hedge import closing, cuts, risk, triggers
from desk.hedge.closing import begin_close
from desk.hedge.opening import SUSPICIONS_MAX, hold, looks_before_belief, suspect
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CloseReason, Cut, Phase
from desk.hedge.steps import (
    Step,
    absorb,
    ask_hedge,
    has_rows,
    hedge_of,
    less_than_ours,
    note_outages,
    shortfall,
    unexplained,
    was_told,
)


def on_harm(
    state: BotState, event: AccountsRead, retreat: CloseReason, *also: Action
) -> Step | None:
    """Return what follows where a read shows that a hedge took harm, None where it did not.

    A leg at its stop, a margin grown thin, a trigger that fired, a leg smaller than what is ours.
    `retreat` is the reason to be written down if all must be closed. The venues' answers are in the
    hedge.
    """
    hedge = hedge_of(state)
    stopped = risk.stopped_leg(state.config, hedge, risk.marks_of(event.venues, event.at_ms))
    if stopped is not None and stopped[1]:
        return begin_close(state, CloseReason.STOP_LOSS, event.at_ms, *also)
    thin = risk.thin_margin(state.config, hedge, event.venues)
    if thin is not None:
        also = (*also, Alert(Level.CRITICAL, thin))
        return begin_close(state, CloseReason.MARGIN, event.at_ms, *also)
    has_fired = triggers.has_fired(hedge, event)
    short = shortfall(hedge, event)
    if short is None:
        return begin_close(state, CloseReason.TRIGGERED, event.at_ms, *also) if has_fired else None
    alert = less_than_ours(short, hedge.symbol)
    is_worth = cuts.is_enough(state.config, hedge, cuts.left(hedge, event))
    is_worth = is_worth and not state.is_latched  # then somebody closes everything
    is_sure = any(row.filled for row in hedge.triggers)
    if not (is_sure or was_told(event) or state.is_latched):
        return ask_hedge(state, f"{alert.text}; by whose hand?", *also, rows=True)
    found = cuts.proved(hedge, event) if is_worth else ()
    is_told = has_rows(event) or hedge.suspicions > 0
    is_contradicted = is_told and bool(unexplained(hedge, event))
    has_fired = is_sure or (has_fired and not is_contradicted)
    if has_fired and all(cut.cause is FillCause.TRADE for cut in found):
        return begin_close(state, CloseReason.TRIGGERED, event.at_ms, *also)
    if found:
        return _follow(state, event, found, *also)
    looks = looks_before_belief(hedge, event, short[0])
    if hedge.suspicions >= looks:
        return begin_close(state, retreat, event.at_ms, *also, alert)
    return suspect(state, event, alert.text, *also, is_contradicted=looks > SUSPICIONS_MAX)


def _follow(
    state: BotState, event: AccountsRead, found: tuple[Cut, ...], *also: Action
) -> Step:
    """Book the cuts and close what stands above them, from what this read shows."""
    hedge, at_ms = hedge_of(state), event.at_ms
    hedge = replace(
        hedge,
        cuts=(*hedge.cuts, *found),
        suspicions=0,
        close_reason=CloseReason.REDUCED,
        close_began_at_ms=at_ms,
        close_tries=0,
    )
    size = f"{cuts.kept(hedge).normalize():f} {hedge.symbol}"
    words = " and ".join(cut.words for cut in found)
    also = (*also, Alert(Level.CRITICAL, f"{hedge.symbol}: {words}; going on with {size} a leg"))
    state = replace(state, phase=Phase.CLOSE, hedge=hedge, wake_at_ms=None, pauses=0)
    if any(cut.cause is FillCause.TRADE for cut in found) and hedge.symbol not in state.by_hand:
        state = replace(state, by_hand=(*state.by_hand, hedge.symbol))
        also = (*also, Alert(Level.WARNING, f"{hedge.symbol} is not opened again until resume"))
    return _go_on(state, event, *also)


def on_accounts(state: BotState, event: AccountsRead) -> Step:
    """CLOSE: go on closing, or end a reduction in HOLD once the legs are even again."""
    if not hedge_of(state).is_reducing:
        return closing.on_accounts(state, event)
    state, alerts = note_outages(state, event.at_ms, event.failures)
    state = state.with_hedge(absorb(hedge_of(state), event.venues))
    step = on_harm(state, event, CloseReason.IMBALANCE, *alerts)
    return step or _go_on(state, event, *alerts)


def _go_on(state: BotState, event: AccountsRead, *also: Action) -> Step:
    hedge = hedge_of(state)
    if hedge.in_doubt() or not event.venues:
        return closing.on_accounts(state, event, *also)
    if not any(cuts.surplus(hedge, venue) for venue in BOTH):
        return _hold_on(state, event, *also)
    for venue in BOTH:
        if closing.is_too_small(hedge, event, venue, cuts.surplus(hedge, venue)):
            why = f"{venue} does not take an order so small"
            return begin_close(state, CloseReason.IMBALANCE, event.at_ms, *also, why=why)
    return closing.on_accounts(state, event, *also)


def _hold_on(state: BotState, event: AccountsRead, *also: Action) -> Step:
    """The legs are even: hold them as before, with triggers of their size."""
    hedge = hedge_of(state)
    told = tuple(what for what in hedge.told if what != closing.NAKED)
    hedge = replace(
        hedge,
        close_reason=None,
        close_began_at_ms=None,
        close_tries=0,
        told=told,
        is_stirred=False,
    )
    return hold(state.with_hedge(hedge), event, *also)
