"""Tables: the ranked symbols of a look, and the books of a finished cycle.

Plain columns without frames: a row is a line at every width from 80 columns on, also in a file.
"""

import textwrap
from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.text import Text

from desk.core.funding import HourlyRate
from desk.core.venue import VenueName
from desk.core.words import span
from desk.hedge.config import Config
from desk.hedge.nearest import Change
from desk.hedge.select import BOTH, Candidate, Refusal
from desk.hedge.state import CycleResult

GAP = "  "
ELLIPSIS = "…"
NARROW_INDENT = " " * 4
VERDICT_WIDTH_MIN = 20
BOOKS_FROM_WIDTH = 105
BOOKS_WIDTH = 80
OPENABLE = "may be opened"


def columns(rows: Sequence[Sequence[str]], left: Sequence[int], width: int) -> list[str]:
    """Return rows as lines no longer than `width`; the columns in `left` are flush left."""
    sizes = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            f"{cell:<{size}}" if number in left else f"{cell:>{size}}"
            for number, (cell, size) in enumerate(zip(row, sizes, strict=True))
        ]
        lines.append(_cut(GAP.join(cells).rstrip(), width))
    return lines


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + ELLIPSIS


# The look


def ranking_units(config: Config) -> str:
    """Return what the figures of a ranking are."""
    hours = f"{config.hold_duration_hours.normalize():f} h"
    if not config.require_expected_profit:
        return f"rates in % a year, the rest in bp over {hours}"
    return f"rates in % a year, funding in bp over {hours}, net over the hold that pays surest"


def ranking(candidates: Sequence[Candidate], *, width: int, quotes_recorded: bool = True) -> Text:
    """Return the symbols of one look, best first, each with the first thing against opening it."""
    is_wide = width >= BOOKS_FROM_WIDTH
    costs: tuple[str, ...] = ("L book", "P book", "funding", "cost") if is_wide else ("net",)
    head = ("symbol", "Lighter", "Pacifica", "spread", "long", *costs)
    rows: list[tuple[str, ...]] = [head]
    for row in candidates:
        rates = (*(row.rates[venue] for venue in BOTH), row.spread)
        if is_wide:
            books = [_book(row, venue, recorded=quotes_recorded) for venue in BOTH]
            costs = (*books, _bps(row.funding_bps), _least(row, "≥ ") + _bps(row.cost_bps))
        else:
            costs = (("" if row.net_bps is None else _least(row, "≤ ")) + _bps(row.net_bps),)
        rows.append((row.symbol, *map(_apr, rates), row.long_venue or "", *costs))
    first, *figures = columns(rows, left=(0, 4), width=width)
    text = Text(_with_verdict(first, "verdict", first, width=width), style="bold")
    for row, line in zip(candidates, figures, strict=True):
        text.append("\n")
        whole = _with_verdict(line, verdict(row), first, width=width)
        text.append(whole, style="not bold green" if row.is_eligible else "not bold")
    return text


def _with_verdict(figures: str, verdict: str, head: str, *, width: int) -> str:
    """Return a row with its verdict, folded below its beginning; where the figures leave too little
    room, on lines of its own."""
    column = len(head) + len(GAP)
    if width - column < VERDICT_WIDTH_MIN:
        lines = textwrap.wrap(verdict, width - len(NARROW_INDENT))
        return "\n".join([figures, *(NARROW_INDENT + line for line in lines)])
    first, *more = textwrap.wrap(verdict, width - column)
    return "\n".join([f"{figures:<{column}}{first}", *(" " * column + line for line in more)])


def _apr(rate: HourlyRate | None) -> str:
    return "–" if rate is None else f"{rate.apr_pct:.2f}"


def _bps(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _least(row: Candidate, sign: str) -> str:
    """Return the sign of a figure that a missing book makes a bound, else nothing."""
    return "" if len(row.quotes) == len(BOTH) else sign


def _book(row: Candidate, venue: VenueName, *, recorded: bool) -> str:
    quote = row.quotes.get(venue)
    if quote is not None:
        return f"{quote.spread_bps:.2f}"
    return "–" if recorded else "not recorded"


def verdict(row: Candidate) -> str:
    """Return what stands against opening a symbol, the first thing, or that nothing does."""
    return OPENABLE if row.is_eligible else row.refusals[0].reason


def obstacles(candidates: Iterable[Candidate]) -> list[str]:
    """Return each reason against opening once, with the key that would change it, and whom it
    concerns by how much."""
    concerned: dict[str, list[str]] = {}
    for row in candidates:
        for refusal in row.refusals:
            head = refusal.reason + (f" ({refusal.key})" if refusal.key is not None else "")
            concerned.setdefault(head, []).append(row.symbol + _short(refusal, " "))
    return [f"{head}: {', '.join(symbols)}" for head, symbols in concerned.items()]


def _short(refusal: Refusal, separator: str) -> str:
    if refusal.missing_bps is None:
        return ""
    return f"{separator}{refusal.missing_bps:.2f} bp short"


def substance(candidates: Sequence[Candidate]) -> str:
    """Return what would make a look worth another table: who would be opened, and who not, why."""
    best = next((row.symbol for row in candidates if row.is_eligible), "")
    verdicts = sorted(f"{row.symbol} {verdict(row)}" for row in candidates)
    return "; ".join([best, *verdicts])


def plan_line(row: Candidate, config: Config) -> str:
    """Return what the hold that was weighed for a symbol is expected to leave, and what that is on
    the capital of both legs."""
    plan = row.plan
    if plan is None:
        return ""
    usd = plan.net_bps / 10_000 * config.base_capital_allocation
    again = "" if row.break_even is None else f", costs back after {row.break_even} h"
    said = "first hold, history too short" if row.is_prior else "the hold that pays surest"
    return (
        f"{row.symbol}, {said}: {plan.told()}; {usd:+.4f} USD net on two legs of "
        f"{config.base_capital_allocation.normalize():f} USD, {plan.margin_apr_pct:.2f} % a year "
        f"on both margins{again}."
    )


def nearest_line(
    candidates: Sequence[Candidate], changes: Sequence[Sequence[Change]] = ()
) -> str:
    """Return what the nearest symbol lacks, which key that is, and which `changes` of settings
    would have it opened."""
    if not candidates:
        return "No symbol is listed on both venues."
    first = candidates[0]
    if first.is_eligible:
        return f"{first.symbol} may be opened: long {first.long_venue}, {_apr(first.spread)} % APR."
    lacks = []
    for refusal in first.refusals:
        key = f"; the key is {refusal.key}" if refusal.key is not None else ""
        lacks.append(f"{refusal.reason}{_short(refusal, ', ')}{key}")
    line = f"Nothing to open. Nearest is {first.symbol}: " + "; ".join(lacks) + "."
    if not changes:
        return line
    ways = " or with ".join(" and ".join(map(str, change)) for change in changes)
    return f"{line} It would be opened with {ways}."


# The books


def cycle_title(result: CycleResult) -> str:
    """Return what a finished cycle was, and why it ended."""
    held = ""
    if result.opened_at_ms is not None:
        held = f", held {span(result.closed_at_ms - result.opened_at_ms)}"
    renewed = {0: "", 1: ", renewed once"}.get(result.renewals, f", renewed {result.renewals}x")
    size = f"{result.size.normalize():f}"
    cuts = "".join(f", {cut.words}" for cut in result.cuts)
    return (
        f"cycle {result.cycle}: {size} {result.symbol} each leg{held}{renewed}{cuts}, "
        f"closed because: {result.close_reason}"
    )


def cycle_books(result: CycleResult) -> Text:
    """Return what a finished cycle brought, split into price, funding and fees for each leg."""
    parts = {
        f"{leg.side} {venue}": (leg.price_usd, leg.funding_usd, -leg.fees_usd, leg.net_usd)
        for venue, leg in result.legs.items()
    }
    both = [sum((row[number] for row in parts.values()), Decimal(0)) for number in range(4)]
    rows: list[tuple[str, ...]] = [("leg", "price", "funding", "fees", "net USD")]
    rows += [(name, *map(usd, amounts)) for name, amounts in parts.items()]
    rows.append(("both legs", *map(usd, both)))
    head, *lines, last = columns(rows, left=(0,), width=BOOKS_WIDTH)
    text = Text(head, style="bold")
    for line in lines:
        text.append("\n" + line, style="not bold")
    return text.append("\n" + last)


def cycle_notes(result: CycleResult) -> list[str]:
    """Return what the books must be held against: the forecast, and the venues' own equity."""
    paid = sum((leg.funding_usd for leg in result.legs.values()), Decimal(0))
    notes: list[str] = []
    if result.forecast_usd is not None:
        until = ", which was for the time before the renewal" if result.renewals else ""
        notes.append(
            f"funding: {usd(paid)} USD, the forecast at the opening was "
            f"{usd(result.forecast_usd)}{until}"
        )
    if result.legging_ms is not None and result.slippage_bps is not None:
        notes.append(
            f"opening: both legs within {result.legging_ms} ms, {result.slippage_bps:+.1f} bp "
            "against the mids it was decided on"
        )
    return [*notes, _equity_line(result)]


def _equity_line(result: CycleResult) -> str:
    """Return what both accounts say; what the legs do not explain is never left out."""
    gap = "" if result.is_complete else "incomplete: a venue has not handed out all rows; "
    if result.equity_change_usd is None:
        return f"{gap}equity change: not known"
    off = result.equity_change_usd - result.net_usd
    agrees = "agrees with the legs" if abs(off) < Decimal("0.005") else f"differs by {usd(off)}"
    change = usd(result.equity_change_usd)
    return f"{gap}equity change read from the venues: {change} USD, {agrees}"


def usd(value: Decimal) -> str:
    """Return an amount with its sign and four decimals."""
    return f"{value:+,.4f}"
