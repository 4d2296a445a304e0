"""Lighter's streams: sessions, books, statistics, private channels, and how they go wrong."""

import asyncio
import json
from decimal import Decimal
from itertools import pairwise

import pytest
from aiohttp import ClientError, WSMsgType

from desk.sim.faults import FaultKind
from desk.sim.lighter_server import LighterSwitches, SocketLimits, TokenNeed
from desk.sim.web import Limits
from test.sim.lighter_bench import BTC, ETH, Bench, Body, frames, of_type, on_bench

Levels = dict[str, dict[str, str]]


def heard(
    *channels: str,
    for_s: float = 5,
    token: bool = False,
    switches: LighterSwitches | None = None,
) -> list[Body]:
    """Return what a listener of public channels hears; {a} stands for our account."""

    async def play(bench: Bench) -> list[Body]:
        named = [channel.format(a=bench.account) for channel in channels]
        socket = await bench.socket(*named, token=bench.token() if token else "")
        return await frames(socket, for_s)

    return on_bench(play, switches=switches)


def heard_while(channel: str, act: object, *, for_s: float = 2) -> list[Body]:
    """Return what our own listener of `channel` hears while `act(bench)` is awaited."""

    async def play(bench: Bench) -> list[Body]:
        assert callable(act)
        socket = await bench.socket(channel.format(a=bench.account), token=bench.token())
        await act(bench)
        return await frames(socket, for_s)

    return on_bench(play)


def rebuilt(found: list[Body]) -> Levels:
    """Return the book a listener holds after a snapshot and its deltas."""
    sides: Levels = {"asks": {}, "bids": {}}
    for frame in found:
        for side, levels in sides.items():
            for level in frame["order_book"][side]:
                levels[level["price"]] = level["size"]
    return {side: {p: s for p, s in rows.items() if Decimal(s)} for side, rows in sides.items()}


def test_deltas_rebuild_the_book() -> None:
    """Snapshot and deltas together are what the exchange holds."""

    async def play(bench: Bench) -> tuple[Levels, Levels]:
        socket = await bench.socket("order_book/0")
        held = rebuilt(await frames(socket, 30.5))
        return held, rebuilt(await frames(await bench.socket("order_book/0"), 0.01))

    held, now = on_bench(play)

    assert now == held
    assert held["asks"]
    assert held["bids"]


def test_each_delta_begins_where_the_last_frame_ended() -> None:
    """`begin_nonce` is the nonce before; the snapshot's is zero."""
    books = [frame["order_book"] for frame in heard("order_book/0", for_s=30)]

    ends = [book["nonce"] for book in books]
    assert [0, *ends[:-1]] == [book["begin_nonce"] for book in books]
    assert len(books) > 3


def test_two_listeners_hear_the_same_deltas() -> None:
    """Who comes later gets a snapshot that the next delta continues."""

    async def play(bench: Bench) -> tuple[list[Body], list[Body]]:
        first = await bench.socket("order_book/0")
        early = await frames(first, 7)
        second = await bench.socket("order_book/0")
        both = await asyncio.gather(frames(first, 20), frames(second, 20))
        return early + both[0], both[1]

    first, second = on_bench(play)

    assert first[-5:] == second[-5:]
    assert second[0]["order_book"]["nonce"] == second[1]["order_book"]["begin_nonce"]


def test_books_are_told_each_fifty_milliseconds_at_most() -> None:
    """Frames carry stamps on the 50 ms grid, and only what changed."""
    found = of_type(heard("order_book/0", for_s=20), "update/order_book")

    assert {0} == {frame["timestamp"] % 50 for frame in found}
    assert all(frame["order_book"]["asks"] or frame["order_book"]["bids"] for frame in found)


def test_the_ticker_is_the_top_of_the_book() -> None:
    """Best ask and bid with sizes, in texts."""
    [first, *_] = heard("ticker/0")

    assert ("subscribed/ticker", "ETH") == (first["type"], first["ticker"]["s"])
    ask, bid = (Decimal(first["ticker"][side]["price"]) for side in ("a", "b"))
    assert ask > bid


def test_statistics_count_percent_per_hour() -> None:
    """Rates are percent per hour in texts, open interest is USD, volumes are numbers."""
    [first, *_] = heard("market_stats/1")

    stats = first["market_stats"]
    assert ("market_stats:1", "BTC", BTC) == (first["channel"], stats["symbol"], stats["market_id"])
    assert ("0.0500", "4.0000", "0.0100") == (
        stats["funding_clamp_small"],
        stats["funding_clamp_big"],
        stats["base_interest_rate"],
    )
    assert isinstance(stats["current_funding_rate"], str)
    assert isinstance(stats["daily_quote_token_volume"], float)


def test_all_statistics_come_by_market_then_only_changes() -> None:
    """The first frame holds every market, later ones those that changed."""
    first, *later = heard("market_stats/all", for_s=10)

    assert {"0", "1"} == set(first["market_stats"])
    assert {1} == {len(frame["market_stats"]) for frame in later}


def test_public_trades_and_candles_are_told() -> None:
    """Strangers' trades arrive, and the bar in progress with them."""
    found = heard("trade/0", "candle/0/1m", for_s=120)

    assert of_type(found, "subscribed/trade")[0]["trades"]
    assert of_type(found, "update/trade")
    assert {1} == {len(frame["candles"]) for frame in of_type(found, "update/candle")}


async def _buy(bench: Bench) -> None:
    await bench.send(bench.market())


PRIVATE = [
    ("account_all_orders/{a}", "orders"),
    ("account_all_trades/{a}", "trades"),
    ("account_all_positions/{a}", "positions"),
    ("account_all_assets/{a}", "assets"),
    ("account_orders/0/{a}", "orders"),
    ("account_market/0/{a}", "position"),
    ("account_all/{a}", "trades"),
    ("user_stats/{a}", "stats"),
    ("account_tx/{a}", "txs"),
]


@pytest.mark.parametrize(("channel", "field"), PRIVATE, ids=[row[0] for row in PRIVATE])
def test_a_private_stream_tells_of_a_fill(channel: str, field: str) -> None:
    """Each channel greets with how things stand and follows with what a market order did."""
    family = channel.partition("/")[0]

    found = heard_while(channel, _buy)

    assert f"subscribed/{family}" == found[0]["type"]
    assert any(frame[field] for frame in of_type(found, f"update/{family}"))


def test_order_stream_and_request_print_the_same_row() -> None:
    """The final row of the stream is the row of the history."""

    async def play(bench: Bench) -> tuple[Body, Body]:
        channel = f"account_all_orders/{bench.account}"
        socket = await bench.socket(channel, token=bench.token())
        await bench.send(bench.market())
        told = (await frames(socket, 1))[-1]["orders"]["0"][-1]
        return told, (await bench.read("accountInactiveOrders", limit=1))["orders"][0]

    told, asked = on_bench(play)

    assert asked == told
    assert "filled" == told["status"]


def test_outcomes_are_told_by_hash() -> None:
    """account_tx carries the transaction with status 2 and its event."""

    found = heard_while("account_tx/{a}", _buy)

    [tx] = found[-1]["txs"]
    assert (2, 14) == (tx["status"], tx["type"])
    assert "" == json.loads(tx["event_info"])["ae"]


def test_trades_do_not_replay() -> None:
    """The first frame of account_all_trades is empty whatever happened before."""

    async def play(bench: Bench) -> Body:
        await bench.done(bench.market())
        channel = f"account_all_trades/{bench.account}"
        [first] = await frames(await bench.socket(channel, token=bench.token()), 0.01)
        return first

    first = on_bench(play)

    assert ({}, True) == (first["trades"], first["total_volume"] > 0)


NEEDY = ("account_all_orders/{a}", "account_all_positions/{a}", "account_orders/0/{a}")


@pytest.mark.parametrize("channel", NEEDY)
def test_private_streams_want_a_token(channel: str) -> None:
    """Without one the subscription is refused in the recorded words."""
    [frame] = heard(channel, for_s=0.5)

    assert 20001 == frame["error"]["code"]
    assert "invalid param : auth field is required: " in frame["error"]["message"]


@pytest.mark.parametrize("channel", ["account_all/{a}", "user_stats/{a}", "account_all_trades/{a}"])
def test_disputed_streams_want_a_token_in_the_strict_reading(channel: str) -> None:
    """Clients disagree about three channels: both readings are offered."""
    strict = LighterSwitches(token_need=TokenNeed.STRICT)

    assert "error" in heard(channel, for_s=0.5, switches=strict)[0]
    assert "error" not in heard(channel, for_s=0.5)[0]


def test_order_frames_may_leave_the_account_out_of_their_name() -> None:
    """One source calls the channel by market and account, the other by market alone."""
    short = LighterSwitches(account_orders_names_account=False)

    [frame] = heard("account_orders/0/{a}", for_s=0.1, token=True, switches=short)

    assert "account_orders:0" == frame["channel"]


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
