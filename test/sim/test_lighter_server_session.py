"""Lighter's stream sessions: talk, limits, transactions by stream, and how streams go wrong."""

import asyncio
import json
from decimal import Decimal
from itertools import pairwise

import pytest
from aiohttp import ClientError, WSMsgType

from desk.sim.faults import FaultKind
from desk.sim.lighter_server import LighterSwitches, SocketLimits
from desk.sim.web import Limits
from test.sim.lighter_bench import (
    BTC,
    ETH,
    Bench,
    Body,
    frames,
    heard,
    heard_while,
    of_type,
    on_bench,
)

TALK = [
    ({"type": "ping"}, {"type": "pong"}),
    ({"type": "subscribe", "channel": "nothing/0"}, 30005),
    ({"type": "subscribe", "channel": "order_book/99"}, 30005),
    ({"type": "subscribe", "channel": 5}, 30005),
    ({"type": "unsubscribe", "channel": "order_book/0"}, 30002),
    ({"type": "dance"}, 30001),
    ([], 30001),
    ({"type": "jsonapi/sendtx"}, 30007),
]


@pytest.mark.parametrize(("said", "answer"), TALK, ids=str)
def test_the_session_answers(said: object, answer: object) -> None:
    """A ping is answered; nonsense gets an error frame and the connection lives on."""

    async def play(bench: Bench) -> list[Body]:
        socket = await bench.socket()
        await socket.send_json(said)
        await socket.send_json({"type": "ping"})
        return await frames(socket, 0.1)

    first, last = on_bench(play)

    assert answer == (first["error"]["code"] if "error" in first else first)
    assert {"type": "pong"} == last


def test_a_second_subscription_is_refused_and_gives_no_snapshot() -> None:
    """ "Already Subscribed to" is the whole answer, as recorded."""
    found = heard("order_book/0", "order_book/0", for_s=0.01)

    assert {"error": {"code": 30003, "message": "Already Subscribed to : order_book:0"}} == found[1]
    assert 2 == len(found)


def test_unsubscribing_ends_the_frames() -> None:
    """The acknowledgement names the channel with a colon, then nothing follows."""

    async def play(bench: Bench) -> list[Body]:
        socket = await bench.socket("order_book/0")
        await socket.send_json({"type": "unsubscribe", "channel": "order_book/0"})
        return (await frames(socket, 10))[1:]

    assert [{"type": "unsubscribed", "channel": "order_book:0"}] == on_bench(play)


async def _closing(bench: Bench, *, answers: bool) -> tuple[list[str], int | None]:
    socket = await bench.socket()
    kinds: list[str] = []
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            break
        kinds.append(json.loads(message.data)["type"])
        if answers:
            await socket.send_json({"type": "pong"})
        if len(kinds) == 4:
            break
    return kinds, socket.close_code


def test_who_does_not_answer_a_ping_is_closed() -> None:
    """The server pings; without a pong it closes with 1008."""

    async def play(bench: Bench) -> tuple[list[str], int | None]:
        return await _closing(bench, answers=False)

    assert (["ping"], 1008) == on_bench(play)


def test_who_answers_pings_stays() -> None:
    """Pongs keep the connection for as long as they come."""

    async def play(bench: Bench) -> tuple[list[str], int | None]:
        return await _closing(bench, answers=True)

    assert (["ping"] * 4, None) == on_bench(play)


def test_transactions_come_by_stream_with_their_id() -> None:
    """The object form is taken, and the answer carries id and hash."""

    async def play(bench: Bench) -> tuple[Body, Body, str]:
        tx = bench.order()
        data = {"id": "7", "tx_type": tx.tx_type, "tx_info": json.loads(tx.tx_info)}
        socket = await bench.socket()
        for _ in range(2):
            await socket.send_json({"type": "jsonapi/sendtx", "data": data})
        first, second = await frames(socket, 0.5)
        return first, second, tx.tx_hash

    first, second, tx_hash = on_bench(play)

    assert ("jsonapi/sendtx", "7", 200, tx_hash) == tuple(
        first[key] for key in ("type", "id", "code", "tx_hash")
    )
    assert ("7", 21104, "invalid nonce") == (second["id"], second["code"], second["message"])


@pytest.mark.parametrize("as_text", [True, False])
def test_batches_come_by_stream_as_texts_or_lists(as_text: bool) -> None:
    """Both spellings of the two lists are in use."""

    async def play(bench: Bench) -> Body:
        batch = [bench.order(client_order_index=number) for number in (1, 2)]
        types: object = [tx.tx_type for tx in batch]
        infos: object = [tx.tx_info for tx in batch]
        if as_text:
            types, infos = json.dumps(types), json.dumps(infos)
        socket = await bench.socket()
        data = {"id": "1", "tx_types": types, "tx_infos": infos}
        await socket.send_json({"type": "jsonapi/sendtxbatch", "data": data})
        [reply] = await frames(socket, 0.2)
        return reply

    reply = on_bench(play)

    assert (200, 2) == (reply["code"], len(reply["tx_hash"]))


def test_a_gap_breaks_the_chain_of_nonces() -> None:
    """A book frame that never comes shows in the next one's `begin_nonce`."""

    async def play(bench: Bench) -> list[Body]:
        socket = await bench.socket("order_book/0")
        await frames(socket, 3)
        bench.fault(FaultKind.BOOK_GAP, "order_book ETH")
        return [frame["order_book"] for frame in await frames(socket, 20)]

    books = on_bench(play)

    pairs = pairwise(books)
    breaks = sum(before["nonce"] != after["begin_nonce"] for before, after in pairs)
    first_begins_late = books[0]["offset"] > 2
    assert breaks + first_begins_late >= 1


FRAME_FAULTS = [(FaultKind.STREAM_DUPLICATE, 1), (FaultKind.STREAM_REORDER, -1)]


@pytest.mark.parametrize(("kind", "sign"), FRAME_FAULTS, ids=str)
def test_frames_may_repeat_or_swap(kind: FaultKind, sign: int) -> None:
    """A duplicate has the offset of the frame before it, a swap goes back by one."""

    async def play(bench: Bench) -> list[int]:
        socket = await bench.socket("order_book/0")
        await frames(socket, 3)
        bench.fault(kind, "order_book ETH")
        return [frame["offset"] for frame in await frames(socket, 20)]

    offsets = on_bench(play)

    steps = [after - before for before, after in pairwise(offsets)]
    assert (0 in steps) == (sign > 0)
    assert (-1 in steps) == (sign < 0)


def test_a_silent_stream_is_open_and_mute() -> None:
    """Neither frames nor pongs come until it ends, and it is not closed."""

    async def play(bench: Bench) -> tuple[list[Body], list[Body]]:
        socket = await bench.socket("order_book/0")
        await frames(socket, 0.01)
        bench.fault(FaultKind.STREAM_SILENT, delay_s=20)
        await socket.send_json({"type": "ping"})
        return await frames(socket, 19), await frames(socket, 10)

    during, after = on_bench(play)

    assert [] == during
    assert after


def test_stale_prices_stand_still() -> None:
    """Books and statistics say nothing while private streams go on."""

    async def play(bench: Bench) -> list[str]:
        channels = ("order_book/0", "market_stats/all", f"account_all_orders/{bench.account}")
        socket = await bench.socket(*channels, token=bench.token())
        await frames(socket, 0.01)
        bench.fault(FaultKind.STALE_PRICES, delay_s=20)
        await bench.send(bench.market())
        return [frame["type"] for frame in await frames(socket, 19)]

    assert {"update/account_all_orders"} == set(on_bench(play))


def test_stale_prices_stand_still_for_requests_too() -> None:
    """Details and book orders answer the same for as long as it lasts, then anew."""

    async def play(bench: Bench) -> list[Body]:
        bench.fault(FaultKind.STALE_PRICES, delay_s=20)
        found = []
        for _ in range(3):
            details = (await bench.get("orderBookDetails", market_id=ETH))[1]
            book = (await bench.get("orderBookOrders", market_id=ETH, limit=5))[1]
            found.append({**details, **book})
            await asyncio.sleep(15)
        return found

    first, second, third = on_bench(play)

    assert first == second
    assert first != third


def test_the_venue_may_close_a_stream() -> None:
    """The plan closes the socket in place of a frame."""

    async def play(bench: Bench) -> int | None:
        socket = await bench.socket("order_book/0")
        bench.fault(FaultKind.STREAM_CLOSED)
        await frames(socket, 20)
        return socket.close_code

    assert 1001 == on_bench(play)


def test_an_outage_cuts_streams_and_refuses_new_ones() -> None:
    """Every connection is gone at once."""

    async def play(bench: Bench) -> tuple[bool, bool]:
        socket = await bench.socket("order_book/0")
        bench.fault(FaultKind.OUTAGE, delay_s=60)
        await frames(socket, 1)
        try:
            await bench.socket()
        except ClientError:
            return socket.closed, True
        return socket.closed, False

    assert (True, True) == on_bench(play)


def test_a_restart_is_announced() -> None:
    """The shutdown frame says when, and then the stream is closed."""

    async def play(bench: Bench) -> tuple[list[Body], int | None]:
        socket = await bench.socket()
        bench.server.shut_down(2_000)
        return await frames(socket, 5), socket.close_code

    found, code = on_bench(play)

    assert ([{"type": "shutdown", "close_in_ms": 2_000}], 1001) == (found, code)


def test_messages_are_limited_per_minute() -> None:
    """The two hundred and first message of a minute is an error; transactions do not count."""

    async def play(bench: Bench) -> list[Body]:
        socket = await bench.socket()
        for _ in range(201):
            await socket.send_json({"type": "ping"})
        return await frames(socket, 1)

    found = on_bench(play, limits=Limits.PUBLISHED)

    assert (200, 30009) == (len(of_type(found, "pong")), found[-1]["error"]["code"])


def test_subscriptions_are_limited() -> None:
    """One more than allowed is refused, and those that stand go on."""
    few = LighterSwitches(sockets=SocketLimits(subscriptions_max=1))

    found = heard("order_book/0", "ticker/0", for_s=0.01, switches=few)

    assert ["subscribed/order_book", 23001] == [found[0]["type"], found[1]["error"]["code"]]


def test_a_reader_that_is_too_slow_is_cut() -> None:
    """More waiting frames than the bound end the connection instead of filling memory."""
    small = LighterSwitches(sockets=SocketLimits(outbound_frames_max=2))

    async def play(bench: Bench) -> bool:
        socket = await bench.session.ws_connect(f"{bench.base}/stream")
        for market in (ETH, BTC):
            for family in ("order_book", "ticker", "trade"):
                channel = f"{family}/{market}"
                await socket.send_json({"type": "subscribe", "channel": channel})
        await frames(socket, 5)
        return socket.closed

    assert on_bench(play, switches=small)


def test_a_liquidation_is_notified() -> None:
    """A position closed by the venue's hand comes as a notification and a liquidation trade."""

    async def liquidate(bench: Bench) -> None:
        await bench.done(bench.market())
        bench.world.lighter.liquidate(bench.account, "ETH", Decimal(1))

    found = heard_while("notification/{a}", liquidate)

    [notice] = found[-1]["notifs"]
    assert ("liquidation", "0.0500") == (notice["kind"], notice["content"]["size"])
