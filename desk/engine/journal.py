"""The journal: each event a decision read, the decision and its reason, one JSON object a line.

Append-only, rotated by size between cycles so that none is split. Each file begins with the state
it starts from, and so does each life of the process, so that a file can be replayed by itself (see
`desk.engine.replay`). No signature and no transaction hash is in an event, so none is in here, and
under virtual time the same seed gives the same bytes.

While something is held a tick comes every second, and nearly all of them change nothing. Of such
ticks the first is written, then only how many there were: `idle_ticks` on the line after them. A
replay misses no state by that.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from desk.core.actions import Action, Decision
from desk.core.events import Event, Tick

SIZE_MAX = 32 * 1024 * 1024
KEPT_MAX = 20
IDLE_TICKS_MAX = 600  # then one is written again, so that a quiet hold leaves a trace of its marks
COUNTS = ("n", "idle_ticks")  # the only fields of a line that are not the decision's
STATE = "State"  # stands in place of an event's name on the line that begins a file or a life

_encoder = msgspec.json.Encoder()


class Journal:
    """Appends decisions to one file.

    Its methods raise `OSError` when the disk does not take a line; the next line can be tried all
    the same, and what was written of the lost one counts as a torn line.
    """

    def __init__(self, path: Path, *, size_max: int = SIZE_MAX, kept_max: int = KEPT_MAX) -> None:
        """Open `path` for appending, making its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._size_max = size_max
        self._kept_max = kept_max
        self._file: BinaryIO = path.open("ab", buffering=0)
        self._is_torn = not _ends_whole(path)
        self._count = 0
        self._idle_ticks = 0
        self._idle_for: tuple[str, str] | None = None
        self._state: object = None

    def begin(self, state: object, *, at_ms: int) -> None:
        """Write down the state that the next decision starts from."""
        self._state, self._idle_for = state, None
        head = {"n": self._count, "at": utc_text(at_ms), "event": STATE, "data": state}
        self._append(_encoder.encode(head))

    def write(
        self, event: Event, decision: Decision[Any], *, before: str, after: str, is_idle: bool
    ) -> None:
        """Append one decision, or count it where it is one more idle tick.

        `is_idle` says that the file may be rotated after it.
        """
        self._count += 1
        if self._is_old_news(event, decision, before):
            self._idle_ticks += 1
            return
        body = encode_body(event, decision, before=before, after=after)
        idle = b'"idle_ticks":%d,' % self._idle_ticks if self._idle_ticks else b""
        self._append(b'{"n":%d,' % self._count + idle + body[1:])
        self._idle_ticks = 0
        if is_idle and self._file.tell() >= self._size_max:
            self._rotate()
            self.begin(decision.state, at_ms=event.at_ms)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _is_old_news(self, event: Event, decision: Decision[Any], label: str) -> bool:
        """Return whether a tick does nothing, and for the same reason as the idle one before it."""
        changed, self._state = decision.state != self._state, decision.state
        if changed or decision.actions or not isinstance(event, Tick):
            return False
        last, self._idle_for = self._idle_for, (label, decision.reason)
        return self._idle_for == last and self._idle_ticks < IDLE_TICKS_MAX

    def _append(self, line: bytes) -> None:
        """Add a line; one that was torn, by a full disk or a crash, is ended first."""
        data = memoryview(b"\n" + line + b"\n" if self._is_torn else line + b"\n")
        self._is_torn = True
        while data:
            data = data[self._file.write(data) :]
        self._is_torn = False

    def _rotate(self) -> None:
        for number in range(self._kept_max - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                os.replace(older, self._numbered(number + 1))
        os.replace(self.path, self._numbered(1))
        fresh = self.path.open("ab", buffering=0)
        self._file.close()
        self._file = fresh

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def encode_body(event: Event, decision: Decision[Any], *, before: str, after: str) -> bytes:
    """Return the line of a decision but for its counts: what a replay must reproduce."""
    return _encoder.encode({
        "at": utc_text(event.at_ms),
        "event": type(event).__name__,
        "data": event,
        "from": before,
        "to": after,
        "reason": decision.reason,
        "actions": [_named(action) for action in decision.actions],
    })


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a journal file as objects; torn lines are skipped."""
    with path.open("rb") as file:
        for line in file:
            try:
                row = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
            if isinstance(row, dict):
                yield row


def has_journal(path: Path) -> bool:
    """Return whether a journal was ever written there: a process has lived in this home."""
    return any(path.parent.glob(f"{path.name}*"))


def utc_text(at_ms: int) -> str:
    """Return an instant as UTC ISO text with milliseconds and Z."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def _ends_whole(path: Path) -> bool:
    """Return whether a file is empty or ends with a whole line."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _named(action: Action) -> dict[str, Any]:
    return {"action": type(action).__name__, "data": action}
