"""A crash at any instant of a save leaves a file that loads, old or new and nothing between."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from desk.engine.store import Disk, StateStore
from test.engine.states import AT_MS, Purse

OLDER, OLD, NEW = Purse(1), Purse(2), Purse(3)
TORN = (0, 1, 60, 10_000)
TEARS = len(TORN)


class PowerCut(Exception):
    """The machine is off."""


class DyingDisk(Disk):
    """Loses power before operation number `dies_at`, after `torn` bytes if that is a write."""

    def __init__(self, dies_at: int = -1, torn: int = 0) -> None:
        self.steps: list[str] = []
        self._dies_at = dies_at
        self._torn = torn

    def write(self, path: Path, data: bytes) -> None:
        if self._is_last("write", path):
            path.write_bytes(data[: self._torn])
            raise PowerCut
        super().write(path, data)

    def remove(self, path: Path) -> None:
        self._step("remove", path)
        super().remove(path)

    def link(self, path: Path, name: Path) -> None:
        self._step("link", name)
        super().link(path, name)

    def rename(self, path: Path, name: Path) -> None:
        self._step("rename", name)
        super().rename(path, name)

    def sync_folder(self, path: Path) -> None:
        self._step("sync", path)
        super().sync_folder(path)

    def _is_last(self, operation: str, path: Path) -> bool:
        self.steps.append(f"{operation} {path.name}")
        return len(self.steps) - 1 == self._dies_at

    def _step(self, operation: str, path: Path) -> None:
        if self._is_last(operation, path):
            raise PowerCut


def store_on(folder: Path, disk: Disk) -> StateStore[Purse]:
    """Return a store in `folder` on `disk`."""
    return StateStore(folder / "state", kind=Purse, schema=1, disk=disk)


def crashes(folder: Path, before: tuple[Purse, ...]) -> Iterator[tuple[str, Purse | None]]:
    """Save `NEW` after `before`, once for each instant at which the power can fail.

    Yields where it failed and what a new process then loads.
    """
    for dies_at in count():
        for torn in TORN:
            home = folder / f"{dies_at}-{torn}"
            home.mkdir()
            for state in before:
                store_on(home, Disk()).save(state, at_ms=AT_MS)
            disk = DyingDisk(dies_at, torn)
            try:
                store_on(home, disk).save(NEW, at_ms=AT_MS)
            except PowerCut:
                found = store_on(home, Disk()).load()
                yield disk.steps[-1], found.state if found else None
            else:
                return


def test_a_save_is_written_before_it_is_named(tmp_path: Path) -> None:
    """The new bytes and the previous name are on the disk before the last rename, and that at the
    end."""
    store_on(tmp_path, Disk()).save(OLD, at_ms=AT_MS)
    disk = DyingDisk()
    store_on(tmp_path, disk).save(NEW, at_ms=AT_MS)

    assert [
        "write state.new",
        "remove state.previous.new",
        "link state.previous.new",
        "rename state.previous",
        f"sync {tmp_path.name}",
        "rename state",
        f"sync {tmp_path.name}",
    ] == disk.steps


@pytest.mark.parametrize("before", [(OLD,), (OLDER, OLD)], ids=["one before", "two before"])
def test_a_crash_leaves_the_old_state_until_the_new_one_is_named(
    tmp_path: Path, before: tuple[Purse, ...]
) -> None:
    """Up to the last rename the old state is loaded, from it on the new one; never neither."""
    seen = [state for _, state in crashes(tmp_path, before)]

    last = len(seen) - TEARS  # the only instant after the last rename is before the last sync
    assert last >= 6 * TEARS
    assert [OLD] * last + [NEW] * TEARS == seen


def test_a_crash_in_the_first_save_leaves_none_or_the_new_state(tmp_path: Path) -> None:
    """Before there ever was a state, a crash leaves no state rather than half of one."""
    seen = list(crashes(tmp_path, ()))

    assert all(state in (None, NEW) for _, state in seen)
    assert all(state == NEW for step, state in seen if not step.startswith("write"))


def test_a_crash_does_not_stop_the_next_save(tmp_path: Path) -> None:
    """Whatever a crash left behind, the next process saves as if nothing had been."""
    list(crashes(tmp_path, (OLDER, OLD)))

    for home in tmp_path.iterdir():
        store = store_on(home, Disk())
        store.save(NEW, at_ms=AT_MS)
        found = store.load()
        assert found is not None
        assert NEW == found.state
