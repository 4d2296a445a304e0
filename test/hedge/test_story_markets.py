"""What becomes of a market while a hedge stands in it: closed down, shut, or with other steps."""

from dataclasses import replace
from typing import Any

import pytest

from desk.core.actions import ReadAccounts
from desk.core.events import AccountsRead, Command
from desk.core.market import MarketStatus
from desk.core.venue import VenueName
from desk.hedge.state import CloseReason, Phase
from test.hedge.builders import (
    HIGH,
    HOUR_MS,
    LIGHTER,
    LOW,
    PACIFICA,
    SYMBOL,
    asked,
    d,
    instrument,
)
from test.hedge.story import Story
from test.hedge.test_story_triggers import acknowledge, canceled, everywhere, look, placed, resting

SIZE = d("0.0116")
MINUTE_MS = 60_000
REDUCE_ONLY, INACTIVE = MarketStatus.REDUCE_ONLY, MarketStatus.INACTIVE


def told(story: Story, venue: VenueName = PACIFICA, **changes: Any) -> Story:
    """Answer the question about accounts; one venue tells that its market is another now."""
    rows = {name: story.row(name) for name in VenueName}
    market = instrument(venue, **changes)
    rows[venue] = replace(rows[venue], instruments={SYMBOL: market})
    return story.feed(AccountsRead(story.at_ms, story.state.asked, rows))


def check(story: Story) -> Story:
    """Let the next full check be asked for."""
    return story.wait(MINUTE_MS).tick("3000")


def question(story: Story) -> ReadAccounts:
    """Return what was asked last."""
    (action,) = asked(story.step)
    assert isinstance(action, ReadAccounts)
    return action


def test_every_full_check_asks_for_the_market() -> None:
    """Its steps and its status are not what they were hours ago."""
    assert (LIGHTER, PACIFICA) == question(check(Story().holding())).market


@pytest.mark.parametrize("venue", [LIGHTER, PACIFICA])
def test_a_market_that_turns_reduce_only_is_left_while_it_can_be(venue: VenueName) -> None:
    """Both legs go together, in the usual band; the reason names the venue."""
    story = told(check(Story().holding()), venue, status=REDUCE_ONLY)
    assert (Phase.CLOSE, CloseReason.MARKET) == (story.phase, story.hedge.close_reason)
    assert story.step.reason.endswith(f"ETH is reduce-only at {venue}")
    assert [f"ETH is reduce-only at {venue}: closing while it can be closed"] == story.alerts
    assert [SIZE, SIZE] == [row.request.size for row in story.read().sent.orders]


def test_a_market_that_is_shut_is_waited_for_and_told_once() -> None:
    """To close the other leg would make a naked one of a whole hedge."""
    story = Story().holding()
    for _ in range(3):
        told(check(story), status=INACTIVE)
    assert (Phase.HOLD, 1) == (story.phase, len(story.alerts))
    assert story.alerts[0].startswith("pacifica takes no orders in ETH")
    told(check(story))
    assert (Phase.HOLD, ()) == (story.phase, story.hedge.shut())


def test_a_market_that_is_gone_from_the_list_is_shut() -> None:
    """A venue that does not list it takes no orders in it."""
    story = check(Story().holding()).read(is_delisted=True)
    assert (LIGHTER, PACIFICA) == story.hedge.shut()


def test_a_hold_does_not_end_in_a_market_that_is_shut() -> None:
    """The review waits until both legs can be closed."""
    story = told(check(Story(renew_hold=False).holding()), status=INACTIVE)
    story.wait(12 * HOUR_MS).tick("3000")
    assert (Phase.HOLD, None) == (story.phase, story.hedge.close_reason)
    assert "hold is over, but pacifica takes no orders in ETH" in story.alerts[-1]
    told(story.wait(1000).tick("3000")).wait(MINUTE_MS).tick("3000")
    assert CloseReason.HOLD_ENDED is story.hedge.close_reason


def test_the_owners_close_waits_for_a_market_that_is_shut() -> None:
    """Neither leg is sent, and each look asks whether the market is open again."""
    story = told(check(Story().holding()), status=INACTIVE).say(Command.CLOSE)
    assert (PACIFICA,) == question(story).market
    story.read()
    assert (1, "pacifica takes no orders in ETH; again in 1 s") == (
        len(story.orders),
        story.step.reason,
    )
    story.wake()
    assert [SIZE, SIZE] == [row.request.size for row in told(story).sent.orders]


def test_the_stop_goes_where_it_can() -> None:
    """A leg at its stop does not wait for the other venue's market."""
    story = told(check(Story().holding()), status=INACTIVE).wait(1000).tick("1500")
    assert (CloseReason.STOP_LOSS, 2) == (story.hedge.close_reason, len(story.sent.orders))


def test_a_close_uses_the_steps_of_today() -> None:
    """The venue made its tick coarser during the hold: the worst price lies on it, in the band."""
    story = Story(renew_hold=False, slippage_max_bps=d(20)).holding()
    told(check(story), price_tick=d(5)).wait(12 * HOUR_MS).tick("3000").read()
    assert [d("2994"), d("3005")] == [row.request.price for row in story.sent.orders]


def test_a_close_that_did_nothing_asks_for_the_market_anew() -> None:
    """Its tick may be another since the last check; the next try is on it."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick("3000")
    assert not question(story).market
    story.read().settle(SIZE, "0").wake()
    assert (PACIFICA,) == question(story).market
    (order,) = told(story, price_tick=d(5)).sent.orders
    assert d(0) == order.request.price % 5


def test_triggers_move_to_the_ticks_of_today() -> None:
    """Marks off the tick would be refused when they are placed anew."""
    story = resting()
    look(check(story), everywhere(story))
    told(check(story), price_tick=d(7))
    assert [LIGHTER] * 2 + [PACIFICA] * 2 == canceled(story)
    story = acknowledge(story).wait(3_000).tick("3000")
    look(story, dict.fromkeys(VenueName, ()))
    marks = {row.trigger_price for row in placed(story).values()}
    assert {d(0)} == {(mark or d(1)) % 7 for mark in marks}
    assert marks.isdisjoint({LOW, HIGH})
