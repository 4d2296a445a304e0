"""A WebSocket that stays: connect, subscribe, watch over silence, and come back.

Shared by both clients; it knows texts, not venues. What a text means, which subscriptions a venue
wants and how a heartbeat is spelled are handed in. Time is the clock and the event loop given.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from desk.core.ports import Clock
from desk.venues.pace import MessageWindow, backoff_delays
from desk.venues.sockets import CONTROL_FRAME, Socket, SocketLost, SocketOpener, is_fatal

# A timer may fire a rounding error before its instant: the look after it must not come at once.
WATCH_S_MIN = 0.001


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How one session behaves; every wait and every buffer is finite.

    `heartbeat_text` None means a protocol-level ping. `silence_s_max` is the age of the last data
    at which the connection counts as dead, pongs or not: both venues send statistics several times
    a second (recorded). Where nothing is wanted any frame is life, so it stands above
    `heartbeat_s`. The back-off starts anew only after a connection that stood for `stable_s`.
    Subscriptions leave in bursts of `burst_max`, and a connection is not opened before a minute
    has room for all of them: Lighter allows 50 messages in flight and 200 a minute, Pacifica
    documents no limit.
    """

    heartbeat_s: float = 10.0
    heartbeat_text: str | None = None
    silence_s_max: float = 15.0
    connect_s_max: float = 10.0
    send_s_max: float = 5.0
    close_s_max: float = 2.0
    stable_s: float = 10.0
    outgoing_max: int = 256
    subscriptions_max: int = 512
    messages_per_minute_max: int = 180
    burst_max: int = 40
    burst_pause_s: float = 0.5
    bug_pause_s: float = 5.0


@dataclass(frozen=True, slots=True)
class StreamHandlers:
    """What the owner of a session is told, on the event loop, in order; none may raise or block.

    `on_text` returns whether the text was data: what a dead feed behind a live gateway does not
    send. `on_up` comes after every wanted subscription was sent, `on_down` once per `on_up` and
    once per failed attempt, each with a reason for people. An exception out of a handler is a bug
    in it: it reaches the event loop's exception handler and costs the connection, not the session.
    """

    on_text: Callable[[str], bool]
    on_up: Callable[[], None]
    on_down: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A standing wish.

    `subscribe` makes the text anew at each connection (a token in it may have aged);
    `unsubscribe` is sent when the wish is withdrawn, if the venue has such a message.
    """

    key: str
    subscribe: Callable[[], str]
    unsubscribe: str | None = None


class SessionState(StrEnum):
    """Where a session is in its life."""

    IDLE = "idle"
    CONNECTING = "connecting"
    UP = "up"
    WAITING = "waiting"
    CLOSED = "closed"
    REFUSED = "refused"


_SETTLED = (SessionState.UP, SessionState.REFUSED, SessionState.CLOSED)


@dataclass(slots=True)
class _Connection:
    """What belongs to one socket and dies with it."""

    socket: Socket
    outgoing: "asyncio.Queue[str]"
    restart: "asyncio.Future[str]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class StreamSession:
    """One self-healing WebSocket.

    `start()` inside a running loop, `close()` at the end. In between it reconnects for ever with
    growing pauses, unless the very first upgrade is refused for good (`is_fatal`): then it stands
    in `REFUSED` until it is started again. Once it has been up, a refusal is an outage like any
    other.
    """

    def __init__(
        self,
        url: str,
        *,
        opener: SocketOpener,
        handlers: StreamHandlers,
        clock: Clock,
        jitter: Callable[[], float],
        settings: StreamSettings | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; nothing is opened before `start`."""
        self._url = url
        self._opener = opener
        self._handlers = handlers
        self._clock = clock
        self._jitter = jitter
        self._settings = settings or StreamSettings()
        self._headers = dict(headers or {})
        self._wanted: dict[str, Subscription] = {}
        self._connection: _Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._state = SessionState.IDLE
        self._changed = asyncio.Event()
        self._again: asyncio.TimerHandle | None = None
        self._was_up = False
        self._last_data_s = 0.0
        self._last_data_at_ms = 0
        self._said = MessageWindow(self._settings.messages_per_minute_max, clock.monotonic_s)
        self._reason = "not connected yet"

    # What it is

    @property
    def state(self) -> SessionState:
        """Return where the session is in its life."""
        return self._state

    @property
    def is_up(self) -> bool:
        """Return whether the socket stands and every wanted subscription was sent."""
        return self._state is SessionState.UP

    @property
    def reason(self) -> str:
        """Return why the session is not up, for people."""
        return self._reason

    @property
    def trouble(self) -> str | None:
        """Return why what came by this session does not stand, for people; None when it does."""
        if not self.is_up:
            return self._reason
        return self._silence if self.data_age_s > self._settings.silence_s_max else None

    @property
    def _silence(self) -> str:
        return f"nothing came for {self._settings.silence_s_max:g} s"

    @property
    def last_data_at_ms(self) -> int:
        """Return the wall clock at the last data (or at the connection, if later), 0 before."""
        return self._last_data_at_ms

    @property
    def data_age_s(self) -> float:
        """Return the seconds since the last data of this connection, by the monotonic clock."""
        return self._clock.monotonic_s() - self._last_data_s

    # Life

    def start(self) -> None:
        """Begin connecting, on the running loop.

        A second call does nothing, unless the session was refused: then it tries again.
        """
        self._cancel_again()
        if self._task is None or self._task.done():
            self._set_state(SessionState.CONNECTING, self._reason)
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self._url)
            self._task.add_done_callback(self._on_task_end)

    async def wait_up(self, wait_s_max: float) -> bool:
        """Return whether the session is up within `wait_s_max` seconds; at once when refused."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s_max):
                while self._state not in _SETTLED:
                    self._changed.clear()
                    await self._changed.wait()
        return self.is_up

    async def close(self) -> None:
        """Close the socket and end the task.

        Safe to call twice, and before `start`; handlers hear nothing more.
        """
        self._set_state(SessionState.CLOSED, "closed by us")
        self._cancel_again()
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait((task,))

    # What it carries

    def subscribe(self, subscription: Subscription) -> None:
        """Want a subscription from now on: sent at once when up, and again at every connection.

        A known key is replaced and sent anew. Raises `ValueError` above `subscriptions_max`.
        """
        if (
            subscription.key not in self._wanted
            and len(self._wanted) >= self._settings.subscriptions_max
        ):
            raise ValueError(f"more than {self._settings.subscriptions_max} subscriptions")
        self._wanted[subscription.key] = subscription
        if self._connection is not None:
            self._queue(self._connection, subscription.subscribe())

    def unsubscribe(self, key: str) -> None:
        """Want it no more; an unknown key is no error."""
        subscription = self._wanted.pop(key, None)
        if subscription is None or subscription.unsubscribe is None:
            return
        if self._connection is not None:
            self._queue(self._connection, subscription.unsubscribe)

    @property
    def subscribed(self) -> tuple[str, ...]:
        """Return the wanted keys, in the order they are sent."""
        return tuple(self._wanted)

    def send(self, text: str) -> bool:
        """Queue a text for this connection; return False, and send nothing, when not up.

        A full queue means that the peer takes nothing: the connection is replaced.
        """
        if self._connection is None or not self.is_up:
            return False
        return self._queue(self._connection, text)

    def restart(self, reason: str) -> None:
        """Replace the connection, e.g. after a gap; does nothing when there is none."""
        if self._connection is not None and not self._connection.restart.done():
            self._connection.restart.set_result(reason)

    def _queue(self, connection: _Connection, text: str) -> bool:
        try:
            connection.outgoing.put_nowait(text)
        except asyncio.QueueFull:
            self.restart("send queue full")
            return False
        return True

    # The task

    async def _run(self) -> None:
        delays = backoff_delays(self._jitter)
        while True:
            await asyncio.sleep(self._said.wait_s(len(self._wanted)))
            began_s = self._clock.monotonic_s()
            try:
                await self._connect_and_serve()
            except SocketLost as error:
                if is_fatal(error) and not self._was_up:
                    self._go_down(SessionState.REFUSED, str(error))
                    return
                self._go_down(SessionState.WAITING, str(error))
            if self._clock.monotonic_s() - began_s >= self._settings.stable_s:
                delays = backoff_delays(self._jitter)
            await asyncio.sleep(next(delays))

    async def _connect_and_serve(self) -> None:
        """Hold one connection for as long as it lives; always ends in `SocketLost`."""
        self._set_state(SessionState.CONNECTING, self._reason)
        try:
            async with asyncio.timeout(self._settings.connect_s_max):
                socket = await self._opener(self._url, self._headers)
        except TimeoutError as error:
            raise SocketLost(f"no connection in {self._settings.connect_s_max:g} s") from error
        try:
            await self._serve(socket)
        finally:
            self._connection = None
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.close_s_max):
                    await socket.close()

    async def _serve(self, socket: Socket) -> None:
        connection = _Connection(socket, asyncio.Queue(self._settings.outgoing_max))
        # Set before the wishes are sent: one that changes meanwhile is queued behind them.
        self._connection = connection
        for number, subscription in enumerate(tuple(self._wanted.values()), start=1):
            await self._send_now(socket, subscription.subscribe())
            if number % self._settings.burst_max == 0:
                await asyncio.sleep(self._settings.burst_pause_s)
        self._note_data()
        self._was_up = True
        self._set_state(SessionState.UP, "up")
        self._handlers.on_up()
        loop = asyncio.get_running_loop()
        jobs = [
            loop.create_task(self._read(socket)),
            loop.create_task(self._write(connection)),
            loop.create_task(self._watch(connection)),
        ]
        try:
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for job in jobs:
                job.cancel()
            ended = await asyncio.gather(*jobs, return_exceptions=True)
        # In list order, so that two that end at the same instant always tell the same story.
        for error in ended:
            if error is not None and not isinstance(error, asyncio.CancelledError):
                raise error

    async def _read(self, socket: Socket) -> None:
        while True:
            text = await socket.receive()
            is_data = text != CONTROL_FRAME and self._handlers.on_text(text)
            if is_data or not self._wanted:
                self._note_data()

    async def _write(self, connection: _Connection) -> None:
        while True:
            await self._send_now(connection.socket, await connection.outgoing.get())

    async def _watch(self, connection: _Connection) -> None:
        """Send heartbeats; end the connection on silence or when a restart is asked for."""
        settings = self._settings
        beat_s = self._clock.monotonic_s() + settings.heartbeat_s
        while True:
            now_s = self._clock.monotonic_s()
            silent_s = self._last_data_s + settings.silence_s_max
            wait_s = max(WATCH_S_MIN, min(beat_s, silent_s) - now_s)
            await asyncio.wait((connection.restart,), timeout=wait_s)
            if connection.restart.done():
                raise SocketLost(connection.restart.result())
            if self.data_age_s >= settings.silence_s_max:
                raise SocketLost(self._silence)
            if self._clock.monotonic_s() >= beat_s:
                beat_s += settings.heartbeat_s
                await self._beat(connection.socket)

    async def _beat(self, socket: Socket) -> None:
        text = self._settings.heartbeat_text
        await (socket.ping() if text is None else self._send_now(socket, text))

    async def _send_now(self, socket: Socket, text: str) -> None:
        self._said.note()
        try:
            async with asyncio.timeout(self._settings.send_s_max):
                await socket.send(text)
        except TimeoutError as error:
            raise SocketLost(f"nothing taken for {self._settings.send_s_max:g} s") from error

    # Bookkeeping

    def _note_data(self) -> None:
        self._last_data_s = self._clock.monotonic_s()
        self._last_data_at_ms = self._clock.now_ms()

    def _go_down(self, state: SessionState, reason: str) -> None:
        self._set_state(state, reason)
        self._handlers.on_down(reason)

    def _set_state(self, state: SessionState, reason: str) -> None:
        self._state, self._reason = state, reason
        self._changed.set()

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        """Hand an exception that is our own bug to the loop's handler at once, not when the task
        is collected; then begin again: a stream is not lost for weeks to one bad frame."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        loop = task.get_loop()
        told = {"message": "stream session failed", "exception": error, "task": task}
        loop.call_exception_handler(told)
        if self._task is task:
            self._again = loop.call_later(self._settings.bug_pause_s, self.start)
            self._go_down(SessionState.WAITING, f"failed: {type(error).__name__}")

    def _cancel_again(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
