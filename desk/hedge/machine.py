"""The bot as one table: in which phase what may happen, and where it may lead.

Two rules. Everything that changes the phase is listed here: a step to a phase the table does not
allow stops the program, and so does an event in a phase that does not expect it. And nothing here
knows how to trade: the handlers live in the modules named after what they do. The diagram in
docs/states.md is drawn from `TRANSITIONS`.

Theory of operation. The bot has at most one question open at a time. Each question to the engine
carries a number, and each answer brings it back; an answer to any other question than the last is
late, and dropped. So a handler never has to wonder what it is looking at, and a crash loses
nothing but the question: `Started` asks anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from desk.core.actions import Action, Decision, GuardLine, Watch
from desk.core.errors import InvariantBroken
from desk.core.events import (
    AccountsRead,
    ActionBroke,
    Event,
    MarketsRead,
    OrdersSettled,
    OwnerAsked,
    Tick,
)
from desk.hedge import (
    clocks,
    closing,
    guarding,
    holding,
    opening,
    owner,
    recovering,
    reducing,
    risk,
    searching,
)
from desk.hedge.edits import edits
from desk.hedge.events import ConfigChanged, Started
from desk.hedge.state import BotState, CloseReason, Phase
from desk.hedge.steps import Step, adopt_config, halt, latch, linger, stay, symbols_of

TICK_MS = 1_000

EVENTS: tuple[type, ...] = (
    Started,
    Tick,
    MarketsRead,
    AccountsRead,
    OrdersSettled,
    OwnerAsked,
    ConfigChanged,
    ActionBroke,
)
ANSWERS = (MarketsRead, AccountsRead, OrdersSettled)

RECOVER, ANALYZE, SELECT, OPEN, HOLD, CLOSE, WAIT, HALT = Phase

# Rows are phases, entries are what may happen there and where it may lead (staying is always
# allowed). An event that is missing from a row cannot happen there.
TRANSITIONS: Mapping[Phase, Mapping[type, tuple[Phase, ...]]] = {
    RECOVER: {
        Started: (),
        Tick: (CLOSE,),
        AccountsRead: (ANALYZE, HOLD, CLOSE, WAIT, HALT),
        OwnerAsked: (),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    ANALYZE: {
        Started: (RECOVER,),
        Tick: (),
        MarketsRead: (SELECT, WAIT),
        OwnerAsked: (HALT,),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    SELECT: {
        Started: (RECOVER,),
        Tick: (WAIT,),
        AccountsRead: (OPEN, WAIT),
        OwnerAsked: (HALT,),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    OPEN: {
        Started: (RECOVER,),
        Tick: (CLOSE,),
        AccountsRead: (HOLD, CLOSE, WAIT),
        OrdersSettled: (CLOSE,),
        OwnerAsked: (CLOSE,),
        ConfigChanged: (),
        ActionBroke: (CLOSE,),
    },
    HOLD: {
        Started: (RECOVER,),
        Tick: (CLOSE,),
        MarketsRead: (CLOSE,),
        AccountsRead: (CLOSE,),
        OrdersSettled: (),
        OwnerAsked: (CLOSE, HALT),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    CLOSE: {
        Started: (RECOVER,),
        Tick: (),
        AccountsRead: (RECOVER, HOLD, WAIT, HALT),
        OrdersSettled: (),
        OwnerAsked: (),
        ConfigChanged: (),
        ActionBroke: (),
    },
    WAIT: {
        Started: (RECOVER,),
        Tick: (ANALYZE,),
        OwnerAsked: (HALT,),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    HALT: {
        Started: (RECOVER,),
        Tick: (CLOSE,),
        MarketsRead: (CLOSE,),
        AccountsRead: (CLOSE,),
        OrdersSettled: (),
        OwnerAsked: (RECOVER, CLOSE),
        ConfigChanged: (),
        ActionBroke: (),
    },
}

Handler = Callable[[BotState, Any], Step]

HANDLERS: Mapping[tuple[Phase, type], Handler] = {
    (RECOVER, Tick): recovering.on_tick,
    (RECOVER, AccountsRead): recovering.on_accounts,
    (ANALYZE, MarketsRead): searching.on_markets,
    (SELECT, Tick): searching.on_tick_selecting,
    (SELECT, AccountsRead): searching.on_close_look,
    (OPEN, Tick): opening.on_tick,
    (OPEN, AccountsRead): opening.on_accounts,
    (OPEN, OrdersSettled): opening.on_settled,
    (HOLD, Tick): holding.on_tick,
    (HOLD, MarketsRead): holding.on_markets,
    (HOLD, AccountsRead): holding.on_accounts,
    (HOLD, OrdersSettled): guarding.on_settled,
    (CLOSE, Tick): closing.on_tick,
    (CLOSE, AccountsRead): reducing.on_accounts,
    (CLOSE, OrdersSettled): closing.on_settled,
    (WAIT, Tick): searching.on_tick_waiting,
    (HALT, Tick): holding.on_tick,
    (HALT, MarketsRead): holding.on_markets,
    (HALT, AccountsRead): holding.on_accounts,
    (HALT, OrdersSettled): guarding.on_settled,
}


def decide(state: BotState, event: Event) -> Decision[BotState]:
    """Return the new state, the actions and the reason.

    Raises `InvariantBroken` when the event cannot happen in this phase, or a handler leads where
    the table does not.
    """
    row = TRANSITIONS[state.phase]
    kind = type(event)
    if isinstance(event, ANSWERS):
        if not state.waiting or event.ask != state.asked:
            return stay(state, "late answer, dropped")
        state = replace(state, waiting=False)
    if kind not in row:
        raise InvariantBroken(f"{kind.__name__} cannot happen in {state.phase}")
    alerts: tuple[Action, ...] = ()
    if isinstance(event, AccountsRead):
        state, alerts = clocks.noted(state, event)
    step = _handle(state, event)
    if alerts:
        step = replace(step, actions=(*alerts, *step.actions))
    phase = step.state.phase
    if phase is not state.phase:
        if phase not in row[kind]:
            raise InvariantBroken(f"{kind.__name__} must not lead {state.phase} to {phase}")
        if step.state.pauses:
            step = replace(step, state=replace(step.state, pauses=0))
    return step


def _handle(state: BotState, event: Event) -> Step:
    if isinstance(event, Started):
        return recovering.on_started(state, event)
    if isinstance(event, ConfigChanged):
        changes = "; ".join(map(str, edits(state.config, event.config)))
        state = adopt_config(state, event.config, event.at_ms)
        return stay(state, f"configuration changed: {changes}")
    if isinstance(event, ActionBroke):
        return _on_broken(state, event)
    if isinstance(event, OwnerAsked):
        return owner.on_owner(state, event)
    if isinstance(event, Tick) and event.stirred and state.hedge is not None:
        state = state.with_hedge(replace(state.hedge, is_stirred=True))
    handler = HANDLERS.get((state.phase, type(event)))
    if handler is None or (isinstance(event, Tick) and _is_idle_tick(state, event)):
        return stay(state, "nothing to do")
    return handler(state, event)


def _is_idle_tick(state: BotState, event: Tick) -> bool:
    """Return whether a tick came while an answer is awaited, or before the time it is for.

    Where something is held a tick also carries the marks that the guards read.
    """
    if state.hedge is not None or state.phase is HALT:
        return False
    return state.waiting or state.wake_at_ms is None or event.at_ms < state.wake_at_ms


def _on_broken(state: BotState, event: ActionBroke) -> Step:
    """Our own fault: open nothing more. What is half open is closed, what stands is guarded."""
    text = f"our own fault: {event.text}"
    state = replace(state, waiting=False)
    hedge = state.hedge
    if hedge is None or state.phase in (HOLD, HALT):
        return halt(state, text)
    state, alerts = latch(state, text)
    if state.phase is OPEN:
        return closing.begin_close(state, CloseReason.UNWIND, event.at_ms, *alerts)
    return linger(state, event.at_ms, text, *alerts)


def watch(state: BotState) -> Watch:
    """Return what the engine keeps an eye on in this state."""
    hedge = state.hedge
    holds = hedge is not None and state.phase in (HOLD, HALT)
    return Watch(
        label=state.phase,
        is_idle=hedge is None,
        symbols=symbols_of(state),
        wake_at_ms=None if state.waiting or holds else state.wake_at_ms,
        held=hedge.symbol if hedge is not None else None,
        lines=_lines(state),
        tick_ms=TICK_MS if holds else None,
        on_fills=hedge is not None,
    )


def _lines(state: BotState) -> tuple[GuardLine, ...]:
    """Return the guard lines of what is held; an urgent close cannot be hurried any more."""
    hedge = state.hedge
    if hedge is None:
        return ()
    reason = hedge.close_reason
    if reason is not None and not reason.gives_way_to(CloseReason.STOP_LOSS):
        return ()
    return risk.guard_lines(state.config, hedge)
