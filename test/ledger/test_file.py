"""The ledger's file: idempotent, versioned, readable after a kill, and no burden when it is not."""

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from desk.core.errors import StateError
from desk.core.order import Fill, Side
from desk.core.venue import VenueName
from desk.ledger.reading import read_ledger
from desk.ledger.rows import Book, CycleId, CycleNote, Entry, Reading, RowKind, Span
from desk.ledger.schema import SCRIPTS, open_to_write
from desk.ledger.writer import BATCHES_MAX, LedgerWriter

BOOK = Book(VenueName.LIGHTER, "7")
NOTE = CycleNote(CycleId(1, 1), "BTC", Decimal("0.5"), VenueName.LIGHTER, approved_at_ms=5)
FILL = Fill("BTC", "f1", "o1", None, Side.BUY, Decimal("0.1"), Decimal(50), Decimal("0.02"), 3)


def span(start: int, end: int) -> Span:
    """Return a stretch of fills."""
    return Span(BOOK, RowKind.FILLS, start, end)


def written(path: Path, *entries: Entry) -> None:
    """Write entries and close the file."""
    writer = LedgerWriter(path)
    assert writer.put(entries)
    assert writer.close()


def test_a_row_comes_back_as_it_went_in_and_once(tmp_path: Path) -> None:
    """Decimals keep their digits, and a second reading of the same row adds nothing."""
    path = tmp_path / "ledger.sqlite3"
    written(path, Reading(span(0, 9), [FILL]), Reading(span(0, 9), [FILL]))
    ledger = read_ledger(path)
    assert ledger is not None
    assert [FILL] == [row.row for row in ledger.fills]
    assert 0o600 == path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("spans", "joined"),
    [
        ([(0, 5), (5, 9)], [(0, 9)]),
        ([(0, 5), (6, 9)], [(0, 5), (6, 9)]),
        ([(6, 9), (0, 3), (2, 7)], [(0, 9)]),
        ([(0, 9), (3, 4)], [(0, 9)]),
    ],
)
def test_stretches_that_touch_become_one(
    tmp_path: Path, spans: list[tuple[int, int]], joined: list[tuple[int, int]]
) -> None:
    """What was read is known from when to when, in whatever order it was read."""
    path = tmp_path / "ledger.sqlite3"
    written(path, *(Reading(span(*each), []) for each in spans))
    ledger = read_ledger(path)
    assert ledger is not None
    assert joined == [(row.from_ms, row.until_ms) for row in ledger.spans]


def test_a_note_is_filled_in_and_forgets_nothing(tmp_path: Path) -> None:
    """What a later note does not know stays as an earlier one said."""
    path = tmp_path / "ledger.sqlite3"
    later = replace(NOTE, approved_at_ms=None, closed_at_ms=9, close_reason="hold ended")
    written(path, NOTE, later)
    ledger = read_ledger(path)
    assert ledger is not None
    assert (replace(later, approved_at_ms=5),) == ledger.cycles


def test_no_file_is_no_ledger_and_an_empty_one_an_empty_ledger(tmp_path: Path) -> None:
    """Neither is an error."""
    path = tmp_path / "ledger.sqlite3"
    assert read_ledger(path) is None
    path.touch()
    ledger = read_ledger(path)
    assert ledger is not None
    assert ledger.is_empty


def test_a_newer_ledger_is_refused_and_not_touched(tmp_path: Path) -> None:
    """Neither reader nor writer opens what a newer program wrote."""
    path = tmp_path / "ledger.sqlite3"
    with closing(open_to_write(path, (*SCRIPTS, "CREATE TABLE more (x);"))):
        pass
    before = path.read_bytes()
    for use in (read_ledger, open_to_write):
        with pytest.raises(StateError, match="newer program"):
            use(path)
    assert before == path.read_bytes()


def test_an_older_ledger_is_brought_up(tmp_path: Path) -> None:
    """The writer adds what is new and keeps every row; a reader does so in its own copy."""
    path = tmp_path / "ledger.sqlite3"
    written(path, Reading(span(0, 9), [FILL]))
    newer = (*SCRIPTS, "ALTER TABLE fills ADD COLUMN more TEXT;")
    with closing(open_to_write(path, newer)) as file:
        assert [("f1", None)] == file.execute("SELECT fill_id, more FROM fills").fetchall()
        assert (len(newer),) == file.execute("PRAGMA user_version").fetchone()


def test_a_ledger_from_before_expectations_were_kept_is_read(tmp_path: Path) -> None:
    """Its cycles have none; the next ones do."""
    path = tmp_path / "ledger.sqlite3"
    with closing(open_to_write(path, SCRIPTS[:1])) as file:
        file.execute(
            "INSERT INTO cycles (epoch, cycle, symbol, size, long_venue, approved_at_ms) "
            "VALUES (1, 1, 'BTC', '0.5', 'lighter', 5)"
        )
    later = replace(NOTE, id=CycleId(1, 2), expected_hours=24, expected_funding_bps=Decimal(20))
    for known in ((NOTE,), (NOTE, later)):
        ledger = read_ledger(path)
        assert ledger is not None
        assert known == ledger.cycles
        written(path, later)


def test_a_damaged_ledger_is_told_in_one_line(tmp_path: Path) -> None:
    """It is never taken for an empty one."""
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"no database at all, " * 100)
    with pytest.raises(StateError, match="cannot be read") as caught:
        read_ledger(path)
    assert "\n" not in str(caught.value)


def test_what_is_locked_is_written_later(tmp_path: Path) -> None:
    """A batch that found the file locked is written once the lock is gone."""
    path = tmp_path / "ledger.sqlite3"
    written(path, NOTE)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = LedgerWriter(path, retry_s=0.01)
        writer.put([Reading(span(0, 9), [FILL])])
        other.execute("ROLLBACK")
    assert writer.close()
    ledger = read_ledger(path)
    assert ledger is not None
    assert 1 == len(ledger.fills)


def test_what_finds_no_room_is_refused_at_once(tmp_path: Path) -> None:
    """A file that takes nothing costs a bounded queue and no wait, at the end neither."""
    writer = LedgerWriter(tmp_path, retry_s=60)
    taken = sum(writer.put([NOTE]) for _ in range(BATCHES_MAX + 10))
    assert BATCHES_MAX <= taken <= BATCHES_MAX + 1
    while writer.trouble is None:
        threading.Event().wait(0.01)
    assert not writer.close()


CHILD = """
import sys
from pathlib import Path
from dataclasses import replace
from desk.ledger.rows import Reading
from desk.ledger.writer import LedgerWriter
from test.ledger.test_file import FILL, span
writer = LedgerWriter(Path(sys.argv[1]))
for number in range(100_000):
    while not writer.put([Reading(span(number, number + 1), [replace(FILL, fill_id=str(number))])]):
        pass
    if number == 50:
        while writer._batches.qsize() > 30:
            pass
        print("written", flush=True)
"""


def test_a_kill_in_the_middle_of_writing_leaves_a_readable_ledger(tmp_path: Path) -> None:
    """After SIGKILL every row that is claimed as read is there, and writing goes on."""
    path = tmp_path / "ledger.sqlite3"
    command = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    ledger = read_ledger(path)
    assert ledger is not None
    assert len(ledger.fills) >= 10
    assert [(0, len(ledger.fills))] == [(row.from_ms, row.until_ms) for row in ledger.spans]
    written(path, NOTE)
