"""The embedded Pacifica's WebSocket: subscriptions, channels, limits, trading operations."""

import asyncio
import itertools
import json
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from desk.sim.pacifica_server import PacificaSwitches, SocketRules
from test.sim.pacifica_bench import CLIENT_ID, Bench, Body, frames, on_bench

BOOK = {"source": "book", "symbol": "BTC", "agg_level": 1}
PRICES = {"source": "prices"}


async def first(socket: ClientWebSocketResponse, count: int) -> list[Body]:
    """Return the next `count` frames."""
    return [json.loads(await socket.receive_str()) for _ in range(count)]


@pytest.mark.parametrize("params", [BOOK, PRICES, {"source": "bbo", "symbol": "BTC"}])
def test_a_subscription_is_acknowledged_then_answered_with_a_snapshot(params: Body) -> None:
    """The acknowledgement repeats the parameters; the first data frame follows at once."""

    async def play(bench: Bench) -> list[Body]:
        return await first(await bench.socket(params), 2)

    acknowledged, snapshot = on_bench(play)

    assert {"channel": "subscribe", "data": params} == acknowledged
    assert params["source"] == snapshot["channel"]


@pytest.mark.parametrize("source", ["account_positions", "account_orders"])
def test_account_lists_begin_with_a_snapshot(source: str) -> None:
    """A flat account's list is empty, not absent."""

    async def play(bench: Bench) -> Body:
        return (await first(await bench.socket(bench.topic(source)), 2))[1]

    assert [] == on_bench(play)["data"]


def test_a_book_is_sent_whole_and_only_when_it_changed() -> None:
    """Frames are at least 250 ms apart and no two in a row show the same levels."""

    async def play(bench: Bench) -> list[Body]:
        return [f["data"] for f in await frames(await bench.socket(BOOK), 20) if "l" in f["data"]]

    books = on_bench(play)
    gaps = [later["t"] - sooner["t"] for sooner, later in itertools.pairwise(books)]

    assert len(books) > 3
    assert min(gaps) >= 250
    assert not [1 for a, b in itertools.pairwise(books) if a["l"] == b["l"]]


def test_sequence_numbers_never_fall() -> None:
    """Every book carries the exchange's sequence, which only grows."""

    async def play(bench: Bench) -> list[int]:
        socket = await bench.socket(BOOK)
        await bench.buy()
        return [f["data"]["li"] for f in await frames(socket, 10) if f["channel"] == "book"]

    sequence = on_bench(play)

    assert sorted(sequence) == sequence
    assert sequence[-1] > sequence[0]


def test_prices_always_name_every_market() -> None:
    """No push leaves a market out, although the venue documents that it may."""

    async def play(bench: Bench) -> list[list[str]]:
        seen = await frames(await bench.socket(PRICES), 5)
        return [[row["symbol"] for row in f["data"]] for f in seen if f["channel"] == "prices"]

    pushes = on_bench(play)

    assert len(pushes) >= 4
    assert all(push == ["BTC", "ETH"] for push in pushes)


def test_account_frames_come_in_the_venues_order() -> None:
    """Order update, fill, positions, account: what a client may rely on after a trade."""

    async def play(bench: Bench) -> list[str]:
        names = ("account_info", "account_positions", "account_trades", "account_order_updates")
        socket = await bench.socket(*(bench.topic(name) for name in names))
        await frames(socket, 0.1)
        await bench.buy("0.001")
        return list(dict.fromkeys(frame["channel"] for frame in await frames(socket, 0.5)))

    expected = ["account_order_updates", "account_trades", "account_positions", "account_info"]

    assert expected == on_bench(play)


def test_fills_can_be_made_to_lag() -> None:
    """Delayed fills come after the order update that already counts them."""

    async def play(bench: Bench) -> tuple[list[str], list[str]]:
        names = ("account_order_updates", "account_trades")
        socket = await bench.socket(*(bench.topic(name) for name in names))
        await frames(socket, 0.1)
        await bench.buy("0.001")
        early = [frame["channel"] for frame in await frames(socket, 1)]
        return early, [frame["channel"] for frame in await frames(socket, 3)]

    switches = PacificaSwitches(sockets=SocketRules(account_trades_delay_s=2.0))
    early, late = on_bench(play, switches=switches)

    assert ({"account_order_updates"}, {"account_trades"}) == (set(early), set(late))


def test_order_updates_carry_cumulative_fill_and_status() -> None:
    """The last update of a market order is filled, in full, with its client order id."""

    async def play(bench: Bench) -> Body:
        socket = await bench.socket(bench.topic("account_order_updates"))
        await bench.buy("0.01", client_order_id=CLIENT_ID)
        row: Body = (await frames(socket, 0.5))[-1]["data"][0]
        return row

    row = on_bench(play)

    assert (CLIENT_ID, "filled", "0.01", "bid", "fulfill_market") == tuple(
        row[key] for key in ("I", "os", "f", "d", "oe")
    )


def test_leverage_and_margin_are_told_apart() -> None:
    """Each setting has its channel; leverage is a string there."""

    async def play(bench: Bench) -> list[Body]:
        topics = [bench.topic("account_leverage"), bench.topic("account_margin")]
        socket = await bench.socket(*topics)
        await frames(socket, 0.1)
        await bench.post("update_leverage", {"symbol": "BTC", "leverage": 12})
        return await frames(socket, 0.1)

    assert [("account_leverage", "12")] == [(f["channel"], f["data"]["l"]) for f in on_bench(play)]


def test_candles_move_with_trades() -> None:
    """A candle frame follows a trade and names its interval."""

    async def play(bench: Bench) -> Body:
        params = {"source": "candle", "symbol": "BTC", "interval": "1m"}
        socket = await bench.socket(params)
        await bench.buy()
        return (await frames(socket, 0.5))[1]

    frame = on_bench(play)

    assert ("candle", "BTC", "1m") == (frame["channel"], frame["data"]["s"], frame["data"]["i"])


def test_public_trades_show_the_takers_action() -> None:
    """Our buying is an open_long among the prints."""

    async def play(bench: Bench) -> list[str]:
        socket = await bench.socket({"source": "trades", "symbol": "BTC"})
        await bench.buy("0.001")
        seen = await frames(socket, 0.1)
        return [row["d"] for f in seen if f["channel"] == "trades" for row in f["data"]]

    assert "open_long" in on_bench(play)


def test_after_unsubscribing_nothing_more_comes() -> None:
    """The unsubscription is acknowledged and the stream ends."""

    async def play(bench: Bench) -> list[Body]:
        socket = await bench.socket(BOOK)
        await first(socket, 2)
        await socket.send_json({"method": "unsubscribe", "params": BOOK})
        return await frames(socket, 10)

    assert [{"channel": "unsubscribe", "data": BOOK}] == on_bench(play)


@pytest.mark.parametrize(
    "params", [{"source": "book", "symbol": "XYZ"}, {"source": "account_info", "account": "x"}]
)
def test_what_does_not_exist_is_met_with_silence(params: Body) -> None:
    """Neither acknowledgement nor error for an unknown symbol or account."""

    async def play(bench: Bench) -> list[Body]:
        return await frames(await bench.socket(params), 5)

    assert [] == on_bench(play)


@pytest.mark.parametrize("text", ['{"op":"ping"}', "hello", '{"method":"subscribe","params":1}'])
def test_nonsense_gets_a_400_frame(text: str) -> None:
    """A frame that is no request is answered with code 400."""

    async def play(bench: Bench) -> Body:
        socket = await bench.socket()
        await socket.send_str(text)
        return (await first(socket, 1))[0]

    assert 400 == on_bench(play)["code"]


def test_ping_is_answered() -> None:
    """The venue's own heartbeat."""

    async def play(bench: Bench) -> Body:
        socket = await bench.socket()
        await socket.send_json({"method": "ping"})
        return (await first(socket, 1))[0]

    assert {"channel": "pong"} == on_bench(play)


def test_twenty_subscriptions_a_channel_are_the_most() -> None:
    """One beyond the limit is refused with a sentence, the rest work."""

    async def play(bench: Bench) -> list[Body]:
        topics = [{**BOOK, "agg_level": level} for level in (1, 10, 100)]
        socket = await bench.socket(*topics)
        return await frames(socket, 0.1)

    rules = SocketRules(subscriptions_per_channel_max=2)
    seen = on_bench(play, switches=PacificaSwitches(sockets=rules))

    assert 2 == sum(frame.get("channel") == "subscribe" for frame in seen)
    assert "Subscription limit reached for book: 2" == seen[-1]["err"]


async def seconds_until_closed(bench: Bench, *, ping_every_s: float | None) -> float:
    """Return how long the venue keeps a connection, with or without our pings."""
    socket, began_s = await bench.socket(), bench.clock.monotonic_s()
    for _ in range(100):
        try:
            message = await socket.receive(timeout=ping_every_s)
        except TimeoutError:
            await socket.ping()
            continue
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
            break
    return bench.clock.monotonic_s() - began_s


@pytest.mark.parametrize(("ping_every_s", "lives_s"), [(None, 60), (30.0, 600)])
def test_idle_and_old_connections_are_closed(ping_every_s: float | None, lives_s: int) -> None:
    """A mute client is closed after a minute, any client when its day is over."""

    async def play(bench: Bench) -> float:
        return await seconds_until_closed(bench, ping_every_s=ping_every_s)

    switches = PacificaSwitches(sockets=SocketRules(life_s_max=600.0))

    assert lives_s == pytest.approx(on_bench(play, switches=switches), abs=1)


def operation(bench: Bench, name: str, payload: Body, **changes: Any) -> Body:
    """Return a trading operation's frame."""
    return {"id": "x-1", "params": {name: bench.signed(name, payload, **changes)}}


def test_an_operation_is_answered_before_what_follows_from_it() -> None:
    """The reply comes before the order update, whatever the socket is subscribed to."""

    async def play(bench: Bench) -> list[Body]:
        socket = await bench.socket(bench.topic("account_order_updates"))
        await first(socket, 1)
        await socket.send_json(operation(bench, "create_order", bench.limit()))
        return await frames(socket, 1)

    reply, update = on_bench(play)

    assert (200, "x-1", "create_order", "BTC") == (
        reply["code"],
        reply["id"],
        reply["type"],
        reply["data"]["s"],
    )
    assert (reply["data"]["i"], "make") == (update["data"][0]["i"], update["data"][0]["oe"])
    assert {"r": 1000, "q": 1000, "t": 0} == reply["rl"]


REFUSED_OPERATIONS = [
    ("cancel_order", {}, 420, "Failed to cancel order"),
    ("cancel_order", {"order_id": 43}, 401, "Verification failed"),
    ("cancel_order", {"account": "abc"}, 402, "Invalid public key"),
    ("cancel_order", {"symbol": None}, 400, "Expected `str`"),
]


@pytest.mark.parametrize(("name", "change", "code", "text"), REFUSED_OPERATIONS)
def test_a_refused_operation_carries_its_text_in_err(
    name: str, change: Body, code: int, text: str
) -> None:
    """Codes on the socket are the socket's own."""

    async def play(bench: Bench) -> Body:
        socket = await bench.socket()
        wish = {"symbol": "BTC", "order_id": 42}
        await socket.send_json(operation(bench, name, wish, **change))
        return (await first(socket, 1))[0]

    reply = on_bench(play)

    assert (code, "x-1") == (reply["code"], reply["id"])
    assert reply["err"].startswith(text)


def test_an_operation_is_carried_out_though_its_sender_is_gone() -> None:
    """What has reached the venue happens, even when the socket closes at once."""

    async def play(bench: Bench) -> list[Body]:
        socket = await bench.socket()
        await socket.send_json(operation(bench, "create_order", bench.limit()))
        await socket.close()
        await asyncio.sleep(0.1)
        rows: list[Body] = await bench.read("/orders")
        return rows

    assert 1 == len(on_bench(play))


def test_the_same_seed_sends_the_same_bytes() -> None:
    """Two runs of one script give identical frames, order ids and stamps included."""

    async def play(bench: Bench) -> list[Body]:
        names = ("account_order_updates", "account_trades", "account_positions", "account_info")
        socket = await bench.socket(BOOK, PRICES, *(bench.topic(name) for name in names))
        await bench.buy()
        await bench.post("create_order", bench.limit())
        return await frames(socket, 30)

    first_run = on_bench(play)

    assert first_run == on_bench(play)
    assert len(first_run) > 40


def test_prices_are_fresh_after_nobody_listened() -> None:
    """A second subscriber, long after the first left, sees the present prices."""

    async def play(bench: Bench) -> tuple[list[Body], list[Body]]:
        await first(await bench.socket(PRICES), 2)
        await (await bench.socket(PRICES)).close()
        await asyncio.sleep(90)
        snapshot = (await first(await bench.socket(PRICES), 2))[1]["data"]
        return snapshot, (await bench.get("/info/prices"))[1]["data"]

    snapshot, present = on_bench(play)

    assert present == snapshot
