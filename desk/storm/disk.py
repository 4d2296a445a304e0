"""A disk in memory that forgets, tears and reorders what was not synced.

The model of a crash, and nothing of when one comes. Bytes are safe once `write` returned (it waits
for them). A name is safe only after `sync_folder`: until then a crash may find it pointing to
anything it pointed to since the last one, each name for itself, in no order.
"""

import random
from enum import StrEnum
from pathlib import Path

from desk.engine.store import Disk


class Loss(StrEnum):
    """What a crash does to what was not synced."""

    KEPT = "kept"  # the process died, the machine lives on
    LOST = "lost"  # all of it is gone
    MIXED = "mixed"  # some of it is gone, whatever was done first


class Step(StrEnum):
    """Where within a save a crash may come."""

    WRITE = "write"  # half of the bytes are there
    LINK = "link"  # the old generation has its second name, not safely
    NAME = "name"  # the new bytes have their name, not safely


class MemoryDisk(Disk):
    """Files by name.

    `is_full` lets every write fail.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.is_full = False
        self._dies_at: Step | None = None
        self._syncs = 0
        self._seen: dict[Path, bytes] = {}
        self._safe: dict[Path, bytes] = {}
        self._since_sync: dict[Path, list[bytes | None]] = {}

    def read(self, path: Path) -> bytes:
        """Return what a running program reads."""
        try:
            return self._seen[path]
        except KeyError as error:
            raise FileNotFoundError(path) from error

    def safe(self, path: Path) -> bytes | None:
        """Return what is there after the worst crash, None for nothing."""
        return self._safe.get(path)

    def die_at(self, step: Step) -> None:
        """Raise `Died` at this step of the save that begins now."""
        self._dies_at, self._syncs = step, 0

    def make_folder(self, path: Path) -> None:
        """Do nothing: a name needs no folder here."""

    def write(self, path: Path, data: bytes) -> None:
        """Make `path` hold `data`; the bytes are safe, their name is not yet."""
        if self.is_full:
            raise OSError(28, "no space left on device", str(path))
        if self._dies_at is Step.WRITE:
            self._point(path, data[: len(data) // 2])
            raise Died
        self._point(path, data)

    def remove(self, path: Path) -> None:
        """Remove a name if it is there."""
        if path in self._seen:
            self._point(path, None)

    def link(self, path: Path, name: Path) -> None:
        """Give the bytes at `path` a second name."""
        self._point(name, self.read(path))

    def rename(self, path: Path, name: Path) -> None:
        """Move a name."""
        self._point(name, self.read(path))
        self._point(path, None)

    def sync_folder(self, path: Path) -> None:
        """Make all names safe. A save syncs twice: after its link, and after its last name."""
        self._syncs += 1
        if self._dies_at is (Step.LINK if self._syncs == 1 else Step.NAME):
            raise Died
        self._safe = dict(self._seen)
        self._since_sync.clear()

    def crash(self, loss: Loss, chance: random.Random) -> None:
        """Be as a new program finds it. What a dead process left unsynced is still not safe."""
        self._dies_at = None
        if loss is Loss.KEPT:
            return
        left = dict(self._safe)
        for path, values in self._since_sync.items() if loss is Loss.MIXED else ():
            value = chance.choice([self._safe.get(path), *values])
            if value is None:
                left.pop(path, None)
            else:
                left[path] = value
        self._seen = left
        self._safe = dict(left)
        self._since_sync.clear()

    def _point(self, path: Path, value: bytes | None) -> None:
        self._since_sync.setdefault(path, []).append(value)
        if value is None:
            del self._seen[path]
        else:
            self._seen[path] = value


class Died(BaseException):
    """The process is gone; nothing it would have done about it happens."""
