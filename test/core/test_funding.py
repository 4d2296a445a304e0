"""A funding rate has one unit, whatever unit it came in."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.core.funding import HourlyRate, next_settlement_ms

HOUR_MS = 3_600_000
rates = st.decimals(-4, 4, places=8)


@given(rates)
def test_every_unit_gives_the_same_rate(fraction: Decimal) -> None:
    """A fraction an hour is a hundred times that in percent, and eight times that in eight
    hours.
    """
    rate = HourlyRate.from_hourly(fraction)
    assert rate == HourlyRate.from_hourly_percent(fraction * 100)
    assert rate == HourlyRate.from_8h(fraction * 8)


@pytest.mark.parametrize(
    ("rate", "apr_pct"),
    [
        (HourlyRate.from_8h(Decimal("0.000096")), "10.512"),
        (HourlyRate.from_hourly_percent(Decimal("0.0012")), "10.512"),
        (HourlyRate.from_hourly(Decimal("0.0000125")), "10.95"),
    ],
)
def test_the_venues_floors_are_the_ones_people_know(rate: HourlyRate, apr_pct: str) -> None:
    """Lighter idles at 10.51 % a year and Pacifica at 10.95 %, each in its own spelling."""
    assert Decimal(apr_pct) == rate.apr_pct


@pytest.mark.parametrize("number", [Decimal(1), 1, 1.0])
def test_a_rate_meets_no_bare_number(number: object) -> None:
    """Adding, subtracting and comparing a rate with a number is a mistake, not a result."""
    rate = HourlyRate.from_hourly(Decimal("0.01"))
    with pytest.raises(TypeError):
        rate + number  # type: ignore[operator]
    with pytest.raises(TypeError):
        rate - number  # type: ignore[operator]
    with pytest.raises(TypeError):
        rate < number  # type: ignore[operator]  # noqa: B015
    assert rate != number


@given(rates, rates)
def test_a_spread_turns_its_sign_with_its_direction(first: Decimal, second: Decimal) -> None:
    """Seen from the other side the same spread is its negative, and its size is the same."""
    one, two = HourlyRate.from_hourly(first), HourlyRate.from_hourly(second)
    assert one - two == -(two - one)
    assert abs(one - two) == abs(two - one)


def test_basis_points_are_ten_thousandths_an_hour() -> None:
    """One basis point an hour is 87.6 % a year."""
    rate = HourlyRate.from_hourly(Decimal("0.0001"))
    assert (Decimal(1), Decimal("87.6")) == (rate.bps, rate.apr_pct)


@pytest.mark.parametrize(
    ("now_ms", "settles_at_ms"),
    [(0, HOUR_MS), (HOUR_MS - 1, HOUR_MS), (HOUR_MS, 2 * HOUR_MS), (HOUR_MS + 1, 2 * HOUR_MS)],
)
def test_the_next_settlement_is_strictly_later(now_ms: int, settles_at_ms: int) -> None:
    """On the hour itself the next payment is an hour away."""
    assert settles_at_ms == next_settlement_ms(now_ms)
