"""Rounding is always named, always exact, and never happens by itself."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.core.market import Instrument, NotAligned
from desk.core.venue import VenueName

steps = st.sampled_from([Decimal(text) for text in ("0.00001", "0.01", "0.5", "1", "25", "1E+2")])
# More digits than the decimal context keeps: a quotient of these would be rounded.
values = st.decimals(0, 10**9, places=24)


def instrument(step: Decimal = Decimal("0.1"), **changes: object) -> Instrument:
    """Return a market with `step` as tick and lot."""
    return Instrument(
        venue=VenueName.LIGHTER,
        symbol="ETH",
        price_tick=step,
        size_lot=step,
        size_min=changes.get("size_min", step),  # type: ignore[arg-type]
        notional_min_usd=Decimal(10),
        leverage_max=10,
        maintenance_margin_fraction=Decimal("0.03"),
    )


@given(values, steps)
def test_rounding_brackets_the_value_by_one_step(value: Decimal, step: Decimal) -> None:
    """Down is at or below, up at or above, and less than a step apart from the value."""
    market = instrument(step)
    down, up = market.price_down(value), market.price_up(value)
    assert down <= value <= up
    assert up - down in (Decimal(0), step)
    assert (down, up) == (market.size_down(value), market.size_up(value))


@given(st.integers(1, 10**9), steps)
def test_what_lies_on_the_step_stays(count: int, step: Decimal) -> None:
    """An aligned value is its own rounding in both directions, and passes the check."""
    market, value = instrument(step), count * step
    assert value == market.price_down(value) == market.price_up(value)
    market.check_price(value)
    market.check_size(value)


@given(values, steps)
def test_what_lies_between_is_refused(value: Decimal, step: Decimal) -> None:
    """A value off the step raises rather than being rounded silently."""
    if value % step:
        with pytest.raises(NotAligned, match="not a positive multiple"):
            instrument(step).check_price(value)


@pytest.mark.parametrize("value", ["0", "-0.1"])
def test_only_positive_values_may_be_sent(value: str) -> None:
    """Zero and negative prices and sizes are refused, aligned or not."""
    with pytest.raises(NotAligned, match="lighter ETH price"):
        instrument().check_price(Decimal(value))
    with pytest.raises(NotAligned, match="lighter ETH size"):
        instrument().check_size(Decimal(value))


@given(st.decimals("0.01", 10**6, places=2), steps)
def test_the_floor_is_the_least_size_that_opens(price: Decimal, step: Decimal) -> None:
    """It is on the lot and at both minimums, and one lot less misses one of them."""
    market = instrument(step, size_min=step * 3)
    floor = market.size_floor(price)
    market.check_size(floor)
    assert floor >= market.size_min
    assert floor * price >= market.notional_min_usd * Decimal("0.999999999")
    less = floor - step
    assert less < market.size_min or less * price < market.notional_min_usd
