"""A leg is cut by another hand: its twin follows, and what is left is held on, or all is closed."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from desk.core.events import Command, MarkView, OwnerAsked, Tick
from desk.core.order import FillCause
from desk.core.venue import VenueName
from desk.hedge.machine import watch
from desk.hedge.state import BotState, CloseReason, Phase
from test.hedge.builders import HOUR_MS, LIGHTER, PACIFICA, account, asked, d, position, stats
from test.hedge.story import Story
from test.hedge.test_story_triggers import (
    acknowledge,
    canceled,
    everywhere,
    look,
    placed,
    resting,
)

SIZE = d("0.1333")  # 400 USD a leg
CUT = d("0.0533")
LEFT = SIZE - CUT
MINUTE_MS = 60_000
SIGN = {LIGHTER: 1, PACIFICA: -1}
TRADE, LIQUIDATION, DELEVERAGE = FillCause
HOLD, CLOSE = Phase.HOLD, Phase.CLOSE


def holding(**changes: Any) -> Story:
    """Return a story that holds a hedge large enough to be made smaller."""
    return Story(base_capital_allocation=Decimal(400), **changes).holding()


def cut(
    story: Story, venue: VenueName, size: Decimal = CUT, cause: FillCause = DELEVERAGE
) -> Story:
    """Let a leg be cut and be seen: by its position first, then by the venue's rows."""
    story.hand(venue, -SIGN[venue] * size, cause)
    return story.feed(Tick(story.at_ms, stirred=True)).read().read()


def sizes(story: Story) -> dict[VenueName, object]:
    """Return what the last orders close on each venue."""
    assert all(row.request.reduce_only for row in story.sent.orders)
    return {row.venue: row.request.size for row in story.sent.orders}


def held(story: Story) -> list[Decimal]:
    """Return what is ours on both venues."""
    return [story.hedge.held(venue) for venue in (LIGHTER, PACIFICA)]


@pytest.mark.parametrize("venue", [LIGHTER, PACIFICA])
def test_the_twin_of_a_cut_leg_follows_and_the_rest_is_held_on(venue: VenueName) -> None:
    """One reduce-only order for exactly what was cut, sent on the read that proves the cut."""
    story = cut(holding(), venue)
    assert (CLOSE, CloseReason.REDUCED) == (story.phase, story.hedge.close_reason)
    assert {venue.twin: CUT} == sizes(story)
    story.settle(CUT).read()
    assert (HOLD, None, [LEFT, -LEFT]) == (story.phase, story.hedge.close_reason, held(story))
    said = f"ETH: 0.0533 on {venue} deleveraged; going on with 0.08 ETH a leg"
    assert said in story.alerts


def test_the_smaller_hedge_is_guarded_and_ends_like_any_other() -> None:
    """Checks find both legs, the stop is where it was, and the review closes what is left."""
    story = cut(holding(renew_hold=False), PACIFICA).settle(CUT).read()
    assert [d(1500), d(4500)] == [line.price for line in watch(story.state).lines]
    assert "both legs stand" == story.wait(MINUTE_MS).tick("3000").read().step.reason
    story.wait(12 * HOUR_MS).tick("3000").read()
    assert {LIGHTER: LEFT, PACIFICA: LEFT} == sizes(story)
    story.settle(LEFT, LEFT)
    while story.phase is CLOSE:
        story.read() if story.state.waiting else story.wake()
    assert Phase.WAIT is story.phase


def test_the_triggers_are_placed_anew_for_the_smaller_size() -> None:
    """The old ones would be larger than the leg, which Pacifica refuses."""
    story = resting(base_capital_allocation=Decimal(400)).hand(PACIFICA, CUT, DELEVERAGE)
    rows = everywhere(story)
    look(story.feed(Tick(story.at_ms, stirred=True)), rows).read().settle(CUT).read()
    assert [LIGHTER] * 2 + [PACIFICA] * 2 == canceled(story)
    story = acknowledge(story).wait(3_000).tick("3000")
    look(story, dict.fromkeys(rows, ()))
    assert {LEFT} == {row.size for row in placed(story).values()}


@pytest.mark.parametrize("cause", FillCause)
def test_only_the_owners_hand_sets_the_symbol_aside(cause: FillCause) -> None:
    """What the owner made smaller he may want to be rid of; a venue's hand says no such thing."""
    story = cut(holding(), LIGHTER, cause=cause).settle(CUT).read()
    is_owners = cause is TRADE
    assert (("ETH",) if is_owners else ()) == story.state.by_hand
    assert is_owners is ("ETH is not opened again until resume" in story.alerts)
    assert [cause] == [row.cause for row in story.hedge.cuts]


def test_an_owner_who_makes_both_legs_smaller_is_only_taken_at_his_word() -> None:
    """Nothing is sent: the legs are even, and go on as they are."""
    story = holding().hand(LIGHTER, -CUT).hand(PACIFICA, CUT)
    story.feed(Tick(story.at_ms, stirred=True)).read().read()
    assert (HOLD, 1, [LEFT, -LEFT]) == (story.phase, len(story.orders), held(story))


def test_a_cut_that_no_row_explains_is_looked_at_again_and_then_closed() -> None:
    """Venues have shown less than there was for many seconds, and to close the twin then would make
    the naked leg; but rows that never come are no reason to wait for ever."""
    story = holding()
    story.hand(LIGHTER, -CUT).feed(Tick(story.at_ms, stirred=True))
    began_ms = story.at_ms
    while story.phase is HOLD:
        story.read(fills=()) if story.state.waiting else story.wait(1000).tick("3000")
    assert CloseReason.IMBALANCE is story.hedge.close_reason
    assert 40_000 <= story.at_ms - began_ms <= 50_000


def test_rows_that_come_late_still_prove_a_cut() -> None:
    """The second look has them, and the twin follows."""
    story = holding().hand(LIGHTER, -CUT, LIQUIDATION)
    story.feed(Tick(story.at_ms, stirred=True)).read().read(fills=())
    story.wait(1000).tick("3000").read().read()
    assert {PACIFICA: CUT} == sizes(story)


def test_where_rows_are_refused_nothing_is_kept() -> None:
    """What cannot be proved is not held on: after a second look all is closed."""
    story = holding().hand(LIGHTER, -CUT).wait(MINUTE_MS).tick("3000")
    story.read().read(fills=None, fills_missing="used up").wait(1000).tick("3000")
    story.read().read(fills=None, fills_missing="used up").read()
    assert {LIGHTER: LEFT, PACIFICA: SIZE} == sizes(story)


def test_a_margin_that_a_liquidation_left_thin_closes_all() -> None:
    """Closing wins over holding on: the next liquidation is near."""
    story = holding().hand(LIGHTER, -CUT, LIQUIDATION)
    story.feed(Tick(story.at_ms, stirred=True))
    story.read(account=account(position(LEFT, liquidation="2900")), stats=stats())
    assert CloseReason.MARGIN is story.hedge.close_reason
    assert {LIGHTER: LEFT, PACIFICA: SIZE} == sizes(story.read())


def test_a_margin_that_grows_thin_while_reducing_closes_all() -> None:
    """The same, seen a moment later."""
    story = cut(holding(), LIGHTER)
    thin = account(position(LEFT, liquidation="2900"))
    story.settle(CUT).read(PACIFICA, account=thin, stats=stats())
    assert (CLOSE, CloseReason.MARGIN) == (story.phase, story.hedge.close_reason)


def test_a_second_cut_is_followed_too() -> None:
    """Venues liquidate step by step: what was ordered, what is there, and what is booked agree."""
    story = cut(holding(), LIGHTER, d("0.02")).hand(LIGHTER, "-0.03", LIQUIDATION)
    story.settle("0.02").read().read()
    assert {PACIFICA: d("0.03")} == sizes(story)
    story.settle("0.03").read()
    assert (HOLD, [d("0.0833"), -d("0.0833")]) == (story.phase, held(story))


def test_a_reduction_in_doubt_is_asked_after_before_the_next() -> None:
    """Never two live orders of one leg: only the fence and the read say what is still to do."""
    story = cut(holding(), PACIFICA).settle(None).wake().read(is_fenced=False)
    assert (2, CLOSE) == (len(story.orders), story.phase)
    story.lands(LIGHTER, CUT).wake().read().read()
    assert (2, HOLD, [LEFT, -LEFT]) == (len(story.orders), story.phase, held(story))


@pytest.mark.parametrize("filled", ["0", CUT, None])
def test_a_crash_while_reducing_ends_in_a_smaller_hedge(filled: Decimal | None) -> None:
    """After the decision, after the fill, or in doubt: the saved state knows what is to be done."""
    story = cut(holding(), PACIFICA)
    if filled is not None:
        story.settle(filled)
    body = msgspec.json.encode(story.state)
    story.state = msgspec.json.decode(body, type=BotState)
    story.wait(MINUTE_MS).start()
    for _ in range(8):
        if story.phase is HOLD:
            break
        pending = story.step.actions and any(asked(story.step))
        if story.orders and story.orders[-1] in story.step.actions:
            story.settle(CUT)
        else:
            story.read() if pending else story.wake()
    assert (HOLD, [LEFT, -LEFT]) == (story.phase, held(story))


def test_a_cut_found_at_a_start_is_followed_like_any_other() -> None:
    """Nobody was there when it happened."""
    story = holding().hand(LIGHTER, -CUT, DELEVERAGE).wait(MINUTE_MS).start().read().read()
    assert {PACIFICA: CUT} == sizes(story)
    assert HOLD is story.settle(CUT).read().phase


def test_with_the_twins_venue_away_the_cut_leg_stands_and_keeps_its_stop() -> None:
    """To close it, too, would leave more alone; at its stop it goes."""
    story = holding().hand(LIGHTER, -CUT, DELEVERAGE)
    story.feed(Tick(story.at_ms, stirred=True)).read(PACIFICA).read(PACIFICA)
    assert (CLOSE, 1, 2) == (story.phase, len(story.orders), len(watch(story.state).lines))
    view = MarkView(d(1400), d(1400), story.at_ms)
    story.wait(1000).feed(Tick(story.at_ms, {LIGHTER: view})).read(PACIFICA)
    assert CloseReason.STOP_LOSS is story.hedge.close_reason
    assert {LIGHTER: LEFT} == sizes(story)


def test_the_owner_may_close_while_the_twin_follows() -> None:
    """The order under way is finished, then both legs are closed."""
    story = cut(holding(), LIGHTER).say(Command.CLOSE).settle(CUT).read()
    assert CloseReason.OWNER is story.hedge.close_reason
    assert {LIGHTER: LEFT, PACIFICA: LEFT} == sizes(story.read())


def test_a_halt_while_the_twin_follows_ends_in_halt() -> None:
    """What stands is guarded there."""
    story = cut(holding(), LIGHTER).say(Command.HALT).settle(CUT).read()
    assert (Phase.HALT, [LEFT, -LEFT]) == (story.phase, held(story))


def test_a_step_too_small_for_the_twins_venue_closes_all() -> None:
    """Nine dollars were cut and the venue refuses to close as little: no leg stays larger."""
    story = cut(holding(), LIGHTER, d("0.003"))
    for _ in range(2):
        assert {PACIFICA: d("0.003")} == sizes(story)
        story.settle("0").wake().read()
    assert CloseReason.IMBALANCE is story.hedge.close_reason
    assert {LIGHTER: SIZE - d("0.003"), PACIFICA: SIZE} == sizes(story.read())


def cut_to_a_crumb(cause: FillCause) -> Story:
    """Return a close whose order through zero for what others left of a leg was just sent."""
    story = Story().holding()
    ours, crumb = story.hedge.held(LIGHTER), d("0.001")
    story.hand(PACIFICA, ours - crumb, cause).feed(Tick(story.at_ms, stirred=True)).read()
    story.wait(1000).tick().read().read()
    assert {LIGHTER: ours, PACIFICA: crumb} == sizes(story)
    story.settle(ours, "0").wake().read().read()
    assert {PACIFICA: crumb} == sizes(story)
    return story.settle("0").wake().read()


@pytest.mark.parametrize("cause", [TRADE, LIQUIDATION, DELEVERAGE])
def test_what_others_left_of_a_leg_is_closed_even_where_it_is_too_small(cause: FillCause) -> None:
    """Their rows prove that nobody else holds the symbol: the order through zero is allowed."""
    story = cut_to_a_crumb(cause)
    (order,) = story.sent.orders
    through = order.request.size
    assert (PACIFICA, False) == (order.venue, order.request.reduce_only)
    story.settle(through).read()
    assert {PACIFICA: through - d("0.001")} == sizes(story)
    story.settle(through - d("0.001")).read()
    assert (Phase.WAIT, cause is TRADE) == (story.phase, "ETH" in story.state.by_hand)


def test_the_books_count_what_others_closed_and_name_it() -> None:
    """Their fill stands among ours, at its price, and the result says whose hand it was."""
    story = cut(holding(renew_hold=False), PACIFICA, cause=LIQUIDATION).settle(CUT).read()
    story.say(Command.CLOSE).read().settle(LEFT, LEFT).read()
    result = story.state.result
    assert result is not None
    assert (True, d(0)) == (result.is_complete, result.net_usd)
    assert ["0.0533 on pacifica liquidated"] == [row.words for row in result.cuts]


def test_what_the_emergency_close_takes_is_followed_to_the_end() -> None:
    """Under its latch a smaller leg is on its way to none: nothing is kept."""
    story = holding()
    story.feed(OwnerAsked(story.at_ms, Command.HALT, "halt file")).hand(LIGHTER, -CUT)
    story.wait(MINUTE_MS).tick("3000").read().wait(1000).tick("3000").read().read()
    assert CloseReason.LATCHED is story.hedge.close_reason
    assert {LIGHTER: LEFT, PACIFICA: SIZE} == sizes(story)
