"""An event loop of timers and callbacks alone: for a whole world that lives inside one program.

Virtual time as `desk.sim.virtual_loop` has it, for the price of a heap. No sockets, threads or
signals belong here: who needs one takes that other loop.
"""

import asyncio
import heapq
import logging
from asyncio import events
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, cast

from desk.sim.virtual_loop import Stalled

RESOLUTION_S = 1e-9
"""Timers so close together are due at once: sums of seconds have no exact binary form."""

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_OnError = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]

log = logging.getLogger("asyncio")  # where asyncio's own loops say it


class TimerLoop(asyncio.AbstractEventLoop):
    """A loop that starts at time zero and moves by jumps, each to a timer's own deadline.

    Fits `asyncio.Runner(loop_factory=TimerLoop)`. Does everything in the order of asyncio's own
    loops: timers of one instant, too, as long as no hundred of them wait (then asyncio may sort out
    the cancelled ones, and those of one instant change places).
    """

    def __init__(self) -> None:
        """Stand at time zero with nothing to do."""
        self._now_s = 0.0
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, asyncio.TimerHandle]] = []
        self._on_error: _OnError | None = None
        self._is_running = self._is_closed = self._is_ending = False

    # What is to be done

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._now_s

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Call `callback` once everything that was ready before it has been called."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # what a signal handler calls; no other thread is here

    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call `callback` in `delay` seconds."""
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call `callback` when the loop's time is `when`, at once if that has passed."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is dropped when its turn comes."""

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[_T]:
        """Start a coroutine with the next callbacks."""
        return asyncio.Task(coro, loop=self, name=name, context=context)

    # Life

    def run_until_complete(self, future: Generator[Any, None, _T] | Awaitable[_T]) -> _T:
        """Run until `future` is done; return its result or raise its error. Raises `Stalled`."""
        awaited = asyncio.ensure_future(cast(Awaitable[_T], future), loop=self)
        awaited.add_done_callback(self._end)
        events._set_running_loop(self)
        self._is_running, self._is_ending = True, False
        try:
            while not self._is_ending:
                self._turn()
        finally:
            awaited.remove_done_callback(self._end)
            self._is_running = False
            events._set_running_loop(None)
        return awaited.result()

    def _end(self, _: object) -> None:
        self._is_ending = True

    def _turn(self) -> None:
        """Call what is ready; where nothing is, jump to the next timer."""
        ready, timers = self._ready, self._timers
        while timers and timers[0][1].cancelled():
            heapq.heappop(timers)
        if not ready:
            if not timers:
                raise Stalled("nothing is ready and no timer is set")
            self._now_s = max(self._now_s, timers[0][0])
        due_s = self._now_s + RESOLUTION_S
        while timers and timers[0][0] < due_s:
            ready.append(heapq.heappop(timers)[1])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def is_running(self) -> bool:
        """Return whether it is inside `run_until_complete`."""
        return self._is_running

    def is_closed(self) -> bool:
        """Return whether `close` was called."""
        return self._is_closed

    def close(self) -> None:
        """Forget what is left to be done."""
        self._is_closed = True
        self._ready.clear()
        self._timers.clear()

    async def shutdown_asyncgens(self) -> None:
        """Do nothing: a generator left open ends with its last reference."""

    async def shutdown_default_executor(self, *_: object) -> None:
        """Do nothing: there are no threads."""

    # Errors

    def get_debug(self) -> bool:
        """Return False: nothing here looks for slow callbacks."""
        return False

    def set_debug(self, enabled: bool) -> None:
        """Stay as it is."""

    def set_exception_handler(self, handler: _OnError | None) -> None:
        """Tell `handler` what nobody waited for."""
        self._on_error = handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tell whoever asked to be told, else the log."""
        if self._on_error is not None:
            self._on_error(self, context)
        else:
            log.error(context["message"], exc_info=context.get("exception"))
