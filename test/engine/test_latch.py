"""The halt latch: what sets it, who hears of it, and that only its absence lifts it."""

import asyncio
from pathlib import Path

import pytest

from desk.engine.latch import POLL_S, Latch, latch_heeded
from test.virtual import run_virtual


def latch_in(folder: Path) -> Latch:
    """Return a latch that is not set."""
    return Latch(folder / "state.json.halt")


async def heard(latch: Latch, *, was_set: bool, then: str = "nothing") -> list[str | None]:
    """Return what is told at once, and after `then` was done to the file."""
    told: list[str | None] = []
    async with latch_heeded(latch, was_set=was_set, tell=told.append):
        await asyncio.sleep(2 * POLL_S)
        if then == "set":
            latch.set("stop")
        elif then == "delete":
            latch.path.unlink()
        elif then == "hide":
            latch.path.unlink()
            latch.path.mkdir()
        await asyncio.sleep(1.0)
    return told


def test_a_latch_that_was_set_is_read_back(tmp_path: Path) -> None:
    """Its text is why; before, there is none."""
    latch = latch_in(tmp_path)
    assert latch.read() is None
    latch.set("the owner pulled the plug")
    assert "the owner pulled the plug" == latch.read()


def test_an_empty_latch_is_a_latch(tmp_path: Path) -> None:
    """A crash between making the file and writing it must not lift it."""
    latch = latch_in(tmp_path)
    latch.path.touch()
    assert "no reason given" == latch.read()


def test_a_latch_that_cannot_be_looked_at_stops_a_start(tmp_path: Path) -> None:
    """Nobody can say whether it is set, so nothing begins."""
    latch = latch_in(tmp_path)
    latch.path.mkdir()
    with pytest.raises(OSError, match="halt"):
        run_virtual(heard(latch, was_set=False))


@pytest.mark.parametrize(
    ("is_set", "was_set", "told"),
    [
        (False, False, []),
        (True, False, ["stop"]),
        (True, True, []),
        (False, True, [None]),
    ],
)
def test_a_difference_is_told_at_the_start(
    tmp_path: Path, is_set: bool, was_set: bool, told: list[str | None]
) -> None:
    """Set or deleted while nobody was looking, it is heard of before anything else happens."""
    latch = latch_in(tmp_path)
    if is_set:
        latch.set("stop")
    assert told == run_virtual(heard(latch, was_set=was_set))


def test_a_latch_set_meanwhile_is_told_within_a_second(tmp_path: Path) -> None:
    """A running bot hears of it."""
    assert ["stop"] == run_virtual(heard(latch_in(tmp_path), was_set=False, then="set"))


@pytest.mark.parametrize(("then", "told"), [("delete", [None]), ("hide", [])])
def test_only_a_deleted_latch_is_lifted(
    tmp_path: Path, then: str, told: list[str | None]
) -> None:
    """One that cannot be looked at for once stays what it was."""
    latch = latch_in(tmp_path)
    latch.set("stop")
    assert told == run_virtual(heard(latch, was_set=True, then=then))
