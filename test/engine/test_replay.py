"""A journal decided again gives the same decisions, byte for byte, or says where it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from desk.core.actions import Decision, Watch
from desk.core.events import Event
from desk.engine.journal import read_journal
from desk.engine.replay import Replayed, ReplayError, event_registry, replay
from desk.hedge import machine
from desk.hedge.state import BotState
from test.engine.bot import Bot, with_bot
from test.engine.test_stories import Truth

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS = event_registry(machine.EVENTS)
RUN_A_CYCLE = """
import sys
from pathlib import Path
from test.engine.test_replay import record
record(Path(sys.argv[1]), seed=int(sys.argv[2]))
"""


def record(folder: Path, *, seed: int = 11, crash_s: Sequence[float] = ()) -> Path:
    """Return the journal of one cycle, with a crash after each of `crash_s` before it."""

    async def play(bot: Bot) -> None:
        truth = Truth(bot)
        for seconds in crash_s:
            await bot.die_after(seconds)
        assert 0 == await bot.live(cycles=1)
        truth.check()

    with_bot(folder, play, seed=seed)
    return folder / "journal.jsonl"


def again(path: Path, strategy: Any = machine) -> list[Replayed[BotState]]:
    """Return every decision of a bot's journal made again."""
    return list(replay(read_journal(path), strategy, state_kind=BotState, event_kinds=KINDS))


class Changed:
    """The same strategy with one word changed."""

    def decide(self, state: BotState, event: Event) -> Decision[BotState]:
        """Decide as the machine does, and word one reason differently."""
        decision = machine.decide(state, event)
        reason = decision.reason.replace("both legs hold", "both legs have")
        return replace(decision, reason=reason)

    def watch(self, state: BotState) -> Watch:
        """Watch as the machine does."""
        return machine.watch(state)


def states_of(decisions: Iterable[Decision[BotState]]) -> list[BotState]:
    """Return the states that decisions led to, each once where nothing changed."""
    return [state for state, _ in groupby(decision.state for decision in decisions)]


def test_a_cycle_is_decided_again_byte_for_byte(tmp_path: Path) -> None:
    """From the first event to the exit every decision comes out as it stands in the journal."""
    replayed = again(record(tmp_path))

    assert all(row.is_same for row in replayed)
    assert replayed[-1].line["n"] > 300
    assert replayed[-1].decision.state.result is not None


def test_every_state_a_life_went_through_comes_out_again(tmp_path: Path) -> None:
    """What the journal only counts has changed nothing: a replay misses no state."""
    lived: list[Decision[BotState]] = []

    async def play(bot: Bot) -> None:
        bot.on_record = lambda record: lived.append(record.decision)
        assert 0 == await bot.live(cycles=1)

    with_bot(tmp_path, play)
    replayed = again(tmp_path / "journal.jsonl")

    assert len(replayed) * 5 < len(lived)
    assert states_of(lived) == states_of(row.decision for row in replayed)


def test_lives_are_decided_again_from_their_own_states(tmp_path: Path) -> None:
    """A journal with crashes in it replays too: each life starts from the state it loaded."""
    replayed = again(record(tmp_path, crash_s=(1.0, 2.2, 30)))

    assert 4 == sum(row.line["event"] == "Started" for row in replayed)
    assert all(row.is_same for row in replayed)


def test_a_changed_strategy_is_found_out(tmp_path: Path) -> None:
    """A decision that would be made differently today is the one that is named."""
    different = [row for row in again(record(tmp_path), Changed()) if not row.is_same]

    assert [("AccountsRead", "OPEN")] == [
        (row.line["event"], row.line["from"]) for row in different
    ]
    assert "both legs have" in different[0].decision.reason


def test_a_changed_line_is_found_out(tmp_path: Path) -> None:
    """A journal that somebody edited does not replay."""
    path = record(tmp_path)
    path.write_text(path.read_text().replace("% APR", "% apr"))

    assert not all(row.is_same for row in again(path))


def test_a_journal_without_its_beginning_is_refused(tmp_path: Path) -> None:
    """Without the state it starts from, no decision can be made again."""
    path = record(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[5:]))

    with pytest.raises(ReplayError, match=r"line 5 of .*: no state to start from"):
        again(path)


def test_an_event_of_another_program_is_refused(tmp_path: Path) -> None:
    """An event nobody knows is named, not skipped."""
    path = record(tmp_path)
    path.write_text(path.read_text().replace('"event":"MarketsRead"', '"event":"Eclipse"'))

    with pytest.raises(ReplayError, match="Eclipse: no such event"):
        again(path)


def test_an_event_of_another_shape_is_refused(tmp_path: Path) -> None:
    """An event whose data does not fit is named, with what does not fit."""
    path = record(tmp_path)
    path.write_text(path.read_text().replace('"ask":1,"venues"', '"question":1,"venues"'))

    with pytest.raises(ReplayError, match=r"AccountsRead: .*ask"):
        again(path)


def test_the_same_seed_gives_the_same_journal(tmp_path: Path) -> None:
    """Two runs of one seed write the same bytes, another seed writes others."""
    journals = []
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        (tmp_path / name).mkdir()
        journals.append(record(tmp_path / name, seed=seed).read_bytes())

    assert journals[0] == journals[1]
    assert journals[0] != journals[2]


def test_hash_order_changes_nothing(tmp_path: Path) -> None:
    """Processes with different hash seeds write the same bytes."""
    journals = []
    for hash_seed in ("0", "1", "4711"):
        folder = tmp_path / hash_seed
        folder.mkdir()
        command = [sys.executable, "-c", RUN_A_CYCLE, str(folder), "5"]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        journals.append((folder / "journal.jsonl").read_bytes())

    assert journals[0]
    assert 1 == len(set(journals))
