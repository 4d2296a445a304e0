"""The journal: each event a decision read, the decision and its reason, one JSON object a line.

Append-only, rotated by size between cycles so that none is split. No signature and no transaction
hash is in an event, so none is in here, and under virtual time the same seed gives the same bytes.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from desk.core.actions import Action, Decision
from desk.core.events import Event

SIZE_MAX = 32 * 1024 * 1024
KEPT_MAX = 20

_encoder = msgspec.json.Encoder()


class Journal:
    """Appends decisions to one file."""

    def __init__(self, path: Path, *, size_max: int = SIZE_MAX, kept_max: int = KEPT_MAX) -> None:
        """Open `path` for appending, making its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._size_max = size_max
        self._kept_max = kept_max
        self._file: BinaryIO = path.open("ab")
        self._count = 0

    def write(
        self, event: Event, decision: Decision[Any], *, before: str, after: str, is_idle: bool
    ) -> None:
        """Append one decision; `is_idle` says that the file may be rotated after it."""
        self._count += 1
        line = {
            "n": self._count,
            "at": utc_text(event.at_ms),
            "event": type(event).__name__,
            "data": event,
            "from": before,
            "to": after,
            "reason": decision.reason,
            "actions": [_named(action) for action in decision.actions],
        }
        self._file.write(_encoder.encode(line) + b"\n")
        self._file.flush()
        if is_idle and self._file.tell() >= self._size_max:
            self._rotate()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._kept_max - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                os.replace(older, self._numbered(number + 1))
        os.replace(self.path, self._numbered(1))
        self._file = self.path.open("ab")

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a journal file as objects; a torn last line is skipped."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield msgspec.json.decode(line)


def utc_text(at_ms: int) -> str:
    """Return an instant as UTC ISO text with milliseconds and Z."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def _named(action: Action) -> dict[str, Any]:
    return {"action": type(action).__name__, "data": action}
