"""The journal holds each decision on one line, survives torn writes, and does not grow for ever."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from desk.core.actions import Alert, Decision, Level, ReadMarkets
from desk.core.events import AccountsRead, Event, MarkView, Tick
from desk.core.venue import VenueName
from desk.engine.journal import Journal, read_journal, utc_text
from test.engine.states import AT_MS, Purse
from test.engine.test_store import small_disk

TICK = Tick(AT_MS, {VenueName.LIGHTER: MarkView(Decimal("92000.10"), Decimal(92001), AT_MS)})
DECISION = Decision(Purse(1), (Alert(Level.INFO, "é"), ReadMarkets(4, ("BTC",))), "why not")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a journal may lie; its folder does not exist yet."""
    return tmp_path / "state" / "journal.jsonl"


def write(path: Path, times: int = 1, *, is_idle: bool = True, size_max: int = 10**9) -> None:
    """Write the same decision several times, as one life of a process."""
    journal = Journal(path, size_max=size_max, kept_max=20)
    for _ in range(times):
        journal.write(TICK, DECISION, before="HOLD", after="CLOSE", is_idle=is_idle)
    journal.close()


def numbers(path: Path) -> Iterator[int]:
    """Yield the numbers of the lines that can be read."""
    return (line["n"] for line in read_journal(path))


def test_a_decision_is_one_line(path: Path) -> None:
    """A line has a number, a stamp, the event with all it held, both phases, reason and actions."""
    write(path)

    mark = {"mark": "92000.10", "index": "92001", "received_at_ms": AT_MS}
    unasked: dict[str, object] = {"histories": {}, "notional_usd": None, "band_bps": None}
    question = {"ask": 4, "symbols": ["BTC"], **unasked}
    [line] = path.read_bytes().splitlines()
    assert {
        "n": 1,
        "at": "2026-01-01T00:00:00.000Z",
        "event": "Tick",
        "data": {"at_ms": AT_MS, "marks": {"lighter": mark}, "stirred": False},
        "from": "HOLD",
        "to": "CLOSE",
        "reason": "why not",
        "actions": [
            {"action": "Alert", "data": {"level": "info", "text": "é"}},
            {"action": "ReadMarkets", "data": question},
        ],
    } == msgspec.json.decode(line)


def hold(path: Path, *events: Event, reason: str = "holding") -> list[dict[str, Any]]:
    """Return the lines of a life in which events change nothing, but for its first one."""
    journal = Journal(path)
    journal.begin(Purse(1), at_ms=AT_MS)
    for event in events:
        quiet = Decision(Purse(1), (), reason)
        journal.write(event, quiet, before="HOLD", after="HOLD", is_idle=False)
    journal.write(TICK, DECISION, before="HOLD", after="CLOSE", is_idle=False)
    journal.close()
    return list(read_journal(path))


def test_idle_ticks_are_counted_not_written(path: Path) -> None:
    """Of ticks that change nothing for one reason the first is written; the others are a number."""
    _, first, last = hold(path, *[TICK] * 60)

    assert (1, "holding", False) == (first["n"], first["reason"], "idle_ticks" in first)
    assert (61, "why not", 59) == (last["n"], last["reason"], last["idle_ticks"])


def test_an_idle_hour_leaves_a_trace(path: Path) -> None:
    """However long nothing happens, a tick with its marks is written now and then."""
    rows = hold(path, *[TICK] * 3600)[1:-1]

    assert [1, 602, 1203, 1804, 2405, 3006] == [row["n"] for row in rows]
    assert [600] * 5 == [row["idle_ticks"] for row in rows[1:]]


def test_only_ticks_are_left_out(path: Path) -> None:
    """Any other event is written, whether or not it changes something."""
    read = AccountsRead(AT_MS, 1, {})

    assert ["AccountsRead"] * 3 == [row["event"] for row in hold(path, *[read] * 3)[1:-1]]


def test_a_tick_with_another_reason_is_written(path: Path) -> None:
    """What is decided for a reason of its own is told, also when nothing comes of it."""
    journal = Journal(path)
    journal.begin(Purse(1), at_ms=AT_MS)
    for reason in ("holding", "holding", "a mark stands alone", "a mark stands alone", "holding"):
        quiet = Decision(Purse(1), (), reason)
        journal.write(TICK, quiet, before="HOLD", after="HOLD", is_idle=False)
    journal.close()

    _, *rows = read_journal(path)
    assert [(1, None), (3, 1), (5, 1)] == [(row["n"], row.get("idle_ticks")) for row in rows]


def test_a_tick_that_changes_the_state_is_written(path: Path) -> None:
    """Every change of the state stands in the journal, or it could not be replayed."""
    journal = Journal(path)
    journal.begin(Purse(1), at_ms=AT_MS)
    for count in (1, 2, 3, 3):
        decision = Decision(Purse(count), (), "counting")
        journal.write(TICK, decision, before="HOLD", after="HOLD", is_idle=False)
    journal.close()

    assert [0, 1, 2, 3] == list(numbers(path))


def test_a_life_begins_with_its_state(path: Path) -> None:
    """The state a life starts from stands on a line of its own."""
    journal = Journal(path)
    journal.begin(Purse(5), at_ms=AT_MS)
    journal.close()

    [line] = read_journal(path)

    assert {"n", "at", "event", "data"} == line.keys()
    assert "State" == line["event"]
    assert {"count": 5, "usd": "1.50", "names": {}} == line["data"]


def test_a_restart_appends(path: Path) -> None:
    """The lines of an earlier life stay; each life counts from one."""
    write(path, 2)
    write(path, 3)

    assert [1, 2, 1, 2, 3] == list(numbers(path))


def test_a_torn_tail_is_skipped(path: Path) -> None:
    """A last line that a crash cut short is not read."""
    write(path, 2)
    path.write_bytes(path.read_bytes()[:-30])

    assert [1] == list(numbers(path))


def test_a_torn_tail_does_not_swallow_what_follows(path: Path) -> None:
    """After a crash in mid-line the next life begins on a line of its own."""
    write(path, 2)
    path.write_bytes(path.read_bytes()[:-30])
    write(path, 2)

    assert [1, 1, 2] == list(numbers(path))


def test_a_full_disk_loses_one_line_and_no_more(path: Path) -> None:
    """The line that found no room raises, is skipped by readers, and the next ones are whole."""
    write(path)
    journal = Journal(path)
    with small_disk(path.stat().st_size + 50), pytest.raises(OSError, match="File too large"):
        journal.write(TICK, DECISION, before="HOLD", after="HOLD", is_idle=False)

    for _ in range(2):
        journal.write(TICK, DECISION, before="HOLD", after="HOLD", is_idle=False)
    journal.close()

    assert [1, 2, 3] == list(numbers(path))


def test_rotation_waits_until_nothing_is_held(path: Path) -> None:
    """However large the file, a cycle is not split."""
    write(path, 9, is_idle=False, size_max=100)
    assert ["journal.jsonl"] == [entry.name for entry in path.parent.iterdir()]

    write(path, 1, is_idle=True, size_max=100)

    assert 10 == len(path.with_name("journal.jsonl.1").read_bytes().splitlines())


def test_a_fresh_file_begins_with_the_state(path: Path) -> None:
    """After a rotation the new file can be read by itself: it starts with the state so far."""
    write(path, 3, size_max=1000)

    [head] = read_journal(path)

    assert ("State", {"count": 1, "usd": "1.50", "names": {}}) == (head["event"], head["data"])


def test_twenty_files_are_kept(path: Path) -> None:
    """Rotated files are numbered from the newest, and the twenty-first is gone."""
    write(path, 25, size_max=1)

    names = {entry.name for entry in path.parent.iterdir()}

    assert {"journal.jsonl", *(f"journal.jsonl.{n}" for n in range(1, 21))} == names
    assert [25] == [n for n in numbers(path.with_name("journal.jsonl.1")) if n > 24]


def test_a_rotation_that_fails_costs_no_line(path: Path) -> None:
    """When the files cannot be renamed the old one is written on, and nothing is lost."""
    journal = Journal(path, size_max=1, kept_max=1)
    path.with_name("journal.jsonl.1").mkdir()
    with pytest.raises(OSError, match=r"journal\.jsonl"):
        journal.write(TICK, DECISION, before="WAIT", after="WAIT", is_idle=True)

    journal.write(TICK, DECISION, before="WAIT", after="WAIT", is_idle=False)
    journal.close()

    assert [1, 2] == list(numbers(path))


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (AT_MS + 7, "2026-01-01T00:00:00.007Z"),
        (AT_MS - 1, "2025-12-31T23:59:59.999Z"),
    ],
)
def test_stamps_are_utc_with_milliseconds(at_ms: int, text: str) -> None:
    """Files carry UTC ISO text with Z."""
    assert text == utc_text(at_ms)
