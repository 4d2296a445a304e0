"""While a hedge stands: guards fire, other hands are noticed, and an outage is no reason to act."""

import pytest

from desk.core.actions import Level, ReadAccounts
from desk.core.events import Command, MarkView, Tick
from desk.core.venue import VenueName
from desk.hedge.history import BOOKED_MS
from desk.hedge.machine import watch
from desk.hedge.state import CloseReason, Phase
from test.hedge.builders import (
    HOUR_MS,
    LIGHTER,
    PACIFICA,
    account,
    accounts_read,
    asked,
    d,
    position,
    stats,
)
from test.hedge.story import Story

SIZE = d("0.0116")
MINUTE_MS = 60_000
PARTED = {LIGHTER: 3000, PACIFICA: 3100}


def sizes(story: Story) -> dict[VenueName, object]:
    """Return what the last orders close on each venue."""
    assert all(row.request.reduce_only for row in story.sent.orders)
    return {row.venue: row.request.size for row in story.sent.orders}


def broken_mark(story: Story) -> None:
    """Feed a tick with a mark that nothing supports."""
    story.feed(Tick(story.at_ms, {LIGHTER: MarkView(d(100), d(3000), story.at_ms)}))


def test_a_full_check_is_asked_for_once_in_an_interval() -> None:
    """The read needs neither orders nor rows: it is cheap."""
    story = Story().holding().wait(MINUTE_MS - 1).tick("3000")
    assert () == story.step.actions
    (question,) = asked(story.wait(1).tick("3000").step)
    assert isinstance(question, ReadAccounts)
    assert ("ETH", False, None, ()) == (
        question.symbol,
        question.orders,
        question.since_ms,
        question.fence,
    )
    assert "both legs stand" == story.read().step.reason


def test_the_first_check_after_an_hour_is_published_asks_what_was_paid() -> None:
    """The owner sees each payment; the checks between the hours stay cheap."""
    story = Story().holding()
    story.wait(HOUR_MS - story.at_ms % HOUR_MS + BOOKED_MS + 1).tick("3000")
    (question,) = asked(story.step)
    assert isinstance(question, ReadAccounts)
    assert story.hedge.approved_at_ms == question.since_ms
    (later,) = asked(story.read().wait(MINUTE_MS).tick("3000").step)
    assert isinstance(later, ReadAccounts)
    assert later.since_ms is None


def test_a_leg_at_its_stop_closes_both_at_the_wide_band() -> None:
    """Half of the filled entry is lost on the long leg: close at once, not at the next check."""
    story = Story().holding().wait(1000).tick("1500")
    assert CloseReason.STOP_LOSS is story.hedge.close_reason
    assert {LIGHTER: SIZE, PACIFICA: SIZE} == sizes(story)
    assert d("1492.5") == story.sent.orders[0].request.price


def test_the_stop_does_not_wait_for_an_answer() -> None:
    """A check under way is overtaken, and its answer dropped as late."""
    story = Story().holding().wait(MINUTE_MS).tick("3000")
    asked_before = story.state.asked
    assert Phase.CLOSE is story.tick("4500").phase
    assert asked_before < story.state.asked


def test_a_mark_that_stands_alone_alerts_once_and_stops_nothing_else() -> None:
    """The broken mark is told; checks and the review go on beneath it."""
    story = Story().holding()
    for _ in range(3):
        broken_mark(story.wait(1000))
    assert ["lighter mark of ETH is at the stop but stands alone"] == story.alerts
    assert Phase.HOLD is story.phase
    broken_mark(story.wait(MINUTE_MS))
    assert [ReadAccounts] == [type(row) for row in asked(story.step)]


def test_a_leg_near_its_liquidation_closes_the_hedge() -> None:
    """Margin distance, not a price move, is what ends a hedge early."""
    story = Story().holding().wait(MINUTE_MS).tick("3000")
    near = account(position(SIZE, liquidation="2900"))
    story.read(account=near, stats=stats())
    assert (Phase.CLOSE, CloseReason.MARGIN) == (story.phase, story.hedge.close_reason)
    assert "lighter is 3.3 % from liquidation" in story.alerts


def test_a_price_move_alone_closes_nothing() -> None:
    """A third off, and a check that finds both legs: the hedge stands."""
    story = Story().holding().wait(MINUTE_MS).tick("2000").read()
    assert (Phase.HOLD, []) == (story.phase, story.alerts)


def test_a_leg_cut_too_small_to_be_held_on_is_closed_with_its_twin() -> None:
    """A second read must agree; then each venue closes what is there, and of ours at most."""
    story = Story().holding().hand(LIGHTER, -SIZE * 3 / 4).wait(MINUTE_MS).tick("3000").read()
    assert (Phase.HOLD, 1) == (story.phase, len(story.orders))
    story.wait(1000).tick("3000").read()
    assert CloseReason.IMBALANCE is story.hedge.close_reason
    assert {LIGHTER: SIZE / 4, PACIFICA: SIZE} == sizes(story.read())
    assert Phase.WAIT is story.settle(SIZE / 4, SIZE).read().read().phase
    assert "lighter holds 0.0087 ETH less than we opened" in story.alerts


def test_what_another_hand_closed_is_not_opened_again_before_resume() -> None:
    """The owner wanted out of this symbol; only the owner lets it in again."""
    story = Story().holding().hand(LIGHTER, -SIZE).wait(MINUTE_MS).tick("3000").read()
    story.wait(1000).tick("3000").read().read().settle(SIZE).read().read()
    assert (("ETH",), Phase.WAIT) == (story.state.by_hand, story.phase)
    story.wake().look()
    assert "closed by another hand, until resume" == story.state.refusals["ETH"]
    assert Phase.SELECT is story.say(Command.RESUME).wake().look().phase


def test_one_odd_read_closes_nothing() -> None:
    """A venue that shows no positions for an instant is asked what traded, and asked again."""
    story = Story().holding().wait(MINUTE_MS).tick("3000").read(account=account())
    story.read(account=account())
    assert (Phase.HOLD, 1) == (story.phase, story.hedge.suspicions)
    story.wait(1000).tick("3000").read()
    assert (Phase.HOLD, 0, []) == (story.phase, story.hedge.suspicions, story.alerts)


def test_an_owner_who_adds_is_told_once_and_keeps_it() -> None:
    """We close our size and leave theirs."""
    story = Story(renew_hold=False).holding().hand(LIGHTER, "1")
    for _ in range(3):
        story.wait(MINUTE_MS).tick("3000").read()
    assert ["lighter holds 1 ETH more than ours; left alone"] == story.alerts
    story.wait(12 * HOUR_MS).tick().read()
    assert {LIGHTER: SIZE, PACIFICA: SIZE} == sizes(story)
    story.settle(SIZE, SIZE)
    while story.phase is Phase.CLOSE:
        story.wake() if not story.state.waiting else story.read()
    assert (Phase.WAIT, ()) == (story.phase, story.state.by_hand)


@pytest.mark.parametrize("venue", [LIGHTER, PACIFICA])
def test_an_outage_of_hours_sends_nothing_and_is_told_twice(venue: VenueName) -> None:
    """One alert when it begins and one when it ends; the hedge is held throughout."""
    story = Story().holding()
    for _ in range(240):
        story.wait(MINUTE_MS).tick("3000").read(venue)
    assert (Phase.HOLD, 1) == (story.phase, len(story.orders))
    story.wait(MINUTE_MS).tick("3000").read()
    assert [
        f"no news from {venue}: {venue} is away",
        f"news from {venue} again after 4 h",
    ] == story.alerts


def test_an_outage_never_blinds_the_guard_of_the_other_leg() -> None:
    """With Pacifica away, Lighter's leg at its stop is closed at once, and its twin on return."""
    story = Story().holding().wait(MINUTE_MS).tick("3000").read(PACIFICA)
    view = MarkView(d(1400), d(1400), story.at_ms)
    story.feed(Tick(story.at_ms, {LIGHTER: view}))
    assert {LIGHTER: SIZE, PACIFICA: SIZE} == sizes(story)
    story.settle(SIZE, "0").wake().read(PACIFICA).wake().read()
    assert {PACIFICA: SIZE} == sizes(story)


@pytest.mark.parametrize("is_waiting", [False, True])
def test_a_fill_in_the_held_symbol_is_looked_into_at_once(is_waiting: bool) -> None:
    """A leg that the venue liquidates does not wait for the next full check."""
    story = Story().holding()
    if is_waiting:
        story.wait(MINUTE_MS).tick("3000")
    story.hand(LIGHTER, -SIZE).feed(Tick(story.at_ms, stirred=True))
    if is_waiting:
        stale = story.row(LIGHTER, account=account(position(SIZE), at_ms=story.at_ms))
        there = story.row(PACIFICA)
        story.feed(accounts_read(story.state, story.at_ms, lighter=stale, pacifica=there))
        story.wait(1000).tick("3000")
    story.read().wait(1000).tick("3000").read()
    assert CloseReason.IMBALANCE is story.hedge.close_reason
    assert {PACIFICA: SIZE} == sizes(story.read())


def test_a_second_look_keeps_its_distance_from_the_first() -> None:
    """A fill heard just then must not make one glitch of a list into two looks at it."""
    story = Story().holding().wait(MINUTE_MS).tick("3000").read(account=account())
    story.read(account=account())
    assert 1 == story.hedge.suspicions
    story.feed(Tick(story.at_ms + 30, stirred=True))
    assert () == asked(story.step)


def test_a_look_into_a_fill_is_not_kept_back_for_want_of_requests() -> None:
    """A leg may stand alone; who trades much in our symbol does not use our requests up."""
    story = Story().holding()
    story.feed(Tick(story.at_ms, stirred=True))
    (first,) = asked(story.step)
    assert isinstance(first, ReadAccounts)
    assert first.urgent
    story.read().feed(Tick(story.at_ms + 30, stirred=True))
    assert () == asked(story.step)
    (second,) = asked(story.wait(5_000).tick("3000").step)
    assert isinstance(second, ReadAccounts)
    assert second.urgent


def test_a_venue_that_is_away_is_asked_with_urgency() -> None:
    """Nobody knows whether its leg still stands."""
    story = Story().holding().wait(MINUTE_MS).tick("3000").read(PACIFICA).wait(3_000).tick("3000")
    (look,) = asked(story.step)
    assert isinstance(look, ReadAccounts)
    assert look.urgent


def test_a_hedge_taken_over_with_a_venue_away_is_looked_at_soon() -> None:
    """What a start could not see is not left alone until the next regular check."""
    story = Story(check_interval_seconds=300).holding().start().read(PACIFICA)
    assert 1 == len(asked(story.wait(3_000).tick("3000").step))


def test_a_check_that_fails_is_tried_again_soon() -> None:
    """Then ever later, up to its usual pace: an outage may last for hours."""
    story = Story(check_interval_seconds=30).holding().wait(MINUTE_MS).tick("3000")
    pauses_s = []
    for _ in range(7):
        story.read(PACIFICA)
        pauses_s.append((story.hedge.next_check_at_ms - story.at_ms) // 1000)
        story.wait(pauses_s[-1] * 1000).tick("3000")
    assert [3, 3, 6, 12, 24, 30, 30] == pauses_s


def test_a_hold_does_not_end_while_prices_have_parted() -> None:
    """The hedge is whole and can wait; to close now would lose what it cannot earn back."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS)
    marks = {venue: MarkView(d(mark), d(mark), story.at_ms) for venue, mark in PARTED.items()}
    story.feed(Tick(story.at_ms, marks))
    assert (Phase.HOLD, None) == (story.phase, story.hedge.close_reason)
    assert "prices have parted by 333 bp" in story.alerts[-1]
    assert CloseReason.HOLD_ENDED is story.wait(MINUTE_MS).tick("3000").hedge.close_reason


def test_a_hold_that_ends_in_an_outage_keeps_both_legs_and_their_guard() -> None:
    """A planned close waits for both venues; the stop does not wait with it."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick("3000").read(LIGHTER)
    assert (Phase.CLOSE, 1) == (story.phase, len(story.orders))
    assert {LIGHTER, PACIFICA} == {line.venue for line in watch(story.state).lines}
    story.tick("4600")
    assert CloseReason.STOP_LOSS is story.hedge.close_reason
    assert {PACIFICA: SIZE} == sizes(story.read(LIGHTER))
    assert () == watch(story.state).lines


def test_marks_are_streamed_and_ticks_come_every_second() -> None:
    """The engine is told the held symbol, both stops, and the pace."""
    view = watch(Story().holding().state)
    assert ("ETH", 1000, None, False) == (view.held, view.tick_ms, view.wake_at_ms, view.is_idle)
    assert [d(1500), d(4500)] == [line.price for line in view.lines]


def test_an_alert_is_as_loud_as_its_matter() -> None:
    """A missing leg is critical, an outage a warning, its end a piece of news."""
    story = Story().holding().wait(MINUTE_MS).tick("3000").read(PACIFICA)
    story.wait(MINUTE_MS).tick("3000").read()
    levels = [row.level for step in story.steps for row in step.actions if hasattr(row, "level")]
    assert [Level.WARNING, Level.INFO] == levels


@pytest.mark.parametrize("seconds", [3, 15])
def test_a_list_that_stays_blank_for_seconds_closes_nothing(seconds: int) -> None:
    """The fills know of no other hand: they are believed, and the position comes back."""
    story = Story().holding().wait(MINUTE_MS).tick("3000")
    until_ms = story.at_ms + seconds * 1000
    while story.at_ms < until_ms:
        story.read(account=account()) if story.state.waiting else story.wait(500).tick("3000")
    while story.state.waiting or story.hedge.suspicions:
        story.read() if story.state.waiting else story.wait(500).tick("3000")
    assert (Phase.HOLD, 1, []) == (story.phase, len(story.orders), story.alerts)


def test_a_leg_at_its_stop_is_seen_by_the_check_where_streams_are_silent() -> None:
    """The read's own marks are the second source."""
    story = Story().holding().wait(MINUTE_MS).tick()
    story.read(stats=stats(mark=d(1400), index=d(1400)))
    assert (Phase.CLOSE, CloseReason.STOP_LOSS) == (story.phase, story.hedge.close_reason)


def test_with_the_twins_venue_away_a_cut_leg_is_not_closed_to_nothing() -> None:
    """To close what answers would make a whole leg naked out of a part; at its stop it goes."""
    story = Story().holding()
    story.hand(LIGHTER, -story.hedge.size / 2).wait(MINUTE_MS).tick("3000")
    for _ in range(9):
        story.read(PACIFICA) if story.state.waiting else story.wake()
    assert 1 == len(story.orders)
