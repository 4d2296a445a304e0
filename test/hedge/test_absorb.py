"""What becomes of an order, told by its fills, and by the position behind a fence."""

from decimal import Decimal

import pytest

from desk.core.events import VenueAccount, Verdict
from desk.core.ids import OrderKey
from desk.core.order import Side
from desk.hedge.state import Hedge, Intent, Role
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


def test_fills_that_come_late_still_count() -> None:
    """An order that was called over is taken up again when its fills are listed."""
    over = absorb(opening(), {LIGHTER: seen(is_fenced=True)})
    assert (ZERO, False) == (over.intents[0].filled, over.intents[0].in_doubt)
    got = absorbed(seen(SIZE, fills=(fill(OURS.client_id, Side.BUY, SIZE),)), over)
    assert SIZE == got.filled


def test_what_was_seen_to_fill_is_never_taken_back() -> None:
    """A later answer that lists less is late, not truer."""
    known = bare_hedge(intents=(filled(LIGHTER),))
    assert SIZE == absorbed(seen(), known).filled


@pytest.mark.parametrize(
    ("after_ms", "is_fenced", "is_in_doubt"),
    [(0, False, True), (610_000, False, True), (610_001, False, False), (0, True, False)],
)
def test_an_unanswered_order_is_in_doubt_until_a_fence_or_its_expiry(
    after_ms: int, is_fenced: bool, is_in_doubt: bool
) -> None:
    """Only a read younger than either proves that nothing filled and nothing will."""
    got = absorbed(seen(at_ms=T0 + after_ms, is_fenced=is_fenced, fills=None))
    assert (ZERO, is_in_doubt) == (got.filled, got.in_doubt)


@pytest.mark.parametrize("fills", [None, ()])
def test_a_position_that_our_fills_do_not_explain_keeps_the_doubt(fills: tuple[()] | None) -> None:
    """Behind a fence, too: something has filled that no row shows yet."""
    assert absorbed(seen(SIZE, is_fenced=True, fills=fills)).in_doubt


def test_what_the_owner_traded_meanwhile_does_not_keep_the_doubt() -> None:
    """His fill explains the position as it is: ours filled nothing."""
    his = fill(None, Side.SELL, HALF)
    assert not absorbed(seen(-HALF, is_fenced=True, fills=(his,))).in_doubt


def test_a_partial_fill_behind_a_fence_is_all_there_will_be() -> None:
    """Half filled, and position and fills agree on it: the order is over."""
    got = absorbed(seen(HALF, is_fenced=True, fills=(fill(OURS.client_id, Side.BUY, HALF),)))
    assert (HALF, False) == (got.filled, got.in_doubt)


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


def test_fills_of_the_last_cycle_are_not_somebody_elses() -> None:
    """It closed in the same symbol in the same instant, or on a clock that is ahead."""
    hedge = standing(cycle=8)
    key = OrderKey(epoch=7, cycle=7, leg=Role.CLOSE, attempt=0).text_for(LIGHTER)
    row = fill(key, Side.SELL, SIZE, at_ms=hedge.approved_at_ms + 2_000)
    event = accounts_read(bot(), lighter=seen(SIZE, fills=(row,)), pacifica=seen(-SIZE))
    assert {} == unexplained(hedge, event)
