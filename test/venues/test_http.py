"""HTTP against a real server on loopback: each way to fail gets the name of its phase."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from desk.core.errors import (
    BadMessage,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    VenueError,
    VenueUnavailable,
)
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.venues.http import (
    BODY_BYTES_MAX,
    ClockSkew,
    HttpRequest,
    HttpResponse,
    HttpTransport,
    refuse_unusable,
)
from desk.venues.sockets import SocketLost
from test.virtual import run_virtual

READ = HttpRequest("GET", "/x")
WRITE = HttpRequest("POST", "/x", form={"a": "b"}, is_write=True)
EPOCH_MS = 1_700_000_000_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[HttpTransport]:
    """Serve every path with `handler` and yield a transport to it."""
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    transport = transport_to(f"http://{host}:{port}")
    try:
        yield transport
    finally:
        await transport.close()
        await runner.cleanup()


def transport_to(url: str) -> HttpTransport:
    """Return a transport on the running loop's time."""
    clock = LoopClock(asyncio.get_running_loop(), EPOCH_MS)
    return HttpTransport(venue=VenueName.LIGHTER, base_url=url, clock=clock)


def ask(handler: Handler, request: HttpRequest) -> HttpResponse:
    """Return what one request to `handler` gives within three seconds."""

    async def main() -> HttpResponse:
        async with served(handler) as transport:
            return await transport.request(request, deadline_s=3)

    return run_virtual(main())


async def silent(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.sleep(3_600)
    return web.Response()


async def reset(request: web.Request) -> web.StreamResponse:
    """Promise a hundred bytes, send four, hang up."""
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"a"')
    assert request.transport is not None
    request.transport.abort()
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    """Send more than anybody should."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(BODY_BYTES_MAX // 1_048_576 + 2):
        await response.write(b"x" * 1_048_576)
    return response


async def echo(request: web.Request) -> web.StreamResponse:
    """Say what came."""
    text = f"{request.method} {request.path_qs} {await request.text()}"
    return web.Response(text=text, headers={"X-Type": request.content_type})


def test_an_answer_comes_whole_with_its_times() -> None:
    """Status, body and both stamps are there, whatever the status."""
    response = ask(echo, HttpRequest("GET", "/x", params={"a": "1 2"}))

    assert (200, b"GET /x?a=1+2 ", EPOCH_MS) == (
        response.status,
        response.body,
        response.sent_at_ms // 1_000 * 1_000,
    )


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (WRITE, ("application/x-www-form-urlencoded", b"POST /x a=b")),
        (HttpRequest("POST", "/x", json_body=b"{}"), ("application/json", b"POST /x {}")),
    ],
)
def test_a_body_goes_as_form_or_as_json(request_: HttpRequest, expected: tuple[str, bytes]) -> None:
    """Lighter takes forms, Pacifica takes JSON."""
    response = ask(echo, request_)

    assert expected == (response.headers["x-type"], response.body)


@pytest.mark.parametrize("request_", [READ, WRITE])
def test_a_refused_connection_sent_nothing(request_: HttpRequest) -> None:
    """Where nobody listens no byte can have left, write or read."""

    async def main() -> None:
        transport = transport_to("http://127.0.0.1:9")
        try:
            await transport.request(request_, deadline_s=3)
        finally:
            await transport.close()

    with pytest.raises(NotSent):
        run_virtual(main())


@pytest.mark.parametrize("handler", [silent, reset, endless])
@pytest.mark.parametrize(("request_", "error"), [(READ, VenueUnavailable), (WRITE, OutcomeUnknown)])
def test_a_request_that_may_have_arrived_leaves_a_write_in_doubt(
    handler: Handler, request_: HttpRequest, error: type[VenueError]
) -> None:
    """Silence, a torn answer and an endless one make a read unavailable and a write unknown."""
    with pytest.raises(error):
        ask(handler, request_)


def test_the_deadline_is_kept() -> None:
    """A silent server costs three seconds, not more."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with served(silent) as transport:
            began_s = loop.time()
            with pytest.raises(VenueUnavailable):
                await transport.request(READ, deadline_s=3)
            return loop.time() - began_s

    assert run_virtual(main()) == pytest.approx(3)


def test_connections_are_kept_alive() -> None:
    """Two requests in a row come from the same port."""
    ports: list[int] = []

    async def note(request: web.Request) -> web.StreamResponse:
        ports.append(request.get_extra_info("peername")[1])
        return web.Response()

    async def main() -> None:
        async with served(note) as transport:
            await transport.request(READ, deadline_s=3)
            await transport.request(READ, deadline_s=3)

    run_virtual(main())

    assert 1 == len(set(ports))


def test_closing_twice_is_no_error() -> None:
    """A transport may be closed before it was used, and again; then nothing more leaves."""

    async def main() -> None:
        transport = transport_to("http://127.0.0.1:9")
        await transport.close()
        await transport.close()
        with pytest.raises(NotSent):
            await transport.request(HttpRequest("POST", "/x", is_write=True), deadline_s=1)
        with pytest.raises(SocketLost):
            await transport.open_socket("ws://127.0.0.1:9", {})

    run_virtual(main())


def test_a_request_does_not_print_what_it_carries() -> None:
    """Neither header nor body of a request shows in its repr."""
    request = HttpRequest("POST", "/x", form={"k": "hush"}, headers={"Authorization": "hush"})

    assert "hush" not in repr(request) + request.name


# What an answer is worth


def answer(status: int, body: bytes, **headers: str) -> HttpResponse:
    """Return an answer with these parts."""
    return HttpResponse(status, body, 0, 0, headers)


HTML = b"<html>bad gateway</html>"


NO_ANSWERS = [
    (answer(502, HTML), READ, VenueUnavailable),
    (answer(502, HTML), WRITE, OutcomeUnknown),
    (answer(500, b'{"code":29500}'), WRITE, OutcomeUnknown),
    (answer(200, HTML), READ, BadMessage),
    (answer(200, HTML), WRITE, OutcomeUnknown),
    (answer(200, b""), READ, BadMessage),
    (answer(301, b""), READ, BadMessage),
    (answer(429, HTML), WRITE, RateLimited),
    (answer(405, HTML), READ, RateLimited),
]


@pytest.mark.parametrize(("response", "request_", "error"), NO_ANSWERS)
def test_a_gateways_words_are_no_answer(
    response: HttpResponse, request_: HttpRequest, error: type[VenueError]
) -> None:
    """Only a venue's own JSON passes; an overload is a refusal, the rest depends on the request."""
    with pytest.raises(error):
        refuse_unusable(
            response, venue=VenueName.LIGHTER, request=request_, overload_statuses=(429, 405)
        )


@pytest.mark.parametrize("status", [200, 400, 422])
def test_a_venues_own_refusal_passes(status: int) -> None:
    """A JSON body is for the wire module to judge, with any status below 500."""
    refuse_unusable(answer(status, b' {"code":1}'), venue=VenueName.LIGHTER, request=READ)


@pytest.mark.parametrize(
    ("text", "expected_s"), [("7", 7.0), ("9999", 120.0), ("soon", 10.0), ("-1", 10.0)]
)
def test_an_overload_names_its_wait(text: str, expected_s: float) -> None:
    """`Retry-After` counts where it is a number, and only up to our own maximum."""
    response = answer(429, b"", **{"retry-after": text})

    with pytest.raises(RateLimited) as error:
        refuse_unusable(response, venue=VenueName.LIGHTER, request=READ)

    assert expected_s == error.value.retry_after_s


# Clock skew

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"  # EPOCH_MS


def dated(sent_at_ms: int, received_at_ms: int, date: str = DATE) -> HttpResponse:
    """Return an answer that was dated between two instants of our clock."""
    return HttpResponse(200, b"", sent_at_ms, received_at_ms, {"date": date})


def test_a_date_bounds_the_difference_from_both_sides() -> None:
    """A second's date in an answer of 100 ms leaves 1.1 s of room, and its middle is the guess."""
    skew = ClockSkew()
    skew.observe(dated(EPOCH_MS + 400, EPOCH_MS + 500))

    assert (50, 600) == (skew.estimate_ms, skew.bound_ms)


def test_more_answers_narrow_the_estimate() -> None:
    """The overlap of what several dates allow is smaller than each."""
    skew = ClockSkew()
    skew.observe(dated(EPOCH_MS, EPOCH_MS))
    skew.observe(dated(EPOCH_MS + 900, EPOCH_MS + 900))

    assert (50, 100) == (skew.estimate_ms, skew.bound_ms)


def test_a_clock_that_was_set_starts_the_estimate_anew() -> None:
    """Dates that contradict each other leave only the newest standing."""
    skew = ClockSkew()
    skew.observe(dated(EPOCH_MS, EPOCH_MS))
    skew.observe(dated(EPOCH_MS + 60_000, EPOCH_MS + 60_000))

    assert -59_500 == skew.estimate_ms


def test_an_answer_out_of_a_cache_teaches_nothing() -> None:
    """It is dated by when it was made, which may be long ago."""
    skew = ClockSkew()
    old = dated(EPOCH_MS + 60_000, EPOCH_MS + 60_000)
    skew.observe(replace(old, headers={**old.headers, "age": "60"}))

    assert skew.estimate_ms is None


def test_a_refusal_names_a_clock_that_is_far_off() -> None:
    """The owner reads why, and which way, where the venue's own words may not say it."""
    skew = ClockSkew()
    assert "" == skew.remark
    skew.observe(dated(EPOCH_MS - 59_500, EPOCH_MS - 59_500))

    assert " (this machine's clock is 60 s behind the venue's: set it)" == skew.remark


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2023"])
def test_an_unreadable_date_teaches_nothing(date: str) -> None:
    """Without a readable date there is no estimate, not a zero."""
    skew = ClockSkew()
    skew.observe(dated(EPOCH_MS, EPOCH_MS, date))

    assert (None, None) == (skew.estimate_ms, skew.bound_ms)
