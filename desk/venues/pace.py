"""How soon a stream may come back, and how much it may say: both bounded, so that a storm dies out.

Pure: time comes in as a function, nothing waits here.
"""

from collections import deque
from collections.abc import Callable, Iterator

MINUTE_S = 60.0


def backoff_delays(
    jitter: Callable[[], float],
    *,
    first_s: float = 0.25,
    factor: float = 2.0,
    delay_s_max: float = 30.0,
) -> Iterator[float]:
    """Yield waits in seconds without end: growing by `factor` up to `delay_s_max`, each between
    half and all of its step.

    `jitter` returns numbers in [0, 1): a seeded generator makes the waits repeatable.
    """
    step_s = first_s
    while True:
        yield step_s * (0.5 + 0.5 * jitter())
        step_s = min(step_s * factor, delay_s_max)


class MessageWindow:
    """What was said in the last minute, of at most `messages_max`."""

    def __init__(self, messages_max: int, monotonic_s: Callable[[], float]) -> None:
        """Have said nothing."""
        self._messages_max = messages_max
        self._monotonic_s = monotonic_s
        self._said_s: deque[float] = deque(maxlen=messages_max)

    def note(self) -> None:
        """Count a message that leaves now."""
        self._said_s.append(self._monotonic_s())

    def wait_s(self, count: int) -> float:
        """Return seconds until the minute has room for `count` more, or is empty."""
        in_the_way = min(len(self._said_s) + count - self._messages_max, len(self._said_s))
        if in_the_way <= 0:
            return 0.0
        return max(0.0, self._said_s[in_the_way - 1] + MINUTE_S - self._monotonic_s())
