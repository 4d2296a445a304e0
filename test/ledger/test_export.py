"""The CSV files: a row for each fill, fee, payment and movement, that sum up to the cash."""

import csv
import io
from decimal import Decimal

from desk.core.books import Movement, MovementKind
from desk.ledger.cycles import shares_of
from desk.ledger.export import GENERIC, KOINLY, write_generic, write_koinly
from desk.ledger.rows import BookedMovement, Ledger
from test.ledger.test_cycles import BOOK, fill, paid

D = Decimal
NOON_MS = 1_767_700_800_000
MOVED = Movement("m1", MovementKind.WITHDRAWAL, D(-40), NOON_MS + 9, "secure")
LEDGER = Ledger(
    fills=(fill(NOON_MS, 2, 100), fill(NOON_MS + 5, -2, 101)),
    payments=(paid(NOON_MS + 3, "-0.25"),),
    movements=(BookedMovement(BOOK, MOVED),),
)
CASH = D(2) - D("0.02") - D("0.25") - D(40)


def table(*, koinly: bool) -> list[dict[str, str]]:
    """Return the rows of one form by column."""
    write, file = write_koinly if koinly else write_generic, io.StringIO()
    write(file, shares_of(LEDGER), LEDGER.movements)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def test_every_row_of_the_venues_is_there_with_its_id_and_time() -> None:
    """Two fills, two fees, a payment and a movement, oldest first, in UTC."""
    rows = table(koinly=False)
    assert ["fill", "fee", "funding", "fill", "fee", "withdrawal"] == [row["kind"] for row in rows]
    first = rows[0]
    assert (f"f{NOON_MS}", "2026-01-06T12:00:00.000Z") == (first["venue_id"], first["time_utc"])
    assert ("1-1", "2", "100") == (first["cycle"], first["size"], first["price_usd"])


def test_the_amounts_sum_up_to_the_cash() -> None:
    """Fills bring what they realise; fees and payments stand in rows of their own."""
    assert CASH == sum(D(row["usd"]) for row in table(koinly=False))
    assert tuple(table(koinly=False)[0]) == GENERIC


def test_koinly_s_universal_columns_are_as_it_documents_them() -> None:
    """Names, order, currency and the form of the date."""
    row = table(koinly=True)[0]
    assert tuple(row) == KOINLY
    assert "2026-01-06 12:00 UTC" == row["Date"]


def test_koinly_gets_results_and_no_trades() -> None:
    """A future's profit is money received under "realized gain"; the coin itself never moved."""
    rows = table(koinly=True)
    received = sum(D(row["Received Amount"] or 0) for row in rows)
    sent = sum(D(row["Sent Amount"] or 0) for row in rows)
    assert CASH == received - sent
    assert {"realized gain", "margin fee", ""} == {row["Label"] for row in rows}
    assert {"USDC", ""} == {row[f"{way} Currency"] for way in ("Sent", "Received") for row in rows}


def test_money_moved_carries_no_label() -> None:
    """A withdrawal is sent and nothing else: it is no loss."""
    (row,) = [row for row in table(koinly=True) if "withdrawal" in row["Description"]]
    assert ("40", "", "") == (row["Sent Amount"], row["Received Amount"], row["Label"])
