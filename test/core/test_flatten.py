"""What closes a position: side, size, band, and when the next order may follow."""

from dataclasses import replace
from decimal import Decimal

import pytest

from desk.core.account import Position
from desk.core.events import Verdict
from desk.core.flatten import (
    BAND_BPS_MAX,
    Close,
    Effort,
    Market,
    Sight,
    band_bps,
    client_id,
    named,
    next_close,
    wait_ms,
    widenings_after,
)
from desk.core.ids import OrderKey
from desk.core.market import Instrument
from desk.core.order import Side
from desk.core.venue import VenueName

D = Decimal
NOW_MS = 1_767_700_860_000
SETTLE_MS = 300
BTC = Market(
    Instrument(
        venue=VenueName.PACIFICA,
        symbol="BTC",
        price_tick=D(1),
        size_lot=D("0.00001"),
        size_min=D("0.00001"),
        notional_min_usd=D(10),
        leverage_max=50,
        maintenance_margin_fraction=D("0.01"),
    ),
    mark=D(100_000),
)


def close(held: str, last: Effort | None = None, *, market: Market = BTC) -> Close | None:
    """Return the order that follows `last`."""
    return next_close(market, D(held), last, NOW_MS)


def effort(
    held: str,
    verdict: Verdict = Verdict.ACCEPTED,
    *,
    ago_ms: int = 10_000,
    widenings: int = 0,
    through: bool = False,
) -> Effort:
    """Return an order that was sent `ago_ms` ago."""
    order = Close("BTC", Side.SELL, abs(D(held)), D(99_500), through)
    return Effort(order, D(held), verdict, NOW_MS - ago_ms + wait_ms(SETTLE_MS), widenings)


@pytest.mark.parametrize(
    ("held", "side", "price"), [("0.01", Side.SELL, 99_500), ("-0.01", Side.BUY, 100_500)]
)
def test_a_position_is_closed_whole_and_reduce_only(held: str, side: Side, price: int) -> None:
    """The first order takes all of it, half a percent from the mark."""
    assert Close("BTC", side, D("0.01"), D(price)) == close(held)


def test_the_order_is_immediate_and_reduce_only() -> None:
    """Nothing rests, and nothing turns a position."""
    order = close("0.01")
    assert order is not None
    request = order.request("7")
    assert (True, "ioc") == (request.reduce_only, request.time_in_force)


def test_nothing_follows_while_the_last_order_may_act() -> None:
    """Twice the venue's delay and a little; then the same again, wider."""
    young = effort("0.01", ago_ms=wait_ms(SETTLE_MS) - 1)
    assert close("0.01", young) is None
    assert Close("BTC", Side.SELL, D("0.01"), D(99_000)) == close("0.01", effort("0.01"))


def test_what_moved_is_followed_up_at_once() -> None:
    """The order has acted: what is left is sent without a pause."""
    order = close("0.004", effort("0.01", ago_ms=0))
    assert order is not None
    assert D("0.004") == order.size


def test_a_refusal_is_followed_up_at_once_and_widens_nothing() -> None:
    """Nothing is under way, and the price was not what was wrong."""
    refused = effort("0.01", Verdict.REJECTED, ago_ms=0)
    assert close("0.01") == close("0.01", refused)


def test_the_band_widens_to_its_end() -> None:
    """Ten steps of half a percent; beyond that a venue would refuse."""
    bands = [band_bps(widenings) for widenings in range(20)]
    assert sorted(bands) == bands
    assert (D(50), BAND_BPS_MAX) == (bands[0], bands[-1])


def test_patience_grows_with_the_tries() -> None:
    """The first orders follow quickly; many that fill nothing must not eat a minute's requests."""
    waits = [wait_ms(SETTLE_MS, widenings) for widenings in range(6)]
    assert [700, 700, 700, 1_400, 2_800, 5_600] == waits


def test_only_what_was_taken_counts_as_a_widening() -> None:
    """An order of unknown fate may have met the market; a refused one has not."""
    counts = [widenings_after(effort("1", verdict, widenings=2)) for verdict in Verdict]
    assert {"accepted": 3, "rejected": 2, "unknown": 3} == dict(zip(Verdict, counts, strict=True))


def test_dust_is_tried_alone_first() -> None:
    """A venue may take a reduce-only order below its minimum."""
    assert Close("BTC", Side.SELL, D("0.00005"), D(99_500)) == close("0.00005")


def test_dust_that_is_not_taken_goes_through_zero() -> None:
    """By as much as can be closed again, at any band."""
    refused = effort("0.00005", Verdict.REJECTED)
    order = close("0.00005", refused)
    assert order is not None
    assert (True, False) == (order.through, order.request("7").reduce_only)
    beyond = order.size - D("0.00005")
    back = close(str(-beyond))
    assert back is not None
    assert not back.through
    assert beyond * BTC.mark * (1 - BAND_BPS_MAX / 10_000) >= 10


def test_an_order_through_zero_is_not_sent_twice_while_it_may_act() -> None:
    """Two of them would be a position."""
    last = replace(effort("0.00005", Verdict.UNKNOWN, through=True), may_act_until_ms=NOW_MS + 1)
    assert close("0.00005", last) is None
    assert (True, False) == (last.may_turn(NOW_MS), last.may_turn(NOW_MS + 1))


def test_an_order_is_no_larger_than_the_venue_takes() -> None:
    """The rest follows."""
    capped = replace(BTC.instrument, notional_max_usd=D(500))
    order = close("0.01", market=Market(capped, BTC.mark))
    assert order is not None
    assert D("0.005") == order.size


def test_a_sight_of_one_symbol_is_flat_without_it() -> None:
    """Flat then means: in that symbol."""
    sight = Sight((Position("ETH", D(1), D(2_000)),), (), NOW_MS)
    assert (False, True) == (sight.is_flat, sight.only("BTC").is_flat)
    assert "open: ETH 1" == sight.summary()


@pytest.mark.parametrize("bits", [48, 31])
def test_ids_are_ours_all_different_and_no_hedges(bits: int) -> None:
    """Five hundred orders of one run; a hedge's epoch begins at 1."""
    texts = [
        client_id(VenueName.LIGHTER, started_at_ms=NOW_MS, number=number, bits=bits)
        for number in range(500)
    ]
    assert 500 == len(set(texts))
    keys = [OrderKey.parse(text) for text in texts]
    assert {0} == {key.epoch for key in keys if key is not None}
    assert None not in keys


@pytest.mark.parametrize(
    ("typed", "found"), [("BTC", "BTC"), ("btc", "BTC"), ("kbonk", "kBONK"), ("BTCC", None)]
)
def test_a_symbol_is_found_however_it_is_typed(typed: str, found: str | None) -> None:
    """In a panic nobody thinks of capitals."""
    assert found == named(typed, [{"BTC": BTC}, {"kBONK": BTC}])
