"""The report as one page of HTML: tables and charts, nothing loaded from anywhere, no script."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape

from desk.ledger.account import Account
from desk.ledger.charts import charts
from desk.ledger.cycles import Cycle, Leg, sum_of
from desk.ledger.hopes import PARTS, Compared, compared, expected_net_usd
from desk.ledger.statement import Statement

CYCLES_MAX = 200
UNREAD_MAX = 50
DASH = "–"
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #111; background: #fff; margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem .5rem; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child, .word { text-align: left; }
tr.leg td { color: #666; border-bottom-color: #f2f2f2; }
tr.sum td { font-weight: 600; }
.minus { color: #b3261e; } .warning { background: #fff3cd; padding: .5rem .8rem; }
.wide { overflow-x: auto; } svg { width: 100%; height: auto; }
"""
HEAD = ("cycle", "leg", "price", "funding", "fees", "net USD", "slippage", "expected", "ended")
BOOKS = ("account", "start", "price", "funding", "fees", "moved", "end", "not explained")


def page(account: Account) -> str:
    """Return the whole page; the same figures give the same bytes."""
    start_ms, end_ms = account.between_ms
    title = f"Ledger, {_minute(start_ms)} to {_minute(end_ms)} UTC"
    body = [f"<h1>{title}</h1>", _summary(account), *_warnings(account)]
    for heading, svg in charts(account):
        body.append(f"<h2>{escape(heading)}</h2>\n{svg}")
    body += _comparison(compared(account.ended))
    body += ["<h2>Cycles</h2>", _cycles(account), "<h2>Books</h2>", _books(account.statements)]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _summary(account: Account) -> str:
    if not account.legs:
        return "<p>No cycle has ended yet.</p>"
    total = sum_of(account.legs[0].venue, account.legs)
    parts = f"price {_usd(total.price_usd)}, funding {_usd(total.funding_usd)}"
    count = len(account.ended)
    cycles = "1 cycle" if count == 1 else f"{count} cycles"
    fees = f"fees {_usd(-total.fee_usd)}"
    return f"<p>{cycles} ended: net <b>{_usd(total.net_usd)} USD</b> ({parts}, {fees}).</p>"


def _warnings(account: Account) -> list[str]:
    texts = [
        f"Unread: {row.kind} of {row.book.venue}, {_minute(row.from_ms)} to "
        f"{_minute(row.until_ms)} UTC. Missing, not zero."
        for row in account.unread[:UNREAD_MAX]
    ]
    texts += [
        f"Not explained: {_usd(day.difference_usd)} USD on {day.book.venue} up to "
        f"{_minute(day.end.at_ms)}."
        for day in account.odd_days[:UNREAD_MAX]
    ]
    return [f'<p class="warning">{text}</p>' for text in texts]


def _comparison(found: Compared | None) -> list[str]:
    """Return the parts as they were expected and as they came, over all cycles that have both."""
    if found is None:
        return []
    parts = {name: (found.expected_usd[name], found.realised_usd[name]) for name in PARTS}
    parts["net"] = found.expected_net_usd, found.net_usd
    rows = [
        _row((name, *(DASH if value is None else _cell(value) for value in values)))
        for name, values in parts.items()
    ]
    cycles = "1 cycle" if found.count == 1 else f"{found.count} cycles"
    head = f"<h2>Expected at the opening and realised, {cycles}</h2>"
    return [head, _table(("USD", "expected", "realised"), rows)]


def _cycles(account: Account) -> str:
    rows = []
    hidden = len(account.cycles) - CYCLES_MAX
    for cycle in account.cycles[-CYCLES_MAX:]:
        rows.append(_row((_name(cycle), "both", *_leg(cycle.total), _expected(cycle), _end(cycle))))
        rows += [_row(("", leg.venue, *_leg(leg), "", ""), "leg") for leg in cycle.legs]
    for leg in account.legs:
        rows.append(_row(("all ended", leg.venue, *_leg(leg), "", ""), "sum"))
    if account.legs:
        both = sum_of(account.legs[0].venue, account.legs)
        rows.append(_row(("all ended", "both", *_leg(both), "", ""), "sum"))
    if account.foreign is not None:
        rows.append(_row(("not ours", "", *_leg(account.foreign), "", "")))
    before = f"<p>{hidden} earlier cycles are in the sums only.</p>" if hidden > 0 else ""
    return before + _table(HEAD, rows)


def _leg(leg: Leg) -> tuple[str, ...]:
    slippage = DASH if leg.slippage_usd is None else _cell(leg.slippage_usd)
    amounts = (leg.price_usd, leg.funding_usd, -leg.fee_usd, leg.net_usd)
    return (*map(_cell, amounts), slippage)


def _name(cycle: Cycle) -> str:
    return escape(f"{cycle.id.cycle}: {cycle.symbol}")


def _expected(cycle: Cycle) -> str:
    expected = expected_net_usd(cycle)
    return DASH if expected is None else _cell(expected)


def _end(cycle: Cycle) -> str:
    if cycle.ended_at_ms is None:
        return "still open"
    why = (cycle.note.close_reason if cycle.note is not None else None) or ""
    missing = " (rows unread)" if cycle.unread else ""
    return escape(f"{_minute(cycle.ended_at_ms)} {why}{missing}")


def _books(statements: Sequence[Statement]) -> str:
    if not statements:
        return "<p>No two sure marks of an account yet.</p>"
    return _table(BOOKS, [_row(_book(row)) for row in statements])


def _book(row: Statement) -> tuple[str, ...]:
    amounts = (row.price_usd, row.funding_usd, -row.fee_usd, row.moved_usd)
    name = escape(f"{row.book.venue} {row.book.account}")
    worth = [f"{mark.equity_usd:,.4f}" for mark in (row.start, row.end)]
    unknown = f"{DASH} (rows unread)"
    rest = unknown if row.unread else f"{row.difference_usd:+.6f}"
    return (name, worth[0], *map(_cell, amounts), worth[1], rest)


def _table(head: Iterable[str], rows: Iterable[str]) -> str:
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f'<div class="wide"><table><tr>{cells}</tr>\n' + "\n".join(rows) + "\n</table></div>"


def _row(cells: Iterable[str], style: str = "") -> str:
    inner = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr class="{style}">{inner}</tr>' if style else f"<tr>{inner}</tr>"


def _cell(value: Decimal) -> str:
    return f'<span class="minus">{_usd(value)}</span>' if value < 0 else _usd(value)


def _usd(value: Decimal) -> str:
    return f"{value:+,.4f}"


def _minute(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"
