"""The terminal: its width, and lines that are pleasant on it and whole in a file."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from desk.screen.terminal import TEXT_COLUMN, say, width_of, write_line
from test.screen.looks import AT_MS, recorder

LONG = "a line that is much longer than the terminal is wide, with words to break it at"


def printed(width: int, *, is_terminal: bool, words: str = LONG) -> list[str]:
    """Return the lines that one long text makes."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=is_terminal, no_color=True)
    write_line(console, AT_MS, "HOLD", words)
    return file.getvalue().replace("\x1b[0m", "").splitlines()


@pytest.mark.parametrize(
    ("columns", "is_terminal", "width"),
    [("", True, None), ("", False, 120), ("80", False, 80), ("200", True, 200), ("0", False, 120)],
)
def test_the_width_is_what_the_owner_says(
    columns: str, is_terminal: bool, width: int | None
) -> None:
    """COLUMNS if set, else the terminal's own, else 120."""
    assert width == width_of({"COLUMNS": columns}, is_terminal=is_terminal)


def test_a_long_line_stays_whole_in_a_file() -> None:
    """What is piped is one line for each thing, to be searched."""
    assert 1 == len(printed(80, is_terminal=False))


def test_a_long_line_hangs_on_a_terminal() -> None:
    """The text goes on below its beginning, inside the width."""
    _, *others = printed(80, is_terminal=True)

    assert others
    assert all(line.startswith(" " * TEXT_COLUMN) for line in others)
    assert all(len(line.rstrip()) <= 80 for line in others)


def test_the_text_begins_where_it_is_said_to() -> None:
    """Stamp with the offset of the zone, label, text."""
    (line,) = printed(80, is_terminal=False, words="text [1]")

    assert "01-01 00:00:00 +0000  hold     text [1]" == line
    assert "text [1]" == line[TEXT_COLUMN:]


def test_what_is_to_be_copied_is_not_broken() -> None:
    """A command stays one line, brackets and all."""
    console = recorder(40)
    say(console, f"{LONG} [red]", may_break=False)

    assert f"{LONG} [red]\n" == console.export_text()
