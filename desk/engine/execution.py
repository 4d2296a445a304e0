"""Send orders to both venues at once and find out what became of each.

Sign all, then send all, then watch: streams first, requests second. Neither order's failure
cancels another's request in flight; every path ends in a report. What to do about a report is the
strategy's to decide.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from desk.core.actions import SendOrders, VenueOrder
from desk.core.errors import VenueError
from desk.core.events import OrderReport, OrdersSettled, Verdict
from desk.core.market import NotAligned
from desk.core.order import (
    NOT_SENT,
    Fill,
    Order,
    Outcome,
    Rejected,
    Unknown,
)
from desk.core.ports import Clock, SignedWrite, Venue
from desk.core.stream import FillSeen, OrderSeen, StreamEvent
from desk.core.venue import VenueName

POLL_S = 1.0


@dataclass(slots=True)
class _Track:
    """What has been heard of one order so far."""

    size: Decimal
    order: Order | None = None
    fills: dict[str, Fill] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def filled(self) -> Decimal:
        listed = sum((fill.size for fill in self.fills.values()), Decimal(0))
        return max(listed, self.order.filled if self.order is not None else Decimal(0))

    @property
    def is_final(self) -> bool:
        """Over, and every fill the order row speaks of is in hand."""
        listed = sum((fill.size for fill in self.fills.values()), Decimal(0))
        if listed == self.size:
            return True
        order = self.order
        return order is not None and order.status.is_final and listed >= order.filled

    @property
    def average_price(self) -> Decimal | None:
        listed = sum((fill.size for fill in self.fills.values()), Decimal(0))
        if listed and listed == self.filled:
            return sum((row.size * row.price for row in self.fills.values()), Decimal(0)) / listed
        return self.order.average_price if self.order is not None else None

    @property
    def fee_usd(self) -> Decimal | None:
        listed = sum((fill.size for fill in self.fills.values()), Decimal(0))
        if not listed or listed != self.filled:
            return None
        return sum((fill.fee_usd for fill in self.fills.values()), Decimal(0))

    def note(self, order: Order | None, fills: list[Fill]) -> None:
        """Take in an order row and fills, whichever came; an order row never goes back."""
        if order is not None and (self.order is None or not self.order.status.is_final):
            self.order = order
        for fill in fills:
            self.fills.setdefault(fill.fill_id, fill)
        self.news.set()


class Executor:
    """Carries out `SendOrders` on live venues."""

    def __init__(self, venues: Mapping[VenueName, Venue], clock: Clock) -> None:
        """Listen to every venue's order and fill stream from now on."""
        self._venues = venues
        self._clock = clock
        self._tracks: dict[tuple[VenueName, str], _Track] = {}
        for name, venue in venues.items():
            venue.listen(lambda event, name=name: self._hear(name, event))  # type: ignore[misc]

    def _hear(self, venue: VenueName, event: StreamEvent) -> None:
        if isinstance(event, OrderSeen):
            track = self._tracks.get((venue, event.order.client_id or ""))
            if track is not None:
                track.note(event.order, [])
        elif isinstance(event, FillSeen):
            track = self._tracks.get((venue, event.fill.client_id or ""))
            if track is not None:
                track.note(None, [event.fill])

    async def send_orders(self, action: SendOrders) -> OrdersSettled:
        """Return one report for each order, in sequence, by the deadline or soon after."""
        deadline_s = self._clock.monotonic_s() + float(action.deadline_s)
        for order in action.orders:
            self._tracks[_key(order)] = _Track(order.request.size)
        try:
            outcomes = await self._sign_and_send(action.orders)
            sent_at_ms = self._clock.now_ms()
            reports = await asyncio.gather(
                *(
                    self._follow(order, outcome, deadline_s=deadline_s, sent_at_ms=sent_at_ms)
                    for order, outcome in zip(action.orders, outcomes, strict=True)
                )
            )
        finally:
            for order in action.orders:
                del self._tracks[_key(order)]
        return OrdersSettled(self._clock.now_ms(), action.ask, tuple(reports))

    async def _sign_and_send(self, orders: tuple[VenueOrder, ...]) -> list[Outcome]:
        """Nothing leaves unless everything is signed: half a pair is worse than none."""
        signed = await asyncio.gather(*(self._sign(order) for order in orders))
        if any(isinstance(write, Rejected) for write in signed):
            return [
                write
                if isinstance(write, Rejected)
                else Rejected(write.client_id, NOT_SENT, "its twin could not be signed")
                for write in signed
            ]
        return await asyncio.gather(
            *(
                self._venues[order.venue].send(write)
                for order, write in zip(orders, signed, strict=True)
                if not isinstance(write, Rejected)
            )
        )

    async def _sign(self, order: VenueOrder) -> SignedWrite | Rejected:
        try:
            return await self._venues[order.venue].sign(order.request)
        except (VenueError, NotAligned) as error:
            return Rejected(order.request.client_id, NOT_SENT, str(error))

    async def _follow(
        self, order: VenueOrder, outcome: Outcome, *, deadline_s: float, sent_at_ms: int
    ) -> OrderReport:
        track = self._tracks[_key(order)]
        if isinstance(outcome, Rejected):
            detail = f"{outcome.code}: {outcome.message}"
            return _report(order, track, Verdict.REJECTED, detail, sent_at_ms=sent_at_ms)
        while not track.is_final and self._clock.monotonic_s() < deadline_s:
            track.news.clear()
            left_s = deadline_s - self._clock.monotonic_s()
            if not await _heard(track.news, min(POLL_S, left_s)):
                await self._ask(order, track, sent_at_ms)
        detail, expires = "", None
        verdict = Verdict.ACCEPTED
        if isinstance(outcome, Unknown) and track.order is None and not track.fills:
            verdict, detail, expires = Verdict.UNKNOWN, outcome.reason, outcome.expires_at_ms
        return _report(order, track, verdict, detail, sent_at_ms=sent_at_ms, expires_at_ms=expires)

    async def _ask(self, order: VenueOrder, track: _Track, sent_at_ms: int) -> None:
        """Second source: ask by request. A read that fails leaves what is known as it is."""
        venue, request = self._venues[order.venue], order.request
        try:
            found = await venue.find_order(request.symbol, request.client_id)
            fills = await venue.fills(since_ms=sent_at_ms - 60_000, symbol=request.symbol)
        except VenueError:
            return
        track.note(found, [fill for fill in fills if fill.client_id == request.client_id])


def _key(order: VenueOrder) -> tuple[VenueName, str]:
    return order.venue, order.request.client_id


async def _heard(news: asyncio.Event, wait_s: float) -> bool:
    """Return whether there was news within `wait_s` seconds."""
    try:
        async with asyncio.timeout(max(wait_s, 0)):
            await news.wait()
    except TimeoutError:
        return False
    return True


def _report(
    order: VenueOrder,
    track: _Track,
    verdict: Verdict,
    detail: str,
    *,
    sent_at_ms: int,
    expires_at_ms: int | None = None,
) -> OrderReport:
    reason = track.order.reason if track.order is not None else None
    return OrderReport(
        venue=order.venue,
        client_id=order.request.client_id,
        verdict=verdict,
        is_final=verdict is Verdict.REJECTED or track.is_final,
        filled=track.filled,
        detail=detail or reason or "",
        average_price=track.average_price,
        fee_usd=track.fee_usd,
        expires_at_ms=expires_at_ms,
        sent_at_ms=sent_at_ms,
        filled_at_ms=max((fill.at_ms for fill in track.fills.values()), default=None),
    )
