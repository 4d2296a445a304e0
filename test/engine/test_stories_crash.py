"""The process may die at any instant: the next start finds what it holds and ends the cycle."""

from __future__ import annotations

import asyncio
import random
from itertools import product, takewhile
from pathlib import Path

import pytest

from desk.engine.journal import read_journal
from desk.engine.store import Disk
from desk.sim.faults import FaultKind
from test.engine.bot import Bot, with_bot
from test.engine.test_stories import Truth

SAVES_MAX = 40
SETTLED_S = 640  # after this nothing that was sent can take effect any more


class Died(Exception):
    """The process is gone."""


class DyingDisk(Disk):
    """Kills the process in save number `dies_at`: before it, or right after it."""

    def __init__(self, dies_at: int, *, is_saved: bool) -> None:
        self._saves = 0
        self._is_named = False
        self._dies_at = dies_at
        self._is_saved = is_saved

    def write(self, path: Path, data: bytes) -> None:
        """Begin a save."""
        self._saves += 1
        if self._saves == self._dies_at and not self._is_saved:
            raise Died
        super().write(path, data)
        self._is_named = False

    def rename(self, path: Path, name: Path) -> None:
        """Name what was saved; the previous generation was renamed before it."""
        super().rename(path, name)
        self._is_named = name.suffix == ".json"

    def sync_folder(self, path: Path) -> None:
        """End a save."""
        super().sync_folder(path)
        if self._saves == self._dies_at and self._is_saved and self._is_named:
            raise Died


async def finish(bot: Bot) -> None:
    """Start again and see the cycle to its end, with true books."""
    await bot.live(cycles=1)
    assert bot.is_flat()
    assert bot.results[-1].is_complete


def crash_at_save(folder: Path, dies_at: int, *, is_saved: bool) -> bool:
    """Return whether a cycle that dies at that save died at all; it must end flat either way."""
    deaths = []

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        bot.disk = DyingDisk(dies_at, is_saved=is_saved)
        try:
            await bot.live(cycles=1)
        except Died:
            deaths.append(dies_at)
            bot.disk = None
            await finish(bot)
        assert bot.is_flat()
        truth.check()

    home = folder / str(dies_at)
    home.mkdir()
    with_bot(home, play)
    return bool(deaths)


@pytest.mark.parametrize("is_saved", [False, True], ids=["before", "after"])
def test_a_crash_at_any_save_is_recovered(tmp_path: Path, is_saved: bool) -> None:
    """Killed before or after any save of a cycle, the next life ends it flat and adds it up."""
    saves = range(1, SAVES_MAX)
    crashes = list(takewhile(lambda n: crash_at_save(tmp_path, n, is_saved=is_saved), saves))

    assert 8 <= len(crashes) < len(saves)


@pytest.mark.parametrize("begin_s", [0.0, 360.0], ids=["opening", "closing"])
def test_a_crash_at_any_time_is_recovered(tmp_path: Path, begin_s: float) -> None:
    """Killed with requests in flight, the next life ends hedged or flat, and then flat."""
    rng = random.Random(f"crash at {begin_s}")

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        await bot.die_after(begin_s + rng.uniform(0, 7))
        await asyncio.sleep(rng.uniform(0, 2))
        await bot.die_after(60)
        assert bot.is_hedged() or bot.is_flat()
        await finish(bot)
        truth.check()

    for number in range(10):
        (tmp_path / str(number)).mkdir()
        with_bot(tmp_path / str(number), play)


def test_many_crashes_in_a_row_cost_no_leg(tmp_path: Path) -> None:
    """A process that dies again and again never leaves one leg alone for good."""
    rng = random.Random("many crashes")

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        for _ in range(40):
            await bot.die_after(rng.choice([rng.uniform(0, 6), rng.uniform(0, 200)]))
        await bot.die_after(SETTLED_S)
        assert bot.is_hedged() or bot.is_flat()
        await finish(bot)
        truth.check()
        assert len(bot.results) >= 3

    with_bot(tmp_path, play)


SOMETIMES = [
    FaultKind.REQUEST_LOST_BEFORE,
    FaultKind.REQUEST_LOST_AFTER,
    FaultKind.REPLY_LOST,
    FaultKind.EFFECT_LATE,
    FaultKind.REJECT,
    FaultKind.HTTP_5XX,
]


@pytest.mark.parametrize("seed", range(4))
def test_crashes_and_faults_together_cost_no_leg(tmp_path: Path, seed: int) -> None:
    """Lost, late and refused requests while the process dies: flat, and every cent accounted."""
    rng = random.Random(seed)

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        for venue, kind in product(bot.stage.world.exchanges, SOMETIMES):
            delay_s = rng.uniform(0, 30)
            bot.stage.fault(venue, kind, count=30, probability=0.02, delay_s=delay_s)
        for _ in range(12):
            await bot.die_after(rng.uniform(0, 300))
        bot.stage.plan.clear()
        await bot.die_after(SETTLED_S)
        assert bot.is_hedged() or bot.is_flat()
        await finish(bot)
        truth.check()

    with_bot(tmp_path, play, seed=seed)


def test_every_life_is_in_the_journal(tmp_path: Path) -> None:
    """After crashes the journal still reads from end to end, each life with its state."""

    async def play(bot: Bot) -> None:
        for _ in range(5):
            await bot.die_after(5)

    with_bot(tmp_path, play)

    names = [line["event"] for line in read_journal(tmp_path / "journal.jsonl")]
    assert 5 == names.count("State") == names.count("Started")
