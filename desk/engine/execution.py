"""Send orders to both venues at once and find out what became of each.

Sign all, then send all, then watch: streams first, requests second. Neither order's failure
cancels another's request in flight; every path ends in a report. What to do about a report is the
strategy's to decide.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import structlog

from desk.core.actions import SendOrders, VenueOrder
from desk.core.errors import InvariantBroken, VenueError
from desk.core.events import OrderReport, OrdersSettled, Verdict
from desk.core.market import NotAligned
from desk.core.order import NOT_SENT, Fill, Order, Outcome, Rejected, Unknown
from desk.core.ports import Clock, SignedWrite, Venue
from desk.core.stream import FillSeen, OrderSeen, StreamEvent
from desk.core.venue import VenueName

# How long the streams may be silent before an order is asked for, longer each time: a history is
# the dearest read there is, and what closes a naked leg must not find the budget spent.
POLL_S = (1.0, 2.0, 4.0)
# How long an order that nobody answered for is watched here: the strategy can fence, we cannot.
DOUBT_S_MAX = 1.0

log = structlog.get_logger()


@dataclass(slots=True)
class _Track:
    """What has been heard of one order so far."""

    size: Decimal
    order: Order | None = None
    fills: dict[str, Fill] = field(default_factory=dict)
    filled_at_ms: int | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def listed(self) -> Decimal:
        """Return what the fills in hand add up to."""
        return sum((fill.size for fill in self.fills.values()), Decimal(0))

    @property
    def filled(self) -> Decimal:
        """Return what is known to have filled, by fills or by the order row."""
        return max(self.listed, self.order.filled if self.order is not None else Decimal(0))

    @property
    def is_known(self) -> bool:
        """Return whether the venue has shown the order at all."""
        return self.order is not None or bool(self.fills)

    @property
    def is_alive(self) -> bool:
        """Return whether the venue has shown that it took the order."""
        is_open = self.order is not None and not self.order.status.is_final
        return is_open or bool(self.filled)

    @property
    def has_ended(self) -> bool:
        """Return whether nothing more can happen to it."""
        is_over = self.order is not None and self.order.status.is_final
        return is_over or self.listed == self.size

    @property
    def is_final(self) -> bool:
        """Return whether it is over, and every fill of it is in hand."""
        return self.has_ended and self.listed == self.filled

    @property
    def average_price(self) -> Decimal | None:
        """Return the price over all fills, from them if they are all in hand."""
        if self.listed and self.listed == self.filled:
            paid = sum((row.size * row.price for row in self.fills.values()), Decimal(0))
            return paid / self.listed
        return self.order.average_price if self.order is not None else None

    @property
    def fee_usd(self) -> Decimal | None:
        """Return what all fills cost, None while one is missing."""
        if not self.listed or self.listed != self.filled:
            return None
        return sum((fill.fee_usd for fill in self.fills.values()), Decimal(0))

    def note_order(self, order: Order, at_ms: int) -> None:
        """Take in an order row heard at `at_ms`, unless it is older than the one in hand."""
        if self.order is None or not _is_older(order, self.order):
            before, self.order = self.filled, order
            self._note_news(before, at_ms)

    def note_fill(self, fill: Fill, at_ms: int) -> None:
        """Take in a fill heard at `at_ms`, once."""
        if fill.fill_id not in self.fills:
            before = self.filled
            self.fills[fill.fill_id] = fill
            self._note_news(before, at_ms)

    def _note_news(self, filled_before: Decimal, at_ms: int) -> None:
        if self.filled > filled_before:
            self.filled_at_ms = at_ms
        self.news.set()


def _is_older(order: Order, known: Order) -> bool:
    """Rows may come out of order: nothing un-fills, and what has ended stays ended."""
    if known.status.is_final and not order.status.is_final:
        return True
    return order.filled < known.filled


class Executor:
    """Carries out `SendOrders` on live venues."""

    def __init__(self, venues: Mapping[VenueName, Venue], clock: Clock) -> None:
        """Listen to every venue's order and fill stream from now on."""
        self._venues = venues
        self._clock = clock
        self._tracks: dict[tuple[VenueName, str], _Track] = {}
        for name, venue in venues.items():
            venue.listen(partial(self._hear, name))

    def _hear(self, venue: VenueName, event: StreamEvent) -> None:
        if isinstance(event, OrderSeen):
            track = self._tracks.get((venue, event.order.client_id or ""))
            if track is not None:
                track.note_order(event.order, self._clock.now_ms())
        elif isinstance(event, FillSeen):
            track = self._tracks.get((venue, event.fill.client_id or ""))
            if track is not None:
                track.note_fill(event.fill, self._clock.now_ms())

    def follows(self, venue: VenueName, client_id: str | None) -> bool:
        """Return whether somebody here waits for the fills of this order."""
        return (venue, client_id or "") in self._tracks

    async def send_orders(self, action: SendOrders) -> OrdersSettled:
        """Return one report for each order, in sequence, by the deadline or soon after."""
        deadline_s = self._clock.monotonic_s() + float(action.deadline_s)
        for order in action.orders:
            self._tracks[_key(order)] = _Track(order.request.size)
        try:
            signed = await asyncio.gather(*(self._sign(order) for order in action.orders))
            sent_at_ms = self._clock.now_ms()
            outcomes = await self._send(action.orders, signed)
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

    async def _sign(self, order: VenueOrder) -> SignedWrite | Rejected:
        try:
            return await self._venues[order.venue].sign(order.request)
        except (VenueError, NotAligned, InvariantBroken) as error:
            # A close must not stay at home for a bug that keeps its twin there.
            if isinstance(error, InvariantBroken) and not order.request.is_close:
                raise
            return Rejected(order.request.client_id, NOT_SENT, str(error))

    async def _send(
        self, orders: Sequence[VenueOrder], signed: Sequence[SignedWrite | Rejected]
    ) -> Sequence[Outcome | BaseException]:
        """No half of an opening leaves: that is worse than none. A close leaves without its twin.

        A send that breaks, by a fault of ours, must not hide what became of the other.
        """
        is_opening = not all(order.request.is_close for order in orders)
        if is_opening and any(isinstance(write, Rejected) for write in signed):
            signed = [_stays(write) for write in signed]
        return await asyncio.gather(
            *(self._send_one(*pair) for pair in zip(orders, signed, strict=True)),
            return_exceptions=True,
        )

    async def _send_one(self, order: VenueOrder, write: SignedWrite | Rejected) -> Outcome:
        if isinstance(write, Rejected):
            return write
        return await self._venues[order.venue].send(write)

    async def _follow(
        self,
        order: VenueOrder,
        outcome: Outcome | BaseException,
        *,
        deadline_s: float,
        sent_at_ms: int,
    ) -> OrderReport:
        """Watch one order until it is final or time is up, and say what is known then.

        What a venue shows counts for more than what a request was answered.
        """
        track = self._tracks[_key(order)]
        if isinstance(outcome, BaseException):
            log.error("send.broke", venue=order.venue, exc_info=outcome)
        if track.is_alive or not isinstance(outcome, Rejected):
            if isinstance(outcome, Unknown):
                deadline_s = min(deadline_s, self._clock.monotonic_s() + DOUBT_S_MAX)
            await self._watch(order, track, deadline_s)
        verdict, detail, expires_at_ms = _judge(outcome, track)
        return _report(
            order, track, verdict, detail, sent_at_ms=sent_at_ms, expires_at_ms=expires_at_ms
        )

    async def _watch(self, order: VenueOrder, track: _Track, deadline_s: float) -> None:
        """Listen; after a silence, and once more when time is up, ask by request."""
        silences = 0
        while not track.is_final:
            track.news.clear()
            poll_s = POLL_S[min(silences, len(POLL_S) - 1)]
            left_s = deadline_s - self._clock.monotonic_s()
            if not await _heard(track.news, min(poll_s, left_s)):
                silences += 1
                if await self._has_ended(order, track) or left_s <= poll_s:
                    break

    async def _has_ended(self, order: VenueOrder, track: _Track) -> bool:
        """Second source: ask by request. A read that fails leaves what is known as it is."""
        request = order.request
        try:
            found = await self._venues[order.venue].find_order(request.symbol, request.client_id)
        except VenueError as error:
            log.info("order.not_found_out", venue=order.venue, error=str(error))
            return False
        if found is not None:
            track.note_order(found, self._clock.now_ms())
        return track.has_ended


def _stays(write: SignedWrite | Rejected) -> Rejected:
    if isinstance(write, Rejected):
        return write
    return Rejected(write.client_id, NOT_SENT, "its twin could not be signed")


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


def _judge(
    outcome: Outcome | BaseException, track: _Track
) -> tuple[Verdict, str, int | None]:
    """Return the verdict, its detail, and until when an unknown order may still take effect."""
    if isinstance(outcome, Rejected) and not track.is_alive:
        return Verdict.REJECTED, f"{outcome.code}: {outcome.message}", None
    if track.is_known:
        return Verdict.ACCEPTED, "", None
    if isinstance(outcome, Unknown):
        return Verdict.UNKNOWN, outcome.reason, outcome.expires_at_ms
    if isinstance(outcome, BaseException):
        return Verdict.UNKNOWN, f"our own fault: {type(outcome).__name__}: {outcome}", None
    return Verdict.ACCEPTED, "", None


def _report(
    order: VenueOrder,
    track: _Track,
    verdict: Verdict,
    detail: str,
    *,
    sent_at_ms: int,
    expires_at_ms: int | None = None,
) -> OrderReport:
    reason = track.order.reason if track.order is not None and track.filled < track.size else None
    return OrderReport(
        venue=order.venue,
        client_id=order.request.client_id,
        verdict=verdict,
        is_final=verdict is Verdict.REJECTED or track.has_ended,
        filled=track.filled,
        detail=detail or reason or "",
        average_price=track.average_price,
        fee_usd=track.fee_usd,
        expires_at_ms=expires_at_ms,
        sent_at_ms=sent_at_ms,
        filled_at_ms=track.filled_at_ms,
    )
