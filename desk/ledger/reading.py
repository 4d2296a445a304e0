"""Read a ledger back, whole, from a file that nobody need be writing."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from desk.core.books import Movement, MovementKind
from desk.core.funding import FundingPayment, HourlyRate
from desk.core.order import Fill, FillCause, Side
from desk.core.venue import VenueName
from desk.ledger.rows import (
    Book,
    BookedFill,
    BookedMovement,
    BookedPayment,
    CycleId,
    CycleNote,
    Held,
    Ledger,
    Mark,
    OrderEnd,
    OrderNote,
    RowKind,
    Span,
    StepNote,
)
from desk.ledger.schema import opened, read_copy

T = TypeVar("T")
Row = sqlite3.Row


def read_ledger(path: Path) -> Ledger | None:
    """Return all that is in a ledger, None where there is no file. Raises `StateError`."""
    copy = read_copy(path)
    if copy is None:
        return None
    with closing(copy):
        copy.row_factory = sqlite3.Row

        def rows(table: str, order: str, read: Callable[[Row], T]) -> tuple[T, ...]:
            found = copy.execute(f"SELECT * FROM {table} ORDER BY {order}")
            return tuple(read(row) for row in found)

        return Ledger(
            fills=rows("fills", "at_ms, venue, fill_id", _fill),
            payments=rows("payments", "at_ms, venue, payment_id", _payment),
            movements=rows("movements", "at_ms, venue, movement_id", _movement),
            marks=rows("marks", "at_ms, venue", _mark),
            spans=rows("spans", "venue, account, kind, from_ms", _span),
            cycles=rows("cycles", "COALESCE(approved_at_ms, 0), epoch, cycle", _cycle),
            orders=rows("orders", "at_ms, venue, client_id", _order),
            ends=rows("ends", "venue, client_id", _end),
            steps=rows("steps", "at_ms", _step),
        )


def read_spans(path: Path) -> tuple[Span, ...]:
    """Return what a ledger has read of the venues, nothing where there is no file.

    Raises `StateError`.
    """
    with opened(path) as source:
        if source is None or not source.execute("PRAGMA user_version").fetchone()[0]:
            return ()
        source.row_factory = sqlite3.Row
        return tuple(_span(row) for row in source.execute("SELECT * FROM spans"))


def _book(row: Row) -> Book:
    return Book(VenueName(row["venue"]), row["account"])


def _cycle_id(row: Row) -> CycleId:
    return CycleId(row["epoch"], row["cycle"])


def _maybe(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _fill(row: Row) -> BookedFill:
    fill = Fill(
        symbol=row["symbol"],
        fill_id=row["fill_id"],
        order_id=row["order_id"],
        client_id=row["client_id"],
        side=Side(row["side"]),
        size=Decimal(row["size"]),
        price=Decimal(row["price"]),
        fee_usd=Decimal(row["fee_usd"]),
        at_ms=row["at_ms"],
        is_maker=bool(row["is_maker"]),
        cause=FillCause(row["cause"]),
    )
    return BookedFill(_book(row), fill)


def _payment(row: Row) -> BookedPayment:
    rate = _maybe(row["rate_hourly"])
    payment = FundingPayment(
        symbol=row["symbol"],
        payment_id=row["payment_id"],
        usd=Decimal(row["usd"]),
        at_ms=row["at_ms"],
        rate=None if rate is None else HourlyRate.from_hourly(rate),
        position_size=_maybe(row["position_size"]),
    )
    return BookedPayment(_book(row), payment)


def _movement(row: Row) -> BookedMovement:
    kind, usd = MovementKind(row["kind"]), Decimal(row["usd"])
    movement = Movement(row["movement_id"], kind, usd, row["at_ms"], row["word"])
    return BookedMovement(_book(row), movement)


def _mark(row: Row) -> Mark:
    held = tuple(
        Held(symbol, Decimal(size), Decimal(price))
        for symbol, size, price in json.loads(row["positions"])
    )
    equity, balance = Decimal(row["equity_usd"]), Decimal(row["balance_usd"])
    return Mark(_book(row), row["at_ms"], equity, balance, held)


def _span(row: Row) -> Span:
    return Span(_book(row), RowKind(row["kind"]), row["from_ms"], row["until_ms"])


_CYCLE_DECIMALS = (
    "size", "spread_apr_pct", "funding_bps", "forecast_usd", "equity_change_usd", "notional_usd",
    "expected_funding_bps", "expected_fees_bps", "expected_impact_bps", "expected_basis_bps",
)  # fmt: skip


def _cycle(row: Row) -> CycleNote:
    values: dict[str, Any] = {
        field.name: row[field.name] for field in fields(CycleNote) if field.name != "id"
    }
    values |= {name: _maybe(row[name]) for name in _CYCLE_DECIMALS}
    values["long_venue"] = VenueName(row["long_venue"])
    return CycleNote(id=_cycle_id(row), **values)


def _order(row: Row) -> OrderNote:
    return OrderNote(
        venue=VenueName(row["venue"]),
        client_id=row["client_id"],
        cycle=_cycle_id(row),
        at_ms=row["at_ms"],
        role=row["role"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        size=Decimal(row["size"]),
        price=Decimal(row["price"]),
        seen_price=_maybe(row["seen_price"]),
    )


def _end(row: Row) -> OrderEnd:
    return OrderEnd(
        venue=VenueName(row["venue"]),
        client_id=row["client_id"],
        verdict=row["verdict"],
        filled=Decimal(row["filled"]),
        average_price=_maybe(row["average_price"]),
        detail=row["detail"],
    )


def _step(row: Row) -> StepNote:
    return StepNote(_cycle_id(row), row["at_ms"], row["phase"], row["reason"])
