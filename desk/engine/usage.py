"""Command lines that are refused in one line: the mistake and where the manual is.

What commands have in common; each command's own flags are its own.
"""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn, TypeVar

N = TypeVar("N", int, float)
EXIT_USAGE = 2


def complain(text: str) -> None:
    """Print a line on stderr."""
    sys.stderr.write(f"{text}\n")


def fail(text: str, code: int) -> int:
    """Print an error, each of its lines marked as one. Returns `code`."""
    for line in text.splitlines():
        complain(f"error: {line}")
    return code


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line; the manual is for who asks for it."""

    def error(self, message: str) -> NoReturn:
        """Exit with the usage code."""
        self.exit(EXIT_USAGE, f"error: {message}; see {self.prog} --help\n")


def whole_number(text: str) -> int:
    """Return a seed or another number without a range."""
    return read_number(int, text, "a whole number")


def read_number(read: Callable[[str], N], text: str, wanted: str) -> N:
    """Return a number; raises what a parser turns into its line, with what is wanted."""
    try:
        return read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number: write {wanted}") from error
