"""Nobody waits for a terminal: what it does not take in time is dropped and told."""

import io
from threading import Event

import pytest

from desk.screen.patient import PatientFile, Tail

WAIT_S = 5.0


class Held(io.StringIO):
    """A terminal that takes nothing until it is let go (Ctrl-S)."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = Event()
        self.go_on = Event()

    def write(self, text: str) -> int:
        """Wait, then write."""
        self.is_asked.set()
        self.go_on.wait(WAIT_S)
        return super().write(text)


class Broken(io.StringIO):
    """A terminal on a disk that is full."""

    def write(self, text: str) -> int:
        """Refuse."""
        raise OSError(28, "No space left on device")


def test_what_is_written_arrives_in_order() -> None:
    """By the time it is finished."""
    inner = io.StringIO()
    file = PatientFile(inner)
    for number in range(100):
        file.write(f"{number}\n")
    assert file.finish()
    assert [str(number) for number in range(100)] == inner.getvalue().split()


def test_a_terminal_that_is_held_holds_nobody() -> None:
    """The writes come back at once; what was dropped is said when it goes on."""
    inner = Held()
    file = PatientFile(inner, writes_max=2)
    file.write("first\n")
    assert inner.is_asked.wait(WAIT_S)
    for _ in range(5):
        file.write("more\n")
    inner.go_on.set()
    while file._queue.qsize():
        inner.is_asked.wait(0)
    file.write("last\n")
    assert file.finish()
    told = "… 3 lines were not shown: nobody took them"
    assert ["first", "more", "more", told, "last"] == inner.getvalue().splitlines()


def test_the_end_does_not_wait_for_ever() -> None:
    """It says that not all has been written."""
    inner = Held()
    file = PatientFile(inner, writes_max=1)
    file.write("first\n")
    assert inner.is_asked.wait(WAIT_S)
    file.write("second\n")
    assert not file.finish(0.05)
    inner.go_on.set()


def test_an_error_is_raised_by_the_next_write() -> None:
    """Who prints must hear of a disk that is full."""
    file = PatientFile(Broken())
    file.write("a")
    file.finish()
    with pytest.raises(OSError, match="No space left"):
        file.write("b")


def test_a_tail_keeps_whole_lines() -> None:
    """However they are cut into writes, and no more than asked for."""
    tail = Tail(lines_max=2)
    for text in ("a\nb", "c\nd\n", "rest"):
        tail.write(text)
    assert ("bc", "d") == tail.latest(5)
    assert ("d",) == tail.latest(1)
