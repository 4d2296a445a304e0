"""What becomes of an order, told by fills first and by order rows second."""

from decimal import Decimal

import pytest

from desk.core.events import VenueAccount, Verdict
from desk.core.order import OrderStatus, Side
from desk.hedge.state import Hedge, Intent
from desk.hedge.steps import absorb, settle_reports, unexplained
from test.hedge.builders import (
    LIGHTER,
    MID,
    PACIFICA,
    SIZE,
    T0,
    ZERO,
    accounts_read,
    bare_hedge,
    bot,
    d,
    fill,
    filled,
    intent,
    opening,
    order_row,
    report,
    seen,
    standing,
)

HALF = SIZE / 2
OURS = intent(LIGHTER)


def absorbed(row: VenueAccount, hedge: Hedge | None = None) -> Intent:
    """Return Lighter's order after the venue has spoken."""
    return absorb(hedge or opening(), {LIGHTER: row}).intents[0]


def test_fills_are_added_up() -> None:
    """Two fills of half each make a whole order, at their average price, and end the doubt."""
    rows = (
        fill(OURS.client_id, Side.BUY, HALF, price=d(2990)),
        fill(OURS.client_id, Side.BUY, HALF, price=d(3010), at_ms=T0 + 900),
    )
    got = absorbed(seen(SIZE, fills=rows))
    assert (SIZE, MID, False) == (got.filled, got.average_price, got.in_doubt)


def test_a_fill_listed_twice_counts_once() -> None:
    """Pages that overlap repeat rows; the fill has one id."""
    row = fill(OURS.client_id, Side.BUY, HALF)
    assert HALF == absorbed(seen(HALF, fills=(row, row))).filled


def test_a_partial_fill_keeps_the_order_in_doubt() -> None:
    """What has filled counts at once; whether more will come is still open."""
    got = absorbed(seen(HALF, fills=(fill(OURS.client_id, Side.BUY, HALF),)))
    assert (HALF, True) == (got.filled, got.in_doubt)


def test_fills_beat_an_order_row_that_says_nothing_filled() -> None:
    """Venues have called a filled order canceled, filled 0: its fills say otherwise."""
    row = order_row(OURS, OrderStatus.CANCELED)
    fills = (fill(OURS.client_id, Side.BUY, SIZE),)
    got = absorbed(seen(SIZE, fills=fills, found={OURS.client_id: row}))
    assert (SIZE, False) == (got.filled, got.in_doubt)


def test_fills_that_come_late_still_count() -> None:
    """An order that was called over is taken up again when its fills are listed."""
    canceled = {OURS.client_id: order_row(OURS, OrderStatus.CANCELED)}
    over = absorb(opening(), {LIGHTER: seen(found=canceled)})
    assert (ZERO, False) == (over.intents[0].filled, over.intents[0].in_doubt)
    got = absorbed(seen(SIZE, fills=(fill(OURS.client_id, Side.BUY, SIZE),)), over)
    assert SIZE == got.filled


def test_an_order_row_counts_where_fills_are_late() -> None:
    """The row speaks of more than is listed so far: that much has filled."""
    row = order_row(OURS, OrderStatus.FILLED, SIZE)
    got = absorbed(seen(SIZE, found={OURS.client_id: row}))
    assert (SIZE, MID, False) == (got.filled, got.average_price, got.in_doubt)


def test_what_was_seen_to_fill_is_never_taken_back() -> None:
    """A later answer that lists less is late, not truer."""
    known = bare_hedge(intents=(filled(LIGHTER),))
    assert SIZE == absorbed(seen(), known).filled


@pytest.mark.parametrize(
    ("after_ms", "was_sought", "fills", "is_in_doubt"),
    [
        (0, True, (), True),
        (610_000, True, (), True),
        (610_001, True, (), False),
        (610_001, False, (), True),
        (610_001, True, None, True),
    ],
)
def test_an_order_nobody_knows_is_in_doubt_until_it_has_expired(
    after_ms: int, was_sought: bool, fills: tuple[()] | None, is_in_doubt: bool
) -> None:
    """Only a read younger than the expiry proves it, and only if it looked for order and
    fills.
    """
    found = {OURS.client_id: None} if was_sought else {}
    got = absorbed(seen(at_ms=T0 + after_ms, found=found, fills=fills))
    assert is_in_doubt is got.in_doubt


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.PENDING])
def test_an_order_that_still_lives_is_in_doubt_at_any_age(status: OrderStatus) -> None:
    """An expiry of the request says nothing about an order that the venue has taken."""
    row = order_row(OURS, status)
    got = absorbed(seen(at_ms=T0 + 10**9, found={OURS.client_id: row}))
    assert got.in_doubt


@pytest.mark.parametrize("status", [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED])
def test_a_final_order_is_over(status: OrderStatus) -> None:
    """The venue has said what became of it."""
    got = absorbed(seen(found={OURS.client_id: order_row(OURS, status)}))
    assert not got.in_doubt


def test_a_venue_that_did_not_answer_changes_nothing() -> None:
    """Its orders are as much in doubt as before."""
    assert opening() == absorb(opening(), {})


def test_fills_of_others_are_not_ours() -> None:
    """Orders without an id, or with somebody else's, do not fill ours. Zero is an id."""
    fills = tuple(fill(ident, Side.BUY, SIZE) for ident in (None, "0", "123"))
    assert ZERO == absorbed(seen(SIZE, fills=fills)).filled
    zero = bare_hedge(intents=(intent(LIGHTER, client_id="0"),))
    assert SIZE == absorbed(seen(SIZE, fills=fills), zero).filled


def test_a_report_of_a_refusal_ends_the_doubt() -> None:
    """Nothing happened, and nothing will."""
    sent = report(OURS, ZERO, verdict=Verdict.REJECTED)
    (got, other) = settle_reports(opening(), (sent,)).intents
    assert (ZERO, False, True) == (got.filled, got.in_doubt, other.in_doubt)


def test_a_report_of_an_unknown_outcome_keeps_its_expiry() -> None:
    """The client knows best until when its signed bytes can take effect."""
    sent = report(OURS, ZERO, verdict=Verdict.UNKNOWN, is_final=False, expires_at_ms=T0 + 5)
    got = settle_reports(opening(), (sent,)).intents[0]
    assert (True, T0 + 5) == (got.in_doubt, got.expires_at_ms)


def test_a_report_of_a_partial_fill_counts() -> None:
    """Filled so far and not final: the size is known, the end is not."""
    got = settle_reports(opening(), (report(OURS, HALF, is_final=False),)).intents[0]
    assert (HALF, MID, True) == (got.filled, got.average_price, got.in_doubt)


@pytest.mark.parametrize(
    ("lighter", "by_owner", "odd"),
    [
        (SIZE, ZERO, {}),
        (SIZE * 2, SIZE, {}),
        (HALF, -HALF, {}),
        (SIZE * 2, ZERO, {LIGHTER: SIZE}),
        (ZERO, ZERO, {LIGHTER: -SIZE}),
    ],
)
def test_a_position_is_explained_by_fills_or_it_is_not(
    lighter: Decimal, by_owner: Decimal, odd: dict[object, Decimal]
) -> None:
    """Ours and everybody else's since the approval add up to what is there, or rows are
    missing.
    """
    side = Side.BUY if by_owner > 0 else Side.SELL
    fills = (fill(None, side, abs(by_owner)),) if by_owner else ()
    event = accounts_read(bot(), lighter=seen(lighter, fills=fills), pacifica=seen(-SIZE))
    assert odd == unexplained(standing(), event)


def test_fills_from_before_the_approval_explain_nothing() -> None:
    """The symbol was flat when the hedge was approved: older rows are another story."""
    old = fill(None, Side.BUY, SIZE, at_ms=T0 - 1)
    event = accounts_read(bot(), lighter=seen(SIZE * 2, fills=(old,)), pacifica=seen(-SIZE))
    assert {LIGHTER: SIZE} == unexplained(standing(), event)
    assert PACIFICA in event.venues
