"""What a simulated client's calls cost, counted as its real twin counts them.

The costs are those of `docs/venues/requests.md`, in each venue's own unit; a test keeps the two
together. The client counts before it asks (`SimBudget`), the venue counts what reaches it
(`VenueLimit`): a client that has just been started does not know what its former life spent.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from desk.core.errors import RateLimited
from desk.core.venue import VenueName
from desk.venues.limits import Priority, RequestBudget, lighter_budget, pacifica_budget

WINDOW_S = 60.0
HALF_CREDITS_MAX = 200
CREDITS_MAX: Mapping[VenueName, int] = {
    VenueName.LIGHTER: 60,
    VenueName.PACIFICA: HALF_CREDITS_MAX,
}
OPENING: Mapping[VenueName, int] = {VenueName.LIGHTER: 15, VenueName.PACIFICA: 50}
"""What an opening costs at most, as the clients reckon it."""
FEES_KEPT_S = 3_600.0
ACCOUNT_KEPT_S = 1.0

# Requests at Lighter; half credits without a key at Pacifica. Instruments are read with statistics
# and share a request at Lighter; its fence looks at the transaction it sent a few times.
COSTS: Final[Mapping[VenueName, Mapping[str, int]]] = {
    VenueName.LIGHTER: {
        "open": 2,
        "instruments": 0,
        "market_stats": 2,
        "funding_history": 1,
        "candles": 1,
        "account": 1,
        "open_orders": 1,
        "find_order": 2,
        "fills": 1,
        "funding_payments": 1,
        "movements": 4,
        "fees": 1,
        "leverage": 1,
        "send": 1,
        "cancel": 1,
        "cancel_all": 1,
        "set_leverage": 1,
        "fence": 5,
    },
    VenueName.PACIFICA: {
        "open": 7,
        "instruments": 2,
        "market_stats": 2,
        "funding_history": 2,
        "candles": 24,
        "account": 4,
        "open_orders": 2,
        "find_order": 26,
        "fills": 24,
        "funding_payments": 2,
        "movements": 24,
        "fees": 0,
        "leverage": 2,
        "send": 2,
        "cancel": 1,
        "cancel_all": 1,
        "set_leverage": 4,
        "fence": 0,
    },
}
_EVIDENCE = ("open_orders", "fills")
_GUARDS = ("cancel", "cancel_all", "fence")


class VenueLimit:
    """A venue's own count of what one account sent in the last minute."""

    def __init__(self, venue: VenueName, monotonic_s: Callable[[], float]) -> None:
        """Start with nothing spent."""
        self._max = CREDITS_MAX[venue]
        self._now_s = monotonic_s
        self._spent: deque[tuple[float, int]] = deque()
        self._sum = 0

    @property
    def spent(self) -> int:
        """Return what was counted in the window of the last request."""
        return self._sum

    def is_over(self, cost: int) -> bool:
        """Count a request that has arrived; return whether it is one too many."""
        now_s = self._now_s()
        while self._spent and self._spent[0][0] <= now_s - WINDOW_S:
            self._sum -= self._spent.popleft()[1]
        if self._sum + cost > self._max:
            return True
        self._spent.append((now_s, cost))
        self._sum += cost
        return False


@dataclass(slots=True)
class _Memory:
    """What the client has in hand and need not ask for."""

    account_at_s: float = float("-inf")
    fees_at_s: float = float("-inf")
    has_nonce: bool = False


class SimBudget:
    """The published limits of one venue, kept by one client."""

    def __init__(
        self,
        venue: VenueName,
        monotonic_s: Callable[[], float],
        *,
        limit: VenueLimit | None = None,
    ) -> None:
        """Assume half a window spent, as every client does; `limit` is what the venue counts.

        `held_back` and `refused` count what our own count and the venue's kept from happening.
        """
        self._is_lighter = is_lighter = venue is VenueName.LIGHTER
        self._venue = venue
        self._costs = COSTS[venue]
        self._now_s = monotonic_s
        self._limit = limit
        self._budget: RequestBudget = (
            lighter_budget(monotonic_s)
            if is_lighter
            else pacifica_budget(monotonic_s, credits_max=HALF_CREDITS_MAX)
        )
        self._memory = _Memory()
        self.held_back = 0
        self.refused = 0

    def opening_wait_s(self) -> float:
        """Return how long an opening is kept back, seconds."""
        return self._budget.wait_s(cost=OPENING[self._venue])

    def check(self, call: str) -> None:
        """Raise `RateLimited` where an ordinary write has no room."""
        self._budget.check(call, cost=self._costs[call])

    def take(self, operation: str, *, is_guard: bool = False, is_urgent: bool = False) -> None:
        """Count one call, named by the first word of its operation, before it leaves.

        Raises `RateLimited`: by our own count, when nothing has left, or by the venue's, which
        keeps us away for a while.
        """
        call = operation.partition(" ")[0]
        cost = self._cost(call)
        if cost == 0:
            return
        priority = _priority(call, is_guard=is_guard, is_urgent=is_urgent)
        try:
            self._budget.take(operation, cost=cost, priority=priority)
        except RateLimited:
            self.held_back += 1
            raise
        if self._limit is not None and self._limit.is_over(cost):
            self.refused += 1
            self.pause(WINDOW_S)
            raise RateLimited(
                "too many requests",
                venue=self._venue,
                request=operation,
                retry_after_s=WINDOW_S,
            )

    def pause(self, seconds: float) -> None:
        """Stay away after a refusal of the venue's."""
        self._budget.pause(seconds)

    def _cost(self, call: str) -> int:
        """Return what a call costs now, and remember what it brings."""
        cost = self._costs[call]
        if not self._is_lighter:
            return cost
        memory, now_s = self._memory, self._now_s()
        if call == "account":
            memory.account_at_s = now_s
        elif call == "leverage":
            if now_s - memory.account_at_s <= ACCOUNT_KEPT_S:
                return 0
            memory.account_at_s = now_s
        elif call == "fees":
            if now_s - memory.fees_at_s <= FEES_KEPT_S:
                return 0
            memory.fees_at_s = now_s
        elif call in ("send", "set_leverage", "cancel", "cancel_all"):
            memory.account_at_s = float("-inf")
            if not memory.has_nonce:
                memory.has_nonce = True
                return cost + 1
        return cost


def _priority(call: str, *, is_guard: bool, is_urgent: bool) -> Priority:
    if is_guard or call in _GUARDS:
        return Priority.GUARD
    if call == "find_order":
        return Priority.EVIDENCE
    if is_urgent:
        return Priority.EVIDENCE if call in _EVIDENCE else Priority.GUARD
    return Priority.NORMAL
