"""The ledger of whole demos: real clients, real wires, virtual time."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from desk.ledger.account import Account
from desk.ledger.hopes import compared
from desk.ledger.reading import read_ledger
from desk.ledger.rows import Ledger
from test.daemons import make_home, run

# Short holds over a settlement or none, without a look at what they bring.
BRISK = {
    "hold_duration_hours": 1.2,
    "wait_between_cycles_minutes": 1,
    "require_expected_profit": False,
    "renew_hold": False,
}
DEMO = ("--demo", "--seed", "7", "--cycles", "2", "--speed", "0")


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return what two demos of one seed left behind."""
    folders = []
    for name in ("first", "second"):
        home = make_home(tmp_path_factory.mktemp(name), config=json.dumps(BRISK))
        config = str(home / "bot_config.json")
        done = run(home, *DEMO, "--config", config)
        assert 0 == done.returncode, done.stdout + done.stderr
        folders.append(home / "state" / "demo")
    return folders


def ledger_in(folder: Path) -> Ledger:
    """Return the ledger a demo left."""
    found = read_ledger(folder / "ledger.sqlite3")
    assert found is not None
    return found


def test_the_ledger_does_not_disturb_what_happens(demos: list[Path]) -> None:
    """The same seed gives the same journal, byte for byte, and the same ledger."""
    first, second = demos
    assert (first / "journal.jsonl").read_bytes() == (second / "journal.jsonl").read_bytes()
    assert ledger_in(first) == ledger_in(second)


def test_the_books_of_a_demo_close_to_the_cent(demos: list[Path]) -> None:
    """Over all of it and for each day, on both venues, with nothing unread."""
    account = Account.of(ledger_in(demos[0]))
    assert [True, True] == [row.closes for row in account.statements]
    assert () == account.odd_days
    assert () == account.unread


def test_the_cycles_of_a_demo_explain_the_whole_change(demos: list[Path]) -> None:
    """Start equity and what both cycles brought is the end equity, as the venues told it."""
    account = Account.of(ledger_in(demos[0]))
    assert 2 == len(account.ended)
    earned = sum((row.total.net_usd for row in account.ended), Decimal(0))
    change = sum(
        (row.end.equity_usd - row.start.equity_usd for row in account.statements), Decimal(0)
    )
    assert abs(change - earned) < Decimal("0.0001")
    assert [] == [row for row in account.shares if row.cycle is None]


def test_what_each_cycle_was_opened_for_is_kept(demos: list[Path]) -> None:
    """Hours and every part of it, so that it can stand beside what came."""
    account = Account.of(ledger_in(demos[0]))
    found = compared(account.ended)
    assert found is not None
    assert 2 == found.count
    assert found.net_usd == sum(row.total.net_usd for row in account.ended)
    assert None not in found.realised_usd.values()


def test_a_report_of_the_last_demo_can_be_asked_for(demos: list[Path]) -> None:
    """Every figure of the daemon's own last words is in it."""
    done = run(demos[0].parent.parent, "report", "--demo")
    assert 0 == done.returncode, done.stderr
    assert "2 cycles ended, 0 standing" in done.stdout
    assert 2 == done.stdout.count("closes to the cent")
