"""What the rules of the bot make of hours: one pair at a time, each decision from the past."""

from collections.abc import Sequence
from decimal import Decimal

from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.forecast import Belief
from desk.proof.slot import NOT_KNOWN, Sight, Slot
from test.hedge.builders import d

PLAIN = Config(require_expected_profit=False, renew_hold=False)
COST = d(9)
CALM = [0.0] * 336
STANDS = [0.6] * 336  # 53 % a year: worth four days of it


def played(
    config: Config, *spreads: Sequence[float | None], since: int = 0, names: str = "ABC"
) -> Slot:
    """Return a slot that lived through these hours, one list for each symbol, to their end."""
    slot = Slot(config, dict.fromkeys(names[: len(spreads)], COST), tells_why=True)
    beliefs = [Belief() for _ in spreads]
    for hour, row in enumerate(zip(*spreads, strict=True)):
        for belief, spread in zip(beliefs, row, strict=True):
            belief.pass_over() if spread is None else belief.learn(spread)
        if hour >= since:
            sights = {
                name: Sight(spread, belief.forecast())
                for name, spread, belief in zip(names, row, beliefs, strict=False)
            }
            slot.live(hour, sights, is_last=hour == len(spreads[0]) - 1)
    return slot


def holds(slot: Slot) -> list[tuple[str, int, int, str]]:
    """Return symbol, opening, closing and reason of each trade."""
    return [(row.symbol, row.since, row.until, row.ended) for row in slot.trades]


def test_the_plain_rule_holds_the_widest_spread_for_its_time() -> None:
    """Twelve payments, then what is the widest by then; paid from the next hour on."""
    slot = played(PLAIN, [0.1] * 20, [0.2] * 13 + [0.0] * 7)
    assert [("B", 0, 12, "hold over"), ("B", 12, 19, "the hours end")] == holds(slot)
    assert 12 * 0.2 - 9 == round(slot.trades[0].net_bps, 9)


def test_a_pause_of_hours_is_kept() -> None:
    """`wait_between_cycles_minutes` of two hours leaves two payments out."""
    config = Config(
        require_expected_profit=False, renew_hold=False, wait_between_cycles_minutes=d(120)
    )
    assert [0, 14] == [row.since for row in played(config, [0.1] * 20).trades]


def test_a_hold_without_forecasts_is_renewed_while_it_earns_the_threshold() -> None:
    """And closed at the review after it stopped to."""
    config = Config(require_expected_profit=False)
    slot = played(config, [0.1] * 30 + [0.0] * 10)
    assert [("A", 0, 36, "below threshold")] == holds(slot)


def test_the_longest_hold_ends_it() -> None:
    """`max_hold_hours`, whatever it still earns; the next look may open it again."""
    config = Config(require_expected_profit=False, max_hold_hours=d(20))
    assert [(0, 20), (20, 40)] == [
        (row.since, row.until) for row in played(config, [0.1] * 60).trades[:2]
    ]


def test_expected_profit_opens_what_stood_and_leaves_what_turned() -> None:
    """Not the widest of now; and a spread for good on the other side ends it."""
    spike = [*CALM, 0.7, *[0.0] * 99]
    slot = played(Config(), [*STANDS, *[0.6] * 40, *[-0.6] * 60], spike, since=336)
    assert ("A", 336) == (slot.trades[0].symbol, slot.trades[0].since)
    assert ("turned", VenueName.PACIFICA) == (slot.trades[0].ended, slot.trades[0].long_venue)
    assert 376 < slot.trades[0].until < 400


def test_a_plan_is_judged_over_its_own_hours() -> None:
    """What it was planned for goes on being counted after it was closed."""
    slot = played(Config(), [*STANDS, *[0.6] * 20, *[-0.6] * 100], since=336)
    trade = slot.trades[0]
    assert trade.since + trade.plan.settlements > trade.until
    hours = trade.plan.settlements
    assert 20 * 0.6 - 0.6 - (hours - 19) * 0.6 == round(trade.planned_bps, 9)


def test_a_trade_that_meets_an_hour_nobody_knows_is_no_figure() -> None:
    """It is marked, held on, and what is not known is not opened."""
    slot = played(PLAIN, [0.1, 0.1, None, *[0.1] * 17], [None] * 20)
    assert [True, False] == [row.is_cut for row in slot.trades]
    assert slot.refused[NOT_KNOWN] > 0


def test_nothing_is_opened_below_the_threshold_and_that_is_said() -> None:
    """Each hour and symbol once, with the key that would change it."""
    slot = played(PLAIN, [0.01] * 20)
    ((refusal, count),) = slot.refused.items()
    assert [] == slot.trades
    assert ("min_net_apr_threshold", 19) == (refusal.key, count)


def test_costs_are_paid_once_for_each_trade() -> None:
    """What came in, less one round trip."""
    (trade,) = played(Config(require_expected_profit=False), [0.1] * 9).trades
    assert (8, Decimal(9)) == (trade.until - trade.since, trade.plan.cost_bps)
    assert 8 * 0.1 - 9 == round(trade.net_bps, 9)
