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

from desk.core.actions import Decision, Exit, Watch
from desk.core.errors import InvariantBroken
from desk.core.events import (
    AccountsRead,
    ActionBroke,
    Command,
    Event,
    MarketsRead,
    OrdersSettled,
    OwnerAsked,
    Tick,
)
from desk.hedge import closing, holding, opening, recovering, risk, searching
from desk.hedge.events import ConfigChanged, Started
from desk.hedge.state import BotState, CloseReason, Phase
from desk.hedge.steps import Step, halt, stay

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
        Tick: (),
        AccountsRead: (ANALYZE, HOLD, CLOSE, WAIT, HALT),
        OwnerAsked: (),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    ANALYZE: {
        Started: (RECOVER,),
        Tick: (),
        MarketsRead: (SELECT, WAIT),
        OwnerAsked: (),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    SELECT: {
        Started: (RECOVER,),
        Tick: (),
        AccountsRead: (OPEN, WAIT),
        OwnerAsked: (),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    OPEN: {
        Started: (RECOVER,),
        Tick: (),
        AccountsRead: (HOLD, CLOSE, WAIT),
        OrdersSettled: (CLOSE,),
        OwnerAsked: (),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    HOLD: {
        Started: (RECOVER,),
        Tick: (CLOSE,),
        MarketsRead: (CLOSE,),
        AccountsRead: (CLOSE,),
        OwnerAsked: (CLOSE,),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    CLOSE: {
        Started: (RECOVER,),
        Tick: (),
        AccountsRead: (WAIT,),
        OrdersSettled: (),
        OwnerAsked: (),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    WAIT: {
        Started: (RECOVER,),
        Tick: (ANALYZE,),
        OwnerAsked: (),
        ConfigChanged: (),
        ActionBroke: (HALT,),
    },
    HALT: {
        Started: (RECOVER,),
        Tick: (CLOSE,),
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
    (SELECT, AccountsRead): searching.on_close_look,
    (OPEN, Tick): opening.on_tick,
    (OPEN, AccountsRead): opening.on_accounts,
    (OPEN, OrdersSettled): opening.on_settled,
    (HOLD, Tick): holding.on_tick,
    (HOLD, MarketsRead): holding.on_markets,
    (HOLD, AccountsRead): holding.on_accounts,
    (HOLD, OwnerAsked): holding.on_owner,
    (CLOSE, Tick): closing.on_tick,
    (CLOSE, AccountsRead): closing.on_accounts,
    (CLOSE, OrdersSettled): closing.on_settled,
    (WAIT, Tick): searching.on_tick_waiting,
    (HALT, Tick): holding.on_tick_halted,
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
    step = _handle(state, event)
    if step.state.phase is not state.phase and step.state.phase not in row[kind]:
        raise InvariantBroken(f"{kind.__name__} must not lead {state.phase} to {step.state.phase}")
    return step


def _handle(state: BotState, event: Event) -> Step:
    if isinstance(event, Started):
        return recovering.on_started(state, event)
    if isinstance(event, ConfigChanged):
        return stay(replace(state, config=event.config), "configuration changed")
    if isinstance(event, ActionBroke):
        return halt(state, f"our own fault: {event.text}")
    handler = HANDLERS.get((state.phase, type(event)))
    if handler is not None and not (isinstance(event, Tick) and _is_idle_tick(state, event)):
        return handler(state, event)
    if isinstance(event, OwnerAsked):
        return _on_owner(state, event)
    return stay(state, "nothing to do")


def _is_idle_tick(state: BotState, event: Tick) -> bool:
    """Return whether a tick came while an answer is awaited, or before the time it is for."""
    if state.phase in (HOLD, HALT):
        return False
    return state.waiting or state.wake_at_ms is None or event.at_ms < state.wake_at_ms


def _on_owner(state: BotState, event: OwnerAsked) -> Step:
    """Outside HOLD a command is noted, and acts when the present step is done."""
    command = event.command
    said = f"owner said {command}"
    if command is Command.RESUME:
        state = replace(state, paused=False, stop_asked=False, close_asked=False)
        if state.phase is HALT:
            return recovering.resume(replace(state, halt_reason=None), said)
        return stay(state, said)
    if command is Command.LEAVE:
        state = replace(state, leaving=True)
        if state.phase in (OPEN, CLOSE):
            return stay(state, f"{said}; finishing this step first")
        return stay(state, said, Exit(1 if state.phase is HALT else 0))
    if command is Command.STOP:
        state = replace(state, stop_asked=True, paused=True)
        return stay(state, said, *([Exit(0)] if state.phase is WAIT else []))
    if command is Command.CLOSE:
        state = replace(state, paused=True, close_asked=True)
        if state.phase is HALT and state.hedge is not None:
            return closing.begin_close(state, CloseReason.OWNER, event.at_ms)
        return stay(state, said)
    return stay(replace(state, paused=True), said)


def watch(state: BotState) -> Watch:
    """Return what the engine keeps an eye on in this state."""
    hedge = state.hedge
    symbols = state.config.symbols_to_monitor
    if hedge is not None and symbols and hedge.symbol not in symbols:
        symbols = (*symbols, hedge.symbol)
    holds = hedge is not None and state.phase in (HOLD, HALT)
    return Watch(
        label=state.phase,
        is_idle=hedge is None,
        symbols=symbols,
        wake_at_ms=None if state.waiting or holds else state.wake_at_ms,
        held=hedge.symbol if hedge is not None else None,
        lines=risk.guard_lines(state.config, hedge) if hedge is not None and holds else (),
        tick_ms=TICK_MS if holds else None,
    )
