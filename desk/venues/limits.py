"""Request budgets: our own count of what a venue allows, so that we refuse before it does.

Pure: time comes in as a function, nothing waits here. A refusal is an error the caller sees.
"""

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from fractions import Fraction
from math import ceil

from desk.core.errors import RateLimited
from desk.core.venue import VenueName

SPENT_AT_START = Fraction(1, 2)  # another program, or our former life, may have used the window
GUARD_PAUSE_S_MAX = 5.0


class Priority(IntEnum):
    """Who may dip how deep into a window, at both venues alike.

    SPARE: the rows for the books; an opening still has room after them. NORMAL: whatever can wait,
    so markets, regular checks, openings. EVIDENCE: the long lists that
    tell what became of an order in doubt. GUARD: closes, cancels, fences, and the positions they
    are sized by; nothing else can starve them.
    """

    SPARE = 0
    NORMAL = 1
    EVIDENCE = 2
    GUARD = 3


_SHARES = {
    # An opening needs 25 of Pacifica's 100 credits and 15 of Lighter's 60 requests, of two thirds.
    Priority.SPARE: Fraction(2, 5),
    Priority.NORMAL: Fraction(2, 3),
    Priority.EVIDENCE: Fraction(5, 6),
    Priority.GUARD: Fraction(1),
}


class RequestBudget:
    """A rolling window of credits, counted per request as it leaves.

    `credits_max` None means no limit of our own; the venue's refusals still pause us.
    """

    def __init__(
        self,
        *,
        venue: VenueName,
        credits_max: int | None,
        window_s: float,
        monotonic_s: Callable[[], float],
        priority_min: Priority = Priority.SPARE,
    ) -> None:
        """Start with half of the window spent.

        No request ranks below `priority_min`: a program that does nothing but close keeps nothing
        back.
        """
        self._venue = venue
        self._credits_max = credits_max
        self._window_s = window_s
        self._now_s = monotonic_s
        self._priority_min = priority_min
        self._ceilings = {
            priority: int((credits_max or 0) * share) for priority, share in _SHARES.items()
        }
        self._spent: deque[tuple[float, int]] = deque()
        self._sum = 0
        self._paused_at_s = self._paused_until_s = monotonic_s()
        if credits_max is not None:
            self._count(int(credits_max * SPENT_AT_START))

    def take(self, request: str, *, cost: int = 1, priority: Priority = Priority.NORMAL) -> None:
        """Count `cost` credits for a request that is about to leave.

        Raises `RateLimited`, and counts nothing, when the window or a pause has no room for it.
        """
        self.check(request, cost=cost, priority=priority)
        if self._credits_max is not None:
            self._count(cost)

    def check(self, request: str, *, cost: int = 1, priority: Priority = Priority.NORMAL) -> None:
        """Raise `RateLimited` where `take` would; for what must not be half sent."""
        wait_s = self.wait_s(cost=cost, priority=priority)
        if wait_s > 0:
            room = f"has room in {ceil(wait_s)} s"
            raise RateLimited(
                f"our own request budget, kept below the venue's limit, {room}",
                venue=self._venue,
                request=request,
                retry_after_s=wait_s,
            )

    def wait_s(self, *, cost: int = 1, priority: Priority = Priority.NORMAL) -> float:
        """Return seconds until `take` would succeed; zero when it would now."""
        priority = max(priority, self._priority_min)
        now_s = self._now_s()
        self._forget_before(now_s - self._window_s)
        return max(self._pause_left_s(now_s, priority), self._window_left_s(now_s, cost, priority))

    def pause(self, seconds: float) -> None:
        """Stay away after the venue's own refusal.

        Guards try again after a few seconds at most: a position that must be closed is worth
        one more refusal.
        """
        now_s = self._now_s()
        self._paused_at_s = now_s
        self._paused_until_s = max(self._paused_until_s, now_s + seconds)

    def left(self, *, priority: Priority = Priority.NORMAL) -> int | None:
        """Return the credits this priority can still take now; None without a limit."""
        if self._credits_max is None:
            return None
        self._forget_before(self._now_s() - self._window_s)
        return max(0, self._ceilings[priority] - self._sum)

    def ceiling(self, *, priority: Priority = Priority.NORMAL) -> int | None:
        """Return the credits of a window that this priority can take; None without a limit."""
        return None if self._credits_max is None else self._ceilings[priority]

    def _pause_left_s(self, now_s: float, priority: Priority) -> float:
        until_s = self._paused_until_s
        if priority is Priority.GUARD:
            until_s = min(until_s, self._paused_at_s + GUARD_PAUSE_S_MAX)
        return max(0.0, until_s - now_s)

    def _window_left_s(self, now_s: float, cost: int, priority: Priority) -> float:
        if self._credits_max is None:
            return 0.0
        over = self._sum + cost - self._ceilings[priority]
        for at_s, credits in self._spent:
            if over <= 0:
                break
            over -= credits
            if over <= 0:
                return at_s + self._window_s - now_s
        return 0.0 if over <= 0 else self._window_s

    def _count(self, cost: int) -> None:
        self._spent.append((self._now_s(), cost))
        self._sum += cost

    def _forget_before(self, limit_s: float) -> None:
        while self._spent and self._spent[0][0] <= limit_s:
            self._sum -= self._spent.popleft()[1]


def lighter_budget(
    monotonic_s: Callable[[], float], *, priority_min: Priority = Priority.SPARE
) -> RequestBudget:
    """Return the budget of a standard account: 60 requests in a rolling minute, each counts one,
    `sendTx` included (apidocs.lighter.xyz, rate limits)."""
    return RequestBudget(
        venue=VenueName.LIGHTER,
        credits_max=60,
        window_s=60.0,
        monotonic_s=monotonic_s,
        priority_min=priority_min,
    )


def pacifica_budget(
    monotonic_s: Callable[[], float],
    *,
    credits_max: int = 100,
    priority_min: Priority = Priority.SPARE,
) -> RequestBudget:
    """Return the budget of an address without an API key: 100 credits in a rolling minute
    (docs.pacifica.fi, rate limits); a key raises `credits_max`."""
    return RequestBudget(
        venue=VenueName.PACIFICA,
        credits_max=credits_max,
        window_s=60.0,
        monotonic_s=monotonic_s,
        priority_min=priority_min,
    )


def unlimited(venue: VenueName, monotonic_s: Callable[[], float]) -> RequestBudget:
    """Return a budget that never refuses on its own, for venues that run without limits."""
    return RequestBudget(venue=venue, credits_max=None, window_s=60.0, monotonic_s=monotonic_s)
