"""Every phase against every kind of event: the table is the whole truth about the bot."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from desk.core.actions import Decision, Exit, SendOrders
from desk.core.errors import InvariantBroken
from desk.core.events import (
    AccountsRead,
    Command,
    Event,
    MarketsRead,
    OrdersSettled,
    OwnerAsked,
    Tick,
)
from desk.hedge.diagram import states_page
from desk.hedge.machine import ANSWERS, EVENTS, TRANSITIONS, decide, watch
from desk.hedge.state import BotState, CloseReason, Phase
from test.hedge.builders import T0, bot, halted
from test.hedge.cases import events, states

PAGE = Path(__file__).resolve().parents[2] / "docs/states.md"
CELLS = list(product(Phase, EVENTS))
HANDLED = [(phase, kind) for phase, kind in CELLS if kind in TRANSITIONS[phase]]
MISSING = [(phase, kind) for phase, kind in CELLS if kind not in TRANSITIONS[phase]]
ARROWS = {(phase, kind, target) for phase, kind in HANDLED for target in TRANSITIONS[phase][kind]}


def cases(phase: Phase, kind: type) -> Iterator[tuple[BotState, Event]]:
    """Yield every state of a phase with every event of a kind that may meet it."""
    for state in states(phase):
        if state.waiting or kind not in ANSWERS:
            for event in events(kind, state):
                yield state, event


@cache
def steps(phase: Phase, kind: type) -> list[tuple[BotState, Event, Decision[BotState]]]:
    """Return what is decided in every case of a cell."""
    return [(state, event, decide(state, event)) for state, event in cases(phase, kind)]


def test_the_table_has_64_cells() -> None:
    """Eight phases and eight kinds of events, each cell handled or missing."""
    assert 64 == len(CELLS) == len(HANDLED) + len(MISSING)
    assert list(Phase) == list(TRANSITIONS)


@pytest.mark.parametrize(("phase", "kind"), HANDLED)
def test_a_cell_leads_only_where_the_table_allows(phase: Phase, kind: type) -> None:
    """Whatever the state and the answer, the next phase stands in the table."""
    allowed = {phase, *TRANSITIONS[phase][kind]}
    assert {step.state.phase for _, _, step in steps(phase, kind)} <= allowed


@pytest.mark.parametrize(("phase", "kind"), MISSING)
def test_a_missing_cell_stops_the_program(phase: Phase, kind: type) -> None:
    """An event that cannot happen is a bug of ours, and is not guessed at."""
    for state, event in cases(phase, kind):
        with pytest.raises(InvariantBroken, match=f"cannot happen in {phase}"):
            decide(state, event)


@pytest.mark.parametrize(("phase", "kind"), list(product(Phase, ANSWERS)))
def test_a_late_answer_is_dropped_everywhere(phase: Phase, kind: type) -> None:
    """An answer to another question, or to none, changes nothing, in the missing cells too."""
    for state in states(phase):
        event = next(events(kind, state))
        assert isinstance(event, MarketsRead | AccountsRead | OrdersSettled)
        strays = [replace(event, ask=state.asked - 1)] + ([] if state.waiting else [event])
        for stray in strays:
            step = decide(state, stray)
            assert (state, (), "late answer, dropped") == (step.state, step.actions, step.reason)


def test_every_arrow_of_the_table_is_walked() -> None:
    """No arrow is drawn that nothing leads along."""
    walked = {
        (phase, kind, step.state.phase)
        for phase, kind in HANDLED
        for _, _, step in steps(phase, kind)
    }
    assert ARROWS == {arrow for arrow in walked if arrow[0] is not arrow[2]}


def test_every_phase_can_be_reached() -> None:
    """From the first start there is a way to each of them."""
    reached, border = {Phase.RECOVER}, [Phase.RECOVER]
    while border:
        source = border.pop()
        targets = {target for targets in TRANSITIONS[source].values() for target in targets}
        border.extend(targets - reached)
        reached |= targets
    assert set(Phase) == reached


@pytest.mark.parametrize("phase", [Phase.RECOVER, Phase.CLOSE, Phase.HALT])
def test_a_halt_is_left_only_by_resume(phase: Phase) -> None:
    """Whatever happens to a halted bot, it stays halted and opens nothing, until resume."""
    for kind in TRANSITIONS[phase]:
        for state, event, step in steps(phase, kind):
            is_resumed = isinstance(event, OwnerAsked) and event.command is Command.RESUME
            if state.halt_reason is not None and not is_resumed:
                assert step.state.halt_reason == state.halt_reason
                assert step.state.phase in (Phase.RECOVER, Phase.CLOSE, Phase.HALT)


def test_resume_ends_a_halt_by_looking_anew() -> None:
    """The way out of HALT is the way of every start."""
    step = decide(halted(), OwnerAsked(T0, Command.RESUME))
    assert (Phase.RECOVER, None) == (step.state.phase, step.state.halt_reason)


@pytest.mark.parametrize("phase", list(Phase))
def test_no_phase_sleeps_forever(phase: Phase) -> None:
    """After each decision something is awaited, a tick is due, a halt stands, or all is over."""
    for kind in TRANSITIONS[phase]:
        for _, _, step in steps(phase, kind):
            view, after = watch(step.state), step.state
            is_over = any(isinstance(action, Exit) for action in step.actions)
            is_awake = after.waiting or view.wake_at_ms is not None or view.tick_ms is not None
            assert is_awake or is_over or after.phase is Phase.HALT


@pytest.mark.parametrize("phase", list(Phase))
def test_orders_leave_only_on_an_answer(phase: Phase) -> None:
    """Nothing is sent on a tick, on the owner's word or while an answer is awaited, but at a stop:
    that closes at once."""
    for kind in set(TRANSITIONS[phase]) - set(ANSWERS):
        for _, _, step in steps(phase, kind):
            if any(isinstance(action, SendOrders) for action in step.actions):
                assert kind is Tick
                assert step.state.hedge is not None
                assert CloseReason.STOP_LOSS is step.state.hedge.close_reason


def test_a_step_the_table_does_not_know_stops_the_program() -> None:
    """A handler that leads elsewhere is caught before anything is done."""
    lost = bot(Phase.WAIT, wake_at_ms=T0, halt_reason="cannot be")
    assert Phase.WAIT is decide(lost, OwnerAsked(T0, Command.PAUSE)).state.phase
    crooked = bot(Phase.ANALYZE, waiting=True, asked=3, halt_reason="cannot be")
    event = MarketsRead(T0, 3, {}, {})
    with pytest.raises(InvariantBroken, match="must not lead ANALYZE to HALT"):
        decide(replace(crooked, paused=True), event)


def test_the_page_is_fresh() -> None:
    """docs/states.md is what the table draws; `make diagram` mends it."""
    assert states_page() == PAGE.read_text("utf-8")
