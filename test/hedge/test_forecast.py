"""What the estimator makes of a history."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.hedge.forecast import HORIZONS, Belief, Forecast
from test.hedge.builders import d

SPREADS = st.lists(st.floats(-50, 50), max_size=60)


def learnt(*spreads: float) -> Forecast:
    """Return the forecast after those hours."""
    belief = Belief()
    for spread in spreads:
        belief.learn(spread)
    return belief.forecast()


def wander(seed: int, memory_hours: float, hours: int = 336) -> list[float]:
    """Return a spread that forgets within `memory_hours`, of deviation 0.5 bp an hour."""
    rng, value, found = random.Random(seed), 0.0, []
    keep = math.exp(-1 / memory_hours)
    for _ in range(hours):
        value = value * keep + rng.gauss(0, 0.5 * math.sqrt(1 - keep * keep))
        found.append(value)
    return found


@given(SPREADS)
def test_both_directions_are_alike(spreads: list[float]) -> None:
    """A spread turned round is expected to pay the same, the other way, with the same doubt."""
    there, back = learnt(*spreads), learnt(*(-spread for spread in spreads))
    for count in HORIZONS:
        assert there.expected_bps(count) == -back.expected_bps(count)
        assert there.doubt_bps(count) == back.doubt_bps(count)


def test_nothing_seen_is_nothing_expected() -> None:
    """Without history there is no forecast to act on."""
    assert {d(0)} == {learnt().expected_bps(count) for count in HORIZONS}


@given(SPREADS)
def test_nothing_is_expected_to_last_for_ever(spreads: list[float]) -> None:
    """Beyond a year another year adds next to nothing."""
    forecast = learnt(*spreads)
    year = forecast.expected_bps(8_760)
    assert abs(forecast.expected_bps(2 * 8_760) - year) <= abs(year) / 1000 + d("0.001")


def test_a_level_that_stood_for_two_weeks_is_believed() -> None:
    """Half a basis point an hour, every hour, is expected for most of the next two days."""
    forecast = learnt(*[0.5] * 336)
    assert d(16) < forecast.expected_bps(48) < d(24)
    assert forecast.doubt_bps(48) < d(2)


def test_an_unsteady_hour_is_not_extrapolated() -> None:
    """After noise that forgets within the hour the same last hour promises next to nothing."""
    noise = wander(1, 0.3)
    assert learnt(*noise, 3.0).expected_bps(48) < d(6)
    assert learnt(*noise, 3.0).expected_bps(48) < learnt(*wander(1, 20), 3.0).expected_bps(48)


def test_a_longer_memory_is_found_out() -> None:
    """The same jump is expected to pay the longer, the longer its market remembered before."""
    found = [learnt(*wander(2, hours), 2.0).expected_bps(96) for hours in (0.3, 3, 20, 100)]
    assert sorted(found) == found


def test_doubt_grows_with_the_hold_and_shrinks_with_history() -> None:
    """Four days are less sure than one, and two weeks of history know more than a day."""
    short, long = learnt(*wander(3, 2, 24)), learnt(*wander(3, 2))
    assert short.doubt_bps(24) < short.doubt_bps(96)
    assert long.doubt_bps(96) < short.doubt_bps(96)


def test_a_surprise_leaves_doubt() -> None:
    """Right after a jump out of calm nobody knows what it is, and the doubt says so."""
    calm = [0.01 * (-1) ** hour for hour in range(336)]
    assert learnt(*calm, 2.0).doubt_bps(24) > 50 * learnt(*calm, 0.01).doubt_bps(24)


def test_one_wild_hour_does_not_rewrite_history() -> None:
    """A day after a single print of 100 bp the calm market is taken for calm again."""
    calm = [0.1 * (-1) ** hour for hour in range(336)]
    after = learnt(*calm, 100.0, *calm[:48])
    assert abs(after.expected_bps(24)) < d(3)


def test_an_hour_nobody_knows_only_fades() -> None:
    """Passed over, a spread is expected to pay less, in the same direction."""
    belief = Belief()
    for _ in range(100):
        belief.learn(1.0)
    seen = belief.forecast().expected_bps(24)
    belief.pass_over()
    assert 0 < belief.forecast().expected_bps(24) < seen


def test_a_copy_learns_alone() -> None:
    """What a copy is told its original does not know."""
    belief = Belief()
    belief.learn(1.0)
    before = belief.forecast().expected_bps(12)
    belief.copy().learn(9.0)
    assert before == belief.forecast().expected_bps(12)


@pytest.mark.parametrize("first", [0.0, 0.4, -2.0])
def test_a_payment_that_is_known_is_added_as_it_is(first: float) -> None:
    """The coming payment stands at the front; what follows is forecast for one hour less."""
    belief = Belief()
    for _ in range(50):
        belief.learn(0.3)
    known, plain = belief.forecast(first_bps=first), belief.forecast()
    assert d(str(first)) == known.expected_bps(1)
    gap = known.expected_bps(13) - plain.expected_bps(12) - d(str(first))
    assert abs(gap) <= d("0.0002")


def test_what_may_exceed_costs_is_told_in_either_direction() -> None:
    """The quick question agrees with the sums."""
    forecast = learnt(*[-0.5] * 336)
    most = max(abs(forecast.expected_bps(count)) for count in HORIZONS)
    assert forecast.may_exceed(most - 1)
    assert not forecast.may_exceed(most + 1)
