"""The process dies and its state is damaged or gone: never a second hedge, never a lost leg."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

import pytest

from test.engine.bot import Bot, with_bot
from test.engine.test_stories import Truth
from test.engine.test_stories_crash import SAVES_MAX, Died, DyingDisk


def torn(bot: Bot) -> None:
    """Damage the newest generation; the journal is there."""
    bot.store.path.write_bytes(b"{")


def torn_without_journal(bot: Bot) -> None:
    """Leave nothing but the generation before the newest."""
    torn(bot)
    bot.journal.unlink(missing_ok=True)


def lost(bot: Bot) -> None:
    """Take both generations away; the journal is there."""
    for path in bot.folder.glob("state.json*"):
        path.unlink()


def all_lost(bot: Bot) -> None:
    """Leave an empty home."""
    lost(bot)
    bot.journal.unlink(missing_ok=True)


def loss_at_save(folder: Path, dies_at: int, lose: Callable[[Bot], None]) -> bool:
    """Return whether a cycle died at that save; its hedge must be taken over and end flat."""
    deaths = []

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        bot.disk = DyingDisk(dies_at, is_saved=True)
        try:
            await bot.live(cycles=1)
        except Died:
            deaths.append(dies_at)
            bot.disk, bot.epoch = None, 2
            lose(bot)
            assert 0 == await bot.live(cycles=1)
        assert bot.is_flat()
        assert all(result.is_complete for result in bot.results)
        if lose is not all_lost:  # with everything the books of a close under way are gone, too
            truth.check(may_miss_equity=True)

    home = folder / str(dies_at)
    home.mkdir()
    with_bot(home, play)
    return bool(deaths)


@pytest.mark.parametrize("lose", [torn, torn_without_journal, lost, all_lost])
def test_a_loss_at_any_save_costs_no_leg(tmp_path: Path, lose: Callable[[Bot], None]) -> None:
    """Killed after any save of a cycle and robbed of it, the next life ends the cycle flat."""
    saves = range(2, SAVES_MAX)  # after the first one there is no generation before
    deaths = list(takewhile(lambda number: loss_at_save(tmp_path, number, lose), saves))

    assert 8 <= len(deaths) < len(saves)


def test_a_loss_of_all_memory_but_its_traces_asks_the_owner(tmp_path: Path) -> None:
    """The hedge is found and held, but under a number of cycles that is the end: exit 1."""

    async def play(bot: Bot) -> None:
        await bot.die_after(100)
        assert bot.is_hedged()
        lost(bot)
        bot.journal.write_bytes(b"torn")
        bot.epoch = 2

        assert 1 == await bot.live(cycles=1)
        assert bot.is_hedged()
        assert "found again by its order ids" in " ".join(bot.alerts)

    with_bot(tmp_path, play)
