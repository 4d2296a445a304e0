"""RECOVER: every start is a recovery.

Read both venues, compare with what was intended, go on from there.
"""

from dataclasses import replace

from desk.core.actions import Action, Alert, Level
from desk.core.events import AccountsRead, Tick
from desk.core.ids import OrderKey
from desk.hedge import clocks, cuts, doubting, evidence, reducing, triggers
from desk.hedge.closing import begin_close
from desk.hedge.events import Started
from desk.hedge.opening import hold, look_again, verify
from desk.hedge.select import BOTH
from desk.hedge.state import GUARD_LEG, BotState, CloseReason, Phase
from desk.hedge.steps import (
    Step,
    absorb,
    adopt_config,
    ask_everything,
    ask_hedge,
    differences,
    halt,
    has_rows,
    hedge_of,
    latch,
    legs_text,
    linger,
    look,
    note_outages,
    rest,
    was_told,
)


def on_started(state: BotState, event: Started) -> Step:
    """Begin: whatever was being done, first find out how things stand.

    What the owner has asked for holds on: a pause, a halt, a close, and a stop while there is
    still something to be closed. No request of a former process is on its way out any more.
    """
    if state.hedge is not None:
        ended = triggers.each_trigger(state.hedge, lambda row: replace(row, was_answered=True))
        state = state.with_hedge(ended)
    state = replace(
        clocks.at_start(adopt_config(state, event.config, event.at_ms), event.at_ms),
        phase=Phase.RECOVER,
        cycles_left=event.cycles,
        leaving=False,
        stop_asked=state.stop_asked and state.hedge is not None,
        pauses=0,
        choice=None,
    )
    if state.doubt is not None and state.doubt.since_ms is None:
        state = replace(state, doubt=replace(state.doubt, since_ms=event.at_ms))
    return _ask(state, "started; what do the venues hold?")


def on_tick(state: BotState, event: Tick) -> Step:
    """Ask again after a pause; a leg that stands has its stop."""
    question = "what do the venues hold?"
    if state.hedge is not None:
        return look_again(state, event, question, orders=True)
    return _ask(state, question)


def _ask(state: BotState, reason: str) -> Step:
    if state.hedge is not None and not doubting.is_unsearched(state):
        # What a former life left in doubt its fills settle: a position that looks as if nothing
        # had filled may be somebody's hand.
        return ask_hedge(state, reason, orders=True, rows=bool(state.hedge.in_doubt()))
    return ask_everything(state, reason)


def resume(state: BotState, reason: str) -> Step:
    """A human said that HALT is over: look at how things stand, as at a start."""
    return _ask(replace(state, phase=Phase.RECOVER), reason)


def on_accounts(state: BotState, event: AccountsRead) -> Step:
    """Adopt what is ours, leave what is not, and stop for a human where neither can be proved."""
    state, alerts = note_outages(state, event.at_ms, event.failures)
    if state.doubt is not None and state.hedge is not None:
        state = state.with_hedge(triggers.found_again(state.hedge, event, state.config))
    state, more = _latch_if_strange(state, event)
    alerts = (*alerts, *more)
    if doubting.is_unsearched(state):
        step = doubting.search(state, event, *alerts)
        if step is not None:
            return step
        state, more = _latch_if_strange(replace(state, doubt=None), event)
        alerts = (*alerts, *more)
    if state.hedge is not None:
        return _adopt(state, event, *alerts)
    if event.failures:
        return linger(state, event.at_ms, "; ".join(event.failures.values()), *alerts)
    alerts = (*alerts, *_not_ours(event))
    if state.halt_reason is not None:
        return halt(state, state.halt_reason, *alerts)
    pause, why = max(state.look_at_ms - event.at_ms, 0), "nothing of ours stands"
    if pause or state.paused or state.cycles_left == 0:
        # A pause is left from the life before, so its reason is not known any more.
        rests = f"{why}; the wait from before this start goes on" if pause else why
        return rest(state, event.at_ms, pause, rests, *alerts)
    return look(state, why, *alerts)


def _latch_if_strange(
    state: BotState, event: AccountsRead
) -> tuple[BotState, tuple[Action, ...]]:
    """Where another program may be at work open nothing, but what is ours stays our care."""
    stranger = _stranger(state, event)
    return (state, ()) if stranger is None else latch(state, stranger)


def _stranger(state: BotState, event: AccountsRead) -> str | None:
    """Return a line about an order with our mark that the state does not know, None if there is
    none.

    Until the search for a lost hedge is over, a trigger may be that one's.
    """
    for venue, row in event.venues.items():
        for order in row.orders or ():
            key = OrderKey.parse(order.client_id)
            known = state.hedge is not None and state.hedge.owns(order.client_id)
            if key is None or known:
                continue
            if not (key.leg == GUARD_LEG and doubting.is_unsearched(state)):
                return f"{venue} has order {order.client_id} of ours that this state does not know"
    return None


def _not_ours(event: AccountsRead) -> tuple[Action, ...]:
    return tuple(
        Alert(
            Level.INFO, f"{venue} holds {row.size.normalize():f} {row.symbol}: not ours, left alone"
        )
        for venue, seen in event.venues.items()
        for row in seen.account.positions
    )


def _adopt(state: BotState, event: AccountsRead, *also: Action) -> Step:
    """Go on with the hedge in hand where it was left."""
    hedge = absorb(hedge_of(state), event.venues)
    if len(event.venues) == len(BOTH) and has_rows(event):
        hedge = evidence.brought_up(hedge, event)
    state = state.with_hedge(hedge)
    if any(differences(hedge, event).values()) and not was_told(event):
        # A close leaves even if the disk fails: its fills may know what the state does not.
        reason = "a position is not what our fills make it: what filled?"
        return ask_hedge(state, reason, *also, orders=True, rows=True)
    if len(event.venues) == len(BOTH) and not hedge.is_even and not hedge.in_doubt():
        also = (*also, Alert(Level.WARNING, f"found at start without its twin: {legs_text(hedge)}"))
    if hedge.close_reason is not None:
        state = state.with_hedge(cuts.booked(hedge, event))
        return begin_close(state, hedge.close_reason, event.at_ms, *also)
    if not hedge.is_standing:
        return verify(state, event, CloseReason.RECOVERY, *also)
    if not event.venues:
        return linger(state, event.at_ms, "; ".join(event.failures.values()), *also)
    step = reducing.on_harm(state, event, CloseReason.RECOVERY, *also)
    # One venue may be away: what is proved on the other one is guarded meanwhile.
    return hold(state, event, *also) if step is None else step
