"""Tables: the ranked symbols of a look, and the books of a finished cycle."""

from collections.abc import Sequence
from decimal import Decimal

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from desk.core.funding import HourlyRate
from desk.core.venue import VenueName
from desk.hedge.select import BOTH, Candidate
from desk.hedge.state import CycleResult


def ranking(candidates: Sequence[Candidate], *, title: str, quotes_recorded: bool = True) -> Table:
    """Return the symbols of one look, best first, each with what keeps it from being opened."""
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("symbol", style="bold")
    for name in ("Lighter APR", "Pacifica APR", "spread APR"):
        table.add_column(name, justify="right")
    table.add_column("long")
    for name in ("L book", "P book", "funding", "cost"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for row in candidates:
        table.add_row(
            escape(row.symbol),
            _apr(row.rates[VenueName.LIGHTER]),
            _apr(row.rates[VenueName.PACIFICA]),
            _apr(row.spread),
            row.long_venue or "",
            *(_book(row, venue, recorded=quotes_recorded) for venue in BOTH),
            _bps(row.funding_bps),
            ("" if len(row.quotes) == len(BOTH) else "≥ ") + _bps(row.cost_bps),
            _verdict(row),
        )
    return table


def _apr(rate: HourlyRate | None) -> str:
    return "–" if rate is None else f"{rate.apr_pct:.2f} %"


def _bps(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:.2f} bp"


def _book(row: Candidate, venue: VenueName, *, recorded: bool) -> str:
    quote = row.quotes.get(venue)
    if quote is not None:
        return f"{quote.spread_bps:.2f} bp"
    return "–" if recorded else "not recorded"


def _verdict(row: Candidate) -> Text:
    if row.is_eligible:
        return Text("may be opened", style="green")
    text = Text()
    for index, refusal in enumerate(row.refusals):
        text.append("; " if index else "")
        text.append(refusal.reason, style="yellow")
        if refusal.missing_bps is not None:
            text.append(f", {refusal.missing_bps:.2f} bp short")
        if refusal.key is not None:
            text.append(f" ({refusal.key})", style="dim")
    return text


def nearest_line(candidates: Sequence[Candidate]) -> str:
    """Return what the nearest symbol lacks, and which key would change it."""
    if not candidates:
        return "No symbol is listed on both venues."
    first = candidates[0]
    if first.is_eligible:
        return f"{first.symbol} may be opened: long {first.long_venue}, {_apr(first.spread)} APR."
    lacks = []
    for refusal in first.refusals:
        missing = f", {refusal.missing_bps:.2f} bp short" if refusal.missing_bps is not None else ""
        key = f"; the key is {refusal.key}" if refusal.key is not None else ""
        lacks.append(f"{refusal.reason}{missing}{key}")
    return f"Nothing to open. Nearest is {first.symbol}: " + "; ".join(lacks) + "."


def cycle_books(result: CycleResult) -> Table:
    """Return what a finished cycle brought, split into price, funding and fees for each leg."""
    title = (
        f"Cycle {result.cycle}: {escape(result.symbol)}, {result.size.normalize():f} each leg, "
        f"closed because {result.close_reason}"
    )
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("leg")
    for name in ("price", "funding", "fees", "net USD"):
        table.add_column(name, justify="right")
    for venue, leg in result.legs.items():
        table.add_row(
            f"{leg.side} {venue}",
            _usd(leg.price_usd),
            _usd(leg.funding_usd),
            _usd(-leg.fees_usd),
            _usd(leg.net_usd),
        )
    table.add_section()
    legs = result.legs.values()
    table.add_row(
        "both legs",
        _usd(sum((leg.price_usd for leg in legs), Decimal(0))),
        _usd(sum((leg.funding_usd for leg in legs), Decimal(0))),
        _usd(-sum((leg.fees_usd for leg in legs), Decimal(0))),
        _usd(result.net_usd),
        style="bold",
    )
    table.caption = _equity_line(result)
    table.caption_justify = "left"
    return table


def _equity_line(result: CycleResult) -> str:
    """Return what both accounts say; what the legs do not explain is never left out."""
    gap = "" if result.is_complete else "incomplete: a venue has not handed out all rows; "
    if result.equity_change_usd is None:
        return f"{gap}equity change: not known"
    off = result.equity_change_usd - result.net_usd
    agrees = "agrees with the legs" if abs(off) < Decimal("0.005") else f"differs by {_usd(off)}"
    change = _usd(result.equity_change_usd)
    return f"{gap}equity change read from the venues: {change} USD, {agrees}"


def _usd(value: Decimal) -> str:
    return f"{value:+,.4f}"
