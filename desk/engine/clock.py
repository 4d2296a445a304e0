"""The clocks: the machine's, an event loop's, and the steady one that a bot lives by.

The only place that reads a wall clock; everything else is given a `desk.core.ports.Clock`.
"""

import asyncio
import time

from desk.core.ports import Clock

_NS_PER_MS = 1_000_000
# Where there is one, the monotonic clock that goes on while the machine sleeps: then a sleep is
# time that went by, and no step of the wall clock.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


class SystemClock:
    """The machine's own time, for live trading and for servers in real time."""

    def now_ms(self) -> int:
        """Return the wall clock in ms UTC."""
        return time.time_ns() // _NS_PER_MS

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic() if _BOOT_CLOCK is None else time.clock_gettime(_BOOT_CLOCK)


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


class SteadyClock:
    """Another clock's wall time, but without its steps: what it said at first, and what its
    monotonic clock has counted since.

    Deadlines and expiries within a life are compared by it, so setting the machine's clock makes
    none of them lie, or wait. `follow` takes a step over, where nothing is under way.
    """

    def __init__(self, wall: Clock) -> None:
        """Take over the wall time of `wall`."""
        self._wall = wall
        self._offset_ms = self._offset_now_ms()

    def _offset_now_ms(self) -> int:
        return self._wall.now_ms() - round(self._wall.monotonic_s() * 1000)

    def now_ms(self) -> int:
        """Return ms UTC, as far as the wall clock was right when it was last followed."""
        return self._offset_ms + round(self._wall.monotonic_s() * 1000)

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        return self._wall.monotonic_s()

    @property
    def step_ms(self) -> int:
        """Return by how much the wall clock was set since it was followed; positive: ahead."""
        return self._offset_now_ms() - self._offset_ms

    def follow(self) -> None:
        """Tell the wall clock's time from now on."""
        self._offset_ms = self._offset_now_ms()
