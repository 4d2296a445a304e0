"""One WebSocket client: its frames in, its queue out, its limits.

Source: Pacifica docs (WebSocket): ping is answered, a connection without a client message for 60 s
or older than 24 h is closed, a subscription to something unknown is met with silence.
"""

import asyncio
from typing import Any, Protocol

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from desk.sim.pacifica_server.context import Context
from desk.sim.pacifica_server.credits import API_KEY_HEADER
from desk.sim.pacifica_server.stream_operations import operation_name
from desk.sim.pacifica_server.subscriptions import SOURCES, Topic
from desk.sim.web import FrameGate, StreamCut, abort, encode

PONG = b'{"channel":"pong"}'
PONG_OPERATION = "stream pong"


class Desk(Protocol):
    """What a connection asks of the server."""

    def subscribe(self, connection: "Connection", topic: Topic) -> bytes | None:
        """Subscribe and return the snapshot to send after the acknowledgement."""
        ...

    def may_subscribe(self, connection: "Connection", topic: Topic) -> str | None:
        """Return why not, None when it may; "" means silence."""
        ...

    def unsubscribe(self, connection: "Connection", topic: Topic) -> None:
        """End a subscription."""
        ...

    async def operate(
        self, connection: "Connection", name: str, message: dict[str, Any]
    ) -> bytes | None:
        """Carry out a trading operation and return the reply, None when none is to be sent."""
        ...


class Connection:
    """One client, from its upgrade to its close."""

    def __init__(self, number: int, request: web.Request, *, context: Context, desk: Desk) -> None:
        """Prepare; `serve` does the work."""
        self.number = number
        self.address = request.remote or ""
        self.api_key = request.headers.get(API_KEY_HEADER)
        self.pushed_at_ms = 0
        self._request = request
        self._context = context
        self._desk = desk
        self._rules = context.switches.sockets
        self._gate = FrameGate(context.door)
        self._socket = web.WebSocketResponse(autoping=False)
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(self._rules.frames_waiting_max)

    async def serve(self) -> web.WebSocketResponse:
        """Speak until either side closes."""
        await self._socket.prepare(self._request)
        writer = asyncio.get_running_loop().create_task(self._write())
        try:
            await self._read()
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            await self._socket.close()
        return self._socket

    def push(self, operation: str, frame: bytes) -> None:
        """Queue a frame; a reader too slow for its queue is cut off."""
        self.pushed_at_ms = self._context.door.now_ms()
        try:
            frames: list[bytes | None] = [*self._gate.pass_on(operation, frame)]
        except StreamCut:
            frames = [None]
        for queued in frames:
            if self._queue.full():
                self.drop()
                return
            self._queue.put_nowait(queued)

    def drop(self) -> None:
        """Cut the connection without a goodbye."""
        abort(self._request.transport)

    async def _write(self) -> None:
        """Send what is queued, until a None asks to close."""
        try:
            while (frame := await self._queue.get()) is not None:
                await self._socket.send_frame(frame, WSMsgType.TEXT)
        except ConnectionError:
            return
        await self._socket.close(code=WSCloseCode.GOING_AWAY)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + self._rules.life_s_max
        while (left_s := ends_at_s - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(self._rules.idle_s_max, left_s)):
                    message = await self._socket.receive()
            except TimeoutError:
                return
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._hear(message)
            elif message.type is not WSMsgType.PONG:
                return

    def _hear(self, message: WSMessage) -> None:
        self._context.sync()
        try:
            body = msgspec.json.decode(message.data)
        except msgspec.DecodeError:
            body = None
        if not isinstance(body, dict):
            self._complain("Invalid request: not a JSON object")
            return
        name = operation_name(body)
        if name is not None:
            self._start(name, body)
        elif body.get("method") == "ping":
            self.push(PONG_OPERATION, PONG)
        elif body.get("method") in ("subscribe", "unsubscribe"):
            self._on_subscription(body)
        else:
            self._complain("Invalid request: unknown method")

    def _complain(self, text: str) -> None:
        frame = {"code": 400, "err": text, "t": self._context.door.now_ms()}
        self.push("stream error", encode(frame))

    def _on_subscription(self, body: dict[str, Any]) -> None:
        method, params = body["method"], body.get("params")
        if not isinstance(params, dict) or params.get("source") not in SOURCES:
            self._complain("Invalid request: unknown source")
            return
        topic = Topic.parse(params)
        if topic is None:
            self._complain("Invalid request: missing or invalid parameter")
            return
        acknowledgement = encode({"channel": method, "data": params})
        if method == "unsubscribe":
            self._desk.unsubscribe(self, topic)
            self.push(topic.operation, acknowledgement)
            return
        problem = self._desk.may_subscribe(self, topic)
        if problem is not None:
            if problem:
                self._complain(problem)
            return
        self.push(topic.operation, acknowledgement)
        snapshot = self._desk.subscribe(self, topic)
        if snapshot is not None:
            self.push(topic.operation, snapshot)

    def _start(self, name: str, body: dict[str, Any]) -> None:
        """Run an operation beside the reading, so that a late reply delays nothing else; it is
        carried out even if this client leaves now."""

        async def operate() -> None:
            reply = await self._desk.operate(self, name, body)
            if reply is not None and not self._queue.full():
                self._queue.put_nowait(reply)

        self._context.door.spawn(operate())
