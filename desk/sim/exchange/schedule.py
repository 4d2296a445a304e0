"""What is due when: one heap for delayed requests, expiries, settlements and cancel-alls."""

from collections.abc import Callable
from heapq import heappop, heappush

Task = Callable[[], None]


class Schedule:
    """Tasks by instant, then by the order they were put in.

    `next_ms` is the earliest instant with a task, None without tasks.
    """

    __slots__ = ("_count", "_heap", "listeners", "next_ms")

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[int, int, Task]] = []
        self._count = 0
        self.next_ms: int | None = None
        self.listeners: list[Callable[[], None]] = []

    def put(self, at_ms: int, task: Task) -> None:
        """Run `task` at `at_ms`; a task whose subject is gone by then must do nothing.

        Whoever sleeps until the earliest task is told when this is an earlier one.
        """
        self._count += 1
        heappush(self._heap, (at_ms, self._count, task))
        if self._heap[0][1] == self._count:
            self.next_ms = at_ms
            for listener in self.listeners:
                listener()

    def pop(self) -> tuple[int, Task]:
        """Take the earliest task."""
        at_ms, _, task = heappop(self._heap)
        self.next_ms = self._heap[0][0] if self._heap else None
        return at_ms, task
