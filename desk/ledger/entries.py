"""How each entry becomes rows of the ledger's tables.

Written twice, an entry changes nothing: rows are known by venue and venue id. Only money moved may
be corrected by its venue later, and notes are filled in as more becomes known.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import astuple, fields
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from desk.core.books import Movement
from desk.core.funding import FundingPayment
from desk.core.order import Fill
from desk.ledger.rows import (
    CycleNote,
    Entry,
    Mark,
    OrderEnd,
    OrderNote,
    Reading,
    RowKind,
    Span,
    StepNote,
)

Values = tuple[object, ...]

_FILLS = "INSERT OR IGNORE INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PAYMENTS = "INSERT OR IGNORE INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_MOVEMENTS = "INSERT OR REPLACE INTO movements VALUES (?, ?, ?, ?, ?, ?, ?)"


def write_entry(connection: sqlite3.Connection, entry: Entry) -> None:
    """Write one entry inside the transaction that is open."""
    _WRITERS[type(entry)](connection, entry)


def _write_reading(connection: sqlite3.Connection, reading: Reading) -> None:
    book = reading.span.book
    insert, values = _ROWS[reading.span.kind]
    of_book = (book.venue, book.account)
    connection.executemany(insert, (_texts((*of_book, *values(row))) for row in reading.rows))
    _write_span(connection, reading.span)


def _fill(row: Fill) -> Values:
    return (
        row.fill_id, row.at_ms, row.symbol, row.side, row.size, row.price, row.fee_usd,
        row.order_id, row.client_id, int(row.is_maker), row.cause,
    )  # fmt: skip


def _payment(row: FundingPayment) -> Values:
    rate = None if row.rate is None else row.rate.fraction
    return row.payment_id, row.at_ms, row.symbol, row.usd, rate, row.position_size


def _movement(row: Movement) -> Values:
    return row.movement_id, row.at_ms, row.kind, row.usd, row.word


_ROWS: Final[dict[RowKind, tuple[str, Callable[[Any], Values]]]] = {
    RowKind.FILLS: (_FILLS, _fill),
    RowKind.PAYMENTS: (_PAYMENTS, _payment),
    RowKind.MOVEMENTS: (_MOVEMENTS, _movement),
}


def _write_span(connection: sqlite3.Connection, span: Span) -> None:
    """Add a span, joined with those that it touches."""
    key = (span.book.venue, span.book.account, span.kind)
    of_list = "FROM spans WHERE venue = ? AND account = ? AND kind = ?"
    touching = f"{of_list} AND from_ms <= ? AND until_ms >= ?"
    within = (*key, span.until_ms, span.from_ms)
    known = connection.execute(f"SELECT from_ms, until_ms {touching}", within).fetchall()
    connection.execute(f"DELETE {touching}", within)
    start = min([span.from_ms, *(row[0] for row in known)])
    end = max([span.until_ms, *(row[1] for row in known)])
    connection.execute("INSERT INTO spans VALUES (?, ?, ?, ?, ?)", (*key, start, end))


def _write_mark(connection: sqlite3.Connection, mark: Mark) -> None:
    held = json.dumps([_texts(astuple(row)) for row in mark.positions])
    values = (mark.book.venue, mark.book.account, mark.at_ms, mark.equity_usd, mark.balance_usd)
    connection.execute(
        "INSERT OR IGNORE INTO marks VALUES (?, ?, ?, ?, ?, ?)", _texts((*values, held))
    )


def _write_cycle(connection: sqlite3.Connection, note: CycleNote) -> None:
    """Write what is known of a cycle; what an older note said and this one does not know stays."""
    names = [field.name for field in fields(note) if field.name != "id"]
    kept = ", ".join(f"{name} = COALESCE(excluded.{name}, {name})" for name in names)
    holders = ", ".join("?" * (len(names) + 2))
    values = (note.id.epoch, note.id.cycle, *(getattr(note, name) for name in names))
    connection.execute(
        f"INSERT INTO cycles (epoch, cycle, {', '.join(names)}) VALUES ({holders}) "
        f"ON CONFLICT (epoch, cycle) DO UPDATE SET {kept}",
        _texts(values),
    )


def _write_order(connection: sqlite3.Connection, note: OrderNote) -> None:
    values = (
        note.venue, note.client_id, note.cycle.epoch, note.cycle.cycle, note.at_ms, note.role,
        note.symbol, note.side, note.size, note.price, note.seen_price,
    )  # fmt: skip
    holders = ", ".join("?" * len(values))
    connection.execute(f"INSERT OR IGNORE INTO orders VALUES ({holders})", _texts(values))


def _write_end(connection: sqlite3.Connection, end: OrderEnd) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO ends VALUES (?, ?, ?, ?, ?, ?)", _texts(astuple(end))
    )


def _write_step(connection: sqlite3.Connection, step: StepNote) -> None:
    values = (step.cycle.epoch, step.cycle.cycle, step.at_ms, step.phase, step.reason)
    connection.execute("INSERT OR IGNORE INTO steps VALUES (?, ?, ?, ?, ?)", values)


def _texts(values: Iterable[object]) -> list[object]:
    """Return values as SQLite keeps them: decimals and words as text."""
    return [_text(value) for value in values]


def _text(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.value if isinstance(value, Enum) else value


_WRITERS: Final[dict[type, Callable[[sqlite3.Connection, Any], None]]] = {
    Reading: _write_reading,
    Mark: _write_mark,
    CycleNote: _write_cycle,
    OrderNote: _write_order,
    OrderEnd: _write_end,
    StepNote: _write_step,
}
