"""`report` and `explain` as an owner types them: with a ledger, without one, and mistyped."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from desk.commands.books import since_ms
from desk.core.errors import ConfigError
from desk.core.venue import VenueName
from desk.ledger.rows import (
    BookedFill,
    BookedPayment,
    CycleId,
    CycleNote,
    Entry,
    OrderEnd,
    Reading,
    RowKind,
    Span,
    StepNote,
)
from desk.ledger.schema import SCRIPTS, open_to_write
from desk.ledger.writer import LedgerWriter
from lighter_pacifica_hedge import main
from test.ledger.test_cycles import BOOK, OURS, fill, order, paid

D = Decimal
DAY_MS = 86_400_000
NOON_MS = 1_767_700_800_000
NOTE = CycleNote(
    OURS,
    "BTC",
    D(2),
    VenueName.LIGHTER,
    approved_at_ms=1,
    notional_usd=D(200),
    expected_hours=24,
    expected_funding_bps=D(38),
    expected_fees_bps=D(8),
    expected_impact_bps=D(3),
    expected_basis_bps=D(2),
)


def rows_read(kind: RowKind, *rows: BookedFill | BookedPayment) -> Reading:
    """Return what a reading of one list brought."""
    return Reading(Span(BOOK, kind, 0, 10_000), [row.row for row in rows])  # type: ignore[arg-type]


ENTRIES: tuple[Entry, ...] = (
    rows_read(RowKind.FILLS, fill(1, 2, 100), fill(5_000, -2, 110)),
    rows_read(RowKind.PAYMENTS, paid(3_000, "0.25")),
    rows_read(RowKind.MOVEMENTS),
    replace(NOTE, closed_at_ms=5_000, close_reason="hold ended"),
    order(1, D(99)),
    OrderEnd(VenueName.LIGHTER, order(1, None).client_id, "accepted", D(2), D(100), "all of it"),
    StepNote(OURS, 1, "OPEN", "open 2 BTC: long lighter, short pacifica"),
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home whose ledger holds one cycle."""
    writer = LedgerWriter(tmp_path / "state" / "ledger.sqlite3")
    writer.put(ENTRIES)
    assert writer.close()
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> tuple[int, str, str]:
    """Return exit code, output and complaint of one command."""
    code = main([*words, "--home", str(home)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_report_names_each_cycle_with_its_parts(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Price, funding, fees and net, what was expected beside them, and why it ended."""
    code, out, _ = run(capsys, home, "report")
    assert 0 == code
    (line,) = [text for text in out.splitlines() if text.startswith("1: BTC")]
    for word in ("+20.0000", "+0.2500", "-0.0200", "+20.2300", "+0.5000", "hold ended"):
        assert word in line


def test_what_was_expected_stands_beside_what_came(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each part in money and in bp of one leg; a cycle alone, and all that ended together."""
    for words in (("explain", "1"), ("report",)):
        _, out, _ = run(capsys, home, *words)
        lines = [line.split() for line in out.splitlines()]
        assert ["funding", "+0.7600", "+0.2500", "+38.00", "+12.50"] in lines
        assert ["fees", "-0.1600", "-0.0200", "-8.00", "-1.00"] in lines
        assert ["net", "+0.5000", "+20.2300", "+25.00", "+1011.50"] in lines


def test_a_report_writes_what_it_is_asked_to(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both files are there, named on the last lines, and the same when written again."""
    files = [home / "rows.csv", home / "page.html"]
    words = ["report", "--csv", str(files[0]), "--html", str(files[1]), "--format", "koinly"]
    _, out, _ = run(capsys, home, *words)
    before = [file.read_bytes() for file in files]
    run(capsys, home, *words)
    assert before == [file.read_bytes() for file in files]
    assert [f"Written: {file}" for file in files] == out.splitlines()[-2:]


def test_a_cycle_is_explained(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its steps with their reasons, its orders with what came of them, its sums."""
    code, out, _ = run(capsys, home, "explain", "1")
    assert 0 == code
    for word in ("open 2 BTC: long lighter", "all of it", "99", "+20.2300", "expected USD"):
        assert word in out
    assert code == run(capsys, home, "explain", "1-1")[0]


def test_a_cycle_that_is_not_there_is_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, with those that are."""
    code, out, err = run(capsys, home, "explain", "8")
    assert (2, "", "error: there is no cycle 8 in the ledger; the newest are 1\n") == (
        code,
        out,
        err,
    )


@pytest.mark.parametrize("words", [["report"], ["explain", "1"], ["report", "--demo"]])
def test_without_a_ledger_there_is_a_plain_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """No error: nothing has been booked yet."""
    code, out, _ = run(capsys, tmp_path, *words)
    assert 0 == code
    assert "no ledger yet" in out
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.sqlite3").touch()
    assert "empty ledger" in run(capsys, tmp_path, "report")[1]


def test_a_newer_ledger_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its program can read it."""
    path = tmp_path / "state" / "ledger.sqlite3"
    open_to_write(path, (*SCRIPTS, "CREATE TABLE more (x);")).close()
    code, _, err = run(capsys, tmp_path, "report")
    assert (2, 1, True) == (code, err.count("\n"), "newer program" in err)


def test_a_report_does_not_touch_the_ledger(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Byte for byte the same file, while another one writes."""
    path = home / "state" / "ledger.sqlite3"
    before = path.read_bytes()
    run(capsys, home, "report")
    assert before == path.read_bytes()
    with open_to_write(path) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert 0 == run(capsys, home, "report")[0]
    writer.close()


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        (None, 0),
        ("2026-01-06", NOON_MS - DAY_MS // 2),
        ("2026-01-06T12:00Z", NOON_MS),
        ("2026-01-06T12:00", NOON_MS),
        ("12h", NOON_MS - DAY_MS // 2),
        ("2d", NOON_MS - 2 * DAY_MS),
    ],
)
def test_a_moment_is_given_as_a_day_an_instant_or_an_age(text: str | None, at_ms: int) -> None:
    """Without an offset it is UTC."""
    assert at_ms == since_ms(text, NOON_MS)


@pytest.mark.parametrize(
    "words",
    [
        ["report", "--since", "yesterday"],
        ["report", "--format", "koinly"],
        ["report", "--format", "xml", "--csv", "x"],
        ["explain"],
    ],
)
def test_what_is_mistyped_is_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Exit code 2, and the line says what is allowed."""
    try:
        code = run(capsys, home, *words)[0]
    except SystemExit as exit:
        code = int(exit.code or 0)
    said = capsys.readouterr().err
    assert 2 == code
    assert said.count("\n") <= 1


def test_a_bad_moment_says_what_to_write() -> None:
    """All four forms."""
    with pytest.raises(ConfigError, match=r"36h or 7d"):
        since_ms("soon", NOON_MS)


def test_cycles_of_two_lives_are_told_apart(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same number after a lost state: the newest, or the one whose epoch is named."""
    writer = LedgerWriter(home / "state" / "ledger.sqlite3")
    writer.put([replace(NOTE, id=CycleId(4, 1), symbol="ETH", approved_at_ms=9_000)])
    assert writer.close()
    assert "ETH" in run(capsys, home, "explain", "1")[1].splitlines()[0]
    assert "BTC" in run(capsys, home, "explain", "1-1")[1].splitlines()[0]
