"""Every start is a recovery: from each phase the bot goes on from what is true, not from what it
meant to do.
"""

import msgspec
import pytest

from desk.core.actions import ReadAccounts
from desk.hedge.state import BotState, CloseReason, Phase
from test.hedge.builders import (
    HOUR_MS,
    LIGHTER,
    PACIFICA,
    T0,
    asked,
    config,
    d,
)
from test.hedge.story import Story

SIZE = d("0.0116")


def crash(story: Story) -> Story:
    """Let the process die and start again from its saved state."""
    story.state = msgspec.json.decode(msgspec.json.encode(story.state), type=BotState)
    return story.start()


def test_a_first_start_looks_at_everything() -> None:
    """All positions and all orders of both accounts, then the first look."""
    story = Story().start()
    (question,) = asked(story.step)
    assert isinstance(question, ReadAccounts)
    assert (None, True, None) == (question.symbol, question.orders, question.since_ms)
    assert Phase.ANALYZE is story.read().phase


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_crash_while_searching_begins_the_search_anew(steps: int) -> None:
    """Nothing was sent: ANALYZE, with nothing left over."""
    story = Story().start()
    for name in ("read", "look", "read")[: steps - 1]:
        getattr(story, name)()
    crash(story).read()
    assert (Phase.ANALYZE, None, []) == (story.phase, story.state.choice, story.orders)


def test_a_crash_while_resting_rests_on() -> None:
    """The pause is kept: a restart is no way around it."""
    story = Story().start().read().look(1)
    until_ms = story.state.look_at_ms
    crash(story).read()
    assert (Phase.WAIT, until_ms) == (story.phase, story.state.look_at_ms)


@pytest.mark.parametrize(("is_fenced", "after_ms"), [(False, 610_000), (None, 20_000)])
def test_a_crash_before_the_orders_left_is_over_when_a_fence_or_time_says_so(
    is_fenced: bool | None, after_ms: int
) -> None:
    """Written down, never sent: the venues do not know them."""
    story = crash(Story().opening())
    fence = {} if is_fenced is None else {"is_fenced": is_fenced}
    while story.state.hedge is not None:
        story.read(**fence) if story.state.waiting else story.wake()
    assert (Phase.WAIT, 1, 0) == (story.phase, len(story.orders), story.state.cycles_done)
    assert after_ms < story.at_ms - T0 < after_ms + 60_000
    assert story.state.result is None


def test_a_crash_after_both_filled_is_a_hedge() -> None:
    """Both orders took effect while nobody was looking."""
    story = crash(Story().opening().lands(LIGHTER, SIZE).lands(PACIFICA, SIZE)).read()
    assert (Phase.HOLD, SIZE) == (story.phase, story.hedge.held(LIGHTER))


def test_a_crash_after_one_filled_is_unwound() -> None:
    """No top-up after a restart: close what is there."""
    story = crash(Story().opening().lands(LIGHTER, SIZE).lands(PACIFICA, "0"))
    story.read(is_fenced=True)
    assert (Phase.CLOSE, CloseReason.RECOVERY) == (story.phase, story.hedge.close_reason)
    story.read().settle(SIZE).read()
    assert (Phase.WAIT, None) == (story.phase, story.state.hedge)


def test_a_recovered_half_counts_as_a_cycle_but_not_as_a_first_trade() -> None:
    """Under `--cycles 1` it is the one cycle; the installation has not yet held a hedge."""
    story = Story().opening().lands(LIGHTER, SIZE).lands(PACIFICA, "0").start(cycles=1)
    story.read(is_fenced=True).read().settle(SIZE).read()
    assert (0, 0, 0) == (story.exit_code, story.state.cycles_left, story.state.cycles_done)


def test_an_unknown_leg_after_a_crash_does_not_leave_the_other_naked() -> None:
    """A minute after the approval the known leg is closed, long before the other expires."""
    story = crash(Story().opening().lands(PACIFICA, SIZE))
    while story.phase is Phase.RECOVER:
        story.read(is_fenced=False) if story.state.waiting else story.wake()
    story.read(is_fenced=False)
    assert [(PACIFICA, SIZE, True)] == [
        (row.venue, row.request.size, row.request.reduce_only) for row in story.sent.orders
    ]
    assert story.at_ms - story.hedge.approved_at_ms < 100_000


def test_a_crash_while_holding_keeps_the_hold() -> None:
    """Same size, same review, no order."""
    story = Story().holding()
    review_ms = story.hedge.review_at_ms
    crash(story.wait(HOUR_MS)).read()
    assert (Phase.HOLD, review_ms, 1) == (
        story.phase,
        story.hedge.review_at_ms,
        len(story.orders),
    )


def test_a_hold_that_ended_while_nobody_ran_is_reviewed_at_once() -> None:
    """The clock went on."""
    story = crash(Story(renew_hold=False).holding().wait(20 * HOUR_MS)).read().tick()
    assert CloseReason.HOLD_ENDED is story.hedge.close_reason


def test_a_leg_that_vanished_while_nobody_ran_closes_the_other() -> None:
    """Its fills are asked for, and confirm it; then the twin is closed."""
    story = crash(Story().holding().hand(LIGHTER, -SIZE)).read()
    assert Phase.RECOVER is story.phase
    assert CloseReason.RECOVERY is story.read().hedge.close_reason
    assert [PACIFICA] == [row.venue for row in story.read().sent.orders]


def test_both_legs_closed_by_hand_while_nobody_ran_is_flat() -> None:
    """Nothing to close: booked, and the symbol left alone."""
    story = crash(Story().holding().hand(LIGHTER, -SIZE).hand(PACIFICA, SIZE))
    story.read().read().read().read()
    assert (Phase.WAIT, ("ETH",), 1) == (story.phase, story.state.by_hand, len(story.orders))


def test_a_crash_while_closing_goes_on_closing() -> None:
    """What was closed is seen, what is left is sent, under the reason that was written down."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick().read()
    story.lands(LIGHTER, SIZE).lands(PACIFICA, "0")
    crash(story).read().read(is_fenced=True)
    assert [(PACIFICA, SIZE)] == [(row.venue, row.request.size) for row in story.sent.orders]
    assert CloseReason.HOLD_ENDED is story.hedge.close_reason


def test_a_start_in_an_outage_guards_what_it_can() -> None:
    """A hedge that stood is held, not waited for: the venue that answers shows its leg."""
    story = crash(Story().holding()).read(PACIFICA)
    assert (Phase.HOLD, ["no news from pacifica: pacifica is away"]) == (
        story.phase,
        story.alerts,
    )


def test_a_start_without_any_answer_waits_ever_longer() -> None:
    """Nothing is known, so nothing is done: up to half a minute between the tries."""
    story = crash(Story().holding())
    pauses = []
    for _ in range(7):
        before_ms = story.read(LIGHTER, PACIFICA).at_ms
        pauses.append(story.wake().at_ms - before_ms)
    assert [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] == pauses
    assert (Phase.RECOVER, 1) == (story.phase, len(story.orders))


def test_a_first_start_in_an_outage_opens_nothing() -> None:
    """Both venues must have said what they hold."""
    story = Story().start().read(PACIFICA)
    assert Phase.RECOVER is story.phase
    assert Phase.ANALYZE is story.wake().read().phase


def test_a_start_with_an_edited_file_moves_the_end_of_the_hold() -> None:
    """As an edit of a running daemon's file does."""
    story = Story().holding()
    review_ms = story.hedge.review_at_ms or 0
    story.start(config=config(hold_duration_hours=d(6))).read()
    assert review_ms - 6 * HOUR_MS == story.hedge.review_at_ms


def test_a_fault_of_ours_during_recovery_tries_again() -> None:
    """With a hedge in hand giving up is no choice: it is looked at again, and nothing opened."""
    story = crash(Story().holding()).fault()
    assert Phase.RECOVER is story.phase
    assert Phase.HALT is story.wake().read().phase
    assert story.hedge.is_standing


def test_a_close_that_the_owner_undid_by_hand_is_not_sent_again() -> None:
    """It filled before the crash, and he bought as much: the position looks as if nothing had."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick().read()
    story.lands(LIGHTER, SIZE).lands(PACIFICA, SIZE).hand(LIGHTER, SIZE)
    crash(story).read(is_fenced=True)
    while story.state.hedge is not None:
        story.read(is_fenced=True) if story.state.waiting else story.wake()
    assert (Phase.WAIT, 2) == (story.phase, len(story.orders))


def test_a_close_that_no_save_knew_of_is_found_by_its_fills() -> None:
    """Closes leave even if the disk fails; what the owner holds there now is not closed again."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick()
    saved = story.state
    story.read().lands(LIGHTER, SIZE).lands(PACIFICA, SIZE).hand(LIGHTER, "0.005")
    story.state, sent = saved, len(story.orders)
    crash(story)
    while story.phase is not Phase.WAIT and len(story.orders) == sent:
        story.read() if story.state.waiting else story.wake()
    assert sent == len(story.orders)
