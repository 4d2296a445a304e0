"""The report in the terminal: what each cycle brought, what both accounts did, whether it adds up.

Lines only; the figures come ready from `desk.ledger`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from desk.core.words import shortened, span
from desk.ledger.account import Account
from desk.ledger.cycles import Cycle, Leg, sum_of
from desk.ledger.hopes import Compared, compared, expected_net_usd
from desk.ledger.rows import Span
from desk.ledger.statement import Statement
from desk.screen.tables import columns, usd

CYCLES_MAX = 20
UNREAD_MAX = 8
DAYS_MAX = 8
DASH = "–"
HEAD = ("cycle", "leg", "price", "funding", "fees", "net USD", "slippage", "expected", "closed")

COMPARED_HEAD = ("", "expected USD", "realised USD", "expected bp", "realised bp")


def report_lines(account: Account, width: int) -> list[str]:
    """Return the whole report, no line wider than `width`."""
    lines = [*_title(account), ""]
    if account.cycles:
        lines += [*columns(_cycle_rows(account), left=(0, 1, len(HEAD) - 1), width=width), ""]
    found = compared(account.ended)
    if found is not None:
        ended = len(account.ended)
        told = "all" if found.count == ended else f"{found.count} of the {ended}"
        lines += [f"Expected at the opening against realised, {told} cycles that ended:"]
        lines += [*comparison_lines(found, width), ""]
    for statement in account.statements:
        lines += _statement_lines(statement)
    lines += _doubts(account)
    return [line[:width] for line in lines]


def _title(account: Account) -> list[str]:
    start_ms, end_ms = account.between_ms
    ended, standing = len(account.ended), len(account.cycles) - len(account.ended)
    cycles = "1 cycle" if ended == 1 else f"{ended} cycles"
    lines = [f"{minute(start_ms)} to {minute(end_ms)} UTC: {cycles} ended, {standing} standing."]
    hidden = len(account.cycles) - CYCLES_MAX
    if hidden > 0:
        lines.append(f"The last {CYCLES_MAX} are shown; {hidden} before them are in the sums.")
    return lines


def _cycle_rows(account: Account) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [HEAD]
    for cycle in account.cycles[-CYCLES_MAX:]:
        rows += cycle_rows(cycle)
    for leg in account.legs:
        rows.append(("all ended", leg.venue.value, *_amounts(leg), "", ""))
    if account.legs:
        both = sum_of(account.legs[0].venue, account.legs)
        rows.append(("all ended", "both", *_amounts(both), "", ""))
    if account.foreign is not None:
        rows.append(("not ours", "", *_amounts(account.foreign), "", ""))
    return rows


def cycle_rows(cycle: Cycle) -> list[tuple[str, ...]]:
    """Return a cycle and its legs under `HEAD`."""
    both = (_name(cycle), "both", *_amounts(cycle.total), _expected(cycle), _closed(cycle))
    return [both, *(("", leg.venue.value, *_amounts(leg), "", "") for leg in cycle.legs)]


def _name(cycle: Cycle) -> str:
    note = cycle.note
    size = "" if note is None else f" {note.size.normalize():f}"
    return f"{cycle.id.cycle}: {cycle.symbol}{size}"


def _amounts(leg: Leg) -> tuple[str, ...]:
    slippage = DASH if leg.slippage_usd is None else usd(leg.slippage_usd)
    return usd(leg.price_usd), usd(leg.funding_usd), usd(-leg.fee_usd), usd(leg.net_usd), slippage


def _expected(cycle: Cycle) -> str:
    """Return the net expected at the opening."""
    expected = expected_net_usd(cycle)
    return DASH if expected is None else usd(expected)


def comparison_lines(found: Compared, width: int) -> list[str]:
    """Return each part as it was expected and as it came, and for how long."""
    rows: list[tuple[str, ...]] = [COMPARED_HEAD]
    for part, expected in found.expected_usd.items():
        rows.append(_compared(part, found, expected, found.realised_usd[part]))
    rows.append(_compared("net", found, found.expected_net_usd, found.net_usd))
    hours = f"held {found.held_h:.1f} h, planned for {found.planned_h:f} h"
    return [*columns(rows, left=(0,), width=width), f"  {hours}"]


def _compared(
    name: str, found: Compared, expected: Decimal, realised: Decimal | None
) -> tuple[str, ...]:
    if realised is None:
        return (name, usd(expected), DASH, f"{found.bps(expected):+.2f}", DASH)
    bps = (f"{found.bps(value):+.2f}" for value in (expected, realised))
    return (name, usd(expected), usd(realised), *bps)


def _closed(cycle: Cycle) -> str:
    if cycle.unread:
        return "incomplete: rows unread"
    if cycle.ended_at_ms is None:
        return "still open"
    why = cycle.note.close_reason if cycle.note is not None else None
    held = f"{span(cycle.ended_at_ms - cycle.began_at_ms)}, " if cycle.note is not None else ""
    return f"{minute(cycle.ended_at_ms)}, {held}{why or 'reason not known'}"


def _statement_lines(statement: Statement) -> list[str]:
    """Return one account's books: what it was worth, what was booked, what it is worth."""
    book = statement.book
    since, until = minute(statement.start.at_ms), minute(statement.end.at_ms)
    sums = (
        f"{_part(statement.price_usd)} price {_part(statement.funding_usd)} funding "
        f"{_part(-statement.fee_usd)} fees {_part(statement.moved_usd)} moved"
    )
    return [
        f"{book.venue} {shortened(book.account)}, {since} to {until}: {_verdict(statement)}",
        f"  {statement.start.equity_usd:,.4f} {sums} = {statement.end.equity_usd:,.4f}",
    ]


def _part(value: Decimal) -> str:
    text = f"{value:+,.4f}"
    return f"{text[0]} {text[1:]}"


def _verdict(statement: Statement) -> str:
    if statement.unread:
        return f"cannot be judged, rows are unread (difference {usd(statement.difference_usd)})"
    if statement.closes:
        return f"closes to the cent (difference {statement.difference_usd:+.6f})"
    return f"does NOT close: {usd(statement.difference_usd)} is not explained by the rows"


def _doubts(account: Account) -> list[str]:
    """Return what is missing and what does not add up, each with its time."""
    lines = []
    if not account.statements:
        lines.append("No two sure marks of an account yet, so its books cannot be held against it.")
    lines += [f"Unread: {unread_text(row)}" for row in account.unread[:UNREAD_MAX]]
    lines += _more(account.unread[UNREAD_MAX:], "unread stretches")
    for day in account.odd_days[:DAYS_MAX]:
        until = minute(day.end.at_ms)
        lines.append(
            f"Not explained: {usd(day.difference_usd)} on {day.book.venue} up to {until}"
        )
    return lines + _more(account.odd_days[DAYS_MAX:], "such days")


def _more(rest: Sequence[object], what: str) -> list[str]:
    return [f"… and {len(rest)} more {what}."] if rest else []


def unread_text(row: Span) -> str:
    """Return which list was not read, from when to when: missing, not zero."""
    return f"{row.kind} of {row.book.venue}, {minute(row.from_ms)} to {minute(row.until_ms)} UTC"


def minute(at_ms: int) -> str:
    """Return an instant to the minute, UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"
