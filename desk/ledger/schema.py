"""The ledger's file: its tables, their versions, and how it is opened.

SQLite in WAL mode: a process killed at any instant leaves a readable file, and a reader never waits
for the writer. Amounts are text, so that a Decimal comes back as it went in.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from desk.core.errors import StateError

FILE_MODE = 0o600
BUSY_S = 5.0

_FIRST = """
CREATE TABLE fills (
    venue TEXT NOT NULL, account TEXT NOT NULL, fill_id TEXT NOT NULL, at_ms INTEGER NOT NULL,
    symbol TEXT NOT NULL, side TEXT NOT NULL, size TEXT NOT NULL, price TEXT NOT NULL,
    fee_usd TEXT NOT NULL, order_id TEXT NOT NULL, client_id TEXT, is_maker INTEGER NOT NULL,
    cause TEXT NOT NULL, PRIMARY KEY (venue, account, fill_id)) WITHOUT ROWID;
CREATE TABLE payments (
    venue TEXT NOT NULL, account TEXT NOT NULL, payment_id TEXT NOT NULL, at_ms INTEGER NOT NULL,
    symbol TEXT NOT NULL, usd TEXT NOT NULL, rate_hourly TEXT, position_size TEXT,
    PRIMARY KEY (venue, account, payment_id)) WITHOUT ROWID;
CREATE TABLE movements (
    venue TEXT NOT NULL, account TEXT NOT NULL, movement_id TEXT NOT NULL, at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL, usd TEXT NOT NULL, word TEXT NOT NULL,
    PRIMARY KEY (venue, account, movement_id)) WITHOUT ROWID;
CREATE TABLE marks (
    venue TEXT NOT NULL, account TEXT NOT NULL, at_ms INTEGER NOT NULL, equity_usd TEXT NOT NULL,
    balance_usd TEXT NOT NULL, positions TEXT NOT NULL,
    PRIMARY KEY (venue, account, at_ms)) WITHOUT ROWID;
CREATE TABLE spans (
    venue TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL, from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL, PRIMARY KEY (venue, account, kind, from_ms)) WITHOUT ROWID;
CREATE TABLE cycles (
    epoch INTEGER NOT NULL, cycle INTEGER NOT NULL, symbol TEXT NOT NULL, size TEXT NOT NULL,
    long_venue TEXT NOT NULL, approved_at_ms INTEGER, spread_apr_pct TEXT, funding_bps TEXT,
    opened_at_ms INTEGER, closed_at_ms INTEGER, close_reason TEXT, renewals INTEGER,
    forecast_usd TEXT, legging_ms INTEGER, equity_change_usd TEXT,
    PRIMARY KEY (epoch, cycle)) WITHOUT ROWID;
CREATE TABLE orders (
    venue TEXT NOT NULL, client_id TEXT NOT NULL, epoch INTEGER NOT NULL, cycle INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, role TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    size TEXT NOT NULL, price TEXT NOT NULL, seen_price TEXT,
    PRIMARY KEY (venue, client_id)) WITHOUT ROWID;
CREATE TABLE ends (
    venue TEXT NOT NULL, client_id TEXT NOT NULL, verdict TEXT NOT NULL, filled TEXT NOT NULL,
    average_price TEXT, detail TEXT NOT NULL, PRIMARY KEY (venue, client_id)) WITHOUT ROWID;
CREATE TABLE steps (
    epoch INTEGER NOT NULL, cycle INTEGER NOT NULL, at_ms INTEGER NOT NULL, phase TEXT NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (epoch, cycle, at_ms, phase, reason)) WITHOUT ROWID;
"""

_EXPECTED = """
ALTER TABLE cycles ADD COLUMN notional_usd TEXT;
ALTER TABLE cycles ADD COLUMN expected_hours INTEGER;
ALTER TABLE cycles ADD COLUMN expected_funding_bps TEXT;
ALTER TABLE cycles ADD COLUMN expected_fees_bps TEXT;
ALTER TABLE cycles ADD COLUMN expected_impact_bps TEXT;
ALTER TABLE cycles ADD COLUMN expected_basis_bps TEXT;
"""

SCRIPTS: tuple[str, ...] = (_FIRST, _EXPECTED)
"""Script n makes version n out of version n - 1. A change is a new script, never an edit."""


def open_to_write(path: Path, scripts: Sequence[str] = SCRIPTS) -> sqlite3.Connection:
    """Return a connection to a file of the newest version, made or brought up to it.

    Raises `StateError` where a newer program wrote it (nothing is touched then), `OSError` and
    `sqlite3.Error` where the disk or the file does not do.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
    with ExitStack() as stack:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        stack.callback(connection.close)
        _check(connection, path, scripts)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _bring_up(connection, scripts)
        stack.pop_all()
    return connection


@contextmanager
def opened(
    path: Path, scripts: Sequence[str] = SCRIPTS
) -> Iterator[sqlite3.Connection | None]:
    """Yield a connection that only reads, None where there is no file.

    Raises `StateError`, one line, for a file that cannot be read, within too.
    """
    if not path.exists():
        yield None
        return
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_S)) as source:
            _check(source, path, scripts)
            yield source
    except sqlite3.Error as error:
        mend = "restore a good copy, or move it away: the next start begins a new one"
        raise StateError(f"the ledger {path} cannot be read: {error}; {mend}") from error


def read_copy(path: Path, scripts: Sequence[str] = SCRIPTS) -> sqlite3.Connection | None:
    """Return a copy in memory, brought up to the newest version; None where there is no file.

    The file is only read, and not longer than the copy takes. Raises `StateError`.
    """
    with opened(path, scripts) as source, ExitStack() as stack:
        if source is None:
            return None
        copy = sqlite3.connect(":memory:", isolation_level=None)
        stack.callback(copy.close)
        source.backup(copy)
        _bring_up(copy, scripts)
        stack.pop_all()
    return copy


def _check(connection: sqlite3.Connection, path: Path, scripts: Sequence[str]) -> None:
    version = _version(connection)
    if version > len(scripts):
        raise StateError(
            f"the ledger {path} was written by a newer program (version {version}, this one knows "
            f"{len(scripts)}); update, nothing was touched"
        )


def _bring_up(connection: sqlite3.Connection, scripts: Sequence[str]) -> None:
    """Run the scripts that are missing, each whole or not at all."""
    for number in range(_version(connection), len(scripts)):
        script = f"BEGIN IMMEDIATE; {scripts[number]}; PRAGMA user_version = {number + 1}; COMMIT;"
        try:
            connection.executescript(script)
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
