"""Lighter's dated rows without holes: what to ask next when an answer was cut in silence.

Knows neither requests nor rows, only their instants.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from desk.core.errors import InvariantBroken
from desk.core.funding import FundingPoint
from desk.core.market import Candle

Dated = TypeVar("Dated", Candle, FundingPoint)

PAGES_MAX = 60
WINDOW_ROWS = 500  # bars a request answers at most; funding hours are capped near 750


async def whole_history(
    page: Callable[[int, int], Awaitable[list[Dated]]],
    stamp_ms: Callable[[Dated], int],
    *,
    step_ms: int,
    since_ms: int,
    until_ms: int,
) -> list[Dated]:
    """Return rows between two instants (inclusive), oldest first, asking backwards.

    A range that is too long is answered with its most recent part and no word about the rest, so
    each request ends where the oldest row so far begins.
    """
    found: dict[int, Dated] = {}
    end_ms = until_ms
    for _ in range(PAGES_MAX):
        if end_ms < since_ms:
            break
        start_ms = max(since_ms, end_ms - WINDOW_ROWS * step_ms)
        rows = [row for row in await page(start_ms, end_ms) if stamp_ms(row) <= end_ms]
        found.update((stamp_ms(row), row) for row in rows if stamp_ms(row) >= since_ms)
        oldest_ms = min((stamp_ms(row) for row in rows), default=start_ms)
        # Less than a step before the oldest row there can be no other.
        end_ms = (oldest_ms if oldest_ms >= start_ms + step_ms else start_ms) - 1
    else:
        raise InvariantBroken(f"more than {PAGES_MAX} requests for {until_ms - since_ms} ms")
    return [found[at_ms] for at_ms in sorted(found)]
