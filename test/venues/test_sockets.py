"""The seam to real WebSockets: texts, control frames, and the ways a socket is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from desk.venues.sockets import SocketLost, SocketOpener, aiohttp_opener, is_fatal


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, False),
        (400, True),
        (403, True),
        (404, True),
        (429, False),
        (408, False),
        (503, False),
    ],
)
def test_only_an_understood_refusal_is_fatal(status: int | None, expected: bool) -> None:
    """A 4xx says that trying again is useless; time-outs, overload and outages do not."""
    assert expected is is_fatal(SocketLost("no", status=status))


def serve(handler: Callable[[web.Request], Awaitable[web.StreamResponse]], story: Any) -> None:
    """Run a story against a real loopback server; it gets an opener and the server's URL."""

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/ws", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        try:
            async with aiohttp.ClientSession() as session:
                await story(aiohttp_opener(session), f"ws://{host}:{port}/ws")
        finally:
            await runner.cleanup()

    asyncio.run(main())


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Ping once, echo every text, close on "bye"."""
    socket = web.WebSocketResponse(autoping=False)
    await socket.prepare(request)
    await socket.ping()
    async for message in socket:
        if message.data == "bye":
            break
        if message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


def test_real_socket_carries_texts_and_answers_pings() -> None:
    """On the wire a ping comes as a control frame, texts as texts, and a close as a loss."""

    async def story(opener: SocketOpener, url: str) -> None:
        socket = await opener(url, {})
        assert "" == await socket.receive()
        await socket.send("hello")
        assert "hello" == await socket.receive()
        await socket.send("bye")
        with pytest.raises(SocketLost, match="closed by the server"):
            await socket.receive()
        await socket.close()
        await socket.close()

    serve(echo, story)


def test_refused_upgrade_carries_its_status() -> None:
    """A refused upgrade says with which HTTP status."""

    async def forbid(request: web.Request) -> web.Response:
        return web.Response(status=403)

    async def story(opener: SocketOpener, url: str) -> None:
        with pytest.raises(SocketLost) as caught:
            await opener(url, {})
        assert 403 == caught.value.status

    serve(forbid, story)


def test_missing_server_is_a_loss() -> None:
    """No server at all is a lost socket without a status."""

    async def story(opener: SocketOpener, url: str) -> None:
        with pytest.raises(SocketLost) as caught:
            await opener("ws://127.0.0.1:1/ws", {})
        assert caught.value.status is None

    serve(echo, story)
