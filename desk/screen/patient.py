"""A way to the terminal on which nobody waits.

A terminal that is held (Ctrl-S), a pager that is not scrolled, a slow line: writing to them blocks,
and what blocks must not be the loop that trades.
"""

import io
import os
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Thread
from typing import TextIO

LINES_MAX = 2_000
LAST_S_MAX = 2.0


class PatientFile(io.TextIOBase):
    """A text file that is written by a thread; what it cannot take in time is dropped, and told.

    An `OSError` of the file is raised by the next `write`.
    """

    def __init__(self, inner: TextIO, *, writes_max: int = LINES_MAX) -> None:
        """Pass on to `inner`, at most so many writes behind."""
        inner.flush()
        self._inner = inner
        self._descriptor = _descriptor_of(inner)
        self._queue: Queue[str | None] = Queue(writes_max)
        self._lost = 0
        self._error: OSError | None = None
        self._thread = Thread(target=self._pass_on, name="terminal", daemon=True)
        self._thread.start()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the base class has a bare attribute
        """Return that of the file."""
        return self._inner.encoding

    def isatty(self) -> bool:
        """Return whether the file is a terminal."""
        return self._inner.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._inner.fileno()

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def write(self, text: str) -> int:
        """Hand a text over; never waits."""
        error, self._error = self._error, None
        if error is not None:
            raise error
        notice = ""
        if self._lost:
            notice = f"… {self._lost} lines were not shown: nobody took them\n"
        try:
            self._queue.put_nowait(notice + text)
        except Full:
            self._lost += 1
        else:
            self._lost = 0
        return len(text)

    @property
    def is_behind(self) -> bool:
        """Return whether something waits to be written: a picture had better be skipped."""
        return not self._queue.empty()

    def finish(self, wait_s: float = LAST_S_MAX) -> bool:
        """Return whether all has been written within so many seconds; take nothing more."""
        try:
            self._queue.put(None, timeout=wait_s)
        except Full:  # so that the thread ends once it gets its present write through
            self.skip()
            self._queue.put_nowait(None)
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def skip(self) -> None:
        """Drop what waits to be written."""
        with suppress(Empty):
            while True:
                self._queue.get_nowait()

    def _pass_on(self) -> None:
        while (text := self._queue.get()) is not None:
            try:
                self._write_through(text)
            except OSError as error:
                self._error = error
            except ValueError as error:  # the file was closed below us
                self._error = OSError(str(error))

    def _write_through(self, text: str) -> None:
        """Write past the file's own buffer where there is a descriptor: a thread that hangs in the
        buffer would hold its lock, and the interpreter could not end without that."""
        if self._descriptor is None:
            self._inner.write(text)
            self._inner.flush()
            return
        left = text.encode(self._inner.encoding, "replace")
        while left:
            left = left[os.write(self._descriptor, left) :]


def _descriptor_of(file: TextIO) -> int | None:
    try:
        return file.fileno()
    except OSError:  # a file in memory has none
        return None


class Tail(io.TextIOBase):
    """A text file that keeps its latest lines, for who shows them elsewhere."""

    def __init__(self, *, lines_max: int = LINES_MAX) -> None:
        """Keep so many lines."""
        self._lines: list[str] = []
        self._begun = ""
        self._lines_max = lines_max

    def isatty(self) -> bool:
        """Return that colours may be written."""
        return True

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def write(self, text: str) -> int:
        """Take a text in."""
        *whole, self._begun = (self._begun + text).split("\n")
        self._lines += whole
        del self._lines[: -self._lines_max]
        return len(text)

    def latest(self, count: int) -> tuple[str, ...]:
        """Return the last whole lines, oldest first."""
        return tuple(self._lines[-count:])
