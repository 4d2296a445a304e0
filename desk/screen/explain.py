"""One cycle explained: why it was opened, held, renewed and closed, and every order and fill."""

from collections.abc import Iterable
from decimal import Decimal

from desk.engine.journal import utc_text
from desk.ledger.cycles import Cycle, Share
from desk.ledger.hopes import compared, expected_net_usd
from desk.ledger.rows import Ledger, OrderEnd, OrderNote
from desk.screen.report import DASH, HEAD, comparison_lines, cycle_rows, unread_text
from desk.screen.tables import columns, usd

ORDERS_HEAD = (
    "time UTC", "order", "venue", "side", "size", "limit", "seen", "filled", "at", "fee", "heard",
)  # fmt: skip


def explanation(ledger: Ledger, cycle: Cycle, width: int) -> list[str]:
    """Return all that the ledger knows of one cycle, no line wider than `width`."""
    lines = [_heading(cycle), "", *_forecast(cycle, width), ""]
    lines += [
        f"{utc_text(step.at_ms)}  {step.phase:<8} {step.reason}"
        for step in ledger.steps
        if step.cycle == cycle.id
    ]
    orders = [row for row in ledger.orders if row.cycle == cycle.id]
    rows = [ORDERS_HEAD, *_order_rows(orders, ledger.ends, cycle.shares)]
    if len(rows) > 1:
        lines += ["", *columns(rows, left=(0, 1, 2, 3, len(ORDERS_HEAD) - 1), width=width)]
    table = [HEAD, *cycle_rows(cycle)]
    lines += ["", *columns(table, left=(0, 1, len(HEAD) - 1), width=width)]
    lines += [f"Unread: {unread_text(row)}; missing, not zero" for row in cycle.unread]
    lines.append("The journal has every value these decisions read, at the same instants.")
    return [line[:width] for line in lines]


def _heading(cycle: Cycle) -> str:
    note = cycle.note
    if note is None:
        return f"cycle {cycle.id.cycle}: {cycle.symbol}; only its rows are left, no notes"
    renewed = f", renewed {note.renewals}x" if note.renewals else ""
    return (
        f"cycle {cycle.id.cycle} (epoch {cycle.id.epoch}): {note.size.normalize():f} "
        f"{note.symbol} each leg, long {note.long_venue}{renewed}"
    )


def _forecast(cycle: Cycle, width: int) -> list[str]:
    """Return what was expected of it, beside what came."""
    note, lines = cycle.note, []
    if note is not None and note.spread_apr_pct is not None:
        lines.append(f"chosen at a spread of {note.spread_apr_pct:.2f} % APR")
    lines += _hope(cycle, width)
    if note is not None and note.legging_ms is not None:
        lines.append(f"one leg of the opening could stand alone for {note.legging_ms} ms")
    if note is not None and note.equity_change_usd is not None:
        change, net = usd(note.equity_change_usd), usd(cycle.total.net_usd)
        lines.append(f"both venues' equity changed by {change} USD, its rows come to {net}")
    return lines


def _hope(cycle: Cycle, width: int) -> list[str]:
    """Return what it was opened for beside what it brought; while it stands, the former alone."""
    found, expected = compared([cycle]), expected_net_usd(cycle)
    if found is not None:
        return [*comparison_lines(found, width), ""]
    note = cycle.note
    if note is None or expected is None:
        return []
    return [
        f"opened for {usd(expected)} USD net in {note.expected_hours} h: "
        f"{note.expected_funding_bps:.2f} bp of funding, less {note.expected_fees_bps:.2f} of "
        f"fees, {note.expected_impact_bps:.2f} of impact and {note.expected_basis_bps:.2f} of "
        "adverse prices"
    ]


def _order_rows(
    orders: Iterable[OrderNote], ends: Iterable[OrderEnd], shares: Iterable[Share]
) -> list[tuple[str, ...]]:
    """Return a row for each order, and one for each fill that no order of ours explains."""
    heard = {(end.venue, end.client_id): end for end in ends}
    fills: dict[tuple[str, str | None], list[Share]] = {}
    for share in shares:
        if share.size:
            fills.setdefault((share.book.venue, share.client_id), []).append(share)
    rows = []
    for order in orders:
        own = fills.pop((order.venue, order.client_id), [])
        rows.append(_order_row(order, heard.get((order.venue, order.client_id)), own))
    strangers = (share for group in fills.values() for share in group)
    return rows + [_stranger_row(share) for share in strangers]


def _order_row(order: OrderNote, end: OrderEnd | None, own: list[Share]) -> tuple[str, ...]:
    said = "nothing" if end is None else " ".join(filter(None, (end.verdict, end.detail)))
    return (
        utc_text(order.at_ms),
        order.role,
        order.venue,
        order.side,
        _plain(order.size),
        _plain(order.price),
        _plain(order.seen_price),
        *_filled(own),
        said,
    )


def _filled(own: list[Share]) -> tuple[str, str, str]:
    """Return size, average price and fee of an order's fills, as the venue booked them."""
    size = sum((abs(share.size) for share in own), Decimal(0))
    if not size:
        return DASH, DASH, DASH
    paid = sum((abs(share.size) * share.price for share in own), Decimal(0))
    return _plain(size), _plain(round(paid / size, 8)), _plain(sum(row.fee_usd for row in own))


def _stranger_row(share: Share) -> tuple[str, ...]:
    side = "buy" if share.size > 0 else "sell"
    who = "by hand" if share.client_id is None else "not noted"
    head = (utc_text(share.at_ms), who, share.book.venue.value, side)
    return (*head, DASH, DASH, DASH, *_filled([share]), DASH)


def _plain(value: Decimal | int | None) -> str:
    return DASH if value is None else f"{Decimal(value).normalize():f}"
