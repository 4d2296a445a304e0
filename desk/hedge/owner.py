"""What the owner may say, and when it takes effect in each phase."""

from dataclasses import replace
from decimal import Decimal

from desk.core.actions import Exit
from desk.core.events import Command, OwnerAsked
from desk.hedge import doubting, proving, recovering
from desk.hedge.closing import begin_close
from desk.hedge.state import BotState, CloseReason, Phase
from desk.hedge.steps import Step, halt, latch, stay

EXIT_DONE = 0
EXIT_FAILED = 1


def on_owner(state: BotState, event: OwnerAsked) -> Step:
    """Do at once what can be done at once; note the rest, which acts when the step is done."""
    said = f"owner said {event.command}"
    if event.command is Command.RESUME:
        return _resume(state, said)
    if event.command is Command.LEAVE:
        return _leave(state, said)
    if event.command is Command.STOP:
        return _stop(state, said)
    if event.command is Command.CLOSE:
        return _close(state, event.at_ms, said)
    if event.command is Command.HALT:
        return _halt(state, event)
    return stay(replace(state, paused=True), said)


def _halt(state: BotState, event: OwnerAsked) -> Step:
    """Send nothing more that increases: half an opening is closed, what stands is guarded.

    A recovery or a close goes on, and ends in HALT. Of orders on their way the answer is awaited: a
    fence that overtook them would prove nothing.
    """
    reason = f"latched: {event.note}"
    state = replace(state, latch=reason)
    if state.phase not in (Phase.OPEN, Phase.RECOVER, Phase.CLOSE):
        return halt(state, reason)
    state, alerts = latch(state, reason)
    if state.phase is Phase.OPEN and not state.waiting:
        return begin_close(state, CloseReason.UNWIND, event.at_ms, *alerts)
    return stay(state, reason, *alerts)


def _resume(state: BotState, said: str) -> Step:
    """Lift what holds it back; a halted bot then looks at how things stand, as at a start."""
    was_halted = state.phase is Phase.HALT
    state = resumed(state)
    return recovering.resume(state, said) if was_halted else stay(state, said)


def resumed(state: BotState) -> BotState:
    """Return the state without pause, stop, halt, and what was set aside because of another hand.

    After a close that could not be proved, it says that the owner has looked and answers for it.
    """
    was_halted = state.phase is Phase.HALT
    if was_halted and state.hedge is not None and state.hedge.close_reason is not None:
        state = state.with_hedge(replace(state.hedge, is_vouched=True))
    if was_halted and state.doubt is not None:
        state = replace(state, doubt=doubting.after_a_look(state.doubt))
    return replace(
        state,
        phase=Phase.RECOVER if was_halted else state.phase,
        paused=False,
        stop_asked=False,
        close_asked=False,
        halt_reason=None,
        latch=None,
        by_hand=(),
        rate_proofs={},
        unwound=0,
        unwound_usd=Decimal(0),
    )


def restraints(state: BotState) -> list[str]:
    """Return what holds the bot back until `resume`, each in words."""
    held_back = []
    if state.halt_reason is not None:
        held_back.append(f"halted: {state.halt_reason}")
    if state.stop_asked and state.hedge is not None:
        held_back.append("asked to stop: it exits once it is flat")
    elif state.paused:
        held_back.append("paused: nothing is opened")
    if state.by_hand:
        held_back.append(f"set aside, closed by another hand: {', '.join(state.by_hand)}")
    doubted = proving.obstacle(state.rate_proofs)
    return [*held_back, doubted] if doubted else held_back


def _leave(state: BotState, said: str) -> Step:
    """End the process: at once where nothing is under way, else after the present step."""
    state = replace(state, leaving=True)
    is_half_done = state.phase in (Phase.OPEN, Phase.CLOSE, Phase.RECOVER)
    if state.hedge is not None and (is_half_done or state.hedge.is_suspect):
        return stay(state, f"{said}; finishing this step first")
    return stay(state, said, Exit(EXIT_FAILED if state.phase is Phase.HALT else EXIT_DONE))


def _stop(state: BotState, said: str) -> Step:
    """Close at the end of this hold, then exit and stay down until `resume`."""
    state = replace(state, stop_asked=True, paused=True)
    is_halted = state.phase is Phase.HALT
    if state.hedge is not None and not (is_halted and not state.hedge.is_standing):
        return stay(state, f"{said}; at the end of this hold")
    if is_halted:
        return stay(state, said, Exit(EXIT_FAILED))
    return stay(state, said, *([Exit(EXIT_DONE)] if state.phase is Phase.WAIT else []))


def _close(state: BotState, at_ms: int, said: str) -> Step:
    """Close now, then wait paused. An opening under way is finished or unwound first."""
    state = replace(state, paused=True)
    hedge = state.hedge
    if hedge is None or (state.phase is Phase.CLOSE and not hedge.is_reducing):
        return stay(state, said)
    if state.phase in (Phase.HOLD, Phase.HALT):
        return begin_close(state, CloseReason.OWNER, at_ms)
    return stay(replace(state, close_asked=True), said)
