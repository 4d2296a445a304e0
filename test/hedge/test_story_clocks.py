"""A machine whose clock is wrong: told, nothing opened, and what is held still closed."""

from dataclasses import replace

import pytest

from desk.core.actions import ReadAccounts
from desk.core.events import Command
from desk.core.venue import VenueName
from desk.hedge.clocks import at_start
from desk.hedge.orders import REQUEST_LIFE_MS
from desk.hedge.state import Phase
from desk.hedge.steps import ROWS_BEFORE_MS, is_past
from test.hedge.builders import PACIFICA, T0, asked, close_look, intent
from test.hedge.story import Story

MEND = "nothing is opened until it is right: set it, by NTP for good"


def selecting() -> Story:
    """Return a bot that has chosen a pair and asked for the accounts."""
    return Story().start().read().look()


def about_clocks(story: Story) -> list[str]:
    """Return the alerts about the machine's clock."""
    return [text for text in story.alerts if "clock" in text]


@pytest.mark.parametrize("skew_ms", [-90_000, 11_000])
def test_nothing_is_opened_while_the_clock_is_off(skew_ms: int) -> None:
    """Fills would be looked for at the wrong time, and signatures refused."""
    story = selecting().read(skew_ms=skew_ms)

    assert Phase.WAIT is story.phase
    assert "this machine's clock is" in story.step.reason
    assert not story.orders


def test_a_wrong_clock_is_told_once_and_so_is_its_end() -> None:
    """The owner hears which way it is off, and the mend."""
    story = Story().start().read(skew_ms=-90_000).look().read(skew_ms=-91_000)
    off = "this machine's clock is 90 s ahead of lighter's, 90 s ahead of pacifica's"
    assert [f"{off}; {MEND}"] == about_clocks(story)

    story.wake().look().read(skew_ms=-6_000)
    assert 1 == len(about_clocks(story))
    story.wake().look().read(skew_ms=-900)
    assert "this machine's clock agrees with the venues' again" == about_clocks(story)[-1]


def test_a_clock_far_behind_is_told_to_stop_closes_too() -> None:
    """What lighter's library signs then has expired before it leaves."""
    story = Story().holding().wait(60_000).tick().read(skew_ms=20_000)
    story.wait(60_000).tick().read(skew_ms=600_000)

    assert 2 == len(about_clocks(story))
    assert "lighter takes nothing that is dated so far back, no close either" in story.alerts[-1]


@pytest.mark.parametrize("skew_ms", [None, 9_000, -9_000])
def test_clocks_that_agree_or_are_not_known_stop_nothing(skew_ms: int | None) -> None:
    """Whole seconds and slow answers differ by less, and a proxy may hide the venue's date."""
    story = selecting().read(skew_ms=skew_ms)

    assert (Phase.SELECT, []) == (story.phase, about_clocks(story))


def test_what_is_held_is_closed_by_a_wrong_clock() -> None:
    """A leg is not left because of it."""
    story = Story().holding().say(Command.CLOSE).read(skew_ms=-90_000)

    assert Phase.CLOSE is story.phase
    assert 2 == len(story.sent.orders)


def test_rows_are_asked_for_from_well_before_the_approval() -> None:
    """A clock of ours that is ahead of the venue's must not hide our own fills."""
    story = Story().opening().settle("0", "0")
    [question] = [row for row in asked(story.step) if isinstance(row, ReadAccounts)]

    assert story.hedge.approved_at_ms - ROWS_BEFORE_MS == question.since_ms


@pytest.mark.parametrize(("skew_ms", "is_over"), [(None, True), (5_000, True), (-60_000, False)])
def test_a_clock_set_ahead_between_two_lives_ends_no_doubt(
    skew_ms: int | None, is_over: bool
) -> None:
    """By the venue's own clock the order may still take effect."""
    order = intent(PACIFICA)
    seen = close_look(PACIFICA, order.expires_at_ms + 1, skew_ms=skew_ms)

    assert is_over is is_past(order, seen)


def test_a_clock_that_is_behind_writes_down_a_later_expiry() -> None:
    """The next life, whose clock may be right, must not take the order for dead."""
    story = Story().holding().say(Command.CLOSE).read(skew_ms=60_000)

    life_ms = {row.venue: row.expires_at_ms - story.at_ms for row in story.hedge.in_doubt()}
    assert {venue: REQUEST_LIFE_MS[venue] + 60_000 for venue in VenueName} == life_ms


def test_a_clock_set_back_between_two_lives_puts_nothing_off() -> None:
    """What was to be looked at soon is looked at now, not when the clock is there again."""
    state = Story().holding().state
    assert state.hedge is not None
    early_ms = T0 - 600_000
    hedge = at_start(state.with_hedge(replace(state.hedge, close_began_at_ms=T0)), early_ms).hedge

    assert hedge is not None
    assert hedge.review_at_ms is not None
    assert hedge.review_at_ms <= early_ms + state.config.hold_ms
    assert early_ms == hedge.close_began_at_ms
