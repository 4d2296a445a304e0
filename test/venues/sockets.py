"""A scripted WebSocket for client tests: what was sent is kept, what is to come is queued."""

import asyncio
from collections.abc import Mapping

from desk.venues.sockets import Socket, SocketLost


class FakeSocket:
    """A `Socket` whose peer is the test."""

    def __init__(self) -> None:
        """Open, with nothing to receive."""
        self.sent: list[str] = []
        self.pings = 0
        self.is_closed = False
        self.takes_nothing = False
        self._incoming: asyncio.Queue[str | None] = asyncio.Queue()

    def push(self, text: str) -> None:
        """Let the peer send a text."""
        self._incoming.put_nowait(text)

    def drop(self) -> None:
        """Let the peer close."""
        self._incoming.put_nowait(None)

    async def send(self, text: str) -> None:
        """Keep a sent text; never return while the peer takes nothing."""
        if self.takes_nothing:
            await asyncio.Event().wait()
        self.sent.append(text)

    async def ping(self) -> None:
        """Count a ping."""
        self.pings += 1

    async def receive(self) -> str:
        """Return what the peer sent next."""
        text = await self._incoming.get()
        if text is None:
            raise SocketLost("closed by the server (code 1000)")
        return text

    async def close(self) -> None:
        """Close."""
        self.is_closed = True


class FakeServer:
    """A `SocketOpener`: hands out sockets, or fails as told for the next attempts."""

    def __init__(self) -> None:
        """Accept every connection."""
        self.sockets: list[FakeSocket] = []
        self.failures: list[SocketLost] = []
        self.headers: Mapping[str, str] = {}
        self.opened_at_s: list[float] = []

    async def __call__(self, url: str, headers: Mapping[str, str]) -> Socket:
        """Return a new socket, or raise the next failure."""
        self.headers = headers
        self.opened_at_s.append(asyncio.get_running_loop().time())
        if self.failures:
            raise self.failures.pop(0)
        self.sockets.append(FakeSocket())
        return self.sockets[-1]

    @property
    def last(self) -> FakeSocket:
        """Return the newest socket."""
        return self.sockets[-1]
