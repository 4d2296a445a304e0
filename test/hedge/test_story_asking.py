"""What is asked of the venues, and what is not: requests are rationed."""

from decimal import Decimal

import pytest

from desk.core.actions import ReadAccounts
from desk.core.events import Command
from desk.core.venue import VenueName
from desk.hedge.state import Phase
from test.hedge.builders import LIGHTER, PACIFICA, asked, d
from test.hedge.story import Story

SIZE = d("0.0116")
LIGHT, ROWS = False, True


def questions(story: Story) -> list[ReadAccounts]:
    """Return every question about accounts so far."""
    return [
        action
        for step in story.steps
        for action in asked(step)
        if isinstance(action, ReadAccounts)
    ]


def kinds(story: Story, *, after: int = 0) -> list[bool]:
    """Return of each question whether it asked for fills and payments."""
    return [action.since_ms is not None for action in questions(story)[after:]]


def test_orders_reported_as_filled_are_verified_by_the_positions() -> None:
    """Reports and positions agree: no fills, no payments, no orders are asked for."""
    story = Story().opening().settle(SIZE, SIZE)
    (verification,) = asked(story.step)
    assert isinstance(verification, ReadAccounts)
    assert (None, False, ()) == (verification.since_ms, verification.orders, verification.fence)
    assert Phase.HOLD is story.read().phase


def test_an_opening_of_which_nothing_filled_is_verified_by_everything() -> None:
    """To forget a leg would be the worst of mistakes: the fills must say that there is none."""
    story = Story().opening().settle("0", "0")
    assert [ROWS] == kinds(story, after=3)
    assert Phase.WAIT is story.read().phase


@pytest.mark.parametrize("venue", VenueName)
def test_positions_that_differ_from_the_reports_are_explained_by_fills(venue: VenueName) -> None:
    """The owner traded, too: fills are asked for at once, and tell."""
    story = Story().opening().settle(SIZE, SIZE).hand(venue, "1").read()
    assert (Phase.OPEN, [LIGHT, ROWS]) == (story.phase, kinds(story, after=3))
    assert SIZE == abs(story.read().hedge.held(venue))


def test_a_close_asks_for_the_rows_once() -> None:
    """What is there, the orders, then accounts and rows together."""
    story = Story().holding()
    before = len(questions(story))
    story.say(Command.CLOSE).read().settle(SIZE, SIZE).read()
    assert (Phase.WAIT, [LIGHT, ROWS]) == (story.phase, kinds(story, after=before))


def test_a_close_in_parts_asks_for_the_rows_at_its_end() -> None:
    """Each try begins with the accounts alone."""
    story = Story().holding()
    before = len(questions(story))
    story.say(Command.CLOSE).read().settle("0.0100", "0").wake().read()
    story.settle("0.0016", SIZE).read()
    assert (Phase.WAIT, [LIGHT, LIGHT, ROWS]) == (story.phase, kinds(story, after=before))


def test_an_order_in_doubt_is_fenced_without_rows_while_nothing_moved() -> None:
    """As long as the position is what is known to have filled, accounts alone are asked for."""
    story = Story().opening().settle(SIZE, None)
    asked_for = [(PACIFICA,), (PACIFICA,)]
    story.read().wake()
    assert [LIGHT, LIGHT] == kinds(story, after=3)
    assert asked_for == [question.fence for question in questions(story)[3:]]


def test_a_position_that_moved_under_a_doubt_is_looked_into_at_once() -> None:
    """Something has filled that nobody reported: its fills are asked for, and prove the hedge."""
    story = Story().opening().settle(SIZE, None).lands(PACIFICA, SIZE).read()
    assert [LIGHT, ROWS] == kinds(story, after=3)
    assert Phase.HOLD is story.read().phase


def test_what_an_unguarded_leg_waits_for_is_urgent() -> None:
    """Such reads may use what is kept back for closes; the last rows of the books may not."""
    story = Story().opening().wait(6_000).settle(SIZE, None).read(is_fenced=True)
    assert Phase.CLOSE is story.phase
    story.read().settle(SIZE)
    assert [True, True, False] == [row.urgent for row in questions(story)[3:]]


def test_a_close_does_not_wait_for_rows_to_send() -> None:
    """The owner's own trade in our symbol keeps no closing order back."""
    story = Story().holding().hand(LIGHTER, "1").say(Command.CLOSE).read()
    assert {SIZE} == {row.request.size for row in story.sent.orders}


def test_where_nothing_is_at_stake_a_read_may_wait() -> None:
    """The first start and the close looks wait for a request budget; what guards ours does not."""
    story = Story().holding().say(Command.CLOSE).read()
    assert [True, True, True, False, False] == [row.can_wait for row in questions(story)]
    assert questions(story.settle(SIZE, SIZE))[-1].can_wait
    assert not questions(story.start())[-1].can_wait


# Room for an opening


def waiting() -> Story:
    """Return a free symbol, and a budget that has room for its opening in 20 s."""
    return Story().start().read().look().read(opening_wait_ms=20_000)


def test_an_opening_waits_for_room_in_both_request_budgets() -> None:
    """A refused order would leave half a pair: nothing is set or sent before, and it is said."""
    story = waiting()
    assert (Phase.SELECT, ()) == (story.phase, asked(story.step))
    assert story.step.reason.startswith("ETH is free; opening in 20 s, when the venues' request")
    assert [] == story.alerts
    before_ms = story.at_ms
    story.wake()
    assert (20_000, 1) == (story.at_ms - before_ms, questions(story)[-1].leverage)
    assert Phase.OPEN is story.read(opening_wait_ms=30_000).phase


@pytest.mark.parametrize("command", [Command.STOP, Command.PAUSE, Command.CLOSE])
def test_an_owner_who_says_no_meanwhile_is_heard(command: Command) -> None:
    """The wait ends without an opening."""
    story = waiting().say(command).wake()
    assert (Phase.WAIT, []) == (story.phase, story.orders)


def test_a_symbol_taken_meanwhile_is_refused() -> None:
    """The second look asks again who stands there."""
    story = waiting().hand(LIGHTER, Decimal(1)).wake().read()
    assert "lighter already holds a position that is not ours" in story.step.reason
