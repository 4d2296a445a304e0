"""What a cycle brought, from the venues' own rows."""

from dataclasses import replace
from decimal import Decimal

import pytest

from desk.core.events import VenueAccount
from desk.core.order import FillCause, Side
from desk.core.venue import VenueName
from desk.hedge.results import cycle_result, is_complete
from desk.hedge.state import CloseReason, CycleResult, Hedge, Role
from test.hedge.builders import (
    HOUR_MS,
    LIGHTER,
    PACIFICA,
    SIZE,
    T0,
    account,
    bare_hedge,
    d,
    fill,
    filled,
    payment,
    seen,
    standing,
)

END = T0 + 2 * HOUR_MS
IN_L, IN_P = filled(LIGHTER), filled(PACIFICA)
OUT_L, OUT_P = filled(LIGHTER, Role.CLOSE), filled(PACIFICA, Role.CLOSE)
CLOSED = standing(intents=(IN_L, IN_P, OUT_L, OUT_P), close_reason=CloseReason.HOLD_ENDED)
PAYMENTS = (payment("0.01", T0 + HOUR_MS), payment("0.02", T0 + HOUR_MS + 1))


def row(venue: VenueName, out_price: str, fee: str = "0") -> VenueAccount:
    """Return a venue's rows: in at 3000, out at `out_price`, two payments."""
    opened, closed = (IN_L, OUT_L) if venue is LIGHTER else (IN_P, OUT_P)
    fills = (
        fill(opened.client_id, opened.side, SIZE, fee_usd=d(fee)),
        fill(closed.client_id, closed.side, SIZE, price=d(out_price), at_ms=END, fee_usd=d(fee)),
    )
    return seen(fills=fills, payments=PAYMENTS, account=account(equity=1001))


def rows() -> dict[VenueName, VenueAccount]:
    """Return both venues' rows: the price rose by 100, Pacifica took fees."""
    return {LIGHTER: row(LIGHTER, "3100"), PACIFICA: row(PACIFICA, "3099", "0.012")}


def result(venues: dict[VenueName, VenueAccount], hedge: Hedge = CLOSED) -> CycleResult:
    """Return the books."""
    whole = is_complete(hedge, venues)
    return cycle_result(hedge, venues, at_ms=END, complete=whole)


def test_each_leg_has_its_price_funding_and_fees() -> None:
    """The long won 1.00 and the short lost 0.99; both were paid 0.03; Pacifica took 0.024."""
    books = result(rows())
    long, short = books.legs[LIGHTER], books.legs[PACIFICA]
    assert (d(1), d("0.03"), d(0)) == (long.price_usd, long.funding_usd, long.fees_usd)
    assert (d("-0.99"), d("0.03"), d("0.024")) == (
        short.price_usd,
        short.funding_usd,
        short.fees_usd,
    )
    assert (d("1.03"), d("0.046")) == (long.net_usd, books.net_usd)


def test_equity_tells_the_same_story_apart() -> None:
    """What the accounts gained is read from them, not computed from the rows."""
    books = result(rows())
    assert d(2) == books.equity_change_usd
    assert books.is_complete


@pytest.mark.parametrize(
    "changes",
    [
        {"fills": None},
        {"fills": ()},
        {"payments": None},
        {"payments": ()},
        {"payments": PAYMENTS[:1]},
        {"fills": row(PACIFICA, "3099").fills[:1]},  # type: ignore[index]
    ],
)
def test_missing_rows_make_the_books_incomplete(changes: dict[str, object]) -> None:
    """A row that was not handed out is not a zero: the books say that they are not whole."""
    venues = rows()
    venues[PACIFICA] = replace(venues[PACIFICA], **changes)  # type: ignore[arg-type]
    assert not result(venues).is_complete


def test_a_leg_made_smaller_is_paid_until_its_last_close() -> None:
    """A part was closed in the first minute, the rest after two settlements: one payment is not
    the whole story."""
    part, rest = SIZE / 4, SIZE * 3 / 4
    outs = [filled(LIGHTER, Role.CLOSE, part), filled(LIGHTER, Role.CLOSE, rest, attempt=1)]
    hedge = replace(CLOSED, intents=(IN_L, IN_P, *outs, OUT_P))
    fills = (
        fill(IN_L.client_id, IN_L.side, SIZE),
        fill(outs[0].client_id, outs[0].side, part, at_ms=T0 + 60_000),
        fill(outs[1].client_id, outs[1].side, rest, at_ms=END),
    )
    told = seen(fills=fills, payments=PAYMENTS)
    venues = {LIGHTER: told, PACIFICA: row(PACIFICA, "3099")}
    assert is_complete(hedge, venues)
    assert not is_complete(hedge, venues | {LIGHTER: replace(told, payments=PAYMENTS[:1])})


@pytest.mark.parametrize("name", ["fills", "payments"])
def test_rows_nobody_asked_for_are_not_zero_rows(name: str) -> None:
    """Even where none are expected: a hedge that was never held, its answer without the rows."""
    hedge = bare_hedge(close_reason=CloseReason.UNWIND)
    venues = {LIGHTER: seen(), PACIFICA: seen()}
    assert is_complete(hedge, venues)
    mute = replace(seen(), **{name: None})  # type: ignore[arg-type]
    assert not is_complete(hedge, venues | {PACIFICA: mute})


def test_a_venue_that_is_away_makes_the_books_incomplete() -> None:
    """And no equity change is claimed from one venue alone."""
    books = result({LIGHTER: row(LIGHTER, "3100")})
    assert not books.is_complete
    assert books.equity_change_usd is None


@pytest.mark.parametrize(("hours", "is_whole"), [(1, True), (2, False)])
def test_the_hour_of_the_close_needs_no_payment(hours: int, is_whole: bool) -> None:
    """Whether a fill on the hour itself was before or after the settlement, the venue decides."""
    full_hour_ms = T0 - T0 % HOUR_MS + hours * HOUR_MS
    venues = {}
    for venue, told in rows().items():
        assert told.fills is not None
        fills = (told.fills[0], replace(told.fills[1], at_ms=full_hour_ms))
        venues[venue] = replace(told, fills=fills, payments=())
    assert is_whole is is_complete(CLOSED, venues)


def test_rows_listed_twice_are_counted_once() -> None:
    """Overlapping pages double nothing."""
    doubled = {
        venue: replace(told, fills=(told.fills or ()) * 2, payments=(told.payments or ()) * 2)
        for venue, told in rows().items()
    }
    assert result(rows()) == result(doubled)


def test_a_hedge_begins_by_the_venues_clock() -> None:
    """A clock of ours that is ahead of a settlement does not lose the payment that came of it."""
    ahead = replace(CLOSED, approved_at_ms=T0 + HOUR_MS + 2)

    assert d("1.03") == result(rows(), ahead).legs[LIGHTER].net_usd


def test_rows_of_the_cycle_before_are_not_counted() -> None:
    """Payments from before the approval and fills of other ids belong to somebody else."""
    venues = rows()
    stale = (payment("99", T0 - 1), payment("99", T0 + 5, symbol="BTC"), *PAYMENTS)
    foreign = (fill("123", Side.BUY, SIZE), *(venues[LIGHTER].fills or ()))
    venues[LIGHTER] = replace(venues[LIGHTER], payments=stale, fills=foreign)
    assert d("1.03") == result(venues).legs[LIGHTER].net_usd


@pytest.mark.parametrize("cause", list(FillCause))
def test_a_leg_closed_by_another_hand_is_booked_at_its_price(cause: FillCause) -> None:
    """The owner's order, a liquidation or a deleveraging closed it: its fill is the way out."""
    hedge = standing(intents=(IN_L, IN_P, OUT_P), close_reason=CloseReason.IMBALANCE)
    by_hand = fill(
        None, Side.SELL, SIZE * 2, price=d(2900), at_ms=END, fee_usd=d("0.2"), cause=cause
    )
    fills = (fill(IN_L.client_id, Side.BUY, SIZE), by_hand)
    venues = rows() | {LIGHTER: seen(fills=fills, payments=PAYMENTS)}
    books = result(venues, hedge)
    leg = books.legs[LIGHTER]
    assert (d(-1), d("0.1"), True) == (leg.price_usd, leg.fees_usd, books.is_complete)


def test_a_way_out_that_nobody_lists_brings_no_price() -> None:
    """A leg that is gone without a trace neither cost nor earned: the books are incomplete."""
    hedge = standing(intents=(IN_L, IN_P, OUT_P), close_reason=CloseReason.IMBALANCE)
    venues = rows() | {LIGHTER: seen(fills=(fill(IN_L.client_id, Side.BUY, SIZE),), payments=())}
    books = result(venues, hedge)
    assert (Decimal(0), False) == (books.legs[LIGHTER].price_usd, books.is_complete)


def test_the_books_keep_what_the_opening_hoped_for() -> None:
    """The funding expected at the approval, of the filled notional; None where nobody noted it."""
    hoped = replace(CLOSED, funding_bps=d(20))
    notional_usd = SIZE * d(3000)
    assert notional_usd * 20 / 10_000 == result(rows(), hoped).forecast_usd
    assert result(rows()).forecast_usd is None


def test_the_opening_is_measured() -> None:
    """From the first order sent to the last fill, and against the mids of the decision."""
    mids = {LIGHTER: d(2997), PACIFICA: d(3003)}
    hedge = replace(CLOSED, mids=mids, first_sent_at_ms=T0, last_filled_at_ms=T0 + 412)
    books = cycle_result(hedge, {}, at_ms=END, complete=False)
    assert (412, d("20.0")) == (books.legging_ms, round(books.slippage_bps or 0, 1))
    unknown = cycle_result(CLOSED, {}, at_ms=END, complete=False)
    assert (None, None) == (unknown.legging_ms, unknown.slippage_bps)
