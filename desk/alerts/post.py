"""The way out for messages: a queue with a bound and a thread that sends. What did not get out is
told by the next that does.

Knows nothing of channels: who delivers is handed in.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

from desk.alerts.notes import Note

QUEUE_MAX = 32
LAST_S_MAX = 3.0  # at the end of the process


class Post:
    """Sends notes one after the other; the caller never waits."""

    def __init__(
        self, deliver: Callable[[Note], bool], on_missed: Callable[[str, str], None]
    ) -> None:
        """Deliver by `deliver`, which may block for some seconds, and returns whether every channel
        took it. `on_missed` is told of each note that did not get out: its title and why."""
        self._deliver = deliver
        self._on_missed = on_missed
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="alerts")
        self._pending: deque[tuple[Note, Future[bool]]] = deque()
        self._missed = 0

    def send(self, note: Note) -> "Future[bool] | None":
        """Queue a note; None where the queue is full, which is told later."""
        self.settle()
        if len(self._pending) >= QUEUE_MAX:
            self._miss(note, "too many are waiting")
            return None
        if self._missed:
            text = f"{note.text}\n({self._missed} before this one did not get out: see the log)"
            note, self._missed = replace(note, text=text), 0
        future = self._worker.submit(self._deliver, note)
        self._pending.append((note, future))
        return future

    def settle(self) -> None:
        """Take note of what has been delivered, and what not."""
        while self._pending and self._pending[0][1].done():
            note, future = self._pending.popleft()
            error = future.exception()
            if error is not None:
                # Its text may hold an address, and that a key: only its kind is told.
                self._miss(note, type(error).__name__)
            elif not future.result():
                self._miss(note, "a channel did not take it")

    def close(self) -> None:
        """Give the last notes a moment, then let go."""
        wait([future for _, future in self._pending], timeout=LAST_S_MAX)
        self.settle()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _miss(self, note: Note, why: str) -> None:
        self._missed += 1
        self._on_missed(note.title, why)
