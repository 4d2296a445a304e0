"""The ledger beside a living bot: its figures are the exchanges' own, and it never holds it up."""

import asyncio
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from desk.core.books import MovementKind
from desk.core.venue import VenueName
from desk.hedge.state import Phase
from desk.ledger.keeper import LedgerKeeper
from desk.ledger.rows import RowKind
from test.ledger.stage import TOLERANCE_USD, Office, in_office

LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA
ROWS = ("fills", "payments", "movements")


def rows_in(path: Path) -> list[tuple[object, ...]]:
    """Return every row of the venues', as the file keeps it."""
    with closing(sqlite3.connect(path)) as file:
        return [row for name in ROWS for row in file.execute(f"SELECT * FROM {name}")]


def close_to(expected: Decimal, actual: Decimal) -> bool:
    """Return whether two amounts are the same but for the rounding of single rows."""
    return abs(expected - actual) < TOLERANCE_USD


def test_the_cycles_come_to_what_the_exchanges_show(tmp_path: Path) -> None:
    """Price, funding and fees of all cycles are the equity change of both accounts."""

    async def play(office: Office) -> None:
        assert 0 == await office.live(cycles=2)
        nets = [row.total.net_usd for row in office.cycles]
        assert [row.net_usd for row in office.bot.results] == pytest.approx(nets, abs=TOLERANCE_USD)
        assert close_to(office.earned_usd(), sum(nets, Decimal(0)))
        assert 0 != sum(row.total.funding_usd for row in office.cycles)

    in_office(tmp_path, play)


def test_the_books_of_both_venues_close(tmp_path: Path) -> None:
    """Equity at the start and what was booked since is equity at the end, with nothing unread."""

    async def play(office: Office) -> None:
        await office.live(cycles=2)
        assert {LIGHTER, PACIFICA} == set(office.statements)
        for row in office.statements.values():
            assert row.closes
            assert close_to(Decimal(0), row.difference_usd)
        earned = sum((row.earned_usd for row in office.statements.values()), Decimal(0))
        assert close_to(office.earned_usd(), earned)

    in_office(tmp_path, play)


def test_what_is_read_twice_stands_there_once(tmp_path: Path) -> None:
    """Another life reads the same rows again, and the tables stay byte for byte the same."""

    async def play(office: Office) -> None:
        await office.live(cycles=1)
        before = rows_in(office.path)
        life = await office.bot.until(Phase.WAIT)
        life.cancel()
        await office.die_after(90)
        shown = rows_in(office.path)
        assert before == [row for row in shown if row in before]
        assert len(shown) == len({row[:3] for row in shown})

    in_office(tmp_path, play)


def test_a_deposit_during_a_hold_is_no_profit(tmp_path: Path) -> None:
    """It stands in the books as money moved, and the result of the cycle is what it would be."""

    async def play(office: Office) -> None:
        async def pay_in() -> None:
            await asyncio.sleep(200)
            office.deposit(LIGHTER, 5_000)
            office.deposit(PACIFICA, -250)

        owner = asyncio.create_task(pay_in())
        await office.live(cycles=1)
        await owner
        (cycle,), moved = office.cycles, {v: row.moved_usd for v, row in office.statements.items()}
        assert close_to(office.earned_usd(), cycle.total.net_usd)
        assert {LIGHTER: 5_000, PACIFICA: -250} == moved
        assert all(row.closes for row in office.statements.values())
        kinds = [row.row.kind for row in office.ledger.movements]
        assert {MovementKind.DEPOSIT, MovementKind.WITHDRAWAL} == set(kinds)

    in_office(tmp_path, play)


def test_a_list_that_was_not_read_is_missing_and_not_zero(tmp_path: Path) -> None:
    """While a venue hides its payments they are named as unread; the next life reads them."""

    async def play(office: Office) -> None:
        office.hidden.add((PACIFICA, RowKind.PAYMENTS))
        await office.live(cycles=1)
        (cycle,) = office.cycles
        assert {(PACIFICA, RowKind.PAYMENTS)} == {(s.book.venue, s.kind) for s in cycle.unread}
        assert {LIGHTER} == set(office.statements)
        office.hidden.clear()
        await office.die_after(90)
        assert () == office.cycles[0].unread
        assert close_to(office.bot.results[0].net_usd, office.cycles[0].total.net_usd)

    in_office(tmp_path, play)


def test_a_bot_that_was_killed_catches_up(tmp_path: Path) -> None:
    """Killed in the hold and started again, the books close over both lives."""

    async def play(office: Office) -> None:
        await office.die_after(150)
        assert office.bot.is_hedged()
        await office.live(cycles=1)
        assert close_to(office.earned_usd(), office.cycles[0].total.net_usd)
        assert all(row.closes for row in office.statements.values())

    in_office(tmp_path, play)


def test_a_ledger_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    """Where its place is taken by a folder, the bot trades on and says so a single time."""
    taken = tmp_path / "taken.sqlite3"
    taken.mkdir()

    async def play(office: Office) -> None:
        assert 0 == await office.live(cycles=1)
        told = [text for text in office.bot.alerts if "ledger" in text]
        assert ["ledger cannot be written"] == [text.partition(":")[0] for text in told]
        assert 1 == len(office.bot.results)

    in_office(tmp_path, play, ledger=taken)


def test_an_owner_who_leaves_does_not_wait_for_the_last_round(tmp_path: Path) -> None:
    """Asked to hurry, nothing more is read; the next life does."""

    async def play(office: Office) -> None:
        stage = office.bot.stage
        venues = await stage.connect()
        keeper = LedgerKeeper(office.path, venues, clock=stage.clock, state=office.bot.state)
        before_ms = stage.clock.now_ms()
        keeper.hurry()
        await keeper.finish(75)
        keeper.close()
        assert before_ms == stage.clock.now_ms()

    in_office(tmp_path, play)
