"""One answer for all who ask the same within a while: requests are what a venue rations.

Holds no rule of how long is long: that is the owner's, who knows what is decided on the answer.
"""

from asyncio import Lock
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from desk.core.ports import Clock

T = TypeVar("T")

SHARED_S = 1.0  # calls this close together are one look
FEES_KEPT_S = 3_600.0  # tiers are set anew once a day


class Kept(Generic[T]):
    """The latest answer to one question, kept for `age_s_max` seconds from when it came.

    A failure is never kept, nor is an old answer told in its place: the asker gets the error.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], *, age_s_max: float, clock: Clock) -> None:
        """Know nothing yet."""
        self._ask = ask
        self._age_s_max = age_s_max
        self._clock = clock
        self._lock = Lock()
        self._kept: tuple[float, T] | None = None

    async def get(self) -> T:
        """Return the kept answer, or ask; who comes meanwhile waits and shares."""
        async with self._lock:
            if self._kept is not None:
                came_s, answer = self._kept
                if self._clock.monotonic_s() - came_s <= self._age_s_max:
                    return answer
            return self.put(await self._ask())

    async def anew(self) -> T:
        """Return an answer to a question asked after this call."""
        async with self._lock:
            return self.put(await self._ask())

    def put(self, answer: T) -> T:
        """Keep an answer, also one that came by another way; return it."""
        self._kept = self._clock.monotonic_s(), answer
        return answer
