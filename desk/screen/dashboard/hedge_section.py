"""The hedge on the dashboard: its legs, what they brought, what they earn, what guards them."""

from decimal import Decimal

from rich.text import Text

from desk.core.order import OrderKind, PositionSide
from desk.core.words import span
from desk.hedge.guard import TriggerStage
from desk.hedge.purse import LOW_MARGIN_PCT
from desk.hedge.state import Phase
from desk.screen.dashboard.parts import (
    Cell,
    bar,
    folded,
    gain,
    grid,
    heading,
    known,
    line,
    percent,
    price,
    told,
)
from desk.screen.dashboard.values import (
    Board,
    ExitView,
    HedgeView,
    LegView,
    StopView,
    TriggerView,
)

LABEL = 9
BAR_MIN, BAR_MAX = 12, 30
FAR_PCT = 99  # of the way to a liquidation; a long at 1x without debt has none at all
NEAR_STOP = Decimal("0.25")
HEAD = ("leg", "size", "entry", "mark", "price", "funding", "fees", "net USD")
SIZE_COLUMN, ENTRY_COLUMN = 1, 2
_SILENT = {Phase.RECOVER: "not known yet: both venues are being read"}


def hedge_lines(board: Board, width: int) -> list[Text]:
    """Return the section; without a hedge one line says so."""
    hedge, now_ms = board.hedge, board.at_ms
    if hedge is None:
        text = _SILENT.get(board.phase, "nothing of ours is open")
        if board.doubt is not None:
            text = "not known: see above"
        return [heading("hedge", width), line(Cell(text, "dim"))]
    return [
        heading(f"hedge {hedge.symbol}", width, _renewals(hedge)),
        *_legs(hedge, now_ms, width),
        _spread(hedge, now_ms),
        *_exit(hedge, now_ms, width),
        *(_guard(leg, now_ms, width) for leg in hedge.legs),
        *_triggers(hedge, width),
        *_progress(hedge, now_ms, width),
    ]


def _renewals(hedge: HedgeView) -> str:
    return f"renewed {hedge.renewals}x" if hedge.renewals else ""


def _legs(hedge: HedgeView, now_ms: int, width: int) -> list[Text]:
    rows = [[Cell(text, "bold") for text in HEAD]]
    rows += [_leg(leg, hedge.hours_due, now_ms) for leg in hedge.legs]
    fees = [leg.fees_usd for leg in hedge.legs]
    paid = [fee for fee in fees if fee is not None]
    all_fees = -sum(paid, Decimal(0)) if len(paid) == len(fees) else None
    funding = sum((leg.funding_usd for leg in hedge.legs), Decimal(0))
    missing = any(leg.hours_told < hedge.hours_due for leg in hedge.legs)
    rows.append([
        Cell("both legs", "bold"),
        Cell(""),
        Cell(""),
        Cell(""),
        told(hedge.price_usd, now_ms, gain),
        _funding(funding, missing=missing),
        known(all_fees, gain),
        told(hedge.net_usd, now_ms, gain),
    ])
    lines = grid(rows, width, left=(0,), spare=(SIZE_COLUMN, ENTRY_COLUMN))
    if missing:
        hours = min(leg.hours_told for leg in hedge.legs)
        text = f"~ funding of {hours} of {hedge.hours_due} hours has been told"
        lines.append(line(Cell(text, "yellow")))
    return lines


def _leg(leg: LegView, hours_due: int, now_ms: int) -> list[Cell]:
    size = f"{abs(leg.size).normalize():f}" if leg.size else "nothing"
    return [
        Cell(f"{leg.side} {leg.venue}" + ("?" if leg.in_doubt else ""), "bold"),
        Cell(size),
        known(leg.entry, price),
        told(leg.mark, now_ms, price),
        told(leg.price_usd, now_ms, gain),
        _funding(leg.funding_usd, missing=leg.hours_told < hours_due),
        known(None if leg.fees_usd is None else -leg.fees_usd, gain),
        told(leg.net_usd, now_ms, gain),
    ]


def _funding(usd: Decimal, *, missing: bool) -> Cell:
    """Return what was paid; where an hour has not been told, the figure is marked as a part."""
    cell = gain(usd)
    return Cell(f"~{cell.text}", "yellow") if missing else cell


def _spread(hedge: HedgeView, now_ms: int) -> Text:
    """Return what our direction earns a year, signed: now, when it was chosen, and as paid."""
    now = told(hedge.apr_now, now_ms, percent)
    is_paying = hedge.apr_now.is_good(now_ms) and (hedge.apr_now.value or Decimal(0)) < 0
    average = known(hedge.apr_average, percent)
    if hedge.apr_average is None and not hedge.hours_due:
        average = Cell("none paid yet", "dim")
    return line(
        f"{'spread':<{LABEL}}now ",
        now,
        Cell(" paying", "bold red") if is_paying else "",
        ", at entry ",
        known(hedge.apr_entry, percent),
        ", average ",
        average,
        " APR",
    )


def _exit(hedge: HedgeView, now_ms: int, width: int) -> list[Text]:
    """Return what closing now would cost, and the prices it would meet."""
    if not any(leg.size for leg in hedge.legs):
        return []

    def cost(view: ExitView) -> Cell:
        text = f"{-view.usd:+.4f} USD ({view.books_bps:.2f} bp books, {view.fees_bps:.2f} bp fees)"
        return Cell(text)

    prices = [
        f"{leg.venue} {'bid' if leg.side is PositionSide.LONG else 'ask'} "
        f"{told(leg.exit_price, now_ms, price).text}"
        for leg in hedge.legs
        if leg.size
    ]
    shown = told(hedge.exit, now_ms, cost)
    text = f"{'exit':<{LABEL}}{shown.text}; {', '.join(prices)}"
    return folded(text, width, shown.style, indent=LABEL)


def _guard(leg: LegView, now_ms: int, width: int) -> Text:
    """Return how far a leg is from its stop and its liquidation, and its leverage."""
    size = min(max((width - 56) // 2, BAR_MIN), BAR_MAX)
    cells: list[Cell | str] = [f"{leg.venue:<{LABEL}}stop "]
    stop = leg.stop
    if stop.is_good(now_ms) and stop.value is not None:
        style = "green" if stop.value.left > NEAR_STOP else "bold red"
        cells += [*bar(stop.value.left, size, style), " "]
    cells += [told(stop, now_ms, _stop), ", margin "]
    cells += [told(leg.margin_pct, now_ms, _margin), ", leverage "]
    cells.append(told(leg.leverage, now_ms, lambda value: f"{value.normalize():f}x"))
    return line(*cells)


def _stop(view: StopView) -> Cell:
    return Cell(f"{view.away_pct:.1f} % away", "" if view.left > NEAR_STOP else "bold red")


def _margin(pct: Decimal) -> Cell:
    if pct >= FAR_PCT:
        return Cell(f"> {FAR_PCT} %")
    return Cell(f"{pct:.1f} %", "bold red" if pct < LOW_MARGIN_PCT else "")


_KINDS = {OrderKind.STOP: "stop", OrderKind.TAKE_PROFIT: "profit"}
_STAGES = {TriggerStage.RESTING: "", TriggerStage.SENT: " (not seen yet)"}


def _triggers(hedge: HedgeView, width: int) -> list[Text]:
    """Return which triggers rest at the venues themselves."""
    if not any(leg.triggers for leg in hedge.legs):
        text = "none at the venues" if hedge.has_triggers else "off (venue_triggers)"
        return [line(Cell(f"{'triggers':<{LABEL}}{text}", "yellow"))]
    parts = []
    for leg in hedge.legs:
        rows = ", ".join(map(_trigger, leg.triggers))
        parts.append(f"{leg.venue} {rows or 'none'}")
    return folded(f"{'triggers':<{LABEL}}{'; '.join(parts)}", width, indent=LABEL)


def _trigger(view: TriggerView) -> str:
    return f"{_KINDS[view.kind]} {price(view.price)}{_STAGES[view.stage]}"


def _progress(hedge: HedgeView, now_ms: int, width: int) -> list[Text]:
    """Return how far the hold has come and how long it has left."""
    opened_ms, review_ms = hedge.opened_at_ms, hedge.review_at_ms
    if opened_ms is None or review_ms is None:
        return [line(f"{'hold':<{LABEL}}", Cell("has not begun", "dim"))]
    held_ms, whole_ms = now_ms - opened_ms, review_ms - opened_ms
    done = Decimal(held_ms) / whole_ms if whole_ms > 0 else Decimal(1)
    end = "review" if hedge.renews else "ends"
    when = f"{end} in {span(review_ms - now_ms)}" if review_ms > now_ms else f"{end} now"
    text = f" held {span(held_ms)}, {when}"
    size = min(max(width - LABEL - len(text), BAR_MIN), 2 * BAR_MAX)
    return [line(f"{'hold':<{LABEL}}", *bar(done, size, "cyan"), text)]
