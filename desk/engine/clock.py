"""The two clocks: the machine's, and an event loop's.

The only place that reads a wall clock; everything else is given a `desk.core.ports.Clock`.
"""

import asyncio
import time

_NS_PER_MS = 1_000_000


class SystemClock:
    """The machine's own time, for live trading and for servers in real time."""

    def now_ms(self) -> int:
        """Return the wall clock in ms UTC."""
        return time.time_ns() // _NS_PER_MS

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()


class LoopClock:
    """An event loop's time, read as if the loop's zero had been `epoch_ms`.

    On a virtual loop this makes every stamp a function of the timers that ran.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, epoch_ms: int) -> None:
        """Read `loop`; `epoch_ms` is the ms UTC at which its time is zero."""
        self._loop = loop
        self._epoch_ms = epoch_ms

    def now_ms(self) -> int:
        """Return the loop's time in ms UTC.

        Rounded, not cut: a timer set for a whole ms must not wake one ms early because its
        seconds have no exact binary form.
        """
        return self._epoch_ms + round(self._loop.time() * 1000)

    def monotonic_s(self) -> float:
        """Return the loop's own seconds."""
        return self._loop.time()
