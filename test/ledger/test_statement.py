"""Whether the books close, and what is said where they do not."""

from dataclasses import replace
from decimal import Decimal

from desk.core.books import Movement, MovementKind
from desk.ledger.rows import BookedMovement, Held, Ledger, Mark, RowKind, Span
from desk.ledger.statement import Statement, days_of, statements_of
from test.ledger.test_cycles import BOOK, fill, paid

D = Decimal
MINUTE_MS = 60_000
HOLD_MS = 10 * MINUTE_MS
END_MS = 20 * MINUTE_MS
BEGIN = Mark(BOOK, 0, D(1000), D(1000), ())


def end(equity: str, *positions: Held, balance: str | None = None, at_ms: int = END_MS) -> Mark:
    """Return what the account is worth at the end."""
    return Mark(BOOK, at_ms, D(equity), D(balance or equity), positions)


def moved(usd: int) -> BookedMovement:
    """Return money that came in during the hold."""
    kind = MovementKind.DEPOSIT if usd > 0 else MovementKind.WITHDRAWAL
    return BookedMovement(BOOK, Movement(f"m{usd}", kind, D(usd), HOLD_MS + MINUTE_MS, "word"))


LEDGER = Ledger(
    fills=(fill(HOLD_MS, 2, 100), fill(HOLD_MS + 5 * MINUTE_MS, -2, 101)),
    payments=(paid(HOLD_MS + 3 * MINUTE_MS, "0.5"),),
    marks=(BEGIN, end("1002.48")),
    spans=tuple(Span(BOOK, kind, 0, END_MS) for kind in RowKind),
)


def only(ledger: Ledger) -> Statement:
    """Return the one statement of a ledger."""
    (statement,) = statements_of(ledger)
    return statement


def test_the_books_close_over_a_whole_round() -> None:
    """1000 + 2.00 price + 0.50 funding - 0.02 fees = 1002.48."""
    row = only(LEDGER)
    assert (D(2), D("0.5"), D("0.02")) == (row.price_usd, row.funding_usd, row.fee_usd)
    assert (D(0), True) == (row.difference_usd, row.closes)


def test_what_the_rows_do_not_explain_is_shown() -> None:
    """A cent too much is a difference, and the books do not close."""
    row = only(replace(LEDGER, marks=(BEGIN, end("1002.49"))))
    assert (D("0.01"), False) == (row.difference_usd, row.closes)


def test_money_moved_is_told_apart_from_what_was_earned() -> None:
    """A deposit raises the equity and not the profit; a withdrawal is no loss."""
    ledger = replace(LEDGER, movements=(moved(500), moved(-100)), marks=(BEGIN, end("1402.48")))
    row = only(ledger)
    assert (D(400), D("2.48"), True) == (row.moved_usd, row.earned_usd, row.closes)


def test_an_open_position_counts_at_what_the_venue_says() -> None:
    """Unrealised profit is price, so the books close in a hold, too."""
    held = Held("BTC", D(2), D(100))
    at_ms = HOLD_MS + 4 * MINUTE_MS
    mark = end("1006.49", held, balance="1000.49", at_ms=at_ms)
    row = only(replace(LEDGER, marks=(BEGIN, mark)))
    assert (D(6), D("0.01"), D(0)) == (row.price_usd, row.fee_usd, row.difference_usd)


def test_two_clocks_may_differ_by_seconds() -> None:
    """A fill that the venue stamps after the mark is before it where the position says so."""
    held = Held("BTC", D(2), D(100))
    mark = end("999.99", held, at_ms=HOLD_MS - 3_000)
    row = only(replace(LEDGER, marks=(BEGIN, mark)))
    assert (D("0.01"), D(0)) == (row.fee_usd, row.difference_usd)


def test_a_mark_beside_a_payment_is_no_sure_one() -> None:
    """Nobody knows which came first; the mark before it is used."""
    crowded = end("7", Held("BTC", D(2), D(100)), at_ms=HOLD_MS + 3 * MINUTE_MS + 2_000)
    assert LEDGER.marks[-1] == only(replace(LEDGER, marks=(BEGIN, crowded, LEDGER.marks[-1]))).end


def test_a_mark_that_no_list_was_read_up_to_is_left_out() -> None:
    """What is younger than the last reading may lack its rows."""
    young = end("5000", at_ms=END_MS + MINUTE_MS)
    assert END_MS == only(replace(LEDGER, marks=(*LEDGER.marks, young))).end.at_ms


def test_books_with_a_gap_do_not_close() -> None:
    """A list unread in between is named, and the difference judges nothing."""
    gap = (Span(BOOK, RowKind.FILLS, 0, 5), Span(BOOK, RowKind.FILLS, 9, END_MS))
    others = [row for row in LEDGER.spans if row.kind is not RowKind.FILLS]
    row = only(replace(LEDGER, spans=(*gap, *others)))
    assert ((Span(BOOK, RowKind.FILLS, 5, 9),), False) == (row.unread, row.closes)


def test_each_day_has_a_statement_of_its_own() -> None:
    """From the last sure mark of a day to that of the next."""
    day_ms = 86_400_000
    marks = (*LEDGER.marks, end("1002.48", at_ms=day_ms + 5), end("1002.40", at_ms=2 * day_ms + 5))
    spans = tuple(Span(BOOK, kind, 0, 3 * day_ms) for kind in RowKind)
    days = days_of(replace(LEDGER, marks=marks, spans=spans))
    assert [D(0), D(0), D("-0.08")] == [row.difference_usd for row in days]


def test_a_statement_begins_at_the_last_sure_mark_before() -> None:
    """Asked since a moment between two marks, the earlier one is its start."""
    later = end("1002.48", at_ms=END_MS + MINUTE_MS)
    spans = tuple(Span(BOOK, kind, 0, END_MS + MINUTE_MS) for kind in RowKind)
    ledger = replace(LEDGER, marks=(*LEDGER.marks, later), spans=spans)
    (row,) = statements_of(ledger, since_ms=END_MS + 1)
    assert (END_MS, END_MS + MINUTE_MS) == (row.start.at_ms, row.end.at_ms)
