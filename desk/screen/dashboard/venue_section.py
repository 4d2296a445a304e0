"""Both venues on the dashboard: the owner's money there, and how they serve us."""

from decimal import Decimal

from rich.text import Text

from desk.core.words import span
from desk.screen.dashboard.parts import Cell, amount, folded, grid, heading, known, told
from desk.screen.dashboard.values import Board, VenueView

HEAD = ("venue", "equity", "free", "may leave", "answers", "stream", "room", "state")
FREE_COLUMN, ROOM_COLUMN = 2, 6
SILENT_MS = 10_000
ROOM_LOW = Decimal("0.1")


def venue_lines(board: Board, width: int) -> list[Text]:
    """Return the section, with what would make both margins equal."""
    rows = [[Cell(text, "bold") for text in HEAD]]
    rows += [_venue(view, board.at_ms) for view in board.venues]
    lines = grid(rows, width, left=(0, 7), spare=(FREE_COLUMN, ROOM_COLUMN))
    lines.insert(0, heading("venues (USD)", width))
    for view in board.venues:
        if view.down is not None:
            lines += folded(f"{view.venue} live data has stopped: {view.down}", width, "red")
        if view.strangers:
            text = f"{view.venue} holds besides, not ours: {', '.join(view.strangers)}"
            lines += folded(text, width, "yellow")
    if board.move is not None:
        text = f"advice: {board.move} for equal margins. Yours to do: the bot moves no money."
        lines += folded(text, width, "bold red" if board.is_low else "yellow")
    return lines


def _venue(view: VenueView, now_ms: int) -> list[Cell]:
    room = known(view.room, lambda share: f"{share * 100:.0f} %")
    if view.room is not None and view.room < ROOM_LOW:
        room = Cell(room.text, "yellow")
    return [
        Cell(view.venue, "bold"),
        told(view.equity_usd, now_ms, amount),
        told(view.free_usd, now_ms, amount),
        told(view.spare_usd, now_ms, amount),
        told(view.round_trip_ms, now_ms, lambda took: f"{took} ms"),
        _stream(view, now_ms),
        room,
        _state(view, now_ms),
    ]


def _stream(view: VenueView, now_ms: int) -> Cell:
    """Return how long ago the stream said anything."""
    age = known(view.heard_at_ms, lambda at_ms: _age(now_ms - at_ms))
    is_late = view.heard_at_ms is not None and now_ms - view.heard_at_ms > SILENT_MS
    return Cell(age.text, "bold red") if is_late or view.down else age


def _age(age_ms: int) -> str:
    return "live" if age_ms < SILENT_MS else f"{span(age_ms)} old"


def _state(view: VenueView, now_ms: int) -> Cell:
    if view.away_since_ms is not None:
        return Cell(f"away {span(now_ms - view.away_since_ms)}", "bold red")
    if view.down is not None:
        return Cell("stream down", "red")
    return Cell("well", "green") if view.heard_at_ms is not None else Cell("not heard yet", "dim")
