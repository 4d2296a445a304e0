"""The page: one file, small, without network or script, and the same bytes for the same figures."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from desk.core.venue import VenueName
from desk.ledger.account import Account
from desk.ledger.page import page
from desk.ledger.rows import BookedFill, BookedPayment, CycleId, CycleNote, Ledger, Mark, Span
from test.ledger.test_cycles import BOOK, HOUR_MS, READ, fill, paid

D = Decimal
SIZE_MAX = 500_000
HOPE: dict[str, Any] = {
    "notional_usd": D(100),
    "expected_hours": 24,
    "expected_funding_bps": D(30),
    "expected_fees_bps": D(8),
    "expected_impact_bps": D(2),
    "expected_basis_bps": D(1),
}


def history(cycles: int, hours: int) -> Ledger:
    """Return so many cycles of so many hours, with a payment and a mark each hour."""
    fills: list[BookedFill] = []
    payments: list[BookedPayment] = []
    notes = []
    for number in range(1, cycles + 1):
        start = (number - 1) * hours * HOUR_MS + 1
        end = start + (hours - 1) * HOUR_MS + 1
        fills += [
            fill(start, 1, 100, cycle=number % 16_000),
            fill(end, -1, 100, cycle=number % 16_000),
        ]
        payments += [paid(start + hour * HOUR_MS + 9, "0.1") for hour in range(hours - 1)]
        note = CycleNote(CycleId(1, number), "<BTC>", D(1), VenueName.LIGHTER, start)
        notes.append(replace(note, closed_at_ms=end, legging_ms=300, **HOPE))
    marks = [Mark(BOOK, hour * HOUR_MS, D(1000 + hour), D(1000), ()) for hour in range(hours)]
    return Ledger(tuple(fills), tuple(payments), (), tuple(marks), READ, tuple(notes))


@pytest.mark.parametrize(("cycles", "hours"), [(0, 1), (1, 6), (700, 24)])
def test_the_page_is_small_and_needs_nothing(cycles: int, hours: int) -> None:
    """Two years of daily cycles fit as well as none; nothing is loaded and nothing runs."""
    text = page(Account.of(history(cycles, hours)))
    assert len(text.encode()) <= SIZE_MAX
    assert {"http://www.w3.org/2000/svg"} >= set(re.findall(r"https?://[^\"'<> ]+", text))
    assert not re.search(r"<script|<link|<img|@import|url\(", text)


def test_the_page_has_its_four_charts() -> None:
    """Equity, funding per settlement, expected against realised, legging windows."""
    text = page(Account.of(history(3, 6)))
    assert 4 == text.count("<svg")
    for word in ("Equity", "Funding per settlement", "Net expected", "stand alone"):
        assert word in text


def test_the_page_has_what_was_expected_beside_what_came() -> None:
    """By part, over the cycles of which both sides are known."""
    text = page(Account.of(history(1, 6)))
    assert "Expected at the opening and realised, 1 cycle<" in text
    assert "<td>funding</td><td>+0.3000</td><td>+0.5000</td>" in text


def test_the_same_figures_give_the_same_bytes() -> None:
    """Nothing in it is drawn by lot, or told by a clock."""
    account = Account.of(history(3, 6))
    assert page(account) == page(account)


def test_words_from_outside_are_text() -> None:
    """A symbol cannot break out of its cell."""
    text = page(Account.of(history(1, 6)))
    assert "&lt;BTC&gt;" in text
    assert "<BTC>" not in text


def test_what_is_unread_is_said_on_the_page() -> None:
    """Missing, not zero."""
    spans = tuple(Span(BOOK, span.kind, 0, 5) for span in READ)
    later = tuple(Span(BOOK, span.kind, 3 * HOUR_MS, 6 * HOUR_MS) for span in READ)
    text = page(Account.of(replace(history(1, 6), spans=(*spans, *later))))
    assert "Unread: payments of lighter" in text
    assert "Missing, not zero" in text
