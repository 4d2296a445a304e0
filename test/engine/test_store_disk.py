"""What a disk may show after the power went during a save: every such state is loaded or refused.

A save's bytes are synced before they are named, but the names are not until the folder is. So after
a crash each change of a name may have reached the disk or not, in whatever order, a rename may have
lost both its names, and every file that no sync has covered may be torn.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from desk.core.errors import StateError
from desk.engine.store import Disk, StateStore
from test.engine.states import AT_MS, Purse

OLDER, OLD, NEW = Purse(1), Purse(2), Purse(3)
Names = dict[str, bytes]
Change = tuple[str, str, str]
LOST = b""


class Tape(Disk):
    """A disk that writes down each change of a name, in a new list after each sync of them."""

    def __init__(self) -> None:
        self.parts: list[list[Change]] = [[]]

    def write(self, path: Path, data: bytes) -> None:
        super().write(path, data)
        self.parts[-1].append(("make", path.name, ""))

    def link(self, path: Path, name: Path) -> None:
        super().link(path, name)
        self.parts[-1].append(("link", path.name, name.name))

    def rename(self, path: Path, name: Path) -> None:
        super().rename(path, name)
        self.parts[-1].append(("rename", path.name, name.name))

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self.parts.append([])


def names_in(folder: Path) -> Names:
    """Return every file of a folder with what it holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def after(names: Names, change: Change, fate: str, written: bytes) -> Names:
    """Return the names when a change reached the disk, was lost, or lost its names halfway."""
    kind, source, target = change
    if fate == "lost" or (kind != "make" and source not in names):
        return names
    if kind == "make":
        return names | {source: LOST if fate == "halfway" else written}
    moved = names | {target: names[source]}
    if kind == "rename":
        del moved[source]
        if fate == "halfway":
            del moved[target]
    return moved


def disks(folder: Path, before: tuple[Purse, ...]) -> Iterator[Names]:
    """Yield every state of the folder that a crash in the save of `NEW` may leave."""
    folder.mkdir()
    for state in before:
        StateStore(folder / "state", kind=Purse, schema=1).save(state, at_ms=AT_MS)
    start, tape = names_in(folder), Tape()
    StateStore(folder / "state", kind=Purse, schema=1, disk=tape).save(NEW, at_ms=AT_MS + 1)
    written = (folder / "state").read_bytes()
    for changes in tape.parts:
        for fates in product(("done", "lost", "halfway"), repeat=len(changes)):
            names = start
            for change, fate in zip(changes, fates, strict=True):
                names = after(names, change, fate, written)
            yield names
        for change in changes:
            start = after(start, change, "done", written)


def loaded_from(folder: Path, names: Names) -> Purse | str | None:
    """Return what a new process loads from such a disk, "refused" where it will not start."""
    for path in folder.iterdir():
        path.unlink()
    for name, data in names.items():
        (folder / name).write_bytes(data)
    try:
        found = StateStore(folder / "state", kind=Purse, schema=1).load()
    except StateError:
        return "refused"
    if found is None:
        return None
    return found.state if found.notice is None else f"{found.state.count}, told"


@pytest.mark.parametrize("before", [(OLD,), (OLDER, OLD)], ids=["one before", "two before"])
def test_no_crash_makes_a_state_look_like_a_first_start(
    tmp_path: Path, before: tuple[Purse, ...]
) -> None:
    """Silently only the state before or after the save is used; whatever is older is told."""
    folder = tmp_path / "home"
    seen = {str(loaded_from(folder, names)) for names in disks(folder, before)}

    assert {str(OLD), str(NEW), "2, told"} == seen


def test_a_crash_in_a_first_save_leaves_nothing_that_was_acted_on(tmp_path: Path) -> None:
    """Nothing is done before the first save has ended, so nothing is lost with it."""
    folder = tmp_path / "home"
    seen = {str(loaded_from(folder, names)) for names in disks(folder, ())}

    assert {"None", "refused", "3, told", str(NEW)} >= seen
