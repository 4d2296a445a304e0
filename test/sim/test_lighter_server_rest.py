"""Lighter's public and account reads, as a stranger's client sees them."""

import asyncio
from decimal import Decimal

import pytest
from aiohttp import ServerDisconnectedError

from desk.core.funding import HourlyRate
from desk.core.venue import VenueName
from desk.sim.faults import FaultKind
from desk.sim.lighter_server import LighterSwitches, OrderTimes
from desk.sim.web import Limits
from test.sim.lighter_bench import BTC, ETH, START_MS, Bench, Body, on_bench

HOUR_MS = 3_600_000
POSITION_KEYS = {
    "market_id",
    "symbol",
    "initial_margin_fraction",
    "open_order_count",
    "pending_order_count",
    "position_tied_order_count",
    "sign",
    "position",
    "avg_entry_price",
    "position_value",
    "unrealized_pnl",
    "realized_pnl",
    "liquidation_price",
    "margin_mode",
    "allocated_margin",
}


def body_of(name: str, *, switches: LighterSwitches | None = None, **query: object) -> Body:
    """Return the body of one public read."""

    async def play(bench: Bench) -> Body:
        return (await bench.get(name, **query))[1]

    return on_bench(play, switches=switches)


def test_status_counts_seconds() -> None:
    """The root answers the venue's time in seconds."""

    async def play(bench: Bench) -> Body:
        async with bench.session.get(bench.base + "/") as reply:
            body = await reply.json()
            assert isinstance(body, dict)
            return body

    assert {"status": 200, "network_id": 1, "timestamp": START_MS // 1000} == on_bench(play)


def test_ether_is_market_zero() -> None:
    """Zero is an id: asking for market 0 gives ETH, and nothing else."""
    body = body_of("orderBooks", market_id=0)

    assert ["ETH"] == [row["symbol"] for row in body["order_books"]]


def test_details_have_the_market_s_steps_and_fractions() -> None:
    """Decimals are counts, margin fractions ten-thousandths, statistics numbers."""
    [row] = body_of("orderBookDetails", market_id=ETH)["order_book_details"]

    assert (4, 2, 6) == (
        row["size_decimals"],
        row["price_decimals"],
        row["supported_quote_decimals"],
    )
    assert (500, 200, 120, 80) == (
        row["default_initial_margin_fraction"],
        row["min_initial_margin_fraction"],
        row["maintenance_margin_fraction"],
        row["closeout_margin_fraction"],
    )
    assert isinstance(row["last_trade_price"], float)
    assert isinstance(row["mark_price"], str)


def test_amounts_are_padded_to_the_market_s_decimals() -> None:
    """Clients delete the point: every price has two decimals, every size four."""
    body = body_of("orderBookOrders", market_id=ETH, limit=50)

    rows = body["asks"] + body["bids"]
    assert {2} == {len(row["price"].partition(".")[2]) for row in rows}
    assert {4} == {len(row["remaining_base_amount"].partition(".")[2]) for row in rows}


def test_book_orders_come_best_first() -> None:
    """Asks ascend, bids descend, and they do not cross."""
    body = body_of("orderBookOrders", market_id=ETH, limit=50)

    asks, bids = ([Decimal(row["price"]) for row in body[side]] for side in ("asks", "bids"))
    assert (sorted(asks), sorted(bids, reverse=True)) == (asks, bids)
    assert bids[0] < asks[0]


def test_funding_has_three_units() -> None:
    """One hourly rate prints as a fraction per 8 hours, and as percent per hour with the payer."""

    async def play(bench: Bench) -> tuple[float, Body]:
        rate = HourlyRate.from_hourly(Decimal("-0.000028"))
        bench.world.set_funding("ETH", VenueName.LIGHTER, rate)
        await asyncio.sleep(3_600)
        rates = (await bench.get("funding-rates"))[1]["funding_rates"]
        [ours] = [r["rate"] for r in rates if r["exchange"] == "lighter" and r["market_id"] == ETH]
        span = {"start_timestamp": 0, "end_timestamp": bench.clock.now_ms(), "count_back": 1}
        paid = await bench.get("fundings", market_id=ETH, resolution="1h", **span)
        return ours, paid[1]["fundings"][-1]

    ours, paid = on_bench(play)

    assert pytest.approx(-0.000028 * 8) == ours
    assert ("0.0028", "short") == (paid["rate"], paid["direction"])
    assert 0 == paid["timestamp"] % 3600


def test_other_exchanges_are_listed_beside_ours() -> None:
    """Whoever does not filter by exchange reads somebody else's rate."""
    rates = body_of("funding-rates")["funding_rates"]

    assert {"binance", "bybit", "hyperliquid", "lighter"} == {row["exchange"] for row in rates}


def test_funding_history_takes_seconds_or_milliseconds() -> None:
    """Both units name the same hours, oldest first."""
    seconds, millis = (
        body_of(
            "fundings",
            market_id=ETH,
            resolution="1h",
            start_timestamp=(START_MS - 5 * HOUR_MS) // unit,
            end_timestamp=START_MS // unit,
            count_back=0,
        )["fundings"]
        for unit in (1000, 1)
    )

    assert seconds == millis
    assert 5 == len(seconds)
    assert sorted(seconds, key=lambda row: row["timestamp"]) == seconds


def test_candles_end_with_the_newest() -> None:
    """`count_back` keeps the newest bars, oldest first, prices as numbers."""
    body = body_of(
        "candles",
        market_id=ETH,
        resolution="1h",
        start_timestamp=START_MS - 20 * HOUR_MS,
        end_timestamp=START_MS,
        count_back=3,
    )

    opens = [row["t"] for row in body["c"]]
    assert ("1h", START_MS // HOUR_MS * HOUR_MS) == (body["r"], opens[-1])
    assert [opens[-1] - 2 * HOUR_MS, opens[-1] - HOUR_MS, opens[-1]] == opens


@pytest.mark.parametrize("as_null", [True, False])
def test_empty_collections_may_be_null(as_null: bool) -> None:
    """The venue prints null where there are no candles; a switch prints an empty list."""
    span = {"start_timestamp": 1, "end_timestamp": 2, "count_back": 0}
    body = body_of(
        "candles",
        switches=LighterSwitches(empty_as_null=as_null),
        market_id=ETH,
        resolution="1m",
        **span,
    )

    assert (None if as_null else []) == body["c"]


BAD_QUERIES = [
    ("orderBookOrders", {"market_id": 0}, 20001),
    ("orderBookOrders", {"market_id": 0, "limit": 251}, 20001),
    ("orderBookOrders", {"market_id": "x", "limit": 1}, 20001),
    ("orderBookOrders", {"market_id": 99, "limit": 1}, 21602),
    ("account", {"by": "name", "value": 1}, 20001),
    ("account", {"by": "index", "value": 1}, 21100),
    ("nextNonce", {"account_index": 1, "api_key_index": 4}, 21100),
    ("tx", {"by": "hash"}, 20001),
    ("nothing", {}, 29404),
]


@pytest.mark.parametrize(("name", "query", "code"), BAD_QUERIES, ids=str)
def test_a_bad_query_has_its_code(name: str, query: Body, code: int) -> None:
    """Wrong or missing parameters are named, unknown things have codes of their own."""
    assert code == body_of(name, **query)["code"]


def test_an_account_is_public_and_starts_empty() -> None:
    """Anybody may read it; the collateral has six decimals and no position is listed."""

    async def play(bench: Bench) -> Body:
        return (await bench.get("account", by="index", value=bench.account))[1]

    body = on_bench(play)

    [row] = body["accounts"]
    assert (1, "10000.000000", "10000.000000") == (
        body["total"],
        row["collateral"],
        row["available_balance"],
    )
    assert ([], 1) == (row["positions"], row["status"])


def test_a_closed_position_stays_as_a_row_of_zeros() -> None:
    """A market once traded is listed with size zero and sign +1."""

    async def play(bench: Bench) -> Body:
        await bench.done(bench.market())
        await bench.done(bench.market(is_ask=1, price=bench.price(-2), reduce_only=1))
        [row] = (await bench.own())["positions"]
        assert isinstance(row, dict)
        return row

    row = on_bench(play)

    assert set(row) >= POSITION_KEYS
    assert ("0.0000", 1, "0", "0.00") == (
        row["position"],
        row["sign"],
        row["liquidation_price"],
        row["avg_entry_price"],
    )


def test_a_short_has_sign_minus_one() -> None:
    """The size is unsigned, the sign tells, the value is at mark."""

    async def play(bench: Bench) -> Body:
        await bench.done(bench.market(is_ask=1, price=bench.price(-2)))
        [row] = (await bench.own())["positions"]
        assert isinstance(row, dict)
        return row

    row = on_bench(play)

    assert (-1, "0.0500") == (row["sign"], row["position"])
    assert Decimal(row["liquidation_price"]) > Decimal(row["avg_entry_price"])


def test_order_rows_carry_seconds_and_an_empty_side() -> None:
    """Recorded rows leave `side` empty and count seconds; integers are the digits of the texts."""

    async def play(bench: Bench) -> Body:
        await bench.done(bench.order())
        [row] = (await bench.read("accountActiveOrders", market_id=ETH))["orders"]
        assert isinstance(row, dict)
        return row

    row = on_bench(play)

    assert ("", False, "open", "good-till-time") == (
        row["side"],
        row["is_ask"],
        row["status"],
        row["time_in_force"],
    )
    assert START_MS // 1000 == row["created_at"]
    assert (100, int(row["price"].replace(".", ""))) == (row["base_size"], row["base_price"])


def test_order_times_may_be_milliseconds() -> None:
    """The other reading of the same field."""

    async def play(bench: Bench) -> int:
        await bench.done(bench.order())
        [row] = (await bench.read("accountActiveOrders"))["orders"]
        return int(row["created_at"])

    in_ms = LighterSwitches(order_times=OrderTimes.MILLISECONDS)

    assert 0 <= on_bench(play, switches=in_ms) - START_MS < 1_000


PRIVATE = ("accountActiveOrders", "accountLimits", "positionFunding")


@pytest.mark.parametrize("name", PRIVATE)
def test_private_reads_want_a_token(name: str) -> None:
    """Without one the venue answers 20001, never an empty list."""

    async def play(bench: Bench) -> tuple[int, Body]:
        return await bench.get(name, account_index=bench.account, limit=10)

    status, body = on_bench(play)

    assert (400, 20001) == (status, body["code"])
    assert "auth query param and Authorization header are empty" in body["message"]


def test_a_token_serves_in_the_query_too() -> None:
    """Some clients send both, some only `auth`."""

    async def play(bench: Bench) -> int:
        query = {"account_index": bench.account, "auth": bench.token()}
        return (await bench.get("accountLimits", **query))[0]

    assert 200 == on_bench(play)


TOKENS = [
    ("signature", lambda token: token[:-2] + ("00" if token[-2:] != "00" else "11")),
    ("account", lambda token: token.replace(token.split(":")[1], "77", 1)),
    ("deadline", lambda token: "1999999999:" + token.partition(":")[2]),
    ("form", lambda token: "nonsense"),
]


@pytest.mark.parametrize(("name", "spoil"), TOKENS, ids=[row[0] for row in TOKENS])
def test_a_bad_token_is_401(name: str, spoil: object) -> None:
    """A token that does not hold is 20013 with status 401."""

    async def play(bench: Bench) -> tuple[int, Body]:
        assert callable(spoil)
        token = spoil(bench.token())
        return await bench.get("accountLimits", token=token, account_index=bench.account)

    status, body = on_bench(play)

    assert (401, 20013) == (status, body["code"])


def test_a_token_ends_at_its_deadline() -> None:
    """A second after it the same token is refused."""

    async def play(bench: Bench) -> tuple[int, int]:
        token = bench.token(life_s=60)
        before, _ = await bench.get("accountLimits", token=token, account_index=bench.account)
        await asyncio.sleep(61)
        after, _ = await bench.get("accountLimits", token=token, account_index=bench.account)
        return before, after

    assert (200, 401) == on_bench(play)


def test_pages_follow_each_other_without_overlap() -> None:
    """Cursors lead through every trade of the account once, newest first."""

    async def play(bench: Bench) -> tuple[list[int], list[int]]:
        for _ in range(3):
            await bench.done(bench.market())
        whole = await bench.read("trades", sort_by="trade_id", limit=100)
        pages, cursor = [], ""
        for _ in whole["trades"]:
            body = await bench.read("trades", sort_by="trade_id", limit=1, cursor=cursor)
            pages += body["trades"]
            cursor = body.get("next_cursor", "")
        return [row["trade_id"] for row in whole["trades"]], [row["trade_id"] for row in pages]

    whole, paged = on_bench(play)

    assert whole == paged
    assert len(whole) >= 3


def test_a_payment_is_negative_when_paid() -> None:
    """A long pays a positive rate: `change` is below zero, and cash follows."""

    async def play(bench: Bench) -> tuple[Body, Decimal]:
        rate = HourlyRate.from_hourly(Decimal("0.0001"))
        bench.world.set_funding("ETH", VenueName.LIGHTER, rate)
        await bench.done(bench.market())
        await asyncio.sleep(3_600)
        row = (await bench.read("positionFunding", limit=10))["position_fundings"][0]
        return row, Decimal((await bench.own())["collateral"]) - 10_000

    row, change = on_bench(play)

    assert ("0.0100", "long", "0.0500") == (
        row["rate"],
        row["position_side"],
        row["position_size"],
    )
    assert Decimal(row["change"]) == change < 0


def test_the_sixty_first_request_is_429_then_405() -> None:
    """A standard account has 60 requests a minute; who goes on meets the firewall."""

    async def play(bench: Bench) -> list[int]:
        statuses = []
        for _ in range(95):
            async with bench.session.get(bench.base + "/") as reply:
                statuses.append(reply.status)
        return statuses

    statuses = on_bench(play, limits=Limits.PUBLISHED)

    assert ({200}, 429, 405) == (set(statuses[:60]), statuses[60], statuses[-1])


def test_limits_end_after_a_minute() -> None:
    """The window rolls: a minute later requests pass again."""

    async def play(bench: Bench) -> tuple[int, int]:
        for _ in range(61):
            status, _ = await bench.get("exchangeStats")
        await asyncio.sleep(61)
        return status, (await bench.get("exchangeStats"))[0]

    assert (429, 200) == on_bench(play, limits=Limits.PUBLISHED)


def test_a_late_effect_lands_after_its_sender_left() -> None:
    """The request looks lost, and the order rests all the same a while later."""

    async def play(bench: Bench) -> tuple[int, int]:
        bench.fault(FaultKind.EFFECT_LATE, "sendTx", delay_s=20)
        with pytest.raises(ServerDisconnectedError):
            await bench.send(bench.order())
        early = len((await bench.read("accountActiveOrders"))["orders"])
        await asyncio.sleep(21)
        return early, len((await bench.read("accountActiveOrders"))["orders"])

    assert (0, 1) == on_bench(play)


def test_a_lost_reply_does_not_undo_the_order() -> None:
    """The connection drops after the effect: hash and nonce tell."""

    async def play(bench: Bench) -> tuple[int, int]:
        bench.fault(FaultKind.REQUEST_LOST_AFTER, "sendTx")
        tx = bench.order()
        with pytest.raises(ServerDisconnectedError):
            await bench.send(tx)
        await asyncio.sleep(1)
        _, found = await bench.get("tx", by="hash", value=tx.tx_hash)
        nonce = await bench.get("nextNonce", account_index=bench.account, api_key_index=4)
        return found["status"], nonce[1]["nonce"]

    assert (2, 1) == on_bench(play)


def test_every_market_is_answered_without_an_id() -> None:
    """255, or nothing, asks for all of them."""
    both = [body_of("orderBookDetails"), body_of("orderBookDetails", market_id=255)]

    ids = [sorted(row["market_id"] for row in body["order_book_details"]) for body in both]
    assert [[ETH, BTC], [ETH, BTC]] == ids
