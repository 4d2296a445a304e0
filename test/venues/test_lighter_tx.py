"""What we ask of Lighter, in its own whole numbers; nothing is rounded on the way."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from desk.core.errors import InvariantBroken
from desk.core.market import NotAligned
from desk.core.order import OrderKind, Side, TimeInForce
from desk.venues.lighter.tx import CLIENT_INDEX_MAX, margin_fraction, order_fields
from test.venues.lighter_fakes import BUY, ETH, NOW_MS

D = Decimal


NUMBERS = [
    ({}, {"order_type": 0, "time_in_force": 0, "order_expiry_ms": 0, "is_ask": 0}),
    (
        {"time_in_force": TimeInForce.GTC, "side": Side.SELL},
        {"time_in_force": 1, "order_expiry_ms": NOW_MS + 28 * 86_400_000, "is_ask": 1},
    ),
    (
        {"time_in_force": TimeInForce.POST_ONLY, "expires_at_ms": NOW_MS + 600_000},
        {"time_in_force": 2, "order_expiry_ms": NOW_MS + 600_000},
    ),
    (
        {"kind": OrderKind.STOP, "trigger_price": D(1900), "reduce_only": True},
        {"order_type": 2, "time_in_force": 0, "trigger_price": 190_000, "reduce_only": 1},
    ),
    ({"kind": OrderKind.TAKE_PROFIT, "trigger_price": D(1900)}, {"order_type": 4}),
]


@pytest.mark.parametrize(("changes", "expected"), NUMBERS)
def test_an_order_has_the_venues_numbers(changes: dict[str, Any], expected: dict[str, int]) -> None:
    """Sizes and prices count steps; what rests, triggers included, has an expiry."""
    fields = order_fields(replace(BUY, **changes), ETH, now_ms=NOW_MS)

    common = {"market_index": 0, "client_order_index": 42, "base_amount": 1_000, "price": 200_050}
    assert {**fields, **common, **expected} == fields


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"price": D("2000.505")}, NotAligned),
        ({"size": D("0.10001")}, NotAligned),
        ({"size": D(0)}, NotAligned),
        ({"kind": OrderKind.STOP, "trigger_price": D("1900.001")}, NotAligned),
        ({"kind": OrderKind.STOP}, InvariantBroken),
        ({"trigger_price": D(1900)}, InvariantBroken),
        ({"client_id": "hedg-1"}, InvariantBroken),
        ({"client_id": "0"}, InvariantBroken),
        ({"client_id": str(CLIENT_INDEX_MAX + 1)}, InvariantBroken),
    ],
)
def test_an_order_that_must_not_be_sent_is_not_signed(
    changes: dict[str, Any], error: type[Exception]
) -> None:
    """Nothing is rounded silently, and an id that could not be read back is none."""
    with pytest.raises(error):
        order_fields(replace(BUY, **changes), ETH, now_ms=NOW_MS)


@pytest.mark.parametrize(("leverage", "expected"), [(1, 10_000), (3, 3_334), (50, 200)])
def test_leverage_is_rounded_to_less(leverage: int, expected: int) -> None:
    """A fraction in ten-thousandths never gives more leverage than asked for."""
    assert expected == margin_fraction(leverage)
