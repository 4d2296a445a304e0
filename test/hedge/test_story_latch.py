"""The latch file: in each phase it stops what increases, and its deletion is the owner's resume."""

from dataclasses import replace

import pytest

from desk.core.actions import RestOrders
from desk.core.events import Command, OwnerAsked
from desk.hedge.state import BotState, CloseReason, Phase
from test.hedge.builders import LIGHTER, T0, asked, bot, d, halted, standing
from test.hedge.cases import choice
from test.hedge.story import Story

SIZE = d("0.0116")
QUIET = [
    bot(Phase.ANALYZE, waiting=True),
    bot(Phase.SELECT, waiting=True, choice=choice()),
    bot(Phase.WAIT, wake_at_ms=T0, look_at_ms=T0),
    bot(Phase.HOLD, hedge=standing()),
]


def latch(story: Story) -> Story:
    """Let the latch file appear."""
    return story.feed(OwnerAsked(story.at_ms, Command.HALT, "emergency close"))


@pytest.mark.parametrize("state", QUIET)
def test_the_latch_halts_at_once_where_nothing_is_on_its_way(state: BotState) -> None:
    """Nothing is sent for it, what stands stays, and the alert says why."""
    story = latch(Story(state))
    assert (Phase.HALT, state.hedge) == (story.phase, story.state.hedge)
    assert (["halted: latched: emergency close"], []) == (story.alerts, story.orders)


def test_an_opening_is_closed_not_finished() -> None:
    """No top-up and no hold: the answer on its way is awaited, then what filled is closed."""
    story = latch(Story().opening())
    assert (Phase.OPEN, True, ()) == (story.phase, story.state.is_latched, asked(story.step))
    assert Phase.CLOSE is story.settle(SIZE, "0").phase
    assert {LIGHTER: SIZE} == {row.venue: row.request.size for row in story.read().sent.orders}


def test_a_close_goes_on_and_ends_in_halt() -> None:
    """A reduce-only order under way is what the latch is for."""
    story = Story().holding().say(Command.CLOSE).read()
    latch(story).settle(SIZE, SIZE).read()
    assert (Phase.HALT, None) == (story.phase, story.state.hedge)


def test_a_recovery_ends_in_halt() -> None:
    """Set before the start, it is heard of before the first look."""
    story = latch(Story().start()).read()
    assert Phase.HALT is story.phase


def test_a_recovered_hedge_is_guarded_in_halt() -> None:
    """What stands is taken over, and not left alone."""
    story = latch(Story().holding().start()).read()
    assert (Phase.HALT, True) == (story.phase, story.hedge.is_standing)


def test_the_first_reason_for_a_halt_is_kept() -> None:
    """The latch must not hide what a human was needed for, and its end is then no resume."""
    story = latch(Story(halted()))
    assert halted().halt_reason == story.state.halt_reason
    assert (True, False) == (story.state.is_latched, story.state.is_halted_by_latch)


def test_a_halted_hedge_hears_of_the_latch_too() -> None:
    """What the emergency close takes is not taken for the owner's cut, and no trigger that it
    cancelled is placed again."""
    story = Story(venue_triggers=True).holding()
    story.state = replace(story.state, phase=Phase.HALT, halt_reason="a stranger's order")
    latch(story).hand(LIGHTER, -SIZE / 2).wait(60_000).tick("3000").read()
    story.wait(1000).tick("3000").read()
    assert (Phase.CLOSE, CloseReason.LATCHED) == (story.phase, story.hedge.close_reason)
    assert [] == [a for step in story.steps[-4:] for a in step.actions if isinstance(a, RestOrders)]


def test_a_restart_stays_halted() -> None:
    """The latch is on disk with the state, too."""
    story = latch(Story().start().read()).start().read()
    assert Phase.HALT is story.phase


def test_resume_lets_it_look_again() -> None:
    """The owner deleted the file."""
    story = latch(Story().start().read()).say(Command.RESUME).read()
    assert (Phase.ANALYZE, None) == (story.phase, story.state.halt_reason)


def test_a_hedge_closed_by_other_hands_ends_without_an_order() -> None:
    """After an emergency close the books say flat, and nothing of ours is left to send."""
    story = latch(Story().holding())
    sent = len(story.orders)
    for venue in story.fills:
        story.hand(venue, -story.hedge.held(venue))
    story.wait(60_000).tick().read().wait(1_000).tick()
    while story.state.hedge is not None and len(story.steps) < 40:
        story = story.read() if story.state.waiting else story.wake()
    assert (Phase.HALT, None, sent) == (story.phase, story.state.hedge, len(story.orders))
    assert story.state.result is not None
    assert CloseReason.LATCHED is story.state.result.close_reason
    assert all("the emergency close, as it seems" in text for text in story.alerts[-2:])
    assert () == story.state.by_hand
