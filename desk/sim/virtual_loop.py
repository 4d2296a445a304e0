"""An asyncio event loop whose time jumps to the next timer when nothing is left to do.

Only time is changed: sockets, signals, threads and futures are asyncio's own. Works with real
loopback connections whose two ends live in this process, because a kernel delivers loopback
bytes inside the sender's call: what is not readable now will not become readable by waiting. A
peer in another process, or a thread nobody counted, would be overtaken by the jumping time.
"""

import asyncio
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

STALLED_S_MAX = 60.0
LAG_S_MAX = 0.25
UNLOOKED_MAX = 4

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_Ready = list[tuple[selectors.SelectorKey, int]]


class Stalled(RuntimeError):
    """Nothing can ever happen again: no timer, no ready socket, and no thread reported in time."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that starts at time zero and moves by jumps, each to a timer's own deadline.

    Fits `asyncio.Runner(loop_factory=VirtualLoop)`. Time stands still while a job of
    `run_in_executor` (name look-ups included) is under way. It is never computed from the wall
    clock, so the same program takes the same steps at the same times, paced or not.
    """

    def __init__(self, *, speed: float = 0.0, stalled_s_max: float = STALLED_S_MAX) -> None:
        """Run `speed` virtual seconds per real second; 0 waits for nothing.

        `stalled_s_max` real seconds without a timer, a socket or a thread end in `Stalled`.
        """
        self._now_s = 0.0
        self._stalled_s_max = stalled_s_max
        self._jobs = 0
        self._pace = _Pace(speed)
        self._sockets = _JumpSelector(self._idle)
        super().__init__(self._sockets)

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._now_s

    @property
    def speed(self) -> float:
        """Return virtual seconds per real second; 0 is as fast as it goes."""
        return self._pace.speed

    @speed.setter
    def speed(self, value: float) -> None:
        self._pace = _Pace(value)

    def add_signal_handler(self, sig: int, callback: Callable[[*_Ts], object], *args: *_Ts) -> None:
        """Call `callback` when a signal comes, as asyncio does; from now on the loop looks for one
        before every jump."""
        self._sockets.expects_signals = True
        super().add_signal_handler(sig, callback, *args)

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*_Ts], _T],
        *args: *_Ts,
    ) -> asyncio.Future[_T]:
        """Run `func` in a thread as asyncio does; time waits until its future is done.

        Cancelling that future frees the time at once, as it frees the caller.
        """
        future = super().run_in_executor(executor, func, *args)
        self._jobs += 1
        future.add_done_callback(self._job_done)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """Join the threads in real time: their time-out must not pass in one jump."""
        self._jobs += 1
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            self._jobs -= 1

    def _job_done(self, _: asyncio.Future[Any]) -> None:
        self._jobs -= 1

    def _idle(self, wait: Callable[[float], _Ready]) -> _Ready:
        """Nothing is ready: wait for a thread, or pace the time, or jump."""
        deadline_s = self._next_deadline_s()
        if self._jobs or deadline_s is None:
            return self._wait_for_thread(wait)
        ready = self._pace.hold(wait, self._now_s, deadline_s)
        if not ready:
            self._now_s = max(self._now_s, deadline_s)
        return ready

    def _next_deadline_s(self) -> float | None:
        # asyncio keeps its timers in this heap, and has just dropped cancelled ones off its top.
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        return timers[0].when() if timers else None

    def _wait_for_thread(self, wait: Callable[[float], _Ready]) -> _Ready:
        ready = wait(self._stalled_s_max)
        if not ready:
            limit_s = self._stalled_s_max
            raise Stalled(f"nothing happened for {limit_s:g} s; {self._jobs} jobs open")
        return ready


class _JumpSelector(selectors.DefaultSelector):
    """Look without waiting; what to do when nothing is ready is the loop's business.

    It is not looked each time while callbacks are ready, or while no socket is open but the one
    that signals would come through: a look costs as much as a callback.
    """

    def __init__(self, idle: Callable[[Callable[[float], _Ready]], _Ready]) -> None:
        super().__init__()
        self.expects_signals = False
        self._idle = idle
        self._unlooked = 0

    def select(self, timeout: float | None = None) -> _Ready:
        is_idle = timeout is None or timeout > 0
        ready: _Ready = []
        is_deaf = not self.expects_signals and len(self.get_map()) <= 1
        if self._unlooked < UNLOOKED_MAX and (is_deaf or not is_idle):
            self._unlooked += 1
        else:
            self._unlooked = 0
            ready = super().select(0)
        return self._idle(super().select) if is_idle and not ready else ready


class _Pace:
    """Hold virtual time back to `speed` virtual seconds per real second."""

    def __init__(self, speed: float) -> None:
        if speed < 0:
            raise ValueError(f"speed {speed} is negative")
        self.speed = speed
        self._anchor: tuple[float, float] | None = None

    def hold(self, wait: Callable[[float], _Ready], now_s: float, deadline_s: float) -> _Ready:
        """Wait until the real time of `deadline_s`, or until something is ready.

        Real waits are measured from one anchor, so rounding does not add up. A loop that fell
        behind by more than `LAG_S_MAX` starts a new anchor instead of racing to catch up.
        """
        if self.speed == 0:
            return []
        real_s = time.monotonic()
        if self._anchor is None:
            self._anchor = (real_s, now_s)
        wait_s = self._anchor[0] + (deadline_s - self._anchor[1]) / self.speed - real_s
        if wait_s < -LAG_S_MAX:
            self._anchor = (real_s, deadline_s)
        return wait(wait_s) if wait_s > 0 else []
