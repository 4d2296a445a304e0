"""The pieces a dashboard is made of: cells, grids, bars, and figures with their age.

Pure text of at most the width asked for; knows nothing of hedges.
"""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from rich.text import Text

from desk.core.words import span
from desk.screen.dashboard.values import Reading

A = TypeVar("A")

UNKNOWN = "unknown"
ELLIPSIS = "…"
GAPS = (3, 2, 1)
BAR_FULL, BAR_LEFT = "━", "─"
CENTS_FROM = 100  # above so many USD four decimals say nothing


class Cell(NamedTuple):
    """A text and how it is coloured."""

    text: str
    style: str = ""


def told(reading: Reading[A], now_ms: int, form: Callable[[A], str | Cell]) -> Cell:
    """Return a reading as it may be shown: its figure only while it is good, else how old it is."""
    if reading.value is None:
        return Cell(UNKNOWN, "dim")
    if not reading.is_good(now_ms):
        return Cell(f"stale {span(now_ms - reading.at_ms)}", "yellow")
    shown = form(reading.value)
    return shown if isinstance(shown, Cell) else Cell(shown)


def known(value: A | None, form: Callable[[A], str | Cell]) -> Cell:
    """Return a value that does not age, or that nobody knows it."""
    return told(Reading.of(value, 0, 0), 0, form)


# Figures


def amount(value: Decimal) -> str:
    """Return an unsigned amount of money."""
    return f"{value:,.2f}"


def gain(value: Decimal) -> Cell:
    """Return a signed amount of money: what is lost is red."""
    digits = 2 if abs(value) >= CENTS_FROM else 4
    return Cell(f"{value:+,.{digits}f}", _sign_style(value))


def percent(value: Decimal) -> Cell:
    """Return a signed rate a year: what we pay is red."""
    return Cell(f"{value:+.2f} %", _sign_style(value))


def price(value: Decimal) -> str:
    """Return a price with the digits it has."""
    return f"{value.normalize():,f}"


def _sign_style(value: Decimal) -> str:
    if value == 0:
        return ""
    return "green" if value > 0 else "bold red"


# Shapes


def line(*cells: Cell | str) -> Text:
    """Return cells side by side."""
    text = Text(no_wrap=True, overflow="crop")
    for each in cells:
        cell = each if isinstance(each, Cell) else Cell(each)
        text.append(cell.text, cell.style)
    return text


def heading(title: str, width: int, note: str = "") -> Text:
    """Return the line above a section."""
    left = f"{BAR_LEFT * 2} {title} "
    right = f" {note} {BAR_LEFT * 2}" if note else ""
    fill = BAR_LEFT * max(width - len(left) - len(right), 0)
    return line(Cell(left, "bold cyan"), Cell(fill, "dim cyan"), Cell(right, "dim cyan"))


def bar(share: Decimal, width: int, style: str) -> tuple[Cell, Cell]:
    """Return a bar filled to a share (0..1)."""
    filled = int(min(max(share, Decimal(0)), Decimal(1)) * width)
    return Cell(BAR_FULL * filled, style), Cell(BAR_LEFT * (width - filled), "dim")


def folded(text: str, width: int, style: str = "", *, indent: int = 0) -> list[Text]:
    """Return a text as lines that fit, its further lines set in."""
    lines = textwrap.wrap(text, width, subsequent_indent=" " * indent)
    return [line(Cell(each, style)) for each in lines]


def refolded(text: Text, width: int, *, indent: int) -> list[Text]:
    """Return a line that was made for another width as lines that fit, colours kept."""
    lines = []
    while text.cell_len > width:
        at = text.plain.rfind(" ", indent + 1, width + 1)
        first, text = text.divide([at if at > 0 else width])
        lines.append(first)
        text = Text(" " * indent, no_wrap=True).append_text(_without_lead(text))
    return [*lines, text]


def _without_lead(text: Text) -> Text:
    return text[len(text.plain) - len(text.plain.lstrip()) :] if text.plain.strip() else Text()


def grid(
    rows: Sequence[Sequence[Cell]], width: int, *, left: Sequence[int], spare: Sequence[int] = ()
) -> list[Text]:
    """Return rows in columns that fit into `width`; those in `left` are flush left.

    The columns in `spare` are left out, one by one, where all would not fit.
    """
    shown = list(range(len(rows[0])))
    leaving = list(spare)
    sizes = [max(len(row[number].text) for row in rows) for number in shown]
    while True:
        total = sum(sizes[number] for number in shown)
        gap = next((each for each in GAPS if total + each * (len(shown) - 1) <= width), None)
        if gap is not None or not leaving:
            break
        shown.remove(leaving.pop(0))
    widths = {number: sizes[number] * (-1 if number in left else 1) for number in shown}
    return [_row([(row[number], widths[number]) for number in shown], gap or 1) for row in rows]


def _row(cells: Iterable[tuple[Cell, int]], gap: int) -> Text:
    """Return cells, each of its width; a negative width is flush left."""
    padded: list[Cell] = []
    for cell, width in cells:
        text = cell.text.rjust(width) if width > 0 else cell.text.ljust(-width)
        padded += [Cell(" " * gap), Cell(text, cell.style)]
    return line(*padded[1:])


def beside(left: Sequence[Text], right: Sequence[Text], width: int, gap: int) -> list[Text]:
    """Return two stacks of lines next to each other, the left one `width` wide."""
    joined = []
    for number in range(max(len(left), len(right))):
        row = left[number].copy() if number < len(left) else Text(no_wrap=True)
        row.truncate(width, pad=True)
        if number < len(right):
            row.append(" " * gap).append_text(right[number])
        joined.append(row)
    return joined


def page(lines: Sequence[Text], width: int, height: int) -> Text:
    """Return lines as one text that fits into a screen."""
    fitting = []
    for each in lines[:height]:
        row = each.copy()
        row.truncate(width, overflow="ellipsis")
        fitting.append(row)
    return Text("\n", no_wrap=True, overflow="crop").join(fitting)
