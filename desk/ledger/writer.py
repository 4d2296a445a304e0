"""The thread that writes the ledger, so that a slow, full or damaged disk never holds up trading.

What it is handed is written in order, each batch whole or not at all. While the file does not take
a batch it is tried again; what finds no room in the queue meanwhile is refused, and the venues'
rows are read anew later.
"""

import queue
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from desk.core.errors import StateError
from desk.ledger.entries import write_entry
from desk.ledger.rows import Entry
from desk.ledger.schema import open_to_write

BATCHES_MAX = 1_000
RETRY_S = 5.0
CLOSE_S_MAX = 5.0
LAST_TRY_S_MAX = 1.0

Batch = Sequence[Entry]


class LedgerWriter:
    """Writes batches of entries to one file, in a thread of its own.

    `trouble` is why the file does not take them now, None while it does.
    """

    def __init__(self, path: Path, *, retry_s: float = RETRY_S) -> None:
        """Start the thread; the file is opened there."""
        self.trouble: str | None = None
        self._path = path
        self._retry_s = retry_s
        self._batches: queue.Queue[Batch] = queue.Queue(BATCHES_MAX)
        self._closing = threading.Event()
        self._connection: sqlite3.Connection | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def put(self, batch: Batch) -> bool:
        """Hand over a batch without waiting. Returns False where there is no room for it."""
        try:
            self._batches.put_nowait(batch)
        except queue.Full:
            return False
        return True

    def close(self, wait_s: float = CLOSE_S_MAX) -> bool:
        """Have the rest written, but wait no longer than that; return whether it was.

        A file that took nothing lately is tried once more, and not waited for.
        """
        self._closing.set()
        self.put(())  # wakes the thread; a full queue has it awake
        self._thread.join(wait_s if self.trouble is None else LAST_TRY_S_MAX)
        return not self._thread.is_alive() and self.trouble is None

    def _run(self) -> None:
        try:
            while not (self._closing.is_set() and self._batches.empty()):
                batch = self._batches.get()
                while not self._attempt(batch):
                    if self._closing.wait(self._retry_s):
                        self._attempt(batch)
                        return
        finally:
            if self._connection is not None:
                self._connection.close()

    def _attempt(self, batch: Batch) -> bool:
        """Write one batch; return whether the file took it."""
        try:
            self._write(batch)
        except (sqlite3.Error, OSError, StateError) as error:
            self.trouble = str(error)
            return False
        self.trouble = None
        return True

    def _write(self, batch: Batch) -> None:
        if self._connection is None:
            self._connection = open_to_write(self._path)
        if not batch:
            return
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for entry in batch:
                write_entry(connection, entry)
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._drop()
            raise

    def _drop(self) -> None:
        """Forget a connection that failed: the file may be another one next time."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
