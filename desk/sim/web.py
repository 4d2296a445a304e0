"""What both wire servers share: compact JSON, rolling limits, and the door where faults happen.

Nothing of one venue lives here: how a refusal is worded is given by the server (`Refuse`). Time
comes from the clock given; no thread, no wall clock.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import formatdate
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from aiohttp import hdrs, web, web_app
from aiohttp.typedefs import Handler, Middleware

from desk.core.errors import InvariantBroken
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.sim.faults import REQUEST_KINDS, STREAM_KINDS, Fault, FaultKind, FaultPlan

CONTROL_PREFIX = "/_sim/"
HANG_S_MAX = 120.0
TASKS_MAX = 1_000
HTML_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"

R = TypeVar("R")


class Limits(StrEnum):
    """Whether requests are counted against the venues' published limits."""

    PUBLISHED = "published"
    OFF = "off"


def plain(value: Decimal) -> str:
    """Return a decimal as both venues write it: no exponent, no trailing zeros, no minus zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _plain_decimal(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    raise NotImplementedError(f"no wire form for {type(value).__name__}")


def encode(body: object) -> bytes:
    """Return compact JSON, without a space after a colon: clients search the raw text for
    `"code":5`."""
    return msgspec.json.encode(body)


def json_response(
    body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an answer with a compact JSON body."""
    return web.Response(
        body=encode(body), status=status, headers=headers, content_type="application/json"
    )


@dataclass(frozen=True, slots=True)
class Spending:
    """What all askers of a venue have cost it: credits `spent` in all, requests `refused` in all,
    and what the asker with the least has `left` in the present minute."""

    spent: Decimal
    refused: int
    left: Decimal


class RollingWindow:
    """Credits spent in the last `window_ms`, per key (an IP address, an account).

    `spent` are the credits of all keys since the start, `refused` how often there were too few.
    """

    def __init__(self, limit: Decimal, *, window_ms: int = 60_000) -> None:
        """Allow `limit` credits in any window; a cost of zero is free."""
        self.limit = limit
        self.window_ms = window_ms
        self.spent = Decimal(0)
        self.refused = 0
        self._spent: dict[str, deque[tuple[int, Decimal]]] = {}

    def charge(self, key: str, cost: Decimal, now_ms: int) -> bool:
        """Spend `cost` and return True, or spend nothing and return False when too little is
        left."""
        if cost > self.left(key, now_ms):
            self.refused += 1
            return False
        if cost > 0:
            self.spent += cost
            self._spent.setdefault(key, deque()).append((now_ms, cost))
        return True

    def left(self, key: str, now_ms: int) -> Decimal:
        """Return the credits not yet spent in the window that ends now."""
        rows = self._spent.get(key)
        if rows is None:
            return self.limit
        while rows and rows[0][0] <= now_ms - self.window_ms:
            rows.popleft()
        return self.limit - sum((cost for _, cost in rows), Decimal(0))

    def left_least(self, now_ms: int) -> Decimal:
        """Return what the key with the least has left."""
        return min((self.left(key, now_ms) for key in self._spent), default=self.limit)

    def reset_ms(self, key: str, now_ms: int) -> int:
        """Return how long until the oldest spending leaves the window; 0 when nothing is
        spent."""
        rows = self._spent.get(key)
        return max(0, rows[0][0] + self.window_ms - now_ms) if rows else 0


@dataclass(frozen=True, slots=True)
class Crossing(Generic[R]):
    """One request at the door: what it is called, what it does, and how to answer instead.

    `drop` cuts the connection, `refuse` words a refusal for `reject` and the `http_*` kinds,
    `spoil` damages an answer for `malformed`, `unknown_fields` and `reset_mid_body` (None: sent
    already).
    """

    operation: str
    effect: Callable[[], Awaitable[R]]
    drop: Callable[[], None]
    refuse: Callable[[Fault], R]
    spoil: Callable[[R, Fault], Awaitable[R | None]]
    kinds: Collection[FaultKind] = REQUEST_KINDS


_REFUSED = frozenset(
    {
        FaultKind.REJECT,
        FaultKind.HTTP_429,
        FaultKind.HTTP_405,
        FaultKind.HTTP_5XX,
        FaultKind.HTML_BODY,
    }
)
_UPGRADE_KINDS = _REFUSED | {FaultKind.REQUEST_LOST_BEFORE}
_SPOILED = frozenset({FaultKind.RESET_MID_BODY, FaultKind.MALFORMED, FaultKind.UNKNOWN_FIELDS})


class Door:
    """Every connection of one venue passes here; faults strike here.

    `now_ms()` is the venue's own clock, skew included. A request that has come in is carried out
    even when its sender is gone.
    """

    def __init__(self, venue: VenueName, *, plan: FaultPlan, clock: Clock) -> None:
        """Watch `plan` for an outage from now on."""
        self.venue = venue
        self.plan = plan
        self._clock = clock
        self._connections: dict[int, asyncio.BaseTransport] = {}
        self._count = 0
        self._tasks: dict[int, asyncio.Task[None]] = {}
        plan.listeners.append(self._on_fault)

    def now_ms(self) -> int:
        """Return the venue's clock."""
        now_ms = self._clock.now_ms()
        if self.plan.is_empty:
            return now_ms
        skew = self.plan.lasting(self.venue, FaultKind.CLOCK_SKEW, now_ms)
        return now_ms if skew is None else now_ms + round(skew.delay_s * 1000)

    def is_out(self) -> bool:
        """Return whether the venue is out: every connection is cut."""
        return self._lasts(FaultKind.OUTAGE)

    def is_silent(self, operation: str) -> bool:
        """Return whether this stream says nothing now."""
        return self._lasts(FaultKind.STREAM_SILENT, operation)

    def is_stale(self) -> bool:
        """Return whether books and statistics stand still now."""
        return self._lasts(FaultKind.STALE_PRICES)

    def _lasts(self, kind: FaultKind, operation: str = "") -> bool:
        if self.plan.is_empty:
            return False
        now_ms = self._clock.now_ms()
        return self.plan.lasting(self.venue, kind, now_ms, operation) is not None

    def enter(self, transport: asyncio.BaseTransport) -> int:
        """Note an open connection, so that an outage cuts it; returns its number for `leave`."""
        self._count += 1
        self._connections[self._count] = transport
        return self._count

    def leave(self, number: int) -> None:
        """Forget a connection that `enter` noted."""
        self._connections.pop(number, None)

    async def close(self) -> None:
        """Cut what is open and cancel what is under way."""
        if self._on_fault in self.plan.listeners:
            self.plan.listeners.remove(self._on_fault)
        self._cut()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        _forget_handlers()

    def _on_fault(self, fault: Fault) -> None:
        if fault.venue is self.venue and fault.kind is FaultKind.OUTAGE:
            self._cut()

    def _cut(self) -> None:
        for transport in list(self._connections.values()):
            abort(transport)
        self._connections.clear()

    async def cross(self, crossing: Crossing[R]) -> R | None:
        """Carry a request out with the faults that strike it; None: nothing is to be answered."""
        faults = self.plan.take(self.venue, crossing.operation, crossing.kinds)
        for fault in faults:
            if fault.kind in _REFUSED:
                return crossing.refuse(fault)
            if fault.kind is FaultKind.REQUEST_LOST_BEFORE:
                crossing.drop()
                return None
            if fault.kind is FaultKind.EFFECT_LATE:
                self._land_later(crossing, fault.delay_s)
                crossing.drop()
                return None
        reply: R | None = await crossing.effect()
        for fault in faults:
            if reply is not None:
                reply = await self._after_effect(crossing, fault, reply)
        return reply

    async def _after_effect(self, crossing: Crossing[R], fault: Fault, reply: R) -> R | None:
        if fault.kind in _SPOILED:
            return await crossing.spoil(reply, fault)
        if fault.kind is FaultKind.REPLY_LATE:
            await asyncio.sleep(fault.delay_s)
            return reply
        if fault.kind is FaultKind.REPLY_LOST:
            await asyncio.sleep(HANG_S_MAX)
        crossing.drop()
        return None

    def _land_later(self, crossing: Crossing[R], delay_s: float) -> None:
        async def land() -> None:
            await asyncio.sleep(delay_s)
            await crossing.effect()

        self.spawn(land())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` whatever becomes of the connection that asked for it; `close` cancels it.

        Raises `InvariantBroken` when too much is under way already.
        """
        if len(self._tasks) >= TASKS_MAX:
            work.close()
            raise InvariantBroken(f"{TASKS_MAX} requests are under way on {self.venue}")
        self._count += 1
        number = self._count
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))


def _forget_handlers() -> None:
    """Let go of the worlds whose servers have closed.

    aiohttp keeps the last thousand handlers it has wrapped in middlewares for as long as the
    process lives, and with each of ours a whole world; what still serves is wrapped anew.
    """
    web_app._cached_build_middleware.cache_clear()


def abort(transport: asyncio.BaseTransport | None) -> None:
    """Cut a connection without a goodbye, as a dead host or a reset does."""
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


Refuse = Callable[[Fault], web.StreamResponse]


def fault_middleware(door: Door, refuse: Refuse) -> Middleware:
    """Return the aiohttp middleware that lets every request of `door`'s venue through its faults.

    The control plane's paths pass untouched. A handler must read the request's body only by
    `read()`, `text()`, `json()` or `post()`: the body is read before any fault, so that a late
    effect outlives its connection.
    """

    @web.middleware
    async def through(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(CONTROL_PREFIX):
            return await handler(request)
        transport = request.transport
        if door.is_out() or transport is None:
            abort(transport)
            return web.Response(status=503)
        number = door.enter(transport)
        try:
            await request.read()
            crossing = Crossing(
                operation=operation_of(request),
                effect=lambda: handler(request),
                drop=lambda: abort(transport),
                refuse=refuse,
                spoil=lambda reply, fault: _spoil(request, reply, fault),
                kinds=_UPGRADE_KINDS if is_upgrade(request) else REQUEST_KINDS,
            )
            reply = await door.cross(crossing)
        except ConnectionError:
            return web.Response(status=503)  # the client left: nobody is there to read it
        finally:
            door.leave(number)
        if reply is None:
            return web.Response(status=503)
        if not reply.prepared:
            # The web framework would read the machine's clock; clients measure their skew by this.
            reply.headers[hdrs.DATE] = formatdate(door.now_ms() / 1000, usegmt=True)
        return reply

    return through


def is_upgrade(request: web.Request) -> bool:
    """Return whether a WebSocket begins here."""
    return request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"


def operation_of(request: web.Request) -> str:
    """Return the name faults match a request by: "POST /api/v1/orders/create", "upgrade /ws"."""
    return f"{'upgrade' if is_upgrade(request) else request.method} {request.path}"


async def _spoil(
    request: web.Request, reply: web.StreamResponse, fault: Fault
) -> web.StreamResponse | None:
    if not isinstance(reply, web.Response) or not isinstance(reply.body, bytes):
        return reply
    if fault.kind is FaultKind.UNKNOWN_FIELDS:
        reply.body = with_unknown_fields(reply.body)
        return reply
    half = reply.body[: len(reply.body) // 2]
    if fault.kind is FaultKind.MALFORMED:
        reply.body = half
        return reply
    json_type = {hdrs.CONTENT_TYPE: "application/json"}
    partial = web.StreamResponse(status=reply.status, headers=json_type)
    partial.content_length = len(reply.body)
    await partial.prepare(request)
    await partial.write(half)
    abort(request.transport)
    return None


def with_unknown_fields(body: bytes) -> bytes:
    """Return a JSON body with a field nobody documented in every object and an odd row in every
    list of objects."""
    return encode(_strange(msgspec.json.decode(body)))


def _strange(value: object) -> object:
    if isinstance(value, dict):
        return {**{key: _strange(item) for key, item in value.items()}, "sim_unknown": "?"}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [*(_strange(item) for item in value), {"sim_unknown": [None, {"a": 1}]}]
    return value


@dataclass(slots=True)
class FrameGate:
    """One stream connection's frames pass here, in order, with the stream faults."""

    door: Door
    _held: list[bytes] = field(default_factory=list)

    def pass_on(self, operation: str, frame: bytes) -> list[bytes]:
        """Return what is to be sent now for `frame`: nothing, it, it twice, or it and an earlier
        one.

        Raises `StreamCut` when the venue is to close the socket.
        """
        if self.door.plan.is_empty and not self._held:
            return [frame]
        if self.door.is_silent(operation):
            return []
        faults = self.door.plan.take(self.door.venue, operation, STREAM_KINDS)
        kinds = [fault.kind for fault in faults]
        if FaultKind.STREAM_CLOSED in kinds:
            raise StreamCut
        if FaultKind.BOOK_GAP in kinds:
            return []
        if FaultKind.STREAM_REORDER in kinds:
            self._held.append(frame)
            return []
        frames = [frame, frame] if FaultKind.STREAM_DUPLICATE in kinds else [frame]
        frames += self._held
        self._held = []
        return frames


class StreamCut(Exception):
    """The plan says that the venue closes this stream now."""
