"""The daemon on a real terminal: it draws, follows its size, and leaves it as it was."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from test.daemons import DAEMON, environment, make_home

ENTER, LEAVE, CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"
PATIENCE_S = 60.0


def resize(descriptor: int, columns: int, rows: int) -> None:
    """Give a terminal another size."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@dataclass(slots=True)
class Terminal:
    """A demo on a terminal of ours."""

    process: "subprocess.Popen[bytes]"
    descriptor: int
    seen: bytes = b""

    def read(self) -> bool:
        """Take in what was written; False once nothing more will be."""
        if not select.select([self.descriptor], [], [], 0.1)[0]:
            return True
        try:
            self.seen += os.read(self.descriptor, 65_536)
        except OSError:  # Linux says so when the other end is closed
            return False
        return True

    def read_until(self, wanted: bytes) -> None:
        """Read until something has been written."""
        until_s = time.monotonic() + PATIENCE_S
        while wanted not in self.seen:
            assert self.read(), self.seen[-2000:]
            assert time.monotonic() < until_s, self.seen[-2000:]

    def end(self) -> int:
        """Read to the end. Returns the exit code."""
        until_s = time.monotonic() + PATIENCE_S
        while self.read() and time.monotonic() < until_s:
            pass
        return self.process.wait(PATIENCE_S)


@contextmanager
def demo(folder: Path, *words: str, **variables: str) -> Iterator[Terminal]:
    """Yield a demo on a terminal of 100 by 40."""
    ours, theirs = pty.openpty()
    resize(ours, 100, 40)
    command = [sys.executable, str(DAEMON), "--demo", *words]
    shell = environment(make_home(folder), **{"TERM": "xterm-256color", **variables})
    with subprocess.Popen(
        command, cwd=folder, env=shell, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_a_signal_leaves_the_terminal_clean(tmp_path: Path, number: signal.Signals) -> None:
    """After frames of two sizes the old screen is back, with its cursor and the last words."""
    with demo(tmp_path) as terminal:
        terminal.read_until("── venues (USD)".encode())
        resize(terminal.descriptor, 140, 40)
        terminal.read_until(("─" * 115).encode())
        terminal.process.send_signal(number)
        assert 0 == terminal.end()
    screen, _, after = terminal.seen.rpartition(LEAVE)
    assert ENTER in screen
    assert CURSOR in terminal.seen[terminal.seen.index(ENTER) :]
    assert b"In this run:" in after
    assert b"Traceback" not in terminal.seen


def test_two_signals_leave_it_clean(tmp_path: Path) -> None:
    """Though the process ends without ceremony."""
    with demo(tmp_path) as terminal:
        terminal.read_until("── venues (USD)".encode())
        os.kill(terminal.process.pid, signal.SIGINT)
        os.kill(terminal.process.pid, signal.SIGTERM)
        terminal.end()
    assert terminal.seen.index(ENTER) < terminal.seen.index(LEAVE)
    assert CURSOR in terminal.seen


@pytest.mark.parametrize(
    ("words", "variables"), [(["--plain"], {}), ([], {"TERM": "dumb"})], ids=["plain", "dumb"]
)
def test_lines_where_nothing_can_be_drawn(
    tmp_path: Path, words: list[str], variables: dict[str, str]
) -> None:
    """Not a code to place anything."""
    with demo(tmp_path, *words, **variables) as terminal:
        terminal.read_until(b"analyze")
        terminal.process.send_signal(signal.SIGINT)
        terminal.end()
    assert ENTER not in terminal.seen
    assert b"\x1b[H" not in terminal.seen


def test_no_color_is_honoured(tmp_path: Path) -> None:
    """The dashboard is drawn, and nothing in it is coloured."""
    with demo(tmp_path, NO_COLOR="1") as terminal:
        terminal.read_until("── funding".encode())
        terminal.process.send_signal(signal.SIGINT)
        terminal.end()
    assert ENTER in terminal.seen
    colours = [b"\x1b[%dm" % number for number in (*range(30, 38), *range(40, 48))]
    assert not any(code in terminal.seen for code in colours)


def test_a_terminal_that_nobody_reads_holds_nothing_up(tmp_path: Path) -> None:
    """Held by Ctrl-S, say: the bot opens its hedge, hears a signal, and exits, frames or not."""
    journal = tmp_path / "home" / "state" / "demo" / "journal.jsonl"
    with demo(tmp_path) as terminal:
        until_s = time.monotonic() + PATIENCE_S
        while not (journal.exists() and '"to":"HOLD"' in journal.read_text()):
            select.select([], [], [], 0.2)
            assert time.monotonic() < until_s
        terminal.process.send_signal(signal.SIGINT)
        assert 0 == terminal.process.wait(PATIENCE_S)
