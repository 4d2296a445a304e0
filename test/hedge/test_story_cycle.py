"""A whole cycle through `decide` alone, and what ends it or renews it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from desk.core.actions import ReadAccounts, ReadMarkets
from desk.core.events import Command, MarketsRead
from desk.core.market import MarketStatus
from desk.core.order import Side
from desk.hedge.config import EntryStyle
from desk.hedge.events import ConfigChanged
from desk.hedge.machine import watch
from desk.hedge.state import CloseReason, Phase
from test.hedge.builders import (
    HOUR_MS,
    LIGHTER,
    PACIFICA,
    T0,
    asked,
    config,
    d,
    instrument,
    markets,
)
from test.hedge.story import Story


def plain_rule(**changes: Any) -> Story:
    """Return a bot under the plain rule: no expected profit asked for, no renewal, taker."""
    return Story(
        require_expected_profit=False,
        renew_hold=False,
        entry_style=EntryStyle.TAKER,
        **changes,
    )


def test_an_opening_asks_before_it_sends() -> None:
    """Start, markets, is the symbol free, then leverage and fees, then both orders at once."""
    story = Story().opening()
    questions = [type(row) for step in story.steps for row in asked(step)]
    assert [ReadAccounts, ReadMarkets, ReadAccounts, ReadAccounts] == questions[:4]
    looks = [row for step in story.steps for row in asked(step) if isinstance(row, ReadAccounts)]
    assert [None, None, 1] == [row.leverage for row in looks]
    assert Phase.OPEN is story.phase


def test_both_orders_are_the_same_size_and_inside_the_band() -> None:
    """Long on Lighter, short on Pacifica, 10 bp from the middle at worst, and not reduce-only."""
    long, short = Story().opening().sent.orders
    assert (LIGHTER, Side.BUY, d("3003")) == (long.venue, long.request.side, long.request.price)
    assert (PACIFICA, Side.SELL, d("2997")) == (
        short.venue,
        short.request.side,
        short.request.price,
    )
    assert d("0.0116") == long.request.size == short.request.size
    assert not long.request.reduce_only
    assert not short.request.reduce_only


def test_a_cycle_ends_with_its_result() -> None:
    """Open, hold, renew, hold no longer, close, verified flat, booked."""
    story = Story().holding()
    story.wait(12 * HOUR_MS).tick().look(40)
    assert (Phase.HOLD, 1) == (story.phase, story.hedge.renewals)
    for _ in range(24):
        story.pay("-0.01", "0.03")
    story.wait(12 * HOUR_MS).tick().look(1).read()
    size = story.hedge.size
    story.settle(size, size).read()
    result = story.state.result
    assert Phase.WAIT is story.phase
    assert result is not None
    assert (CloseReason.HOLD_ENDED, 1, d("0.48")) == (
        result.close_reason,
        result.renewals,
        result.net_usd,
    )
    assert result.is_complete


def test_a_close_is_reduce_only_and_exactly_ours() -> None:
    """Both legs leave together, each on its exit side."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick().read()
    sides = {row.venue: row.request.side for row in story.sent.orders}
    assert {LIGHTER: Side.SELL, PACIFICA: Side.BUY} == sides
    assert {(True, d("0.0116"))} == {
        (row.request.reduce_only, row.request.size) for row in story.sent.orders
    }


def test_after_a_cycle_the_bot_rests_and_looks_again() -> None:
    """The pause is `wait_between_cycles_minutes`; an early tick changes nothing."""
    story = Story(renew_hold=False, wait_between_cycles_minutes=d(5)).holding()
    story.wait(12 * HOUR_MS).tick().read().settle(story.hedge.size, story.hedge.size)
    for _ in range(12):
        story.pay("0", "0")
    story.read().wait(299_000).tick()
    assert Phase.WAIT is story.phase
    assert Phase.ANALYZE is story.wait(1_000).tick().phase


def test_the_plain_rule_takes_the_highest_spread_at_any_cost() -> None:
    """The threshold alone decides: a spread that reaches it opens, anything less does not."""
    threshold = d("8.76")  # 0.001 % an hour
    story = plain_rule(min_net_apr_threshold=threshold).start().read()
    assert Phase.SELECT is story.look("8.76").phase
    story = plain_rule(min_net_apr_threshold=threshold).start().read().look("8.75")
    assert (Phase.WAIT, "spread below threshold") == (story.phase, story.state.refusals["ETH"])


@pytest.mark.parametrize("hours", ["0.25", "12"])
def test_the_plain_rule_holds_for_the_fixed_time(hours: str) -> None:
    """A second before the end nothing happens, whatever the rates; at the end it closes unasked."""
    story = plain_rule(hold_duration_hours=d(hours), check_interval_seconds=d(3600)).holding()
    end_ms = int(d(hours) * HOUR_MS)
    assert T0 + end_ms == story.hedge.review_at_ms
    story.wait(end_ms - 1000).tick("3000")
    if story.state.waiting:  # a full check was due
        story.read()
    assert (Phase.HOLD, 1) == (story.phase, len(story.orders))
    story.wait(1000).tick("3000")
    assert CloseReason.HOLD_ENDED is story.hedge.close_reason


def test_a_hold_is_renewed_while_it_earns_and_its_direction_counts() -> None:
    """A spread that has turned against us is no reason to stay, however wide."""
    story = Story().holding().wait(12 * HOUR_MS).tick()
    assert Phase.CLOSE is story.look(-40).phase


def test_a_review_that_nobody_can_answer_is_put_off() -> None:
    """The hedge is kept and guarded, and the question asked again at the next check."""
    story = Story().holding().wait(12 * HOUR_MS).tick().look(40, away=PACIFICA)
    assert (Phase.HOLD, story.at_ms + 60_000) == (story.phase, story.hedge.review_at_ms)
    assert Phase.HOLD is story.wait(60_000).tick().look(40).phase
    assert 1 == story.hedge.renewals


def at_review(status: MarketStatus) -> Story:
    """Return a story whose review finds one of its markets in that state."""
    story = Story().holding().wait(12 * HOUR_MS).tick()
    venues = markets(40, at_ms=story.at_ms)
    venues[PACIFICA].instruments["ETH"] = instrument(PACIFICA, status=status)
    return story.feed(MarketsRead(story.at_ms, story.state.asked, venues))


def test_a_market_that_ends_is_left_at_the_review() -> None:
    """However well it pays: one venue takes no more positions there."""
    assert CloseReason.MARKET is at_review(MarketStatus.REDUCE_ONLY).hedge.close_reason


def test_a_market_that_is_shut_puts_the_review_off() -> None:
    """One leg could not be closed, and the other must not be closed without it."""
    story = at_review(MarketStatus.INACTIVE)
    assert (Phase.HOLD, "review put off: pacifica takes no orders in ETH") == (
        story.phase,
        story.step.reason,
    )


def test_a_review_without_our_rate_is_put_off() -> None:
    """A venue that leaves the symbol out has not said that it earns nothing."""
    story = Story().holding().wait(12 * HOUR_MS).tick()
    venues = {venue: replace(row, stats={}) for venue, row in markets().items()}
    story.feed(MarketsRead(story.at_ms, story.state.asked, venues))
    assert (Phase.HOLD, "review put off: no funding rate of ETH") == (
        story.phase,
        story.step.reason,
    )


def test_a_hedge_has_a_longest_life() -> None:
    """`max_hold_hours` cuts the last renewal short and then closes without asking."""
    story = Story(max_hold_hours=d(18)).holding().wait(12 * HOUR_MS).tick().look(40)
    assert T0 + 18 * HOUR_MS == story.hedge.review_at_ms
    assert Phase.CLOSE is story.wait(6 * HOUR_MS).tick().phase


def test_the_held_symbol_is_asked_for_even_if_no_longer_listed() -> None:
    """The owner may take it from the list: the hedge is still reviewed, not blindly closed."""
    story = Story().holding()
    story.feed(ConfigChanged(story.at_ms, config(symbols_to_monitor=("BTC",))))
    (question,) = asked(story.wait(12 * HOUR_MS).tick().step)
    assert isinstance(question, ReadMarkets)
    assert ("BTC", "ETH") == question.symbols == watch(story.state).symbols


def test_an_edited_hold_acts_at_once() -> None:
    """Half the hold, and the end moves to half."""
    story = Story().holding()
    story.feed(ConfigChanged(story.at_ms, config(hold_duration_hours=d(6))))
    assert T0 + 6 * HOUR_MS == story.hedge.review_at_ms


def test_an_edited_check_interval_acts_at_once() -> None:
    """An hour to the next look becomes a minute."""
    slow = config(check_interval_seconds=d(3600))
    story = Story(check_interval_seconds=d(3600)).start().read().look(1)
    assert story.at_ms + 3_600_000 == story.state.wake_at_ms
    assert slow == story.state.config
    quick = config(check_interval_seconds=d(60), wait_between_cycles_minutes=d(0))
    story.feed(ConfigChanged(story.at_ms, quick))
    assert story.at_ms + 60_000 == story.state.wake_at_ms == story.state.look_at_ms


def test_an_edit_does_not_disturb_a_step_under_way() -> None:
    """Outside WAIT the time of the next question stays what it was."""
    story = Story().opening().settle(None, None)
    wake_ms = story.state.wake_at_ms
    story.feed(ConfigChanged(story.at_ms, config(check_interval_seconds=d(3600))))
    assert (wake_ms, 0) == (story.state.wake_at_ms, story.state.look_at_ms)


def test_cycles_are_counted_down_to_the_exit() -> None:
    """With `--cycles 1` the hold ends at its end though it would be worth renewing; exit 0."""
    story = Story().start(cycles=1).read().look().read().read()
    size = story.hedge.size
    story.settle(size, size).read().wait(12 * HOUR_MS).tick("3000")
    assert CloseReason.HOLD_ENDED is story.hedge.close_reason
    for _ in range(12):
        story.pay("0", "0")
    story.read().settle(size, size).read()
    assert (Phase.WAIT, 0, 1) == (story.phase, story.exit_code, story.state.cycles_done)


def test_a_refused_look_and_a_failed_opening_are_no_cycles() -> None:
    """Only a hedge that was held, or recovered, counts."""
    story = Story().start(cycles=1).read().look(1).wake().look().read().read()
    story.settle("0", "0").read()
    assert (Phase.WAIT, 1, 0, None) == (
        story.phase,
        story.state.cycles_left,
        story.state.cycles_done,
        story.exit_code,
    )


def test_the_first_trade_stays_small_until_one_was_closed_flat() -> None:
    """An opening that was unwound is not the proof that `first_trade_usd` waits for."""
    story = Story(first_trade_usd=Decimal(25)).opening()
    assert d("0.0083") == story.hedge.size
    story.wait(6_000).settle("0.0083", "0").read().settle("0.0083").read()
    assert (Phase.WAIT, 0) == (story.phase, story.state.cycles_done)


def test_late_rows_are_waited_for_but_not_forever() -> None:
    """Flat at once, the books a little later; then they are closed as incomplete."""
    story = Story(renew_hold=False).holding().wait(12 * HOUR_MS).tick().read()
    story.settle(story.hedge.size, story.hedge.size).read()
    for _ in range(6):
        assert Phase.CLOSE is story.phase
        story.wake().read()
    assert Phase.WAIT is story.phase
    assert story.state.result is not None
    assert not story.state.result.is_complete


def test_leaving_while_looking_opens_nothing() -> None:
    """A pair found after the owner said leave, stop or pause is not opened."""
    for command in (Command.LEAVE, Command.STOP, Command.PAUSE, Command.CLOSE):
        story = Story().start().read().look().read().say(command).read()
        assert (Phase.WAIT, []) == (story.phase, story.orders)
        assert {} == story.state.backoffs


WHYS: list[tuple[dict[str, Any], int | None, str]] = [
    ({"renew_hold": False}, None, "renew_hold is off"),
    ({}, 1, "the last cycle asked for"),
    ({"max_hold_hours": d(12)}, None, "max_hold_hours is reached"),
]


@pytest.mark.parametrize(("changes", "cycles", "why"), WHYS, ids=[row[2] for row in WHYS])
def test_a_hold_that_cannot_be_renewed_says_why(
    changes: dict[str, Any], cycles: int | None, why: str
) -> None:
    """The reason of the close names the setting that ended it."""
    story = Story(**changes).holding(cycles).wait(12 * HOUR_MS).tick("3000")
    assert f"close ETH: hold ended, not renewed: {why}" == story.step.reason


def test_a_hold_that_no_longer_earns_says_so() -> None:
    """The reason of the close has the rate now and the threshold."""
    story = Story().holding().wait(12 * HOUR_MS).tick("3000").look(3)
    why = "3.00 % APR now, min_net_apr_threshold is 5"
    assert f"close ETH: hold ended, not renewed: {why}" == story.step.reason
