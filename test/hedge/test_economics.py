"""What a hedge is expected to bring and to cost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.core.book import Impact
from desk.core.market import FeeRates
from desk.hedge.config import EntryStyle
from desk.hedge.economics import (
    PUBLISHED_FEES,
    dear_venue,
    expected_funding_bps,
    prior_share_left,
    round_trip,
    round_trip_cost_bps,
    settlements_between,
)
from desk.hedge.select import BOTH
from test.hedge.builders import HOUR_MS, LIGHTER, PACIFICA, apr, d, quote

H = HOUR_MS


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "count"),
    [
        (0, 0, 0),
        (0, H - 1, 0),
        (0, H, 1),
        (H - 1, H, 1),
        (H, H, 0),
        (H, H + 1, 0),
        (1, 12 * H, 12),
        (0, 12 * H, 12),
        (H // 2, 12 * H + H // 2, 12),
        (5, 4, 0),
    ],
)
def test_settlements_are_counted_at_the_edges(start_ms: int, end_ms: int, count: int) -> None:
    """The end belongs to the interval, the start does not; an interval backwards holds none."""
    assert count == settlements_between(start_ms, end_ms)


@given(st.integers(0, 10**12), st.integers(0, 10**9), st.integers(0, 10**9))
def test_settlements_add_up(start_ms: int, first_ms: int, second_ms: int) -> None:
    """Two intervals in a row hold as many as the whole."""
    middle, end = start_ms + first_ms, start_ms + first_ms + second_ms
    parts = settlements_between(start_ms, middle) + settlements_between(middle, end)
    assert parts == settlements_between(start_ms, end)


@given(st.integers(0, 10_000))
def test_a_spread_fades(hours: int) -> None:
    """Less of today's spread is left later, never more than all of it, never nothing."""
    assert 1 >= prior_share_left(hours) >= prior_share_left(hours + 1) > 0


def test_the_prior_keeps_to_the_record() -> None:
    """At the hours that were measured it gives the measured shares, between them it
    interpolates.
    """
    assert [d("0.61"), d("0.46"), d("0.38"), d("0.28"), d("0.22")] == [
        prior_share_left(hours) for hours in (1, 4, 12, 24, 48)
    ]
    assert d("0.56") == prior_share_left(2)


@given(st.integers(0, 9_000), st.sampled_from(["1", "20", "300"]))
def test_a_longer_hold_expects_more_and_a_wider_spread_too(count: int, percent: str) -> None:
    """Expected funding grows with payments and with the spread, and is nothing without them."""
    spread = apr(percent)
    assert expected_funding_bps(spread, count) <= expected_funding_bps(spread, count + 1)
    assert expected_funding_bps(spread, count) <= expected_funding_bps(apr(301), count)
    assert 0 == expected_funding_bps(spread, 0) == expected_funding_bps(apr(0), count)


def test_a_taker_round_trip_costs_eight_basis_points_and_the_books() -> None:
    """Four fees, of which Lighter's are nothing, and each book crossed once."""
    tight = {venue: quote(half="0") for venue in BOTH}
    wide = {venue: quote(half="1.5") for venue in BOTH}  # 10 bp each
    assert d(8) == round_trip_cost_bps(PUBLISHED_FEES, tight)
    assert d(28) == round_trip_cost_bps(PUBLISHED_FEES, wide)


def test_the_accounts_own_fees_count() -> None:
    """A dearer account pays its own rate on both legs, in and out."""
    fees = {
        LIGHTER: FeeRates(maker=Decimal(0), taker=d("0.00028")),
        PACIFICA: FeeRates(maker=Decimal(0), taker=d("0.0005")),
    }
    assert d("15.6") == round_trip_cost_bps(fees, {})


def test_a_maker_rests_where_taking_is_dear() -> None:
    """Two maker fees instead of taker ones, and that venue's book is not crossed."""
    wide = {venue: quote(half="1.5") for venue in BOTH}  # 10 bp each
    assert PACIFICA is dear_venue(PUBLISHED_FEES)
    costs = round_trip(PUBLISHED_FEES, wide, style=EntryStyle.MAKER)
    assert (d(3), d(10)) == (costs.fees_bps, costs.impact_bps)
    assert d(28) == round_trip(PUBLISHED_FEES, wide, style=EntryStyle.TAKER).total_bps


def test_a_walked_book_costs_what_it_takes_at_the_real_size() -> None:
    """Where both books were walked their impact stands in place of half a spread each way."""
    tight = {venue: quote(half="0") for venue in BOTH}
    walked = {LIGHTER: Impact(buy_bps=d(3), sell_bps=d(4))}
    costs = round_trip(PUBLISHED_FEES, tight, impacts=walked)
    assert (d(8), d(7)) == (costs.fees_bps, costs.impact_bps)


def test_the_basis_costs_only_who_buys_where_it_is_dearer() -> None:
    """Half of the gap between the venues' prices is expected to close; gains are not counted."""
    gap = {LIGHTER: quote(mid=d("3003")), PACIFICA: quote(mid=d("3000"))}  # 10 bp
    costs = {venue: round_trip(PUBLISHED_FEES, gap, long_venue=venue) for venue in BOTH}
    assert d(5) == costs[LIGHTER].basis_bps
    assert d(0) == costs[PACIFICA].basis_bps
    assert d(0) == round_trip(PUBLISHED_FEES, gap).basis_bps
