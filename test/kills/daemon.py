"""The daemon as a process that is started and killed, followed by its journal. Judges nothing."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk.engine.home import Home
from test.daemons import DAEMON, environment

POLL_S = 0.003  # ANALYZE lasts some forty milliseconds here
END_S_MAX = 15.0
TRACE = "Traceback (most recent call last)"


class DaemonEnded(Exception):
    """It left by itself; the text has its exit code and last words."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal. `came_from` and `phase` are None on the line that begins a life."""

    at_ms: int
    event: str
    came_from: str | None
    phase: str | None
    reason: str


class Daemon:
    """One home, in which one process after the other lives."""

    def __init__(self, root: Path) -> None:
        """Nothing is started yet; `root` has configuration and credentials."""
        self.home = Home.live(root)
        self.output = root / "output.txt"
        self.lives: list[tuple[int, int]] = []
        self.import_s: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._started_ms = 0
        self._old_log = 0
        self._read_to = 0
        self._rest = b""

    def start(self) -> int:
        """Start a process and return the instant (ms)."""
        self._old_log = _inode(self.home.log)
        self._read_to = _size(self.home.journal)
        self._rest = b""
        self.import_s = None
        self._started_s, self._started_ms = time.monotonic(), now_ms()
        with self.output.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-u", str(DAEMON), "--plain"],
                cwd=self.home.root.parent,
                env=environment(self.home.root),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        return self._started_ms

    def age_s(self) -> float:
        """Return seconds since the last start."""
        return time.monotonic() - self._started_s

    def kill(self) -> None:
        """Let it die as in a power cut."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to leave and return its exit code."""
        return self._end(signal.SIGTERM)

    def close(self) -> None:
        """Leave no process behind."""
        if self._process is not None:
            self.kill()

    def _end(self, number: signal.Signals) -> int:
        process = self._running()
        process.send_signal(number)
        try:
            code = process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        self.lives.append((self._started_ms, now_ms()))
        self._process = None
        return code

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise DaemonEnded("it does not run")
        return self._process

    async def next_line(self, wait_s: float) -> Line | None:
        """Return the next line of this life's journal, None when there is none for so long.

        Raises `DaemonEnded`.
        """
        until_s = time.monotonic() + wait_s
        while True:
            if self.import_s is None and _inode(self.home.log) != self._old_log:
                self.import_s = self.age_s()
            line = self._take()
            if line is not None:
                return line
            code = self._running().poll()
            if code is not None:
                raise DaemonEnded(f"exit code {code}: {self._last_words()}")
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return None
            await asyncio.sleep(min(POLL_S, left_s))

    def _take(self) -> Line | None:
        if b"\n" not in self._rest and _size(self.home.journal) > self._read_to:
            with self.home.journal.open("rb") as file:
                file.seek(self._read_to)
                fresh = file.read()
            self._read_to += len(fresh)
            self._rest += fresh
        while b"\n" in self._rest:
            text, self._rest = self._rest.split(b"\n", 1)
            if text:  # a torn line of the last life is ended first
                return _parse(text)
        return None

    def state(self) -> dict[str, Any]:
        """Return what the state file says, {} where there is none."""
        try:
            saved: dict[str, Any] = json.loads(self.home.state.read_bytes())["state"]
        except FileNotFoundError:
            return {}
        return saved

    def has_stumbled(self) -> bool:
        """Return whether any process has shown a traceback."""
        log = self.home.log.read_text("utf-8") if self.home.log.exists() else ""
        return TRACE in self.output.read_text("utf-8", "replace") or TRACE in log

    def _last_words(self) -> str:
        lines = self.output.read_text("utf-8", "replace").splitlines()
        return lines[-1] if lines else ""


def now_ms() -> int:
    """Return the instant; the venues on this machine go by the same clock."""
    return time.time_ns() // 1_000_000


def _parse(text: bytes) -> Line:
    row = json.loads(text)
    at_ms = row["data"].get("at_ms", 0)
    return Line(at_ms, row["event"], row.get("from"), row.get("to"), row.get("reason", ""))


def _inode(path: Path) -> int:
    return path.stat().st_ino if path.exists() else 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
