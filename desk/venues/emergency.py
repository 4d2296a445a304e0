"""What both venues' emergency desks share: ids, a look, the markets, batches.

A desk is one venue as `desk.engine.flatten` works it; each venue's own way is beside its client.
"""

from asyncio import gather
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from itertools import count
from typing import TypeVar

from desk.core.errors import VenueError
from desk.core.flatten import Close, Market, Sight, client_id
from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName

T = TypeVar("T")


class Ids:
    """The ids of one emergency's orders on one venue, one after another."""

    def __init__(self, venue: VenueName, clock: Clock) -> None:
        """Begin with this second."""
        self._venue = venue
        self._started_at_ms = clock.now_ms()
        self._numbers = count()
        self.bits = 48

    def next(self) -> str:
        """Return the next one."""
        return client_id(
            self._venue,
            started_at_ms=self._started_at_ms,
            number=next(self._numbers),
            bits=self.bits,
        )


async def sight_of(venue: Venue, clock: Clock) -> Sight:
    """Return every position and every order, asked for at once."""
    asked_at_ms = clock.now_ms()
    account, orders = await gather(venue.account(urgent=True), venue.open_orders(urgent=True))
    return Sight(account.positions, tuple(orders), asked_at_ms)


async def markets_of(venue: Venue) -> Mapping[str, Market]:
    """Return every market that has a mark."""
    listed, stats = await gather(venue.instruments(), venue.market_stats())
    return {
        symbol: Market(row, stats[symbol].mark) for symbol, row in listed.items() if symbol in stats
    }


async def attempt(ask: Awaitable[T]) -> T | None:
    """Return an answer, None where there is none: who needs it asks again."""
    try:
        return await ask
    except VenueError:
        return None


def in_batches(closes: Sequence[Close], size: int) -> Iterator[Sequence[Close]]:
    """Yield orders in batches; those that go through zero apart, because a request budget lets
    them through only where it lets an opening."""
    for through in (False, True):
        rows = [close for close in closes if close.through is through]
        yield from (rows[start : start + size] for start in range(0, len(rows), size))
