"""What a new process knows of the one before, whatever is left of its files."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from desk.core.errors import StateError
from desk.engine.journal import read_journal
from desk.engine.recall import Recalled
from desk.engine.replay import event_registry, last_state
from desk.engine.store import StateStore
from desk.hedge import machine
from desk.hedge.state import SCHEMA, BotState
from test.engine.bot import Bot, with_bot
from test.engine.bot import recalled as bot_recalled
from test.engine.test_replay import Changed

KINDS = event_registry(machine.EVENTS)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of a bot that was killed twice, last in a hold."""
    folder = tmp_path_factory.mktemp("lived")

    async def play(bot: Bot) -> None:
        await bot.die_after(2.2)
        await bot.die_after(100)

    with_bot(folder, play)
    return folder


@pytest.fixture
def home(lived: Path, tmp_path: Path) -> Path:
    """Return a copy of that home."""
    return Path(shutil.copytree(lived, tmp_path / "home"))


def store(home: Path) -> StateStore[BotState]:
    """Return the store of a home."""
    return StateStore(home / "state.json", kind=BotState, schema=SCHEMA)


def journal(home: Path) -> Path:
    """Return the journal of a home."""
    return home / "journal.jsonl"


def recalled(home: Path) -> Recalled[BotState]:
    """Return what a new process knows."""
    return bot_recalled(store(home), journal(home))


def saved(home: Path) -> BotState:
    """Return what is in the state file."""
    found = store(home).load()
    assert found is not None
    return found.state


def last(home: Path) -> BotState | None:
    """Return what the journal tells."""
    told = last_state(journal(home), machine, state_kind=BotState, event_kinds=KINDS)
    return None if told is None else told[0]


def test_a_good_file_is_believed(home: Path) -> None:
    """The newest generation is the state, and nothing is behind."""
    assert Recalled(saved(home)) == recalled(home)


def test_the_journal_ends_where_the_state_does(home: Path) -> None:
    """Decided again from the last life's beginning, it tells the very state that was saved."""
    assert saved(home).hedge is not None
    assert saved(home) == last(home)


def test_a_lost_file_is_read_again_from_the_journal(home: Path) -> None:
    """Damaged, or both generations gone: the journal knows more than what is left."""
    state = saved(home)
    store(home).path.write_bytes(b"{")
    assert state == recalled(home).state

    store(home).path.unlink()
    store(home).previous.unlink()
    found = recalled(home)
    assert (state, False) == (found.state, found.is_first)
    assert "state.json is missing; read again from the journal" == found.behind


def test_a_good_file_that_is_older_than_the_journal_is_not_believed(home: Path) -> None:
    """The disk took no more, or somebody put an old copy back: the journal went on."""
    state = saved(home)
    shutil.copy(store(home).previous, store(home).path)

    found = recalled(home)

    assert state == found.state
    assert "state.json is older than the journal; read again from the journal" == found.behind


def test_a_journal_of_another_installation_says_nothing_about_a_good_file(home: Path) -> None:
    """Its ids bear another epoch."""
    older = StateStore(store(home).previous, kind=BotState, schema=SCHEMA).load()
    assert older is not None
    other = replace(older.state, epoch=older.state.epoch + 1)
    store(home).save(other, at_ms=older.saved_at_ms)

    assert Recalled(other) == recalled(home)


def test_without_a_journal_the_older_generation_is_what_is_known(home: Path) -> None:
    """It is used, and it is behind."""
    older = StateStore(store(home).previous, kind=BotState, schema=SCHEMA).load()
    assert older is not None
    store(home).path.write_bytes(b"{")
    journal(home).unlink()

    found = recalled(home)

    assert older.state == found.state
    assert "used state.json.previous, because state.json: " in (found.behind or "")


def test_traces_without_a_memory_are_no_first_start(home: Path) -> None:
    """A journal that cannot be read still tells that somebody lived here."""
    for path in (store(home).path, store(home).previous):
        path.unlink()
    journal(home).write_bytes(b"torn")

    assert Recalled(None, "state.json is missing") == recalled(home)


def test_an_empty_home_is_a_first_start(tmp_path: Path) -> None:
    """No state, no journal: nobody has lived here."""
    assert Recalled(None, is_first=True) == recalled(tmp_path)


def test_two_damaged_generations_are_refused_even_with_a_journal(home: Path) -> None:
    """A human decides to go on without them, by moving them away."""
    for path in (store(home).path, store(home).previous):
        path.write_bytes(b"{")

    with pytest.raises(StateError, match="damaged"):
        recalled(home)


@pytest.mark.parametrize("place", [1, -2], ids=["first", "last but one"])
def test_a_journal_that_lacks_a_line_is_not_believed(home: Path, place: int) -> None:
    """A decision that is missing may have sent something."""
    lines = journal(home).read_bytes().splitlines(keepends=True)
    begin = max(n for n, line in enumerate(lines) if b'"event":"State"' in line)
    life = lines[begin:]
    del life[place]
    journal(home).write_bytes(b"".join([*lines[:begin], *life]))

    assert last(home) is None


def test_a_journal_of_another_program_is_not_believed(home: Path) -> None:
    """A program that decides differently now cannot tell what the old one has done."""
    told = last_state(journal(home), Changed(), state_kind=BotState, event_kinds=KINDS)
    assert told is None


def test_a_life_that_never_decided_is_its_first_line(home: Path) -> None:
    """A process that died at once has left the state that it began with."""
    lines = journal(home).read_bytes().splitlines(keepends=True)
    begin = max(n for n, line in enumerate(lines) if b'"event":"State"' in line)
    journal(home).write_bytes(b"".join(lines[: begin + 1]))

    told = last(home)

    assert told is not None
    head = list(read_journal(journal(home)))[-1]
    assert head["data"]["asked"] == told.asked
