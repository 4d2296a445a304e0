"""The ledger as CSV, one row per fill, fee and payment: our own form, and Koinly's.

Our form has one row for each fill, fee, payment and movement, with the venue's id. Koinly's is its
universal template (support.koinly.io, "How to create a custom CSV file"): of a future only the
realised result is imported, as a deposit or withdrawal labelled "realized gain" (support.koinly.io,
"Futures and perpetuals").
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TextIO

from desk.engine.journal import utc_text
from desk.ledger.cycles import Share
from desk.ledger.rows import BookedMovement

Cell = str | Decimal | int | None
Row = tuple[Cell, ...]

GENERIC = (
    "time_utc", "kind", "venue", "account", "venue_id", "cycle", "symbol", "size", "price_usd",
    "usd", "client_id", "note",
)  # fmt: skip
KOINLY = (
    "Date", "Sent Amount", "Sent Currency", "Received Amount", "Received Currency", "Fee Amount",
    "Fee Currency", "Net Worth Amount", "Net Worth Currency", "Label", "Description", "TxHash",
)  # fmt: skip
CURRENCY = "USDC"
GAIN, FEE = "realized gain", "margin fee"


def write_generic(
    file: TextIO, shares: Iterable[Share], movements: Iterable[BookedMovement]
) -> None:
    """Write our own form, oldest first.

    `usd` is what a row changed the account's cash by, so that all of them sum up to it: a fill has
    the profit it realised, its fee a row of its own. `size` is signed base units. `cycle` is empty
    for what is not ours.
    """
    rows = [*_generic(shares), *map(_generic_movement, movements)]
    _write(file, GENERIC, sorted(rows, key=lambda row: str(row[0])))


def write_koinly(
    file: TextIO, shares: Iterable[Share], movements: Iterable[BookedMovement]
) -> None:
    """Write Koinly's universal form, oldest first; rows that changed no cash are left out."""
    timed = [*_koinly(shares), *map(_koinly_movement, movements)]
    _write(file, KOINLY, [row for _, row in sorted(timed, key=lambda each: each[0])])


def _write(file: TextIO, head: Row, rows: Iterable[Row]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_text(cell) for cell in row] for row in rows)


def _text(cell: Cell) -> Cell:
    return f"{cell.normalize():f}" if isinstance(cell, Decimal) else cell


def _generic(shares: Iterable[Share]) -> Iterator[Row]:
    for share in shares:
        if share.size:
            yield _generic_row(share, "fill", share.price_usd)
            yield _generic_row(share, "fee", -share.fee_usd)
        else:
            yield _generic_row(share, "funding", share.funding_usd)


def _generic_row(share: Share, kind: str, usd: Decimal) -> Row:
    book = share.book
    cycle = None if share.cycle is None else f"{share.cycle.epoch}-{share.cycle.cycle}"
    traded: Row = (share.size, share.price) if kind == "fill" else (None, None)
    head = (utc_text(share.at_ms), kind, book.venue.value, book.account, share.row_id)
    return (*head, cycle, share.symbol, *traded, usd, share.client_id, None)


def _generic_movement(row: BookedMovement) -> Row:
    book, moved = row.book, row.row
    head = (utc_text(moved.at_ms), moved.kind.value, book.venue.value, book.account)
    return (*head, moved.movement_id, None, None, None, None, moved.usd, None, moved.word)


def _koinly(shares: Iterable[Share]) -> Iterator[tuple[int, Row]]:
    for share in shares:
        name = f"{share.book.venue.value} {share.symbol} {share.row_id}"
        amounts = (
            (share.price_usd, GAIN, f"{name} closed"),
            (share.funding_usd, GAIN, f"{name} funding"),
            (-share.fee_usd, FEE if share.fee_usd > 0 else GAIN, f"{name} fee"),
        )
        for usd, label, text in amounts:
            if usd:
                yield share.at_ms, _koinly_row(share.at_ms, usd, label, text)


def _koinly_movement(row: BookedMovement) -> tuple[int, Row]:
    moved = row.row
    text = f"{row.book.venue.value} {moved.kind.value} {moved.movement_id}"
    return moved.at_ms, _koinly_row(moved.at_ms, moved.usd, "", text)


def _koinly_row(at_ms: int, usd: Decimal, label: str, text: str) -> Row:
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    sent: Row = (-usd, CURRENCY) if usd < 0 else (None, None)
    received: Row = (usd, CURRENCY) if usd >= 0 else (None, None)
    nothing: Row = (None, None, None, None)
    return (f"{moment:%Y-%m-%d %H:%M} UTC", *sent, *received, *nothing, label, text, None)
