"""The funding of every symbol on the dashboard, and what stands against opening it."""

import textwrap
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from rich.text import Text

from desk.core.words import span
from desk.hedge.select import BOTH
from desk.screen.dashboard.parts import Cell, grid, heading, line, told
from desk.screen.dashboard.values import Board, MarketView

HEAD = ("symbol", "Lighter", "Pacifica", "spread", "long", "net bp", "even in")
A = TypeVar("A")

NOTHING = Cell("–", "dim")
LONG_COLUMN = 4
VERDICT_WIDTH_MIN = 24


def market_lines(board: Board, width: int, *, lines_max: int) -> list[Text]:
    """Return the section in at most so many lines; a shortened table says what is missing."""
    if not board.markets:
        return [heading("funding", width), line(Cell("no look at the markets yet", "dim"))]
    seen = span(board.at_ms - (board.looked_at_ms or board.at_ms))
    title = heading("funding, % a year", width, f"ranked {seen} ago")
    blocks = _blocks(board, width)
    shown = [title, *blocks[0]]
    for number, block in enumerate(blocks[1:]):
        left = len(board.markets) - number
        if len(shown) + len(block) + (left > 1) > lines_max:
            return [*shown, line(Cell(f"… {left} more", "dim"))]
        shown += block
    return shown


def _blocks(board: Board, width: int) -> list[list[Text]]:
    """Return the head and each symbol, its verdict beside it or folded below."""
    rows = [[Cell(text, "bold") for text in HEAD]]
    rows += [_figures(row, board.at_ms) for row in board.markets]
    figures = grid(rows, width - VERDICT_WIDTH_MIN - 1, left=(0, LONG_COLUMN))
    column = max(row.cell_len for row in figures) + 2
    verdicts = [Cell("verdict", "bold")]
    verdicts += [
        Cell(row.verdict, "green" if row.is_eligible else "dim") for row in board.markets
    ]
    return [
        _with_verdict(row, verdict, column, width)
        for row, verdict in zip(figures, verdicts, strict=True)
    ]


def _with_verdict(row: Text, verdict: Cell, column: int, width: int) -> list[Text]:
    first, *more = textwrap.wrap(verdict.text, max(width - column, VERDICT_WIDTH_MIN - 2))
    row.pad_right(column - row.cell_len)
    row.append(first, verdict.style)
    return [row, *(line(" " * column, Cell(text, verdict.style)) for text in more)]


def _figures(row: MarketView, now_ms: int) -> list[Cell]:
    is_good = row.spread_apr.is_good(now_ms)
    return [
        Cell(row.symbol, "bold" if row.is_eligible else ""),
        *(told(row.apr[venue], now_ms, _pct) for venue in BOTH),
        told(row.spread_apr, now_ms, _pct),
        _if(is_good, row.long_venue, str),
        _if(is_good, row.net_bps, lambda value: f"{value:+.2f}"),
        _if(is_good, row.break_even_h, lambda hours: f"{hours} h"),
    ]


def _if(is_good: bool, value: A | None, form: Callable[[A], str]) -> Cell:
    """Return what follows from a spread, while that is good."""
    return Cell(form(value)) if is_good and value is not None else NOTHING


def _pct(value: Decimal) -> str:
    return f"{value:.2f}"
