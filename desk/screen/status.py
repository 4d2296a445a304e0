"""What `status` and the other commands answer, drawn from a state: the same from a running bot and
from its file."""

from desk.core.actions import Decision, Exit
from desk.core.events import Command
from desk.core.words import span
from desk.hedge.owner import restraints
from desk.hedge.state import BotState, Hedge, Phase
from desk.screen.banners import legs_lines
from desk.screen.terminal import stamp

_ACTING = (Phase.RECOVER, Phase.OPEN, Phase.CLOSE)


def status_lines(state: BotState, now_ms: int | None) -> list[str]:
    """Return phase, what is held, when it goes on, and what holds it back.

    `now_ms` None: no bot runs, so nothing goes on.
    """
    lines = [f"phase: {_phase(state)}"]
    if state.hedge is not None:
        lines += [_held(state.hedge), *legs_lines(state.hedge)]
    elif state.doubt is None:
        lines.append("nothing of ours is open")
    if state.doubt is not None:
        lines.append(f"not known to be flat: {state.doubt.why}")
    if now_ms is not None:
        lines += [f"next: {text}" for text in next_steps(state, now_ms)]
    return lines + [f"{text} (until resume)" for text in restraints(state)]


def _phase(state: BotState) -> str:
    hedge = state.hedge
    if hedge is not None and hedge.close_reason is not None:
        return f"{state.phase}, {hedge.close_reason}"
    return state.phase


def _held(hedge: Hedge) -> str:
    since_ms = hedge.approved_at_ms if hedge.opened_at_ms is None else hedge.opened_at_ms
    return f"hedge: {hedge.symbol} since {stamp(since_ms)}"


def next_steps(state: BotState, now_ms: int) -> list[str]:
    """Return what comes at which time, as far as a time is set."""
    hedge = state.hedge
    if state.phase in _ACTING or (hedge is not None and not hedge.is_standing):
        return []
    if hedge is not None:
        marks = [("full check", hedge.next_check_at_ms)]
        if hedge.review_at_ms is not None:
            marks.append(("close" if state.stop_asked else "review", hedge.review_at_ms))
        return [f"{what} {_at(at_ms, now_ms)}" for what, at_ms in marks]
    if state.phase is Phase.WAIT:
        return [f"look {_at(state.look_at_ms, now_ms)}"]
    if state.choice is not None and state.wake_at_ms is not None:
        return [f"opening of {state.choice.symbol} {_at(state.wake_at_ms, now_ms)}"]
    return []


def latch_line(state: BotState) -> str:
    """Return what a running bot makes of the latch, the moment it sees it."""
    seen = "the latch is set, by the emergency close or by hand: nothing is opened from now on"
    if state.hedge is None:
        return f"{seen}, until resume"
    return (
        f"{seen}. {state.hedge.symbol} is only guarded and closed, reduce-only. What another hand "
        "closes of it is noticed and booked below: no fault. Then halted until resume"
    )


def until(decision: Decision[BotState]) -> str:
    """Return until when a decision to wait holds, as the end of its line; empty for any other."""
    state = decision.state
    is_leaving = any(isinstance(action, Exit) for action in decision.actions)
    if state.phase is not Phase.WAIT or is_leaving:
        return ""
    if state.paused:
        return "; nothing is opened until resume"
    return f"; next look at {stamp(state.look_at_ms)}"


def _at(at_ms: int, now_ms: int) -> str:
    left_ms = at_ms - now_ms
    return f"at {stamp(at_ms)}" + (f", in {span(left_ms)}" if left_ms > 0 else ", which is due")


def answer_lines(command: Command, before: BotState, after: BotState) -> list[str]:
    """Return what a command does, given the state that it met and the one it made."""
    symbol = None if after.hedge is None else after.hedge.symbol
    if command is Command.RESUME:
        return [f"lifted: {text}" for text in restraints(before)]
    if command is Command.PAUSE:
        kept = "" if symbol is None else f"; {symbol} stays open and is guarded"
        return [f"paused: nothing is opened until resume{kept}"]
    if command is Command.CLOSE:
        if symbol is None:
            return ["nothing of ours is open; paused until resume"]
        return [f"closing {symbol} now, then paused until resume"]
    if symbol is None:
        return ["stopping now; the next start is paused until resume"]
    when = _end_of_hold(after)
    text = f"stopping: {symbol} is closed {when}, then it exits"
    return [f"{text}; the next start is paused until resume"]


def _end_of_hold(state: BotState) -> str:
    hedge = state.hedge
    assert hedge is not None, "asked only of what is held"
    if not hedge.is_standing or hedge.review_at_ms is None:
        return "now"
    return f"at {stamp(hedge.review_at_ms)}, when its hold ends"
