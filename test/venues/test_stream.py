"""The stream session: it stays connected, says what it lost, and repeats its wishes."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from desk.engine.clock import LoopClock
from desk.venues.sockets import SocketLost
from desk.venues.stream import (
    SessionState,
    StreamHandlers,
    StreamSession,
    StreamSettings,
    Subscription,
)
from test.venues.sockets import FakeServer
from test.virtual import run_virtual

Story = Callable[["Stage"], Awaitable[None]]


class Stage:
    """A session on a scripted server, and what its handlers heard."""

    def __init__(self, settings: StreamSettings) -> None:
        self.server = FakeServer()
        self.heard: list[str] = []
        self.session = StreamSession(
            "ws://venue/ws",
            opener=self.server,
            handlers=StreamHandlers(
                on_text=self.hear,
                on_up=lambda: self.heard.append("up"),
                on_down=lambda reason: self.heard.append(f"down: {reason}"),
            ),
            clock=LoopClock(asyncio.get_running_loop(), 0),
            jitter=lambda: 0.0,
            settings=settings,
        )

    def hear(self, text: str) -> bool:
        """Keep a text; all but a pong is data."""
        self.heard.append(text)
        return text != "pong"

    def want(self, key: str) -> None:
        """Want a subscription whose texts are its key with a sign."""
        self.session.subscribe(Subscription(key, lambda: f"+{key}", f"-{key}"))


def play(story: Story, **settings: Any) -> Stage:
    """Run a story against a started session on virtual time, and close it."""

    async def main() -> Stage:
        stage = Stage(StreamSettings(**settings))
        try:
            await story(stage)
        finally:
            await stage.session.close()
        return stage

    return run_virtual(main())


async def up(stage: Stage) -> None:
    """Start the session and wait until it stands."""
    stage.session.start()
    assert await stage.session.wait_up(1)


def test_wishes_are_sent_in_order_before_up() -> None:
    """Subscriptions made before the connection go out first, in the order they were made."""

    async def story(stage: Stage) -> None:
        stage.want("a")
        stage.want("b")
        await up(stage)
        assert ["+a", "+b"] == stage.server.last.sent

    assert ["up"] == play(story).heard


def test_wishes_are_repeated_on_every_connection() -> None:
    """After a lost connection the present wishes, and only those, are sent again."""

    async def story(stage: Stage) -> None:
        await up(stage)
        stage.want("a")
        stage.want("b")
        stage.session.unsubscribe("a")
        await asyncio.sleep(1)
        assert ["+a", "+b", "-a"] == stage.server.last.sent
        stage.server.last.drop()
        await asyncio.sleep(1)
        assert ["+b"] == stage.server.last.sent

    heard = play(story).heard
    assert ["up", "down: closed by the server (code 1000)", "up"] == heard


def test_texts_arrive_in_order_and_control_frames_do_not() -> None:
    """A control frame proves life but carries nothing to the handler."""

    async def story(stage: Stage) -> None:
        await up(stage)
        for text in ("one", "", "two"):
            stage.server.last.push(text)
        await asyncio.sleep(0.1)

    assert ["up", "one", "two"] == play(story).heard


@pytest.mark.parametrize("answer", [None, "", "pong"])
def test_silence_ends_a_connection_that_did_not_close(answer: str | None) -> None:
    """Without data for `silence_s_max` the connection is replaced, pings answered or not."""

    async def story(stage: Stage) -> None:
        stage.want("a")
        await up(stage)
        for _ in range(16):
            if answer is not None:
                stage.server.sockets[0].push(answer)
            await asyncio.sleep(1)
        assert stage.server.sockets[0].is_closed
        assert 2 == len(stage.server.sockets)

    assert "down: nothing came for 15 s" in play(story).heard


def test_answers_to_heartbeats_keep_a_connection_nobody_uses() -> None:
    """Where nothing is wanted, nothing is missed: a peer that answers heartbeats is alive."""

    async def story(stage: Stage) -> None:
        await up(stage)
        for _ in range(6):
            await asyncio.sleep(10)
            stage.server.last.push("pong")
        assert 1 == len(stage.server.sockets)
        assert "ping" == stage.server.last.sent[0]

    play(story, heartbeat_text="ping")


def test_heartbeat_without_a_text_is_a_protocol_ping() -> None:
    """A venue without its own heartbeat gets WebSocket pings."""

    async def story(stage: Stage) -> None:
        await up(stage)
        await asyncio.sleep(15)
        assert 1 == stage.server.last.pings

    play(story)


def test_first_refusal_is_final() -> None:
    """An upgrade refused before the first success is not tried again."""

    async def story(stage: Stage) -> None:
        stage.server.failures = [SocketLost("forbidden", status=403)]
        stage.session.start()
        assert not await stage.session.wait_up(60)
        assert SessionState.REFUSED is stage.session.state

    assert ["down: forbidden"] == play(story).heard


def test_later_refusal_is_an_outage() -> None:
    """Once it has been up, a refused upgrade is tried again."""

    async def story(stage: Stage) -> None:
        await up(stage)
        stage.server.failures = [SocketLost("forbidden", status=403)]
        stage.server.last.drop()
        await asyncio.sleep(5)
        assert stage.session.is_up

    play(story)


def test_pauses_grow_while_nothing_stands() -> None:
    """Failed attempts follow each other at growing distances."""

    async def story(stage: Stage) -> None:
        stage.server.failures = [SocketLost("no route")] * 4
        stage.session.start()
        assert await stage.session.wait_up(60)
        opened = stage.server.opened_at_s
        assert [0.125, 0.25, 0.5, 1.0] == [b - a for a, b in itertools.pairwise(opened)]

    play(story)


def test_pauses_start_anew_after_a_stable_connection() -> None:
    """A connection that stood for `stable_s` resets the back-off, one that fell at once does
    not."""

    async def story(stage: Stage) -> None:
        for stood_s in (0, 0, 15):
            assert await stage.session.wait_up(10)
            await asyncio.sleep(stood_s)
            stage.server.last.drop()
            await asyncio.sleep(0.01)
        lost_at_s = asyncio.get_running_loop().time()
        assert await stage.session.wait_up(10)
        assert 0.2 > asyncio.get_running_loop().time() - lost_at_s

    async def started(stage: Stage) -> None:
        stage.session.start()
        await story(stage)

    play(started)


def test_connection_attempts_have_a_deadline() -> None:
    """A server that never answers the upgrade is given up after `connect_s_max`."""

    async def story(stage: Stage) -> None:
        async def never(url: str, headers: object) -> Any:
            await asyncio.Event().wait()

        stage.session._opener = never
        stage.session.start()
        await asyncio.sleep(3.1)

    assert "down: no connection in 3 s" == play(story, connect_s_max=3.0).heard[0]


def test_sending_needs_a_connection() -> None:
    """A text handed over while down is not sent later."""

    async def story(stage: Stage) -> None:
        assert not stage.session.send("lost")
        await up(stage)
        assert stage.session.send("kept")
        await asyncio.sleep(0.1)
        assert ["kept"] == stage.server.last.sent

    play(story)


def test_full_queue_replaces_the_connection() -> None:
    """A peer that takes nothing loses the connection instead of filling our memory."""

    async def story(stage: Stage) -> None:
        await up(stage)
        stage.server.last.takes_nothing = True
        assert [True, True, False] == [stage.session.send("x") for _ in range(3)]
        await asyncio.sleep(1)

    assert "down: send queue full" in play(story, outgoing_max=2).heard


def test_restart_replaces_the_connection() -> None:
    """An owner that saw a gap gets a new connection, with its reason."""

    async def story(stage: Stage) -> None:
        await up(stage)
        stage.session.restart("gap")
        await asyncio.sleep(1)
        assert 2 == len(stage.server.sockets)

    assert ["up", "down: gap", "up"] == play(story).heard


def test_subscriptions_are_bounded() -> None:
    """One wish too many is the owner's mistake."""

    async def story(stage: Stage) -> None:
        stage.want("a")
        stage.want("a")
        with pytest.raises(ValueError, match="more than 1"):
            stage.want("b")

    play(story, subscriptions_max=1)


def test_close_is_silent_and_final() -> None:
    """After `close` handlers hear nothing and nothing is opened."""

    async def story(stage: Stage) -> None:
        await up(stage)
        await stage.session.close()
        await stage.session.close()
        assert stage.server.last.is_closed
        await asyncio.sleep(60)
        assert SessionState.CLOSED is stage.session.state

    assert ["up"] == play(story).heard


def test_failing_handler_costs_a_connection_not_the_session() -> None:
    """An exception out of a handler is a bug: it is reported at once, and the session goes on."""
    reported: list[dict[str, Any]] = []
    heard: list[str] = []
    handlers = StreamHandlers(
        on_text=lambda text: 1 / int(text) > 0,
        on_up=lambda: heard.append("up"),
        on_down=heard.append,
    )

    async def story(stage: Stage) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(what))
        stage.session._handlers = handlers
        await up(stage)
        stage.server.last.push("0")
        await asyncio.sleep(6)
        assert stage.session.is_up

    play(story)
    assert isinstance(reported[0]["exception"], ZeroDivisionError)
    assert ["up", "failed: ZeroDivisionError", "up"] == heard


def test_closed_while_it_recovers_it_stays_closed() -> None:
    """A session that waits to begin again after a bug can be closed like any other."""

    async def story(stage: Stage) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: None)
        await up(stage)
        stage.session._handlers = StreamHandlers(
            on_text=lambda text: 1 / int(text) > 0, on_up=print, on_down=lambda reason: None
        )
        stage.server.last.push("0")
        await asyncio.sleep(1)
        await stage.session.close()
        await asyncio.sleep(60)
        assert (SessionState.CLOSED, 1) == (stage.session.state, len(stage.server.sockets))

    play(story)


def test_data_age_counts_from_the_last_data() -> None:
    """The age that gates an opening is that of the last data, not of a pong."""

    async def story(stage: Stage) -> None:
        stage.want("a")
        await up(stage)
        await asyncio.sleep(3)
        stage.server.last.push("data")
        await asyncio.sleep(2)
        for text in ("", "pong"):
            stage.server.last.push(text)
        await asyncio.sleep(1)
        assert 3.0 == pytest.approx(stage.session.data_age_s)
        assert 3_000 == stage.session.last_data_at_ms

    play(story)


def test_refused_session_can_be_started_again() -> None:
    """Whoever opens a client anew gets a new attempt, not the old refusal."""

    async def story(stage: Stage) -> None:
        stage.server.failures = [SocketLost("forbidden", status=403)]
        stage.session.start()
        assert not await stage.session.wait_up(60)
        await up(stage)

    play(story)


def test_a_storm_of_reconnections_says_little() -> None:
    """However often a connection falls, a minute never carries more messages than allowed."""

    async def story(stage: Stage) -> None:
        for number in range(50):
            stage.want(str(number))
        stage.session.start()
        for _ in range(55):
            await asyncio.sleep(1)
            if stage.server.sockets:
                stage.server.last.drop()
        said = sum(len(socket.sent) for socket in stage.server.sockets)
        assert (150, 3) == (said, len(stage.server.sockets))

    play(story)
