"""RECOVER: every start is a recovery.

Read both venues, compare with what was intended, go on from there.
"""

from dataclasses import replace

from desk.core.actions import Action, Alert, Decision, Level, ReadAccounts
from desk.core.events import AccountsRead, Tick
from desk.core.ids import OrderKey
from desk.hedge.closing import begin_close
from desk.hedge.events import Started
from desk.hedge.opening import hold
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CloseReason, Hedge, Phase
from desk.hedge.steps import (
    RETRY_MS_MIN,
    Step,
    absorb,
    ask_hedge,
    differences,
    halt,
    hedge_of,
    look,
    note_outages,
    rest,
    retry_later,
    stay,
)


def on_started(state: BotState, event: Started) -> Step:
    """Begin: whatever was being done, first find out how things stand."""
    state = replace(
        state,
        phase=Phase.RECOVER,
        config=event.config,
        cycles_left=event.cycles,
        leaving=False,
        stop_asked=False,
        failed_reads=0,
        choice=None,
    )
    return _ask(state, "started; what do the venues hold?")


def on_tick(state: BotState, event: Tick) -> Step:
    """Ask again after a pause."""
    return _ask(state, "what do the venues hold?")


def _ask(state: BotState, reason: str) -> Step:
    if state.hedge is not None:
        return ask_hedge(state, reason)
    state = replace(state, asked=state.asked + 1, waiting=True, wake_at_ms=None)
    return Decision(state, (ReadAccounts(state.asked, orders=True),), reason)


def resume(state: BotState, reason: str) -> Step:
    """A human said that HALT is over: look at how things stand, as at a start."""
    return _ask(replace(state, phase=Phase.RECOVER), reason)


def on_accounts(state: BotState, event: AccountsRead) -> Step:
    """Adopt what is ours, leave what is not, and stop for a human where neither can be proved."""
    if event.failures:
        return retry_later(state, event.at_ms, event.failures)
    state, alerts = note_outages(state, event.at_ms, {})
    stranger = _stranger(state, event)
    if stranger is not None:
        return halt(state, stranger)
    if state.hedge is not None:
        return _adopt(state, event, *alerts)
    alerts = (*alerts, *_not_ours(event))
    if state.halt_reason is not None:
        return halt(state, state.halt_reason)
    pause = max(state.look_at_ms - event.at_ms, 0)
    if pause or state.paused or state.cycles_left == 0:
        return rest(state, event.at_ms, pause, "nothing of ours stands", *alerts)
    return look(state, "nothing of ours stands", *alerts)


def _stranger(state: BotState, event: AccountsRead) -> str | None:
    """Return a line about an order with our mark that the state does not know, None if there is
    none.
    """
    for venue, row in event.venues.items():
        for order in row.orders or ():
            known = state.hedge is not None and state.hedge.owns(order.client_id)
            if OrderKey.parse(order.client_id) is not None and not known:
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
    hedge = absorb(hedge_of(state), event.venues)
    state = state.with_hedge(hedge)
    if hedge.close_reason is not None:
        return begin_close(state, hedge.close_reason, event.at_ms, *also)
    if hedge.in_doubt():
        state = replace(state, wake_at_ms=event.at_ms + RETRY_MS_MIN)
        return stay(
            state, f"{hedge.in_doubt()[0].venue} has not said what became of an order", *also
        )
    if _stands(hedge, event):
        return hold(state, event.at_ms, *also)
    return begin_close(state, CloseReason.RECOVERY, event.at_ms, *also)


def _stands(hedge: Hedge, event: AccountsRead) -> bool:
    """Return whether both legs are there, equal and opposite, by fills and by positions."""
    sizes = [hedge.held(venue) for venue in BOTH]
    missing = any(
        difference * hedge.side_at(venue).sign < 0
        for venue, difference in differences(hedge, event).items()
    )
    return sizes[0] != 0 and sum(sizes) == 0 and not missing
