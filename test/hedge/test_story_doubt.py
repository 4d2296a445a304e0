"""The state is lost or too old: what the venues prove to be ours is taken over, the rest is named,
and nothing is opened in doubt.
"""

from dataclasses import replace

import msgspec
import pytest

from desk.core.actions import ReadAccounts
from desk.core.events import Command
from desk.core.ids import OrderKey
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.hedge.doubting import DAY_MS, OTHER_LIFE_MS, doubted
from desk.hedge.orders import REQUEST_LIFE_MS
from desk.hedge.state import BotState, CloseReason, Doubt, Phase
from test.hedge.builders import HOUR_MS, LIGHTER, PACIFICA, asked, config, d, fill
from test.hedge.story import Story

SIZE = d("0.0116")
WHY = "state.json is missing"
FRESH = BotState(config=config(), epoch=99)


def after(story: Story, last: BotState | None, *, behind: str | None = WHY) -> Story:
    """Return the next life of a bot whose last known state is `last`, on the same venues."""
    story.state = doubted(last, FRESH, behind)
    if last is None:
        story.state = replace(story.state, halt_reason=None)
    return story.start()


def before_opening() -> tuple[Story, BotState]:
    """Return a hedge whose orders just filled, and the state before they were written down."""
    story = Story().start().read().look().read()
    last = story.state
    story.read().lands(LIGHTER, SIZE).lands(PACIFICA, SIZE)
    return story, last


def through(story: Story) -> Story:
    """Answer every question until something is decided or waited for."""
    while story.state.waiting and story.phase is Phase.RECOVER:
        story.read()
    return story


def by_hand(story: Story, venue: VenueName, size: str, *, days_ago: int) -> Story:
    """Let a stranger's trade lie in the past."""
    story.hand(venue, size)
    row = story.fills[venue][-1]
    story.fills[venue][-1] = replace(row, at_ms=story.at_ms - days_ago * DAY_MS)
    return story


# What is ours


@pytest.mark.parametrize("is_known", [True, False], ids=["older", "none"])
def test_a_hedge_that_the_state_never_knew_is_held(is_known: bool) -> None:
    """Both legs filled after the last state that is left: found by their ids, and held on."""
    story, last = before_opening()
    opened_ms = story.at_ms
    through(after(story.wait(HOUR_MS), last if is_known else None))

    assert (Phase.HOLD, SIZE, -SIZE) == (
        story.phase,
        story.hedge.held(LIGHTER),
        story.hedge.held(PACIFICA),
    )
    assert opened_ms + story.state.config.hold_ms == story.hedge.review_at_ms
    assert ["found again by its order ids: ETH, 0.0116 on lighter, -0.0116 on pacifica"] == (
        story.alerts
    )


def test_a_leg_that_the_state_never_knew_is_closed() -> None:
    """One leg stands without its twin: closed at once, reduce-only, no more than is ours."""
    story = Story().opening().lands(PACIFICA, SIZE)
    through(after(story, None)).read()

    assert [(PACIFICA, Side.BUY, SIZE, True)] == [
        (row.venue, row.request.side, row.request.size, row.request.reduce_only)
        for row in story.sent.orders
    ]
    assert CloseReason.RECOVERY is story.hedge.close_reason


def test_a_close_under_way_is_ended_and_not_held() -> None:
    """Both legs half closed when the state was lost: closing goes on."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick().read()
    half = SIZE / 2
    through(after(story.lands(LIGHTER, half).lands(PACIFICA, half), None)).read()

    assert {half} == {row.request.size for row in story.sent.orders}
    assert CloseReason.RECOVERY is story.hedge.close_reason


def test_an_older_state_of_the_same_hedge_learns_of_its_close() -> None:
    """It says that both legs stand; the venues show orders of that very hedge that closed one."""
    story = Story(renew_hold=False).holding()
    last = story.state
    story.wait(12 * HOUR_MS).tick().read().lands(LIGHTER, SIZE)
    through(after(story, last)).read()

    assert [(PACIFICA, SIZE)] == [(row.venue, row.request.size) for row in story.sent.orders]
    assert (1, CloseReason.RECOVERY) == (story.hedge.cycle, story.hedge.close_reason)


def test_an_older_state_of_a_hedge_that_is_gone_takes_up_the_new_one() -> None:
    """The cycle that it knows is over; what stands is another one's."""
    story = Story(renew_hold=False, hold_duration_hours=d("0.1")).holding()
    last = story.state
    story.wait(HOUR_MS // 10).tick().read().settle(SIZE, SIZE).read().read()
    story.wake().look().read().read()
    size = story.hedge.size
    through(after(story.settle(size, size).read(), last))

    cycles = {key.cycle for row in story.hedge.intents if (key := OrderKey.parse(row.client_id))}
    assert (Phase.HOLD, {2}) == (story.phase, cycles)


def test_a_state_that_knew_all_goes_on() -> None:
    """Where the venues agree with what is known, nothing is changed but the doubt."""
    story = Story().holding()
    hedge = story.hedge
    through(after(story, story.state))

    assert (Phase.HOLD, hedge.intents) == (story.phase, story.hedge.intents)


def test_ids_of_a_former_life_are_not_used_again() -> None:
    """The epoch is another one, whatever was drawn."""
    _, last = before_opening()
    same = replace(FRESH, epoch=last.epoch)
    assert last.epoch != doubted(last, same, WHY).epoch

    story, _ = before_opening()
    story.state = replace(doubted(None, same, WHY), halt_reason=None)
    assert last.epoch != through(story.start()).state.epoch


def test_the_rest_is_searched_after_the_first_was_closed() -> None:
    """A doubt outlives the hedge that it found: more may be there."""
    story = through(after(Story().opening().lands(PACIFICA, SIZE), None))
    story.read().settle(SIZE).read()

    assert (Phase.RECOVER, None) == (story.phase, story.state.hedge)
    assert Doubt(WHY, since_ms=story.at_ms) == story.state.doubt


# What is not, and what nobody knows


def test_nothing_is_opened_before_the_last_order_of_a_former_life_is_over() -> None:
    """Flat proves nothing while an order that is on its way may still take effect."""
    story = through(after(Story(), None))
    begun_ms = story.at_ms
    while story.phase is Phase.RECOVER:
        assert story.wake().at_ms - begun_ms <= OTHER_LIFE_MS + 60_000
        through(story)

    assert (Phase.ANALYZE, None) == (story.phase, story.state.doubt)
    assert story.at_ms - begun_ms > max(REQUEST_LIFE_MS.values())


def test_a_late_order_of_a_former_life_is_found_while_waiting() -> None:
    """It lands minutes after the start: seen within a minute, and closed."""
    story = Story().opening()
    late = story.hedge.intents[0]
    through(after(story, None)).wait(1)
    story.fills[LIGHTER].append(fill(late.client_id, late.side, SIZE, at_ms=story.at_ms))
    through(story.wake()).read()

    assert [(LIGHTER, SIZE)] == [(row.venue, row.request.size) for row in story.sent.orders]


def test_a_position_of_the_owner_is_left_alone() -> None:
    """Its fills tell that it is not ours: named, and no reason to stop."""
    story = through(after(Story().hand(LIGHTER, "0.5"), None))
    while story.phase is Phase.RECOVER:
        through(story.wake())

    assert (Phase.ANALYZE, None) == (story.phase, story.state.doubt)
    assert "lighter holds 0.5 ETH: not ours, left alone" in story.alerts


def lost_and_unexplained() -> Story:
    """Return a start in doubt that finds a position older than all the fills."""
    story = by_hand(Story(), LIGHTER, "0.5", days_ago=40)
    return after(story, None)


def reads(story: Story) -> list[int]:
    """Answer as venues do: only rows since the instant asked for. Returns the days asked for."""
    days = []
    while story.phase is Phase.RECOVER:
        if not story.state.waiting:
            story.wake()
        (question,) = asked(story.step)
        assert isinstance(question, ReadAccounts)
        if question.since_ms is None:
            story.read()
            continue
        days.append((story.at_ms - question.since_ms) // DAY_MS)
        rows = [row for row in story.fills[LIGHTER] if row.at_ms >= question.since_ms]
        story.read(fills=tuple(rows))
    return days


def test_a_position_that_nothing_explains_stops_for_a_human() -> None:
    """Asked for further back each time and again at the end, then named; nothing is opened."""
    story = lost_and_unexplained()

    assert [1, 7, 28, 28, 28, 28] == reads(story)
    assert Phase.HALT is story.phase
    assert "lighter holds 0.5 ETH: its fills do not tell whose" in (story.state.halt_reason or "")


def test_the_owner_answers_for_what_was_named() -> None:
    """After `resume` it is his: left alone, and the bot goes on."""
    story = lost_and_unexplained()
    reads(story)
    story.say(Command.RESUME)
    reads(story)

    assert (Phase.ANALYZE, None) == (story.phase, story.state.doubt)


def test_a_halt_before_the_search_is_no_answer_for_what_it_finds() -> None:
    """`resume` vouches only for what has been named."""
    story = lost_and_unexplained()
    story.state = replace(story.state, halt_reason="the owner's")
    story.start()
    story.state = replace(story.state, phase=Phase.HALT, waiting=False)
    story.say(Command.RESUME)
    reads(story)

    assert Phase.HALT is story.phase


def test_under_a_number_of_cycles_a_doubt_that_stays_is_a_failure() -> None:
    """Nobody watches: exit 1 rather than a guess."""
    story = lost_and_unexplained()
    story.start(cycles=1)
    reads(story)

    assert 1 == story.exit_code


def test_without_any_memory_the_owner_is_asked_again() -> None:
    """Whether the bot was paused or halted went with the state: it searches, and opens nothing."""
    story, _ = before_opening()
    story.state = doubted(None, FRESH, WHY)
    through(story.start())

    assert (Phase.HALT, SIZE) == (story.phase, story.hedge.held(LIGHTER))
    assert "paused or halted" in (story.state.halt_reason or "")


# A first start


def first(story: Story) -> Story:
    """Start where there is no trace of a former life."""
    return after(story, None, behind=None)


def test_a_first_start_on_empty_accounts_looks_at_once() -> None:
    """No doubt is left, and no fill was asked for."""
    story = first(Story()).read()

    assert (Phase.ANALYZE, None) == (story.phase, story.state.doubt)


def test_a_first_start_finds_what_an_unknown_life_has_opened() -> None:
    """The home is new, the hedge is not: it is ours by its ids."""
    story, _ = before_opening()
    assert Phase.HOLD is through(first(story)).phase


def test_a_first_start_leaves_the_owners_position_alone() -> None:
    """As old as it may be, with or without fills that explain it."""
    story = first(by_hand(Story(), LIGHTER, "0.5", days_ago=40))
    reads(story)

    assert (Phase.ANALYZE, None) == (story.phase, story.state.doubt)


def test_a_first_start_stops_at_what_looks_like_a_hedge() -> None:
    """Both venues, opposite sides, and no fill tells whose: a human looks first."""
    story = by_hand(Story(), LIGHTER, "0.5", days_ago=40)
    story = first(by_hand(story, PACIFICA, "-0.5", days_ago=40))
    while story.phase is Phase.RECOVER:
        if not story.state.waiting:
            story.wake()
        (question,) = asked(story.step)
        assert isinstance(question, ReadAccounts)
        story.read(fills=()) if question.since_ms is not None else story.read()

    assert Phase.HALT is story.phase
    assert "lighter holds 0.5 ETH, pacifica holds -0.5 ETH" in (story.state.halt_reason or "")


def test_a_doubt_survives_a_crash() -> None:
    """It is part of the state: the next life searches on."""
    story = lost_and_unexplained().read()
    story.state = msgspec.json.decode(msgspec.json.encode(story.state), type=BotState)
    begun_ms = story.at_ms
    story.wait(HOUR_MS).start()

    assert Doubt(WHY, since_ms=begun_ms) == story.state.doubt
