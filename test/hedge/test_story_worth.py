"""A hedge that is weighed: opened on its history, kept, renewed, and left when it has turned."""

from dataclasses import replace
from typing import Any

from desk.core.actions import ReadMarkets
from desk.core.events import AccountsRead
from desk.hedge.history import BOOKED_MS, SpreadHistory
from desk.hedge.select import BOTH
from desk.hedge.state import Phase
from test.hedge import builders as b
from test.hedge.builders import HOUR_MS, SYMBOL, T0, d
from test.hedge.story import Story

KEYS: dict[str, Any] = {"require_expected_profit": True, "renew_hold": True}


def history(apr: int, at_ms: int, hours: int = 200) -> SpreadHistory:
    """Return a spread that has stood up to now: long on Lighter earns where `apr` is above 0."""
    steps = -int(b.apr(apr).fraction * 10**9)
    return SpreadHistory(at_ms, at_ms // HOUR_MS, (steps,) * hours)


def knowing(story: Story, apr: int) -> Story:
    """Return the story with that much known of the symbol."""
    story.state = replace(story.state, histories={SYMBOL: history(apr, story.at_ms)})
    return story


def held(**changes: object) -> Story:
    """Return a story in which a hedge has just been opened."""
    keys = b.config(**{**KEYS, **changes})
    never = b.standing(next_check_at_ms=T0 + 1000 * HOUR_MS)
    return Story(b.bot(Phase.HOLD, config=keys, hedge=never))


def after_settlement(story: Story) -> Story:
    """Let the next hour settle, and be published."""
    story.at_ms = (story.at_ms // HOUR_MS + 1) * HOUR_MS + BOOKED_MS
    return story.tick()


def asked(story: Story) -> ReadMarkets:
    """Return the question of the last decision."""
    (action,) = [row for row in story.step.actions if isinstance(row, ReadMarkets)]
    return action


def test_a_candidate_is_asked_for_its_history_once() -> None:
    """Before anything is opened on the prior alone; then the look goes on."""
    story = Story(**KEYS).start().read().look(400)
    assert [SYMBOL] == list(asked(story).histories)
    assert Phase.SELECT is story.look(400).phase
    assert "history is too short" in story.step.reason


def test_who_asks_for_no_expected_profit_reads_no_history() -> None:
    """The plain rule needs none, and is told by no forecast."""
    story = Story(require_expected_profit=False).start().read().look(40)
    assert Phase.SELECT is story.phase
    assert {} == story.state.histories


def test_a_history_of_nothing_keeps_a_wide_spread_closed() -> None:
    """What the prior would open is refused where two weeks say that it never lasts."""
    story = knowing(Story(**KEYS).start().read(), 0).look(60)
    assert Phase.WAIT is story.phase
    assert "costs" in story.state.refusals[SYMBOL]


def test_a_level_that_stood_is_opened_at_a_spread_the_prior_refuses() -> None:
    """40 % a year for a week pays for itself in two days, though not in twelve hours."""
    story = knowing(Story(**KEYS).start().read(), 40).look(40)
    assert Phase.SELECT is story.phase
    assert "surest to pay" in story.step.reason


def test_an_opening_keeps_what_it_was_opened_for() -> None:
    """The payments of its plan, over its hours, and each cost by the account's own fees."""
    story = knowing(Story(**KEYS).start().read(), 40).look(40)
    choice = story.state.choice
    assert choice is not None
    assert choice.plan is not None
    expected = story.read().read().hedge.expected
    assert expected is not None
    assert (choice.plan.settlements, choice.plan.expected_bps) == (
        expected.settlements,
        expected.funding_bps,
    )
    costs = (expected.costs.fees_bps, expected.costs.impact_bps, expected.costs.basis_bps)
    assert (d(8), True, d(0)) == (costs[0], 1 < costs[1] < 2, costs[2])
    assert story.hedge.notional_usd == story.hedge.size * b.MID


def test_an_opening_by_the_plain_rule_keeps_it_too() -> None:
    """Over its one hold, by the prior: what it is worth is seen later."""
    story = Story(require_expected_profit=False).start().read().look(40).read().read()
    expected = story.hedge.expected
    assert expected is not None
    assert 12 == expected.settlements
    assert expected.funding_bps < expected.costs.total_bps


def test_a_gap_between_the_prices_is_asked_about_again_before_the_orders() -> None:
    """What was worth it at the look is refused where the books have parted against us by then."""
    story = knowing(Story(**KEYS).start().read(), 40).look(40).read()
    dear = b.quote(mid=b.MID * d("1.01"), at_ms=story.at_ms)
    parted = {b.LIGHTER: replace(story.row(b.LIGHTER), quote=dear)}
    rows = {venue: parted.get(venue, story.row(venue)) for venue in BOTH}
    story.feed(AccountsRead(story.at_ms, story.state.asked, rows))
    assert "does not pay" in story.step.reason


def test_an_hour_is_weighed_once() -> None:
    """After each settlement one look; in between none."""
    story = after_settlement(knowing(held(), 40))
    assert "worth holding" in story.step.reason
    knowing(story, 40).look(40)
    assert "kept: held" in story.step.reason
    assert "holding" == story.wait(1_000).tick().step.reason


def test_a_hedge_is_renewed_while_holding_is_worth_more() -> None:
    """At the end of a hold too: the reason says how long, how often and why."""
    story = held()
    story.at_ms = story.hedge.review_at_ms or 0
    knowing(story.tick(), 40).look(40)
    assert (Phase.HOLD, 1) == (story.phase, story.hedge.renewals)
    assert "because holding on is worth" in story.step.reason


def test_a_spread_that_turned_for_good_is_left_before_the_hold_ends() -> None:
    """Two weeks against us are not sat out for the sake of twelve hours."""
    story = knowing(after_settlement(held()), -40).look(-40)
    assert Phase.CLOSE is story.phase
    assert "has turned" in story.step.reason


def test_both_venues_at_their_floors_close_nothing() -> None:
    """The difference of the floors against us is no reason to pay a round trip."""
    story = after_settlement(held())
    floors = SpreadHistory(story.at_ms, story.at_ms // HOUR_MS, (-500,) * 200)
    story.state = replace(story.state, histories={SYMBOL: floors})
    assert "kept" in story.look(0).step.reason


def test_without_a_history_a_hold_is_left_alone_until_its_end() -> None:
    """An hour's spread against us proves nothing; at the end the threshold decides, as ever."""
    story = after_settlement(held()).look(-40).look(-40)
    assert Phase.HOLD is story.phase
    assert "too short" in story.step.reason
    story.at_ms = story.hedge.review_at_ms or 0
    assert Phase.CLOSE is story.tick().look(-40).look(-40).phase


def test_the_last_hold_waits_for_a_payment_that_is_near() -> None:
    """Five minutes before a settlement we are paid on nothing is closed; after it, it is."""
    story = held(max_hold_hours=d(12), hold_duration_hours=d(12))
    story.at_ms = (T0 // HOUR_MS + 13) * HOUR_MS - 300_000
    story.tick().look(40)
    assert "after the coming payment" in story.step.reason
    story.at_ms = story.hedge.review_at_ms or 0
    assert Phase.CLOSE is story.tick().phase


def test_the_last_hold_does_not_wait_to_pay() -> None:
    """Where the coming payment is ours to make the hedge is closed before it."""
    story = held(max_hold_hours=d(12), hold_duration_hours=d(12))
    story.at_ms = (T0 // HOUR_MS + 13) * HOUR_MS - 300_000
    assert Phase.CLOSE is story.tick().look(-40).phase


def test_a_venue_that_is_away_leaves_the_end_of_the_hold_where_it_was() -> None:
    """A look that failed in the middle of a hold is not its review."""
    story = after_settlement(held())
    review_at_ms = story.hedge.review_at_ms
    story.look(away=b.PACIFICA)
    assert review_at_ms == story.hedge.review_at_ms
    assert "holding" == story.wait(1_000).tick().step.reason


def test_the_plain_rule_is_the_cards() -> None:
    """Without expected profit and renewal: the widest spread, the fixed time, no early close."""
    plain = {"require_expected_profit": False, "renew_hold": False}
    story = held(**plain)
    for _ in range(11):
        assert "holding" == after_settlement(story).step.reason
    story.at_ms = (story.hedge.review_at_ms or 0) - 1
    assert "holding" == story.tick().step.reason
    story.at_ms += 1
    assert Phase.CLOSE is story.tick().phase
