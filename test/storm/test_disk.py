"""The disk of the storm forgets what was not synced, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from desk.engine.store import StateStore
from desk.storm.disk import Died, Loss, MemoryDisk, Step
from test.engine.states import AT_MS, Purse

OLD, NEW = Purse(1), Purse(2)
A, B = Path("a"), Path("b")
SEEDS = range(30)


def store_on(disk: MemoryDisk) -> StateStore[Purse]:
    """Return a store on `disk`."""
    return StateStore(Path("state"), kind=Purse, schema=1, disk=disk)


def found_after(step: Step, loss: Loss, seed: int = 0) -> Purse:
    """Return what is loaded after a crash at `step` of saving NEW over OLD."""
    disk = MemoryDisk()
    store_on(disk).save(OLD, at_ms=AT_MS)
    disk.die_at(step)
    with pytest.raises(Died):
        store_on(disk).save(NEW, at_ms=AT_MS)
    disk.crash(loss, random.Random(seed))
    loaded = store_on(disk).load()
    assert loaded is not None
    return loaded.state


def test_what_was_synced_survives() -> None:
    """A save that returned is there after the worst crash."""
    disk = MemoryDisk()
    store_on(disk).save(NEW, at_ms=AT_MS)
    disk.crash(Loss.LOST, random.Random(1))

    loaded = store_on(disk).load()

    assert loaded is not None
    assert NEW == loaded.state


def test_an_unsynced_name_is_lost() -> None:
    """Bytes without a safe name are gone with the machine, not with the process."""
    disk = MemoryDisk()
    disk.write(A, b"1")
    disk.crash(Loss.KEPT, random.Random(1))
    assert b"1" == disk.read(A)

    disk.crash(Loss.LOST, random.Random(1))

    with pytest.raises(FileNotFoundError):
        disk.read(A)


def test_names_are_lost_each_for_itself() -> None:
    """A mixed crash may keep a later name and lose an earlier one."""
    seen = set()
    for seed in SEEDS:
        disk = MemoryDisk()
        disk.write(A, b"1")
        disk.write(B, b"2")
        disk.crash(Loss.MIXED, random.Random(seed))
        seen.add((disk.safe(A), disk.safe(B)))

    assert {(None, None), (b"1", None), (None, b"2"), (b"1", b"2")} == seen


def test_a_torn_save_leaves_the_old_state() -> None:
    """Half-written bytes never take the place of a whole state."""
    assert {OLD.count} == {found_after(Step.WRITE, Loss.MIXED, seed).count for seed in SEEDS}


def test_an_unsynced_save_leaves_the_old_state_or_the_new() -> None:
    """Whatever becomes of the names, one whole state is found."""
    assert OLD == found_after(Step.NAME, Loss.LOST)
    assert NEW == found_after(Step.NAME, Loss.KEPT)
    assert {1, 2} == {found_after(Step.NAME, Loss.MIXED, seed).count for seed in SEEDS}
    assert {1} == {found_after(Step.LINK, Loss.MIXED, seed).count for seed in SEEDS}


def test_a_full_disk_refuses() -> None:
    """Nothing can be saved, and what was there stays."""
    disk = MemoryDisk()
    store_on(disk).save(OLD, at_ms=AT_MS)
    disk.is_full = True

    with pytest.raises(OSError, match="no space"):
        store_on(disk).save(NEW, at_ms=AT_MS)

    loaded = store_on(disk).load()
    assert loaded is not None
    assert OLD == loaded.state
