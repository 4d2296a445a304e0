"""The picture of a board: a pure function of its value and of the size of the screen.

From top to bottom: how it stands, the hedge, the venues, the markets, the latest lines. A wide
screen has the markets beside the hedge. What does not fit in height is left out from below, and a
shortened table says by how much.
"""

from rich.text import Text

from desk.core.funding import next_settlement_ms
from desk.core.words import span
from desk.hedge.purse import LOW_MARGIN_PCT
from desk.hedge.state import Phase
from desk.screen.dashboard.hedge_section import hedge_lines
from desk.screen.dashboard.market_section import market_lines
from desk.screen.dashboard.parts import (
    Cell,
    beside,
    folded,
    gain,
    heading,
    line,
    page,
    refolded,
    told,
)
from desk.screen.dashboard.values import Board
from desk.screen.dashboard.venue_section import venue_lines
from desk.screen.terminal import TEXT_COLUMN, stamp

LIVE = "LIVE"
BESIDE_FROM = 150  # columns
LEFT_COLUMNS = 84
GAP = 3
LOG_LINES_MIN = 3
MARKET_LINES_MIN = 4
_PHASE_STYLES = {
    Phase.HOLD: "bold white on dark_green",
    Phase.HALT: "bold white on red",
    Phase.RECOVER: "bold black on yellow",
    Phase.OPEN: "bold black on yellow",
    Phase.CLOSE: "bold black on yellow",
}
_CALM = "bold white on blue"


def draw(board: Board, width: int, height: int) -> Text:
    """Return the whole screen: at most `height` lines of at most `width` columns."""
    top = [*_title(board, width), *_warnings(board, width)]
    is_wide = width >= BESIDE_FROM
    left_width = LEFT_COLUMNS if is_wide else width
    body = [*hedge_lines(board, left_width), *venue_lines(board, left_width)]
    if is_wide:
        right = market_lines(board, width - LEFT_COLUMNS - GAP, lines_max=height - len(top))
        body = beside(body, right, LEFT_COLUMNS, GAP)
    else:
        room = height - len(top) - len(body) - LOG_LINES_MIN
        body += market_lines(board, width, lines_max=max(room, MARKET_LINES_MIN))
    lines = [*top, *body]
    return page([*lines, *_log(board, width, height - len(lines))], width, height)


def _title(board: Board, width: int) -> list[Text]:
    """Return phase, cycle, whose money it is, and the time; below it what comes next."""
    style = _PHASE_STYLES.get(board.phase, _CALM)
    mode = Cell(board.mode, "bold red" if board.mode == LIVE else "bold")
    left = line(Cell(f" {board.phase} ", style), f"  cycle {board.cycle}  ", mode)
    now = stamp(board.at_ms)
    left.append(" " * max(width - left.cell_len - len(now), 2)).append(now, "dim")
    settles = f"settlement in {span(next_settlement_ms(board.at_ms) - board.at_ms)}"
    hedge = board.hedge
    if hedge is not None and hedge.close_reason is not None:
        return [left, *folded(f"closing: {hedge.close_reason}; {settles}", width)]
    steps = board.steps if hedge is None else ()
    is_said = any(board.reason in text for text in board.restraints)
    said = [*([] if is_said else [board.reason]), *steps, settles]
    return [left, *folded("; ".join(filter(None, said)), width)]


def _warnings(board: Board, width: int) -> list[Text]:
    """Return what the owner must know first, and what he earned or lost so far."""
    lines = [row for text in board.restraints for row in folded(text, width, "bold red")]
    if board.restraints:
        lines += folded("lift it with: lighter_pacifica_hedge.py resume", width, "red")
    if board.doubt is not None:
        lines += folded(f"not known to be flat: {board.doubt}", width, "bold red")
    if not board.is_saved:
        lines += folded("the state cannot be written: nothing is opened", width, "bold red")
    if board.is_low:
        text = f"LOW MARGIN: a leg is less than {LOW_MARGIN_PCT} % from its liquidation"
        lines += folded(text, width, "bold white on red")
    return [*lines, _results(board)]


def _results(board: Board) -> Text:
    results = board.results
    cycles = "1 cycle" if results.cycles == 1 else f"{results.cycles} cycles"
    net = gain(results.net_usd) if results.cycles else Cell("nothing yet", "dim")
    change = told(results.equity_change_usd, board.at_ms, gain)
    unit = " USD" if results.cycles else ""
    return line(f"since start: {cycles} done, ", net, f"{unit}; equity of both venues ", change)


def _log(board: Board, width: int, room: int) -> list[Text]:
    """Return the latest lines that fit below their heading."""
    if room < LOG_LINES_MIN - 1 or not board.log:
        return []
    rows: list[Text] = []
    for text in board.log[-(room - 1) :]:
        rows += refolded(Text.from_ansi(text, no_wrap=True), width, indent=TEXT_COLUMN)
    return [heading("latest", width), *rows[-(room - 1) :]]
