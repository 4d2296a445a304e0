"""Place orders that are meant to rest, and cancel them: each ends with its acknowledgement.

Nothing is watched here: whether an order rests, has filled or is gone, the strategy reads from the
venue's open orders and fills. A venue's writes go one after the other, so that their nonces arrive
in order; the venues side by side. One action ends before the next begins: an answer to a cancel
says that nothing asked for earlier is still on its way out. Orders that are meant to fill go first:
what has not left by then stays here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from desk.core.actions import CancelOrders, RestOrders, VenueOrder
from desk.core.errors import VenueError
from desk.core.events import OrderReport, OrdersSettled, Verdict
from desk.core.market import NotAligned
from desk.core.order import NOT_SENT, Accepted, Outcome, Rejected
from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName


@dataclass(frozen=True, slots=True)
class _Write:
    """One request to a venue about one order of ours."""

    venue: VenueName
    client_id: str
    send: Callable[[], Awaitable[Outcome]]


class RestingDesk:
    """Carries out `RestOrders` and `CancelOrders` on live venues."""

    def __init__(self, venues: Mapping[VenueName, Venue], clock: Clock) -> None:
        """Send nothing yet."""
        self._venues = venues
        self._clock = clock
        self._lock = asyncio.Lock()
        self._overtaken = 0

    def give_way(self) -> None:
        """Send nothing more of what is to be placed: orders that act at once are leaving."""
        self._overtaken += 1

    async def place(self, action: RestOrders) -> OrdersSettled:
        """Return one report for each order: accepted (and not final), rejected or unknown."""
        begun = self._overtaken
        writes = [
            _Write(row.venue, row.request.client_id, partial(self._place, row, begun))
            for row in action.orders
        ]
        return await self._settle(action.ask, writes)

    async def cancel(self, action: CancelOrders) -> OrdersSettled:
        """Return how each cancel ended."""
        writes = [
            _Write(
                venue,
                client_id,
                partial(self._venues[venue].cancel, action.symbol, client_id=client_id),
            )
            for venue, client_id in action.orders
        ]
        return await self._settle(action.ask, writes)

    async def _place(self, order: VenueOrder, begun: int) -> Outcome:
        venue, request = self._venues[order.venue], order.request
        write = await venue.sign(request)
        if self._overtaken != begun:
            return Rejected(request.client_id, NOT_SENT, "other orders came first")
        return await venue.send(write)

    async def _settle(self, ask: int, writes: Sequence[_Write]) -> OrdersSettled:
        async def in_turn(venue: VenueName) -> dict[str, OrderReport]:
            mine = [write for write in writes if write.venue is venue]
            return {write.client_id: _report(write, await _outcome(write)) for write in mine}

        async with self._lock:
            answers = await asyncio.gather(*map(in_turn, self._venues))
        told = dict(zip(self._venues, answers, strict=True))
        reports = tuple(told[write.venue][write.client_id] for write in writes)
        return OrdersSettled(self._clock.now_ms(), ask, reports)


async def _outcome(write: _Write) -> Outcome:
    """Send, or say why it stayed here: a venue not reached yet, a size off its lot."""
    try:
        return await write.send()
    except (VenueError, NotAligned) as error:
        return Rejected(write.client_id, NOT_SENT, str(error))


def _report(write: _Write, outcome: Outcome) -> OrderReport:
    verdict, detail, expires_at_ms = Verdict.ACCEPTED, "", None
    if isinstance(outcome, Rejected):
        verdict, detail = Verdict.REJECTED, f"{outcome.code}: {outcome.message}"
    elif not isinstance(outcome, Accepted):
        verdict, detail = Verdict.UNKNOWN, outcome.reason
        expires_at_ms = outcome.expires_at_ms
    return OrderReport(
        venue=write.venue,
        client_id=write.client_id,
        verdict=verdict,
        is_final=verdict is Verdict.REJECTED,
        filled=Decimal(0),
        detail=detail,
        expires_at_ms=expires_at_ms,
    )
