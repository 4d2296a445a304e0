"""The four charts of the page, drawn as SVG: nothing is loaded, nothing runs.

Floats live here only, as coordinates. Long histories are thinned to what a page can show.
"""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import pygal
from pygal import PluginImportFixer
from pygal.style import Style

from desk.core.venue import VenueName
from desk.ledger.account import Account
from desk.ledger.cycles import Share
from desk.ledger.hopes import expected_net_usd
from desk.ledger.rows import Book, Mark

# It leaves a finder of an old protocol behind, which Python 3.11 warns of at each later import.
sys.meta_path[:] = [row for row in sys.meta_path if not isinstance(row, PluginImportFixer)]

T = TypeVar("T")

POINTS_MAX = 300
BARS_MAX = 72
CYCLES_MAX = 40
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LABELS_MAX = 8
TOGETHER_MS = 60_000
STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground="#333333",
    foreground_strong="#111111",
    foreground_subtle="#777777",
    colors=("#1f6feb", "#d29922", "#1a7f37", "#cf222e"),
    font_family="system-ui, sans-serif",
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=14,
    guide_stroke_color="#e4e4e4",
    major_guide_stroke_color="#cccccc",
    opacity="1",
)
LOOKS: dict[str, Any] = {
    "style": STYLE,
    "js": (),
    "width": 900,
    "height": 320,
    "margin": 8,
    "legend_at_bottom": True,
    "disable_xml_declaration": True,
    "show_minor_x_labels": False,
}
_BESIDE = re.compile(r"<script.*?</script>|<!--.*?-->", re.DOTALL)


def charts(account: Account) -> list[tuple[str, str]]:
    """Return title and SVG of each chart there is something to draw for."""
    drawn = [
        ("Equity since the first mark, USD", _equity(account)),
        (f"Funding per {_funding_unit(account)[0]}, USD", _funding(account)),
        ("Net expected at the opening and realised, USD per cycle", _expected(account)),
        ("How long one leg of an opening could stand alone, ms", _legging(account)),
    ]
    return [(title, svg) for title, svg in drawn if svg]


def _equity(account: Account) -> str:
    """Return each account's change of equity, and that of both where they were marked together;
    money moved in or out stays visible as a step."""
    marks = account.marks
    if len(marks) < 2:
        return ""
    chart = pygal.XY(**LOOKS | {"show_minor_x_labels": True}, stroke=True, show_dots=False)
    chart.x_value_formatter = _moment
    first_s, last_s = marks[0].at_ms / 1000, marks[-1].at_ms / 1000
    step_s = (last_s - first_s) / (LABELS_MAX - 2)
    chart.x_labels = [first_s + number * step_s for number in range(LABELS_MAX - 2)]
    for book in sorted({mark.book for mark in marks}):
        own = [mark for mark in marks if mark.book == book]
        chart.add(book.venue.value, [_point(mark, own[0]) for mark in _thinned(own)])
    chart.add("both", list(_thinned(_both(marks))))
    return _svg(chart, "equity")


def _both(marks: Sequence[Mark]) -> list[tuple[float, float]]:
    """Return the change of all accounts together, at each mark that comes when all are known."""
    books = {mark.book for mark in marks}
    latest: dict[Book, Mark] = {}
    points: list[tuple[int, Decimal]] = []
    for mark in marks:
        latest[mark.book] = mark
        if len(latest) == len(books):
            worth = sum((each.equity_usd for each in latest.values()), Decimal(0))
            if points and mark.at_ms - points[-1][0] < TOGETHER_MS:
                points.pop()  # the twin of a read: one of the two would be a step that was none
            points.append((mark.at_ms, worth))
    return [(at_ms / 1000, float(worth - points[0][1])) for at_ms, worth in points]


def _point(mark: Mark, first: Mark) -> tuple[float, float]:
    return mark.at_ms / 1000, float(mark.equity_usd - first.equity_usd)


def _paid(account: Account) -> list[Share]:
    return [row for row in account.shares if not row.size and row.cycle is not None]


def _funding_unit(account: Account) -> tuple[str, int]:
    """Return what a bar stands for, and how long that is: a day where there are many hours."""
    hours = {row.at_ms // HOUR_MS for row in _paid(account)}
    return ("settlement", HOUR_MS) if len(hours) <= BARS_MAX else ("day of settlements", DAY_MS)


def _funding(account: Account) -> str:
    """Return what each settlement paid, by venue."""
    paid, (_, unit_ms) = _paid(account), _funding_unit(account)
    slots = sorted({row.at_ms // unit_ms for row in paid})[-BARS_MAX:]
    if not slots:
        return ""
    chart = pygal.StackedBar(**LOOKS)
    length = len("01-31") if unit_ms == DAY_MS else None
    _label(chart, [_moment(slot * unit_ms / 1000)[:length] for slot in slots])
    for venue in VenueName:
        sums = dict.fromkeys(slots, Decimal(0))
        for row in paid:
            if row.book.venue is venue and row.at_ms // unit_ms in sums:
                sums[row.at_ms // unit_ms] += row.funding_usd
        chart.add(venue.value, [float(value) for value in sums.values()])
    return _svg(chart, "funding")


def _expected(account: Account) -> str:
    cycles = account.ended[-CYCLES_MAX:]
    hopes = [expected_net_usd(row) for row in cycles]
    if all(hope is None for hope in hopes):
        return ""
    chart = pygal.Bar(**LOOKS)
    _label(chart, [str(row.id.cycle) for row in cycles])
    chart.add("expected", [None if value is None else float(value) for value in hopes])
    chart.add("realised", [float(row.total.net_usd) for row in cycles])
    return _svg(chart, "expected")


def _legging(account: Account) -> str:
    cycles = account.cycles[-CYCLES_MAX:]
    windows = [None if row.note is None else row.note.legging_ms for row in cycles]
    if not any(window is not None for window in windows):
        return ""
    chart = pygal.Bar(**LOOKS, show_legend=False)
    _label(chart, [str(row.id.cycle) for row in cycles])
    chart.add("ms", windows)
    return _svg(chart, "legging")


def _label(chart: Any, labels: Sequence[str]) -> None:
    """Name the bars, but only as many as can be read."""
    chart.x_labels = labels
    chart.x_labels_major = labels[:: -(-len(labels) // LABELS_MAX)]


def _svg(chart: Any, name: str) -> str:
    """Return the drawing alone: no script, no comment with a date, no name that was drawn by lot,
    so that the same figures give the same bytes."""
    chart.uuid = name
    return _BESIDE.sub("", str(chart.render(is_unicode=True)))


def _thinned(rows: Sequence[T]) -> Sequence[T]:
    """Return at most `POINTS_MAX` rows, evenly taken, the last among them."""
    if len(rows) <= POINTS_MAX:
        return rows
    step = (len(rows) - 1) / (POINTS_MAX - 1)
    return [rows[round(number * step)] for number in range(POINTS_MAX)]


def _moment(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%m-%d %H:%M}"
