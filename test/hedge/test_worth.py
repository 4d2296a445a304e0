"""When a pair is worth opening, holding and closing."""

import pytest

from desk.hedge.forecast import HORIZONS, Belief, Forecast
from desk.hedge.worth import (
    SLACK_BPS,
    Call,
    Plan,
    best_plan,
    break_even,
    expected_bps,
    holding_bps,
    judge,
)
from test.hedge.builders import LIGHTER, PACIFICA, d


def level(bps: float, hours: int = 336) -> Forecast:
    """Return the forecast of a spread that stood still."""
    belief = Belief()
    for _ in range(hours):
        belief.learn(bps)
    return belief.forecast()


def plan(net: str, doubt: str = "0") -> Plan:
    """Return a plan whose forecast leaves `net`."""
    return Plan(settlements=24, funding_bps=d(net) + 10, doubt_bps=d(doubt), cost_bps=d(10))


def test_who_is_long_where_less_is_paid_earns() -> None:
    """With Lighter's rate the higher one the pair is long on Pacifica."""
    forecast = level(0.5)
    assert expected_bps(forecast, PACIFICA, 24) > 0
    assert expected_bps(forecast, LIGHTER, 24) == -expected_bps(forecast, PACIFICA, 24)


def test_a_lasting_level_pays_in_its_direction_alone() -> None:
    """Half a basis point an hour pays ten of costs; against it nothing does."""
    forecast = level(0.5)
    assert best_plan(forecast, PACIFICA, d(10)).pays
    assert not best_plan(forecast, LIGHTER, d(10)).pays


def test_a_dearer_entry_needs_more_settlements() -> None:
    """Break-even comes later the more it costs, and never for what never pays."""
    forecast = level(0.5)
    found = [break_even(forecast, PACIFICA, d(cost)) for cost in (1, 3, 10)]
    assert found == sorted(found, key=lambda count: count or 0)
    assert break_even(forecast, LIGHTER, d(1)) is None
    assert break_even(level(0.001), PACIFICA, d(10)) is None


@pytest.mark.parametrize(
    ("made", "pays"),
    [
        (plan("2.1"), True),
        (plan("2"), False),  # the slack alone
        (plan("5", doubt="2"), False),
        (plan("5.1", doubt="2"), True),
    ],
)
def test_a_plan_must_pay_after_its_doubt_and_some_slack(made: Plan, pays: bool) -> None:
    """One and a half deviations and two basis points have to be left."""
    assert pays == made.pays
    left = made.funding_bps - made.cost_bps
    assert made.sure_bps == left - d("1.5") * made.doubt_bps - SLACK_BPS


def test_what_was_chosen_is_expected_to_pay_less_than_its_forecast() -> None:
    """By half of its doubt and a little: the best of many looks better than it is. The choice is
    not made by that, nor is there any where nothing is in doubt."""
    made = plan("20", doubt="5")
    assert (d("27.3"), d("17.3")) == (made.expected_bps, made.net_bps)
    assert d("10.5") == made.sure_bps
    assert plan("20").net_bps == d(20)


def test_the_return_is_on_both_margins() -> None:
    """Ten basis points in a day are 36.5 % a year of one leg, half of that of the capital."""
    made = plan("10")
    assert (d("36.5"), d("18.25")) == (made.net_apr_pct, made.margin_apr_pct)


def test_a_single_hold_is_weighed_alone() -> None:
    """Where a hold cannot be renewed its own length is the only plan."""
    assert 12 == best_plan(level(0.5), PACIFICA, d(10), horizons=(12,)).settlements


def test_both_venues_at_their_floors_are_no_reason_to_close() -> None:
    """The floors differ by 0.44 % a year: held the wrong way round that is kept, not traded."""
    floors = level((10.512 - 10.95) / 87.6)
    assert holding_bps(floors, PACIFICA) >= 0
    assert Call.KEEP is judge(holding_bps(floors, PACIFICA), d(10), None)


def test_a_spread_that_turned_for_good_is_left() -> None:
    """Against a lasting level every hour costs, and no hold makes up for it."""
    assert Call.TURNED is judge(holding_bps(level(0.1), LIGHTER), d(10), None)


def test_a_dip_is_sat_out() -> None:
    """One hour the wrong way round after two weeks of the right one closes nothing."""
    belief = Belief()
    for _ in range(336):
        belief.learn(0.5)
    belief.learn(-0.3)
    assert Call.KEEP is judge(holding_bps(belief.forecast(), PACIFICA), d(10), None)


def test_another_pair_must_be_better_by_half_a_round_trip() -> None:
    """Where the way out and in again is not paid for, what is held is kept."""
    assert Call.KEEP is judge(d(4), d(10), plan("11"))  # 9 sure, against 4 and 5
    assert Call.BETTER is judge(d(4), d(10), plan("11.1"))
    assert Call.KEEP is judge(d(4), d(10), None)


def test_every_horizon_is_a_whole_hold() -> None:
    """Horizons grow, from the next settlement on."""
    assert 1 == HORIZONS[0]
    assert list(HORIZONS) == sorted(set(HORIZONS))
