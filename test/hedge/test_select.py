"""Which symbol is opened, which way round, and what is said of the others."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.core.events import VenueMarkets
from desk.core.funding import HourlyRate
from desk.core.market import MarketStatus
from desk.core.venue import VenueName
from desk.hedge.select import Candidate, best, rank
from test.hedge.builders import (
    LIGHTER,
    PACIFICA,
    SYMBOL,
    T0,
    apr,
    config,
    d,
    instrument,
    market,
    markets,
    quote,
    stats,
)

Markets = dict[VenueName, VenueMarkets]


def judged(venues: Markets, **changes: object) -> Candidate:
    """Return what is said of the one symbol."""
    (candidate,) = rank(config(**changes), venues, at_ms=T0, set_aside={})
    return candidate


def changed(venue: VenueName, **changes: object) -> Markets:
    """Return a market worth opening with something changed on one venue."""
    venues = markets()
    venues[venue] = replace(venues[venue], **changes)  # type: ignore[arg-type]
    return venues


def reasons(candidate: Candidate) -> list[tuple[str, str | None]]:
    """Return each refusal with the key that would change it."""
    return [(row.reason, row.key) for row in candidate.refusals]


REFUSED: list[tuple[Markets, str, str | None]] = [
    (
        changed(LIGHTER, instruments={}, stats={}, quotes={}),
        "lighter does not list ETH",
        "symbols_to_monitor",
    ),
    (
        changed(PACIFICA, instruments={SYMBOL: instrument(PACIFICA, status=MarketStatus.INACTIVE)}),
        "pacifica market is inactive",
        None,
    ),
    (changed(LIGHTER, stats={}), "lighter shows no funding rate", None),
    (changed(LIGHTER, quotes={}), "lighter book not fresh", None),
    (changed(LIGHTER, quotes={SYMBOL: quote(half="-1")}), "lighter book crossed", None),
    (changed(LIGHTER, quotes={SYMBOL: quote(half="0")}), "lighter book crossed", None),
    (
        changed(LIGHTER, quotes={SYMBOL: quote(half="3")}),
        "lighter book 20.0 bp wide",
        "max_spread_bps",
    ),
    (
        changed(PACIFICA, thin={SYMBOL: Decimal("33.4")}),
        "the book of pacifica holds only 33 USD within the band",
        "base_capital_allocation",
    ),
    (
        changed(LIGHTER, stats={SYMBOL: stats(volume_24h_usd=Decimal(999_999))}),
        "lighter 24 h volume 1.00 M USD",
        "min_volume_24h_usd",
    ),
    (
        changed(LIGHTER, stats={SYMBOL: stats(volume_24h_usd=None)}),
        "lighter 24 h volume not known",
        "min_volume_24h_usd",
    ),
    (
        changed(LIGHTER, stats={SYMBOL: stats(mark=Decimal(3))}),
        "marks differ: 3 and 3000",
        None,
    ),
    (markets(spread=4), "spread below threshold", "min_net_apr_threshold"),
]


@given(st.integers(-500, 500), st.integers(-500, 500))
def test_long_is_where_funding_is_lower(lighter: int, pacifica: int) -> None:
    """A long pays the rate: whichever venue asks less is the long one, and the spread is
    positive.
    """
    rates = {LIGHTER: lighter, PACIFICA: pacifica}
    venues = {venue: market(venue, {SYMBOL: apr(rate)}) for venue, rate in rates.items()}
    candidate = judged(venues)
    assert candidate.long_venue is not None
    assert candidate.spread is not None
    assert rates[candidate.long_venue] <= rates[candidate.long_venue.twin]
    assert abs(lighter - pacifica) == round(candidate.spread.apr_pct, 9)


def test_the_widest_spread_comes_first_and_the_unfit_last() -> None:
    """What may be opened is ranked by its spread, wherever it stands in the owner's list."""
    rates = {"A": 10, "B": 30, "C": 20, "D": 90}
    venues = {
        LIGHTER: market(LIGHTER, {name: apr(0) for name in rates}),
        PACIFICA: market(PACIFICA, {name: apr(rate) for name, rate in rates.items()}),
    }
    wanted = config(symbols_to_monitor=tuple(rates))
    ranked = rank(wanted, venues, at_ms=T0, set_aside={"D": "left alone"})
    assert ["B", "C", "A", "D"] == [row.symbol for row in ranked]
    assert [("left alone", None)] == reasons(ranked[-1])
    assert "B" == getattr(best(ranked), "symbol", None)


def test_market_zero_is_a_market() -> None:
    """ETH is market 0 on Lighter, and is opened like any other."""
    venues = markets()
    assert 0 == venues[LIGHTER].instruments[SYMBOL].market_id
    assert judged(venues).is_eligible


def test_both_venues_at_their_floors_do_not_trade() -> None:
    """10.51 % against 10.95 % is a constant of the venues, not an edge."""
    floors = {
        LIGHTER: HourlyRate.from_8h(d("0.000096")),
        PACIFICA: HourlyRate.from_hourly(d("0.0000125")),
    }
    venues = {venue: market(venue, {SYMBOL: rate}) for venue, rate in floors.items()}
    assert [("spread below threshold", "min_net_apr_threshold")] == reasons(judged(venues))


@pytest.mark.parametrize(("venues", "reason", "key"), REFUSED)
def test_a_refusal_names_the_key_that_would_change_it(
    venues: Markets, reason: str, key: str | None
) -> None:
    """Each thing that stands in the way is said, with its setting where there is one."""
    assert [(reason, key)] == reasons(judged(venues))


def test_an_edge_that_does_not_pay_is_refused_with_what_is_missing() -> None:
    """Expected funding must exceed the costs, unless the owner asks for no such thing."""
    venues = markets(spread=40)
    candidate = judged(venues, require_expected_profit=True)
    (refusal,) = candidate.refusals
    assert ("funding below the costs", "require_expected_profit") == (
        refusal.reason,
        refusal.key,
    )
    assert refusal.missing_bps == candidate.cost_bps - (candidate.funding_bps or 0)
    assert judged(markets(spread=400), require_expected_profit=True).is_eligible


def test_a_symbol_nobody_lists_is_kept_when_the_owner_named_it() -> None:
    """Its row says so for each venue; with "all" it would not be there."""
    wanted = config(symbols_to_monitor=("XYZ",))
    (candidate,) = rank(wanted, markets(), at_ms=T0, set_aside={})
    assert ["lighter does not list XYZ", "pacifica does not list XYZ"] == [
        row.reason for row in candidate.refusals
    ]


def test_all_means_what_both_venues_list() -> None:
    """A symbol of one venue alone cannot be hedged, so it is not looked at."""
    venues = {
        LIGHTER: market(LIGHTER, {"A": apr(0), "B": apr(0)}),
        PACIFICA: market(PACIFICA, {"B": apr(40), "C": apr(40)}),
    }
    ranked = rank(config(symbols_to_monitor=()), venues, at_ms=T0, set_aside={})
    assert ["B"] == [row.symbol for row in ranked]


def test_nothing_is_best_when_nothing_may_be_opened() -> None:
    """An empty list has no best, and neither has one of refused symbols."""
    assert best([]) is None
    assert best([judged(markets(spread=1))]) is None


def test_records_without_books_can_be_judged() -> None:
    """Where no quotes are needed a missing book is no refusal."""
    venues = {venue: replace(row, quotes={}) for venue, row in markets().items()}
    (candidate,) = rank(config(), venues, at_ms=T0, set_aside={}, needs_quotes=False)
    assert candidate.is_eligible
