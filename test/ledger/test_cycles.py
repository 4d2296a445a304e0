"""Whose a row is, and what a cycle comes to."""

from dataclasses import replace
from decimal import Decimal

from desk.core.funding import FundingPayment
from desk.core.ids import OrderKey
from desk.core.order import Fill, FillCause, Side
from desk.core.venue import VenueName
from desk.ledger.cycles import Cycle, cycles_of, shares_of
from desk.ledger.rows import (
    Book,
    BookedFill,
    BookedPayment,
    CycleId,
    Held,
    Ledger,
    Mark,
    OrderNote,
    RowKind,
    Span,
)

D = Decimal
LIGHTER = VenueName.LIGHTER
BOOK = Book(LIGHTER, "7")
HOUR_MS = 3_600_000
OURS = CycleId(1, 1)
READ = tuple(Span(BOOK, kind, 0, 10 * HOUR_MS) for kind in RowKind)


def client_id(attempt: int, cycle: int = 1) -> str:
    """Return an id with our mark."""
    return OrderKey(epoch=1, cycle=cycle, leg=1, attempt=attempt % 1000).text_for(LIGHTER)


def fill(at_ms: int, size: int, price: int, *, ours: bool = True, cycle: int = 1) -> BookedFill:
    """Return a fill of a signed size, with a fee of one cent."""
    side = Side.BUY if size > 0 else Side.SELL
    mark = client_id(at_ms, cycle) if ours else None
    row = Fill("BTC", f"f{at_ms}", "o", mark, side, D(abs(size)), D(price), D("0.01"), at_ms)
    return BookedFill(BOOK, row)


def paid(at_ms: int, usd: str) -> BookedPayment:
    """Return a funding payment."""
    return BookedPayment(BOOK, FundingPayment("BTC", f"p{at_ms}", D(usd), at_ms))


def only(ledger: Ledger) -> Cycle:
    """Return the one cycle of a ledger that was read whole."""
    (cycle,) = cycles_of(replace(ledger, spans=READ), shares_of(ledger))
    return cycle


def test_a_cycle_is_the_sum_of_its_rows() -> None:
    """Price by what was bought and sold, funding and fees as booked."""
    rows = (fill(1, 2, 100), fill(5, -1, 110), fill(6, -1, 120))
    cycle = only(Ledger(fills=rows, payments=(paid(3, "0.5"), paid(4, "-0.2"))))
    total = cycle.total
    assert (D(30), D("0.3"), D("0.03")) == (total.price_usd, total.funding_usd, total.fee_usd)
    assert (D("30.27"), False) == (total.net_usd, cycle.is_open)


def test_what_stands_has_realised_nothing() -> None:
    """An open leg shows what it holds, and no price result."""
    cycle = only(Ledger(fills=(fill(1, 2, 100),)))
    open_size = cycle.legs[0].open_size
    assert (D(0), D(2), None) == (cycle.total.price_usd, open_size, cycle.ended_at_ms)


def test_a_leg_that_another_hand_closes_is_closed_in_its_cycle() -> None:
    """A liquidation carries no id of ours, and still ends our leg."""
    cut = fill(5, -2, 90, ours=False)
    cut = replace(cut, row=replace(cut.row, cause=FillCause.LIQUIDATION))
    assert D(-20) == only(Ledger(fills=(fill(1, 2, 100), cut))).total.price_usd


def test_the_owner_s_own_position_is_cut_before_ours() -> None:
    """His three were there first: of his sale of four only one is ours, with its part of the
    fee."""
    mark = Mark(BOOK, 0, D(1), D(1), (Held("BTC", D(3), D(50)),))
    rows = (fill(1, 2, 100), fill(5, -4, 90, ours=False))
    cycle = only(Ledger(fills=rows, marks=(mark,)))
    open_size = cycle.legs[0].open_size
    assert (D(-10), D("0.0125"), D(1)) == (cycle.total.price_usd, cycle.total.fee_usd, open_size)


def test_a_payment_on_a_shared_position_is_shared() -> None:
    """Two of its three parts are not our income."""
    rows = (fill(1, 2, 100, ours=False), fill(2, 1, 100))
    shares = shares_of(Ledger(fills=rows, payments=(paid(3, "0.9"),)))
    assert {OURS: D("0.3"), None: D("0.6")} == {
        row.cycle: row.funding_usd for row in shares if row.row_id == "p3"
    }


def test_a_payment_stamped_after_the_close_is_the_cycle_s() -> None:
    """Venues stamp seconds after the hour; what closed in between was still held at the hour."""
    rows = (fill(1, 1, 100), fill(HOUR_MS + 1_000, -1, 100))
    late = paid(HOUR_MS + 4_000, "0.4")
    assert D("0.4") == only(Ledger(fills=rows, payments=(late,))).total.funding_usd


def test_two_cycles_in_one_symbol_are_told_apart() -> None:
    """Each has its own rows, by the ids."""
    rows = (fill(1, 1, 100), fill(2, -1, 110), fill(3, 1, 100, cycle=2), fill(4, -1, 90, cycle=2))
    ledger = Ledger(fills=rows, spans=READ)
    nets = [(row.id.cycle, row.total.price_usd) for row in cycles_of(ledger, shares_of(ledger))]
    assert [(1, D(10)), (2, D(-10))] == nets


def order(attempt: int, seen: Decimal | None) -> OrderNote:
    """Return the note of an order."""
    size, price = D(1), D(100)
    return OrderNote(
        LIGHTER, client_id(attempt), OURS, attempt, "open", "BTC", Side.BUY, size, price, seen
    )


def test_slippage_is_measured_against_the_decision() -> None:
    """A second try that saw no price of its own serves the first decision."""
    orders = (order(1, D(99)), order(2, None))
    ledger = Ledger(fills=(fill(1, 1, 100), fill(2, 1, 101)), orders=orders)
    assert D(-3) == only(ledger).total.slippage_usd


def test_slippage_is_not_known_where_a_fill_has_no_decision() -> None:
    """What was not noted is not zero."""
    ledger = Ledger(fills=(fill(1, 1, 100), fill(2, 1, 101)), orders=(order(1, D(99)),))
    assert only(ledger).total.slippage_usd is None


def test_a_cycle_names_what_was_not_read_of_its_life() -> None:
    """Payments were read only up to the middle of it."""
    spans = (Span(BOOK, RowKind.FILLS, 0, 100), Span(BOOK, RowKind.PAYMENTS, 0, 3))
    ledger = Ledger(fills=(fill(1, 1, 100), fill(9, -1, 100)), spans=spans)
    (cycle,) = cycles_of(ledger, shares_of(ledger))
    assert (Span(BOOK, RowKind.PAYMENTS, 3, 9),) == cycle.unread
