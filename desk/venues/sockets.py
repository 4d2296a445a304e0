"""One WebSocket as four verbs, and its aiohttp form.

The seam between a stream session and the network: whoever offers `Socket` (a server in memory, a
recorded file) can stand in for a venue. No reconnection, no subscription and no clock in here.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Protocol

import aiohttp

from desk.core.errors import DeskError
from desk.venues.plainly import describe

CONTROL_FRAME = ""
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
_RETRYABLE_STATUSES = frozenset(
    (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
)


class SocketLost(DeskError):
    """The socket did not open, or is gone.

    `status` is the HTTP status of a refused upgrade, None for everything below HTTP.
    """

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        """Keep the reason, for people, and the status, for `is_fatal`."""
        super().__init__(reason)
        self.status = status


def is_fatal(error: SocketLost) -> bool:
    """Return whether trying again cannot help: the server understood the upgrade and refused it
    (4xx, but for time-outs and "later")."""
    status = error.status
    return status is not None and 400 <= status < 500 and status not in _RETRYABLE_STATUSES


class Socket(Protocol):
    """An open WebSocket.

    Every method raises `SocketLost` once the connection is gone.
    """

    async def send(self, text: str) -> None:
        """Send one text frame."""
        ...

    async def ping(self) -> None:
        """Send a protocol-level ping."""
        ...

    async def receive(self) -> str:
        """Return the next text frame; "" (`CONTROL_FRAME`) for a ping or pong, which only proves
        that the peer lives."""
        ...

    async def close(self) -> None:
        """Close within a bounded time.

        Never raises; safe to call twice.
        """
        ...


SocketOpener = Callable[[str, Mapping[str, str]], Awaitable[Socket]]
"""Opens a URL with extra headers; raises `SocketLost`. The caller sets the deadline."""


class AiohttpSocket:
    """`Socket` on an aiohttp WebSocket opened with `autoping=False`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take over an open socket."""
        self._socket = socket

    async def send(self, text: str) -> None:
        """Send one text frame."""
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, OSError) as error:
            raise SocketLost(f"cannot send: {describe(error)}") from error

    async def ping(self) -> None:
        """Send a protocol-level ping."""
        try:
            await self._socket.ping()
        except (aiohttp.ClientError, OSError) as error:
            raise SocketLost(f"cannot ping: {describe(error)}") from error

    async def receive(self) -> str:
        """Return the next text frame, or "" for a control frame; a ping is answered here."""
        try:
            message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                return str(message.data)
            if message.type is aiohttp.WSMsgType.PING:
                await self._socket.pong(message.data)
                return CONTROL_FRAME
        except (aiohttp.ClientError, OSError) as error:
            raise SocketLost(f"cannot receive: {describe(error)}") from error
        if message.type is aiohttp.WSMsgType.PONG:
            return CONTROL_FRAME
        if message.type is aiohttp.WSMsgType.BINARY:
            raise SocketLost("the server sent a binary frame")
        raise SocketLost(self._ending(message))

    def _ending(self, message: aiohttp.WSMessage) -> str:
        if message.type is aiohttp.WSMsgType.ERROR:
            return f"broken frame: {describe(message.data)}"
        code = self._socket.close_code
        return f"closed by the server (code {code})" if code else "closed by the server"

    async def close(self) -> None:
        """Close; aiohttp bounds the wait for the peer's answer by the time-out given at opening."""
        try:
            await self._socket.close()
        except (aiohttp.ClientError, OSError):
            return  # it is gone already, which is what was asked for


def aiohttp_opener(
    session: aiohttp.ClientSession,
    *,
    close_s_max: float = 1.0,
    message_bytes_max: int = MESSAGE_BYTES_MAX,
) -> SocketOpener:
    """Return an opener of sockets on `session`; frames above `message_bytes_max` break the
    socket."""

    async def open_socket(url: str, headers: Mapping[str, str]) -> Socket:
        try:
            socket = await session.ws_connect(
                url,
                headers=headers,
                autoping=False,
                max_msg_size=message_bytes_max,
                timeout=aiohttp.ClientWSTimeout(ws_close=close_s_max),
            )
        except aiohttp.WSServerHandshakeError as error:
            text = f"the server refuses the stream (HTTP {error.status})"
            raise SocketLost(text, status=error.status) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SocketLost(f"cannot connect: {describe(error)}") from error
        return AiohttpSocket(socket)

    return open_socket
