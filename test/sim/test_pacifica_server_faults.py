"""Each fault on the wire, and whether the order behind it took effect."""

import asyncio
from decimal import Decimal

import pytest
from aiohttp import ClientError, ContentTypeError, WSMsgType

from desk.sim.faults import FaultKind
from test.sim.pacifica_bench import Bench, Body, frames, on_bench

CREATE = "POST /api/v1/orders/create"
BOOK = {"source": "book", "symbol": "BTC"}
PATIENCE_S = 10.0


async def attempt(bench: Bench) -> str:
    """Send a resting order once; return its HTTP status, or how it failed."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return str((await bench.post("create_order", bench.limit()))[0])
    except TimeoutError:
        return "silence"
    except ContentTypeError:
        return "not json"
    except ValueError:
        return "malformed"
    except ClientError:
        return "cut"


async def resting(bench: Bench) -> int:
    """Return how many orders rest, seen through the exchange itself."""
    return len(bench.world.pacifica.orders(1))


REQUEST_FAULTS = [
    (FaultKind.REQUEST_LOST_BEFORE, "cut", 0),
    (FaultKind.REQUEST_LOST_AFTER, "cut", 1),
    (FaultKind.REPLY_LOST, "silence", 1),
    (FaultKind.REJECT, "422", 0),
    (FaultKind.HTTP_429, "429", 0),
    (FaultKind.HTTP_405, "405", 0),
    (FaultKind.HTTP_5XX, "500", 0),
    (FaultKind.HTML_BODY, "not json", 0),
    (FaultKind.RESET_MID_BODY, "cut", 1),
    (FaultKind.MALFORMED, "malformed", 1),
    (FaultKind.UNKNOWN_FIELDS, "200", 1),
]


@pytest.mark.parametrize(("kind", "told", "took_effect"), REQUEST_FAULTS)
def test_a_request_fault_tells_and_does_what_it_says(
    kind: FaultKind, told: str, took_effect: int
) -> None:
    """What the client sees, and whether the order is on the book; the next request is sound."""

    async def play(bench: Bench) -> tuple[str, int, str]:
        bench.fault(kind, CREATE)
        return await attempt(bench), await resting(bench), await attempt(bench)

    assert (told, took_effect, "200") == on_bench(play)


def test_a_late_reply_comes_after_its_effect() -> None:
    """The order rests long before the answer is there."""

    async def play(bench: Bench) -> tuple[int, str, float]:
        bench.fault(FaultKind.REPLY_LATE, CREATE, delay_s=5.0)
        asking = asyncio.create_task(attempt(bench))
        await asyncio.sleep(1)
        return await resting(bench), await asking, bench.clock.monotonic_s()

    rests, told, at_s = on_bench(play)

    assert (1, "200") == (rests, told)
    assert at_s >= 5


def test_a_late_effect_lands_after_the_client_gave_up() -> None:
    """The connection is cut at once; eight seconds later the order appears."""

    async def play(bench: Bench) -> tuple[str, int, int]:
        bench.fault(FaultKind.EFFECT_LATE, CREATE, delay_s=3.0)
        told, before = await attempt(bench), await resting(bench)
        await asyncio.sleep(4)
        return told, before, await resting(bench)

    assert ("cut", 0, 1) == on_bench(play)


def test_a_rejection_carries_the_code_asked_for() -> None:
    """`reject` with code 22 reads like the venue's own refusal 22."""

    async def play(bench: Bench) -> Body:
        bench.fault(FaultKind.REJECT, CREATE, code="22")
        return (await bench.post("create_order", bench.limit()))[1]

    body = on_bench(play)

    assert (22, False) == (body["code"], body["success"])
    assert body["error"].startswith("Invalid reduce-only order amount")


def test_an_outage_cuts_everything_until_its_end() -> None:
    """Open streams die, requests are cut, and afterwards the venue is back."""

    async def play(bench: Bench) -> tuple[object, str, str]:
        socket = await bench.socket(BOOK)
        await frames(socket, 0.1)
        bench.fault(FaultKind.OUTAGE, delay_s=3_600.0)
        died = (await socket.receive()).type
        during = await attempt(bench)
        await asyncio.sleep(3_600)
        return died, during, await attempt(bench)

    died, during, after = on_bench(play)

    assert died in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)
    assert ("cut", "200") == (during, after)


@pytest.mark.parametrize(("skew_s", "told"), [(6.0, "400"), (4.0, "200"), (-60.0, "200")])
def test_a_skewed_clock_expires_sound_requests(skew_s: float, told: str) -> None:
    """A venue six seconds ahead refuses a five-second window; one behind does not."""

    async def play(bench: Bench) -> str:
        bench.fault(FaultKind.CLOCK_SKEW, delay_s=skew_s)
        return await attempt(bench)

    assert told == on_bench(play)


def test_the_date_header_is_the_venues_clock() -> None:
    """Clients can measure the venue's skew: the header moves with it, also in virtual time."""

    async def play(bench: Bench) -> list[str]:
        seen = []
        for skew_s in (0.0, 60.0):
            bench.fault(FaultKind.CLOCK_SKEW, delay_s=skew_s)
            async with bench.session.get(bench.base + "/info/fees") as reply:
                seen.append(reply.headers["Date"])
            bench.server.door.plan.clear()
        return seen

    expected = ["Tue, 06 Jan 2026 12:01:00 GMT", "Tue, 06 Jan 2026 12:02:00 GMT"]

    assert expected == on_bench(play)


def test_stale_prices_stand_still_while_the_market_moves() -> None:
    """The book shown is the one of the beginning; after the fault it is the present one."""

    async def play(bench: Bench) -> list[object]:
        bench.fault(FaultKind.STALE_PRICES, delay_s=30.0)
        shown = []
        for pause_s in (0, 20, 20):
            await asyncio.sleep(pause_s)
            shown.append((await bench.get("/book", symbol="BTC"))[1]["data"]["l"])
        return shown

    before, during, after = on_bench(play)

    assert before == during
    assert before != after


def test_a_silent_stream_stays_open_and_says_nothing() -> None:
    """Neither data nor pong for as long as the fault lasts, and no close."""

    async def play(bench: Bench) -> tuple[list[Body], bool, list[Body]]:
        socket = await bench.socket(BOOK)
        await frames(socket, 0.1)
        bench.fault(FaultKind.STREAM_SILENT, delay_s=20.0)
        await socket.send_json({"method": "ping"})
        mute = await frames(socket, 20)
        return mute, socket.closed, await frames(socket, 20)

    mute, closed, again = on_bench(play)

    assert ([], False) == (mute, closed)
    assert again


def test_a_closed_stream_is_closed_by_the_venue() -> None:
    """The next book frame is a close instead."""

    async def play(bench: Bench) -> object:
        socket = await bench.socket(BOOK)
        await frames(socket, 0.1)
        bench.fault(FaultKind.STREAM_CLOSED, "stream book")
        return (await socket.receive()).type

    assert on_bench(play) in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


async def updates(bench: Bench, kind: FaultKind) -> list[str]:
    """Return the events of two orders' updates under one stream fault."""
    socket = await bench.socket(bench.topic("account_order_updates"))
    await frames(socket, 0.1)
    bench.fault(kind, "stream account_order_updates")
    order_id = (await bench.post("create_order", bench.limit()))[1]["data"]["order_id"]
    await bench.post("cancel_order", {"symbol": "BTC", "order_id": order_id})
    return [row["oe"] for frame in await frames(socket, 1) for row in frame["data"]]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.STREAM_DUPLICATE, ["make", "make", "cancel"]),
        (FaultKind.STREAM_REORDER, ["cancel", "make"]),
        (FaultKind.BOOK_GAP, ["cancel"]),
    ],
)
def test_frames_come_twice_or_swapped_or_not_at_all(kind: FaultKind, expected: list[str]) -> None:
    """A stream fault strikes one frame of the stream it names."""

    async def play(bench: Bench) -> list[str]:
        return await updates(bench, kind)

    assert expected == on_bench(play)


async def bought(bench: Bench, kind: FaultKind) -> tuple[Decimal, Body]:
    """Return what a market order of 0.01 left behind under an order fault, and its history."""
    bench.fault(kind, "create_market")
    await bench.buy("0.01")
    position = bench.world.pacifica.account(1).positions.get("BTC")
    row: Body = (await bench.read("/orders/history"))[0]
    return position.size if position else Decimal(0), row


@pytest.mark.parametrize(
    ("kind", "size", "filled"),
    [(FaultKind.PARTIAL_FILL, "0.005", "0.005"), (FaultKind.NO_FILL, "0", "0")],
)
def test_an_accepted_order_fills_less_than_it_could(
    kind: FaultKind, size: str, filled: str
) -> None:
    """The history shows the order as sent: its whole amount, what filled, and cancelled."""

    async def play(bench: Bench) -> tuple[Decimal, Body]:
        return await bought(bench, kind)

    held, row = on_bench(play)

    assert Decimal(size) == held
    assert ("0.01", filled, "cancelled", "market") == tuple(
        row[key] for key in ("amount", "filled_amount", "order_status", "order_type")
    )


def test_a_resting_order_is_taken_back() -> None:
    """Accepted, resting, and five seconds later cancelled without our asking."""

    async def play(bench: Bench) -> list[int]:
        bench.fault(FaultKind.ACCEPTED_THEN_CANCELLED, "create_order", delay_s=5.0)
        await bench.post("create_order", bench.limit(tif="GTC"))
        counts = []
        for pause_s in (1, 6):
            await asyncio.sleep(pause_s)
            counts.append(await resting(bench))
        return counts

    assert [1, 0] == on_bench(play)
