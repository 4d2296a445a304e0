"""Lighter's account reads: positions, orders, payments, and the tokens they ask for."""

import asyncio
from decimal import Decimal

import pytest

from desk.core.funding import HourlyRate
from desk.core.venue import VenueName
from desk.sim.lighter_server import LighterSwitches, OrderTimes
from test.sim.lighter_bench import ETH, START_MS, Bench, Body, on_bench

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
