"""What the owner says, in each phase, and that a halt is the owner's to end."""

import pytest

from desk.core.events import Command
from desk.core.order import OrderStatus
from desk.hedge.owner import restraints, resumed
from desk.hedge.state import BotState, CloseReason, Phase
from test.hedge.builders import (
    HOUR_MS,
    LIGHTER,
    PACIFICA,
    T0,
    asked,
    bot,
    closing_hedge,
    d,
    halted,
    intent,
    opening,
    order_row,
    standing,
)
from test.hedge.cases import choice
from test.hedge.story import Story

SIZE = d("0.0116")
SETTLED = [
    bot(Phase.RECOVER, waiting=True),
    bot(Phase.ANALYZE, waiting=True),
    bot(Phase.SELECT, waiting=True, choice=choice()),
    bot(Phase.WAIT, wake_at_ms=T0, look_at_ms=T0),
    bot(Phase.HOLD, hedge=standing()),
]
HALF_DONE = [
    bot(Phase.RECOVER, waiting=True, hedge=opening()),
    bot(Phase.OPEN, waiting=True, hedge=opening()),
    bot(Phase.CLOSE, waiting=True, hedge=closing_hedge()),
]
HALTED = [halted(), halted(hedge=standing())]


@pytest.mark.parametrize("state", SETTLED + HALF_DONE + HALTED)
def test_pause_is_noted_in_every_phase(state: BotState) -> None:
    """Nothing is sent or closed for it: the next look is what it stops."""
    story = Story(state).say(Command.PAUSE)
    assert story.state.paused
    assert (state.phase, ()) == (story.phase, story.step.actions)


def test_a_paused_bot_looks_at_nothing_until_resume() -> None:
    """It wakes in its interval, and goes on waiting; resume lets it look at the next wake-up."""
    story = Story().start().read().look(1).say(Command.PAUSE).wake().wake()
    assert (Phase.WAIT, ()) == (story.phase, story.step.actions)
    assert Phase.ANALYZE is story.say(Command.RESUME).wake().phase


def test_a_pause_keeps_the_hedge_and_its_renewal() -> None:
    """Open nothing means open nothing: what is held is guarded and renewed as before."""
    story = Story().holding().say(Command.PAUSE).wait(12 * HOUR_MS).tick().look(40)
    assert (Phase.HOLD, 1) == (story.phase, story.hedge.renewals)


@pytest.mark.parametrize("state", [SETTLED[-1], HALTED[-1]])
def test_close_closes_what_stands_at_once(state: BotState) -> None:
    """From HOLD, and from HALT too: what is held may always be closed."""
    story = Story(state).say(Command.CLOSE)
    assert (Phase.CLOSE, CloseReason.OWNER) == (story.phase, story.hedge.close_reason)
    assert story.state.paused


def test_after_close_the_bot_waits_paused() -> None:
    """The word was close, not stop: the process lives, and opens nothing until resume."""
    story = Story().holding().say(Command.CLOSE).read().settle(SIZE, SIZE).read().wake()
    assert (Phase.WAIT, None, True) == (story.phase, story.exit_code, story.state.paused)
    assert not story.state.close_asked


@pytest.mark.parametrize("command", [Command.CLOSE])
def test_close_during_an_opening_finishes_it_and_closes_it(command: Command) -> None:
    """Orders are on their way: first both legs, then both back, and no hold between."""
    story = Story().opening().say(command).settle(SIZE, SIZE).read()
    assert (Phase.CLOSE, CloseReason.OWNER) == (story.phase, story.hedge.close_reason)


def test_close_during_recovery_acts_when_the_hedge_is_found() -> None:
    """It is noted while nobody knows what stands, and not forgotten."""
    story = Story().holding().start().say(Command.CLOSE).read()
    assert (Phase.CLOSE, CloseReason.OWNER) == (story.phase, story.hedge.close_reason)


def test_close_with_nothing_open_is_a_pause() -> None:
    """There is nothing to close, and nothing that would close a later hedge unasked."""
    story = Story().start().read().look(1).say(Command.CLOSE)
    assert (True, False) == (story.state.paused, story.state.close_asked)


def test_stop_closes_at_the_end_of_the_hold_and_stays_down() -> None:
    """No renewal; flat, exit 0; and the next start is paused until resume."""
    story = Story().holding().say(Command.STOP)
    assert (Phase.HOLD, ()) == (story.phase, story.step.actions)
    story.wait(12 * HOUR_MS).tick().read().settle(SIZE, SIZE)
    for _ in range(12):
        story.pay("0", "0")
    assert 0 == story.read().exit_code
    story.start().read()
    assert (Phase.WAIT, True, None) == (story.phase, story.state.paused, story.exit_code)


def test_stop_survives_a_crash_while_something_is_held() -> None:
    """The hedge is taken over, and its end is still the end."""
    story = Story().holding().say(Command.STOP).start().read()
    assert (Phase.HOLD, True) == (story.phase, story.state.stop_asked)
    assert Phase.CLOSE is story.wait(12 * HOUR_MS).tick().phase


def test_stop_with_nothing_open_exits_at_once() -> None:
    """From WAIT directly; from a look when its answer is in."""
    assert 0 == Story(SETTLED[3]).say(Command.STOP).exit_code
    story = Story().start().read().say(Command.STOP)
    assert (None, 0) == (story.exit_code, story.look().exit_code)


def test_stop_ends_a_halt_that_holds_nothing_to_wait_for() -> None:
    """No hold will end there: exit 1. One that stands is held to its end first."""
    unproved = halted(hedge=closing_hedge())
    assert [1, 1] == [Story(state).say(Command.STOP).exit_code for state in (halted(), unproved)]
    story = Story(HALTED[-1]).say(Command.STOP)
    assert (None, True) == (story.exit_code, story.state.paused)


def test_stop_then_close_is_stop_now() -> None:
    """Both words together: closed at once, then down."""
    story = Story().holding().say(Command.STOP).say(Command.CLOSE).read().settle(SIZE, SIZE).read()
    assert (Phase.WAIT, 0) == (story.phase, story.exit_code)


def test_a_stop_in_a_halt_ends_the_process_once_what_stands_is_closed() -> None:
    """The halt is still there to be told, so it is a failure; but it is down."""
    story = halted_holding().say(Command.STOP).say(Command.CLOSE)
    story.read().settle(SIZE, SIZE).read()
    assert (Phase.HALT, None, 1) == (story.phase, story.state.hedge, story.exit_code)


def test_what_holds_the_bot_back_is_named_and_resume_lifts_all_of_it() -> None:
    """Pause, halt, stop and symbols set aside, each in words; then none."""
    state = halted(hedge=standing(), stop_asked=True, paused=True, by_hand=("BTC",))
    assert [
        f"halted: {state.halt_reason}",
        "asked to stop: it exits once it is flat",
        "set aside, closed by another hand: BTC",
    ] == restraints(state)
    assert ["paused: nothing is opened"] == restraints(bot(Phase.WAIT, paused=True))
    assert [] == restraints(resumed(state))


def test_resume_takes_a_stop_back() -> None:
    """The hold is renewed again."""
    story = Story().holding().say(Command.STOP).say(Command.RESUME)
    assert (False, False) == (story.state.stop_asked, story.state.paused)
    assert Phase.HOLD is story.wait(12 * HOUR_MS).tick().look(40).phase


@pytest.mark.parametrize("state", SETTLED)
def test_leave_ends_the_process_where_nothing_is_half_done(state: BotState) -> None:
    """In HOLD the hedge stays where it is; nothing is sent."""
    story = Story(state).say(Command.LEAVE)
    assert (0, state.phase, state.hedge) == (story.exit_code, story.phase, story.state.hedge)


@pytest.mark.parametrize("state", HALF_DONE)
def test_leave_waits_for_a_step_that_is_half_done(state: BotState) -> None:
    """One leg may be out: the step is finished first."""
    assert Story(state).say(Command.LEAVE).exit_code is None


@pytest.mark.parametrize("state", HALTED)
def test_leaving_a_halt_is_a_failure(state: BotState) -> None:
    """Whoever started the process learns from its exit code that a human is needed."""
    assert 1 == Story(state).say(Command.LEAVE).exit_code


def test_a_finished_opening_is_left_standing() -> None:
    """Leave during OPEN: both legs verified, then exit 0 with the hedge in place."""
    story = Story().opening().say(Command.LEAVE).settle(SIZE, SIZE).read()
    assert (Phase.HOLD, 0) == (story.phase, story.exit_code)


def test_a_failed_opening_is_unwound_before_leaving() -> None:
    """Leave during OPEN with one leg filled: flat, then exit 0."""
    story = Story().opening().say(Command.LEAVE).wait(6_000).settle(SIZE, "0").read().settle(SIZE)
    assert (Phase.WAIT, 0) == (story.read().phase, story.exit_code)


def test_leave_is_forgotten_at_the_next_start() -> None:
    """It was about one process."""
    story = Story().holding().say(Command.LEAVE).start().read()
    assert (Phase.HOLD, False, None) == (story.phase, story.state.leaving, story.exit_code)


# HALT


def halted_holding() -> Story:
    """Return a bot that met a fault of ours while holding."""
    return Story().holding().fault()


def test_a_halt_is_told_once_and_guards_what_stands() -> None:
    """Marks, checks and the review go on; the stop closes, and ends in HALT again."""
    story = halted_holding()
    assert (Phase.HALT, ["halted: our own fault: a bug"]) == (story.phase, story.alerts)
    story.wait(60_000).tick("3000").read().fault()
    assert 1 == len(story.alerts)
    story.wait(1000).tick("1400").settle(SIZE, SIZE).read()
    assert (Phase.HALT, None) == (story.phase, story.state.hedge)
    assert story.state.result is not None


def test_a_halt_notices_a_leg_that_goes_missing() -> None:
    """The full check is as careful as in HOLD."""
    story = halted_holding().hand(LIGHTER, -SIZE).wait(60_000).tick("3000").read()
    assert Phase.CLOSE is story.wait(1000).tick("3000").read().phase


def test_a_halted_hold_is_reviewed_like_any_other() -> None:
    """It is renewed while it earns, and closed when it does not; never opened anew."""
    story = halted_holding().wait(12 * HOUR_MS).tick().look(40)
    assert (Phase.HALT, 1) == (story.phase, story.hedge.renewals)
    assert Phase.CLOSE is story.wait(12 * HOUR_MS).tick().look(1).phase


def test_a_halt_survives_restarts() -> None:
    """With a hedge and without: found, guarded, and nothing opened."""
    story = halted_holding().start().read()
    assert (Phase.HALT, True) == (story.phase, story.hedge.is_standing)
    story.say(Command.CLOSE).read().settle(SIZE, SIZE).read().start().read()
    assert (Phase.HALT, None) == (story.phase, story.state.hedge)


def test_resume_takes_up_the_hedge_again() -> None:
    """Halt over, both venues are read, and the hold goes on where it was."""
    story = halted_holding()
    review_ms = story.hedge.review_at_ms
    story.say(Command.RESUME).read()
    assert (Phase.HOLD, review_ms) == (story.phase, story.hedge.review_at_ms)


def test_resume_without_a_hedge_looks_again() -> None:
    """Nothing stands: ANALYZE."""
    assert Phase.ANALYZE is Story(halted()).say(Command.RESUME).read().phase


@pytest.mark.parametrize("hedge", [None, standing()])
def test_a_halt_under_cycles_exits_with_failure(hedge: object) -> None:
    """Nobody watches such a run: it ends with 1."""
    story = Story(halted(hedge=hedge)).start(cycles=1).read()
    assert (Phase.HALT, 1) == (story.phase, story.exit_code)


def test_an_order_of_ours_that_nobody_knows_halts() -> None:
    """Our mark, not in the state: another program may run this account. What stands is kept."""
    stray = order_row(intent(PACIFICA, attempt=9), OrderStatus.OPEN)
    story = Story().start().read(orders=(stray,))
    assert Phase.HALT is story.phase
    story = Story().holding().start().read(orders=(stray,))
    assert (Phase.HALT, True, 1) == (story.phase, story.hedge.is_standing, len(story.orders))
    assert "that this state does not know" in story.alerts[-1]


def test_foreign_orders_and_positions_are_left_alone() -> None:
    """An order without our mark is nobody's business; a position is named, and that is all."""
    theirs = order_row(intent(PACIFICA, client_id="77"), OrderStatus.OPEN)
    story = Story().hand(LIGHTER, "2").start().read(orders=(theirs,))
    assert Phase.ANALYZE is story.phase
    assert ["lighter holds 2 ETH: not ours, left alone"] == story.alerts
    assert asked(story.step)
