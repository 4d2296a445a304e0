"""The way from a simulated client to its exchange: latency, loss, and who learns what when.

A request, once it has left, belongs to the world: its effect happens although the task that sent
it was cancelled or its program died. No socket and no bytes; wire formats are the servers'.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from desk.core.errors import NotSent, OutcomeUnknown, RateLimited, VenueRejected
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.sim.faults import Fault, FaultKind, FaultPlan
from desk.sim.world import World

_T = TypeVar("_T")

FaultHook = Callable[[str], Fault | None]
"""Asked once for each request, by the name of its operation ("send BTC", "account"): what happens
to it on its way, None for nothing."""

_NO_EFFECT = frozenset({FaultKind.REQUEST_LOST_BEFORE, FaultKind.HTTP_5XX, FaultKind.HTML_BODY})
_NO_REPLY = frozenset({FaultKind.REPLY_LOST})
_DROPPED = frozenset(
    {
        FaultKind.REQUEST_LOST_AFTER,
        FaultKind.EFFECT_LATE,
        FaultKind.RESET_MID_BODY,
        FaultKind.MALFORMED,
    }
)
_UNANSWERED = _NO_REPLY | _DROPPED
_BROKEN_OFF = _NO_EFFECT | _DROPPED
_THROTTLED = frozenset({FaultKind.HTTP_429, FaultKind.HTTP_405})
_RETRY_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Latency:
    """How long things take: to the venue, back, a stream frame, a signature, and how long the
    client waits for an answer before it calls the outcome unknown. Frames of the markets may come
    sooner than those of the account: what moves at random might as well have moved earlier."""

    out_ms: int = 40
    back_ms: int = 40
    stream_ms: int = 30
    market_ms: int = 30
    sign_ms: int = 1
    deadline_ms: int = 5_000


class Passage:
    """Follows each request of one client on its way; overridden by who counts or spoils them.

    `number` is the same in all three calls about one request.
    """

    def enter(self, number: int, operation: str) -> Fault | None:
        """Return what befalls a request that is about to leave, None for nothing.

        What this raises keeps it at home and reaches the asker.
        """
        return None

    def left(self, number: int) -> None:
        """Hear that a request is on its way: from here on nobody can call it back."""

    def landed(self, number: int) -> None:
        """Hear that a request has had its effect."""


class _Hooked(Passage):
    """A passage that is a fault hook and nothing else."""

    def __init__(self, hook: FaultHook) -> None:
        self._hook = hook

    def enter(self, number: int, operation: str) -> Fault | None:
        return self._hook(operation)


def planned(plan: FaultPlan, venue: VenueName, clock: Clock) -> FaultHook:
    """Return the hook that asks `plan`: an outage first, else the first fault that strikes."""

    def ask(operation: str) -> Fault | None:
        outage = plan.lasting(venue, FaultKind.OUTAGE, clock.now_ms(), operation)
        return outage or next(iter(plan.take(venue, operation)), None)

    return ask


class Wire:
    """Carries requests of one client to one venue of a world."""

    def __init__(
        self,
        world: World,
        venue: VenueName,
        *,
        latency: Latency,
        faults: FaultHook | Passage | None = None,
    ) -> None:
        """Use `faults` for what goes wrong; without it nothing does."""
        self._world = world
        self._venue = venue
        self._latency = latency
        self._passage = _passage(faults)
        self._numbers = count(1)

    async def ask(self, operation: str, effect: Callable[[], _T]) -> _T:
        """Run `effect` at the venue and return its answer.

        Raises `NotSent` (nothing left), `RateLimited` and `VenueRejected` (nothing happened) and
        `OutcomeUnknown` (it may have happened, or still may).
        """
        number, latency = next(self._numbers), self._latency
        lands_ms, back_ms = self._world.time_ms() + latency.out_ms, latency.back_ms
        fault = self._passage.enter(number, operation)
        kind = None
        if fault is not None:
            self._refuse(operation, fault)
            kind, delay_ms = fault.kind, round(fault.delay_s * 1000)
            lands_ms += delay_ms if kind is FaultKind.EFFECT_LATE else 0
            back_ms += delay_ms if kind is FaultKind.REPLY_LATE else 0
        answers = kind not in _UNANSWERED
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[_T] = loop.create_future()

        def arrive() -> None:
            answer = effect()
            self._passage.landed(number)
            if answers:
                # An answer concerns nobody but the asker: the world need not wake for it.
                loop.call_later(back_ms / 1000, _settle, reply, answer)

        if kind not in _NO_EFFECT:
            self._world.schedule(lands_ms, arrive)
        self._passage.left(number)
        if kind in _BROKEN_OFF:
            await asyncio.sleep((latency.out_ms + latency.back_ms) / 1000)
            raise self._unknown(operation, f"connection broke ({kind})")
        if answers and latency.out_ms + back_ms < latency.deadline_ms:
            return await reply  # which is certain to come in time
        return await self._wait(operation, reply)

    async def _wait(self, operation: str, reply: "asyncio.Future[_T]") -> _T:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._latency.deadline_ms / 1000, _give_up, reply)
        try:
            return await reply
        except TimeoutError as error:
            raise self._unknown(operation, "no answer in time") from error
        finally:
            timer.cancel()

    def _refuse(self, operation: str, fault: Fault) -> None:
        """Raise what a fault that keeps the request from the engine makes the client see."""
        if fault.kind is FaultKind.OUTAGE:
            raise NotSent("connection refused", venue=self._venue, request=operation)
        if fault.kind is FaultKind.REJECT:
            raise VenueRejected(
                "refused", venue=self._venue, request=operation, code=fault.code or "fault"
            )
        if fault.kind in _THROTTLED:
            raise RateLimited(
                "too many requests",
                venue=self._venue,
                request=operation,
                retry_after_s=_RETRY_AFTER_S,
            )

    def _unknown(self, operation: str, reason: str) -> OutcomeUnknown:
        return OutcomeUnknown(reason, venue=self._venue, request=operation)


def _passage(faults: FaultHook | Passage | None) -> Passage:
    if faults is None:
        return Passage()
    return faults if isinstance(faults, Passage) else _Hooked(faults)


def _give_up(reply: "asyncio.Future[_T]") -> None:
    """Tell the asker that nothing came."""
    if not reply.done():
        reply.set_exception(TimeoutError())


def _settle(reply: "asyncio.Future[_T]", answer: _T) -> None:
    """Hand the answer over, unless the asker is gone."""
    if not reply.done():
        reply.set_result(answer)
