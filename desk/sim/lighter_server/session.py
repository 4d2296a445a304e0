"""One WebSocket connection: what it may say, what it is told, and when it is cut.

Session rules are those of the venue's WebSocket reference; the error frame without a type is the
one recorded frames show. How the venue treats a reader that is too slow is not documented: here
its queue is bounded and it is cut.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from desk.core.ports import Clock
from desk.sim.lighter_server import codes
from desk.sim.lighter_server.channels import Topic, needs_token, parse_topic
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.hub import Hub
from desk.sim.lighter_server.reader import Reader
from desk.sim.lighter_server.switches import LighterSwitches
from desk.sim.web import Door, FrameGate, StreamCut, abort, encode

MINUTE_S = 60.0
SEND_TX = "jsonapi/sendtx"
SEND_TX_BATCH = "jsonapi/sendtxbatch"

_Close = tuple[int, str]
Transact = Callable[["Session", str, dict[str, Any]], Awaitable[bytes | None]]


class Session:
    """A connection from its first frame to its last."""

    def __init__(
        self,
        number: int,
        request: web.Request,
        *,
        hub: Hub,
        reader: Reader,
        switches: LighterSwitches,
        door: Door,
        clock: Clock,
        transact: Transact,
        counts_messages: bool,
    ) -> None:
        """Serve `request`; `transact` carries out what is sent as a transaction."""
        self.number = number
        self.posted_at_ms = 0
        self.address = request.remote or ""
        self._request = request
        self._hub = hub
        self._reader = reader
        self._switches = switches
        self._limits = switches.sockets
        self._door = door
        self._clock = clock
        self._transact = transact
        self._counts_messages = counts_messages
        self._gate = FrameGate(door)
        self._socket = web.WebSocketResponse(autoping=False, compress=switches.compress)
        self._outbox: asyncio.Queue[bytes | _Close] = asyncio.Queue(
            self._limits.outbound_frames_max
        )
        self._topics: dict[str, Topic] = {}
        self._inflight: dict[int, asyncio.Task[None]] = {}
        self._tx_count = 0
        self._heard_s = clock.monotonic_s()
        self._awaits_pong = False
        self._message_times: list[float] = []

    # Life

    async def serve(self, session_id: str) -> web.WebSocketResponse:
        """Talk until either side ends it; returns the finished response."""
        await self._socket.prepare(self._request)
        loop = asyncio.get_running_loop()
        helpers = [loop.create_task(self._write()), loop.create_task(self._keep_alive())]
        self.post("stream connected", encode({"session_id": session_id, "type": "connected"}))
        try:
            async for message in self._socket:
                await self._on_message(message)
        finally:
            for topic in self._topics.values():
                self._hub.unsubscribe(topic.key, self.number)
            self._topics.clear()
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
        return self._socket

    def post(self, operation: str, frame: bytes) -> None:
        """Queue one frame; a reader that lets too many wait is cut."""
        self.posted_at_ms = self._door.now_ms()
        try:
            frames = self._gate.pass_on(operation, frame)
        except StreamCut:
            self.close(WSCloseCode.GOING_AWAY, "")
            return
        for item in frames:
            self._put(item)

    def close(self, code: int, reason: str) -> None:
        """End the connection after what is queued."""
        self._put((code, reason))

    def drop(self) -> None:
        """Cut the connection without a goodbye."""
        abort(self._request.transport)

    def _put(self, item: bytes | _Close) -> None:
        try:
            self._outbox.put_nowait(item)
        except asyncio.QueueFull:
            self.drop()

    async def _write(self) -> None:
        while True:
            item = await self._outbox.get()
            try:
                if isinstance(item, tuple):
                    await self._socket.close(code=item[0], message=item[1].encode())
                    return
                await self._socket.send_frame(item, WSMsgType.TEXT)
            except (ConnectionError, RuntimeError):
                # The other side is gone; the reading half notices by itself.
                return

    async def _keep_alive(self) -> None:
        """Ping at intervals; cut who did not answer the last one, or has been mute too long."""
        while True:
            await asyncio.sleep(self._limits.ping_interval_s)
            if self._awaits_pong:
                self.close(WSCloseCode.POLICY_VIOLATION, "no pong")
                return
            if self._clock.monotonic_s() - self._heard_s > self._limits.idle_s_max:
                self.close(WSCloseCode.POLICY_VIOLATION, "idle")
                return
            self._awaits_pong = True
            self.post("stream ping", encode({"type": "ping"}))

    # What the client says

    async def _on_message(self, message: WSMessage) -> None:
        self._heard_s = self._clock.monotonic_s()
        if message.type is WSMsgType.PING and not self._door.is_silent("stream pong"):
            await self._socket.pong(message.data)
        if message.type is not WSMsgType.TEXT:
            return
        try:
            self._on_text(message.data)
        except LighterRefusal as refusal:
            self._reply("error", {"error": refusal.body()})

    def _on_text(self, text: str) -> None:
        try:
            fields = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise LighterRefusal(codes.WS_INVALID_JSON) from error
        kind = fields.get("type") if isinstance(fields, dict) else None
        if kind in (SEND_TX, SEND_TX_BATCH):
            self._on_transaction(str(kind), fields.get("data"))
            return
        self._count_message()
        if kind == "subscribe":
            self._subscribe(fields.get("channel"), fields.get("auth"))
        elif kind == "unsubscribe":
            self._unsubscribe(fields.get("channel"))
        elif kind == "ping":
            self._reply("pong", {"type": "pong"})
        elif kind == "pong":
            self._awaits_pong = False
        else:
            raise LighterRefusal(codes.WS_INVALID_TYPE)

    def _count_message(self) -> None:
        """Refuse more than the allowed messages in a rolling minute."""
        now_s = self._clock.monotonic_s()
        recent = [at_s for at_s in self._message_times if at_s > now_s - MINUTE_S]
        self._message_times = recent
        if self._counts_messages and len(recent) >= self._limits.messages_per_minute_max:
            raise LighterRefusal(codes.WS_TOO_MANY_MESSAGES)
        recent.append(now_s)

    def _subscribe(self, channel: object, token: object) -> None:
        topic = parse_topic(channel, self._reader, self._switches)
        if topic.key in self._topics:
            raise LighterRefusal(codes.WS_ALREADY_SUBSCRIBED, topic.name)
        if len(self._topics) >= self._limits.subscriptions_max:
            raise LighterRefusal(codes.TOO_MANY_SUBSCRIPTIONS)
        self._check_accounts(topic)
        if needs_token(topic, self._switches):
            self._check_token(topic, token)
        frame = self._hub.subscribe(topic, self.number, self)
        self._topics[topic.key] = topic
        self.post(topic.operation, encode(frame))

    def _check_accounts(self, topic: Topic) -> None:
        held = {row.account for row in self._topics.values() if row.account is not None}
        is_new = topic.account is not None and topic.account not in held
        if is_new and len(held) >= self._limits.accounts_max:
            raise LighterRefusal(codes.TOO_MANY_ACCOUNTS)

    def _check_token(self, topic: Topic, token: object) -> None:
        if not isinstance(token, str) or not token:
            detail = f"auth field is required: {topic.key}"
            raise LighterRefusal(codes.INVALID_PARAM, detail)
        if topic.account is not None:
            self._reader.keyring.check_token(token, topic.account, self._door.now_ms())

    def _unsubscribe(self, channel: object) -> None:
        topic = parse_topic(channel, self._reader, self._switches)
        if self._topics.pop(topic.key, None) is None:
            raise LighterRefusal(codes.WS_NOT_SUBSCRIBED, topic.name)
        self._hub.unsubscribe(topic.key, self.number)
        self._reply("unsubscribed", {"type": "unsubscribed", "channel": topic.name})

    def _reply(self, name: str, body: dict[str, Any]) -> None:
        self.post(f"stream {name}", encode(body))

    # Transactions

    def _on_transaction(self, kind: str, data: object) -> None:
        """Carry it out beside the reading: its answer may be late, the next message is not."""
        if not isinstance(data, dict):
            raise LighterRefusal(codes.WS_INVALID_DATA)
        if len(self._inflight) >= self._limits.inflight_max:
            raise LighterRefusal(codes.WS_TOO_MANY_INFLIGHT)
        self._tx_count += 1
        number = self._tx_count

        async def carry_out() -> None:
            frame = await self._transact(self, kind, data)
            if frame is not None:
                self.post("stream reply", frame)

        task = asyncio.get_running_loop().create_task(carry_out())
        self._inflight[number] = task
        task.add_done_callback(lambda _: self._inflight.pop(number, None))
