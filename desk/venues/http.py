"""HTTP for both clients: one seam, one deadline a call, foreign errors sorted by phase.

`Transport` is the seam; tests and virtual time put another object there. What an answer means to
a venue, and whether to ask again, is not decided here.
"""

from asyncio import timeout
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import NoReturn, Protocol

import aiohttp

from desk.core.errors import BadMessage, NotSent, OutcomeUnknown, RateLimited, VenueUnavailable
from desk.core.ports import Clock
from desk.core.venue import Health, VenueName
from desk.venues.limits import RequestBudget
from desk.venues.plainly import describe
from desk.venues.sockets import Socket, SocketLost, aiohttp_opener

# A start, stop or close has 8 s in all; a write is not worth waiting for much longer than the venue
# may still take it (5 s and the speed bump at Pacifica).
READ_DEADLINE_S = 8.0
WRITE_DEADLINE_S = 6.5
BODY_BYTES_MAX = 16 * 1024 * 1024
CONNECTIONS_MAX = 32  # of which Pacifica's streams may take 16
KEEP_ALIVE_S = 55.0  # below the minute after which load balancers drop an idle connection
RETRY_AFTER_S_DEFAULT = 10.0
RETRY_AFTER_S_MAX = 120.0
DATE_RESOLUTION_MS = 1_000
SKEW_SAMPLES_MAX = 32
SKEW_MS_TOLD = 10_000
RATE_LIMIT_STATUS = 429
CLOSED = "the client is closed"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One call.

    At most one of `form` (urlencoded) and `json_body` (encoded JSON) is set. `is_write` decides
    what silence means: a read is unavailable, a write is in doubt. `headers` may hold a token,
    so they stay out of `repr`.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json_body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_write: bool = False

    @property
    def name(self) -> str:
        """Return the call's name for messages, without parameters: they may hold account data."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back, whole.

    `sent_at_ms` and `received_at_ms` are our wall clock; header names are lower case.
    """

    status: int
    body: bytes
    sent_at_ms: int
    received_at_ms: int
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """The way to one venue's HTTP interface."""

    async def request(self, request: HttpRequest, *, deadline_s: float) -> HttpResponse:
        """Return the answer, whatever its status.

        Raises `NotSent` when no byte left, `VenueUnavailable` when a read got no whole answer
        in `deadline_s`, `OutcomeUnknown` when a write did not.
        """
        ...

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        ...


class HttpTransport:
    """`Transport` on one keep-alive aiohttp session, made at the first call."""

    def __init__(self, *, venue: VenueName, base_url: str, clock: Clock) -> None:
        """Keep where to call; nothing is opened yet."""
        self._venue = venue
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def request(self, request: HttpRequest, *, deadline_s: float) -> HttpResponse:
        """Return the answer as `Transport.request` says; `NotSent` once closed."""
        if self._is_closed:
            raise NotSent(CLOSED, venue=self._venue, request=request.name)
        phase = SimpleNamespace(connected=False)
        sent_at_ms = self._clock.now_ms()
        try:
            async with timeout(deadline_s):
                return await self._exchange(request, phase, sent_at_ms)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._fail(request, error, may_have_left=phase.connected)

    async def open_socket(self, url: str, headers: Mapping[str, str]) -> Socket:
        """Return an open WebSocket on the same session: a `SocketOpener`."""
        if self._is_closed:
            raise SocketLost(CLOSED)
        return await aiohttp_opener(self._open_session())(url, headers)

    async def close(self) -> None:
        """Close the session and what runs on it, for good: nothing late may open another."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(
        self, request: HttpRequest, phase: SimpleNamespace, sent_at_ms: int
    ) -> HttpResponse:
        async with self._open_session().request(
            request.method,
            self._base_url + request.path,
            params=request.params,
            data=request.form if request.json_body is None else request.json_body,
            headers=_headers(request),
            allow_redirects=False,
            trace_request_ctx=phase,
        ) as reply:
            body = await _read_whole(reply)
            headers = {name.lower(): value for name, value in reply.headers.items()}
            return HttpResponse(reply.status, body, sent_at_ms, self._clock.now_ms(), headers)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = _new_session()
        return self._session

    def _fail(self, request: HttpRequest, error: Exception, *, may_have_left: bool) -> NoReturn:
        text = describe(error)
        if not may_have_left:
            raise NotSent(text, venue=self._venue, request=request.name) from error
        if request.is_write:
            raise OutcomeUnknown(text, venue=self._venue, request=request.name) from error
        raise VenueUnavailable(text, venue=self._venue, request=request.name) from error


def _headers(request: HttpRequest) -> dict[str, str]:
    if request.json_body is None:
        return dict(request.headers)
    return {"Content-Type": "application/json", **request.headers}


async def _read_whole(reply: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    length = 0
    async for chunk in reply.content.iter_any():
        length += len(chunk)
        if length > BODY_BYTES_MAX:
            raise aiohttp.ClientPayloadError(f"more than {BODY_BYTES_MAX} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _new_session() -> aiohttp.ClientSession:
    """Return a session that marks each call's phase once it has a connection to write to.

    From there on a byte may have left. The mark is set a little early on purpose: calling an
    unsent request doubtful costs a question, the reverse costs a second order.
    """
    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(_mark_connected)
    trace.on_connection_reuseconn.append(_mark_connected)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_ALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        trace_configs=[trace],
    )


async def _mark_connected(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    if context.trace_request_ctx is not None:  # a WebSocket upgrade carries none
        context.trace_request_ctx.connected = True


def refuse_unusable(
    response: HttpResponse,
    *,
    venue: VenueName,
    request: HttpRequest,
    overload_statuses: tuple[int, ...] = (RATE_LIMIT_STATUS,),
) -> None:
    """Raise unless the answer is the venue's own JSON.

    Raises `RateLimited` for an overload status (nothing happened). For a gateway's words (5xx,
    or a body that is no JSON): `OutcomeUnknown` after a write, because what stands behind the
    gateway may have taken it; `VenueUnavailable` or `BadMessage` after a read.
    """
    if response.status in overload_statuses:
        raise RateLimited(
            f"HTTP {response.status}",
            venue=venue,
            request=request.name,
            retry_after_s=retry_after_s(response),
        )
    is_down = response.status >= 500
    if not is_down and looks_like_json(response.body):
        return
    text = f"HTTP {response.status}, {len(response.body)} bytes that are no answer of the venue"
    if request.is_write:
        raise OutcomeUnknown(text, venue=venue, request=request.name)
    if is_down:
        raise VenueUnavailable(text, venue=venue, request=request.name)
    raise BadMessage(text, venue=venue, request=request.name, raw=response.body)


def looks_like_json(body: bytes) -> bool:
    """Return whether a body starts like a JSON object or list: enough to tell HTML from an
    answer; the wire module decodes it in earnest."""
    return body.lstrip()[:1] in (b"{", b"[")


def retry_after_s(response: HttpResponse) -> float:
    """Return how long an overloaded venue wants us away, in seconds, within our own maximum.

    Reads the numeric `Retry-After` (RFC 9110 section 10.2.3); neither venue documents one.
    """
    text = response.headers.get("retry-after", "")
    seconds = float(text) if text.isascii() and text.isdigit() else RETRY_AFTER_S_DEFAULT
    return min(seconds, RETRY_AFTER_S_MAX)


class ClockSkew:
    """How far a venue's clock is from ours, from the `Date` header of its answers.

    A `Date` has whole seconds (RFC 9110 section 5.6.7) and was written between our sending and
    receiving. Each answer thus bounds the difference from both sides; the overlap of the latest
    answers is the estimate. Positive means that the venue's clock is ahead.
    """

    def __init__(self) -> None:
        """Start without knowledge."""
        self._bounds_ms: deque[tuple[int, int]] = deque(maxlen=SKEW_SAMPLES_MAX)
        self._last: tuple[int, int] | None = None

    def observe(self, response: HttpResponse) -> None:
        """Take one answer in; one without a readable `Date`, or out of a cache (it has an `Age`,
        RFC 9111 section 5.1), teaches nothing of the clock."""
        self._last = response.sent_at_ms, response.received_at_ms
        server_ms = _date_ms(response.headers.get("date", ""))
        if server_ms is None or response.headers.get("age", "0") != "0":
            return
        low = server_ms - response.received_at_ms
        high = server_ms + DATE_RESOLUTION_MS - response.sent_at_ms
        self._bounds_ms.append((low, high))
        if self._overlap()[0] > self._overlap()[1]:
            # One of the clocks was set: what we knew describes a clock that is gone.
            self._bounds_ms.clear()
            self._bounds_ms.append((low, high))

    def _overlap(self) -> tuple[int, int]:
        return max(low for low, _ in self._bounds_ms), min(high for _, high in self._bounds_ms)

    @property
    def estimate_ms(self) -> int | None:
        """Return venue clock minus ours in ms, or None before the first answer."""
        if not self._bounds_ms:
            return None
        low, high = self._overlap()
        return (low + high) // 2

    @property
    def remark(self) -> str:
        """Return what to add to a refusal where our clock is far off, empty where it is not."""
        skew_ms = self.estimate_ms or 0
        if abs(skew_ms) <= SKEW_MS_TOLD:
            return ""
        how = "behind" if skew_ms > 0 else "ahead of"
        return f" (this machine's clock is {abs(skew_ms) / 1000:.0f} s {how} the venue's: set it)"

    def health(self, budget: RequestBudget) -> Health:
        """Return when the last answer came and how long it took, and what `budget` has left."""
        sent_at_ms, received_at_ms = self._last or (None, None)
        took_ms = None
        if sent_at_ms is not None and received_at_ms is not None:
            took_ms = max(received_at_ms - sent_at_ms, 0)
        return Health(
            took_ms, received_at_ms, budget.left(), budget.ceiling(), skew_ms=self.estimate_ms
        )

    @property
    def doubt_ms(self) -> int | None:
        """Return how far apart the differences are that the answers allow; None without one."""
        if not self._bounds_ms:
            return None
        low, high = self._overlap()
        return high - low

    @property
    def bound_ms(self) -> int | None:
        """Return the largest difference, either way, that the answers allow; None without one."""
        if not self._bounds_ms:
            return None
        low, high = self._overlap()
        return max(abs(low), abs(high))


def _date_ms(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1_000)
    except (ValueError, TypeError):
        return None
