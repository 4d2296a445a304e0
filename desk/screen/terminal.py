"""The terminal: how wide it is, and the form of a line on it.

Knows nothing of hedges.
"""

import os
import sys
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Console
from rich.text import Text

PIPED_WIDTH = 120
WIDTH_MIN = 40
LABEL_WIDTH = 8
# Stamp, two spaces, label, a space: where the text of a line begins.
TEXT_COLUMN = len("01-01 00:00:00 +0000") + 2 + LABEL_WIDTH + 1


class Terminal(Console):
    """A console that goes quiet when nobody is at the other end any more.

    Rich would end the process there, and with it the watch over what is held.
    """

    def on_broken_pipe(self) -> None:
        """Show nothing from now on, and let the interpreter's last flush find no broken pipe."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def open_terminal(file: TextIO | None = None) -> Terminal:
    """Return the terminal on stdout, or one that writes to `file` instead; colours go when NO_COLOR
    is set or nobody is looking."""
    is_terminal = (file or sys.stdout).isatty()
    return Terminal(file=file, width=width_of(os.environ, is_terminal=is_terminal))


def width_of(environ: Mapping[str, str], *, is_terminal: bool) -> int | None:
    """Return how wide to print: COLUMNS if set, else what the terminal says (None), else 120."""
    columns = environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) >= WIDTH_MIN:
        return int(columns)
    return None if is_terminal else PIPED_WIDTH


def stamp(at_ms: int) -> str:
    """Return an instant as people read it on screen, with the offset of their time zone."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone()
    return f"{moment:%m-%d %H:%M:%S %z}"


def write_line(console: Console, at_ms: int, label: str, text: str, *, style: str = "") -> None:
    """Print one stamped line, in the time zone of its reader.

    On a terminal a long text goes on below its beginning; into a file it stays one line.
    """
    line = Text(stamp(at_ms), style="dim")
    line.append(f"  {label.lower():<{LABEL_WIDTH}} ", style="not dim bold")
    line.append(hang(console, text, TEXT_COLUMN), style=f"not dim not bold {style}")
    console.print(line, highlight=False, soft_wrap=True)


def hang(console: Console, text: str, indent: int) -> str:
    """Return a text that begins at column `indent`, its further lines set below its first."""
    width = console.width - indent
    if not console.is_terminal or width < WIDTH_MIN:
        return text
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return ("\n" + " " * indent).join(lines)


def say(console: Console, text: str, *, indent: int = 0, may_break: bool = True) -> None:
    """Print a text as it is: no markup, no colours of its own; `indent` is its left margin.

    What is there to be copied must not be broken into lines.
    """
    body = " " * indent + (hang(console, text, indent) if may_break else text)
    console.print(body, highlight=False, markup=False, soft_wrap=True)
