"""Pacifica's public and account reads, as a stranger's client sees them."""

import asyncio
from decimal import Decimal

import pytest

from desk.sim.pacifica_server import (
    CreditLimits,
    OpenInterestUnit,
    PacificaSwitches,
    SettingsShape,
)
from desk.sim.web import Limits
from test.sim.pacifica_bench import START_MS, Bench, Body, on_bench

HOUR_MS = 3_600_000


def test_success_is_wrapped_in_the_envelope() -> None:
    """A read answers success, data, error and code, the last two null."""

    async def play(bench: Bench) -> tuple[int, Body]:
        return await bench.get("/info/fees")

    status, body = on_bench(play)

    assert (200, True, None, None) == (status, body["success"], body["error"], body["code"])
    assert {"level": 0, "maker_fee_rate": "0.00015", "taker_fee_rate": "0.0004"} == body["data"][0]


def test_json_is_compact() -> None:
    """No space follows a colon: a client searches the raw text for `"code":404`."""

    async def play(bench: Bench) -> str:
        async with bench.session.get(bench.base + "/account", params={"account": "x"}) as reply:
            return await reply.text()

    expected = '{"success":false,"data":null,"error":"Account not found: x","code":404}'

    assert expected == on_bench(play)


def test_markets_carry_steps_as_strings_and_ids_as_numbers() -> None:
    """A market's tick and lot are decimal strings, its leverage and birth are integers."""

    async def play(bench: Bench) -> Body:
        body: Body = (await bench.get("/info"))[1]["data"][0]
        return body

    row = on_bench(play)

    assert ("BTC", "1", "0.00001", "10") == tuple(
        row[key] for key in ("symbol", "tick_size", "lot_size", "min_order_size")
    )
    assert [int, int, bool] == [
        type(row[key]) for key in ("max_leverage", "created_at", "isolated_only")
    ]
    assert "perpetual" == row["instrument_type"]


def test_prices_name_every_market() -> None:
    """The price list holds one row a market, with mark, mid, oracle and both funding rates."""

    async def play(bench: Bench) -> list[Body]:
        rows: list[Body] = (await bench.get("/info/prices"))[1]["data"]
        return rows

    rows = on_bench(play)

    assert ["BTC", "ETH"] == [row["symbol"] for row in rows]
    assert abs(Decimal(rows[0]["mark"]) / Decimal(rows[0]["mid"]) - 1) < Decimal("0.01")


@pytest.mark.parametrize("unit", list(OpenInterestUnit))
def test_open_interest_comes_in_either_unit(unit: OpenInterestUnit) -> None:
    """Our own position is open interest, in base units or in USD as the switch says."""

    async def play(bench: Bench) -> tuple[str, Decimal]:
        await bench.buy()
        return (await bench.get("/info/prices"))[1]["data"][0]["open_interest"], bench.mark

    text, mark = on_bench(play, switches=PacificaSwitches(open_interest=unit))
    factor = mark if unit is OpenInterestUnit.USD else 1

    assert Decimal(text) >= Decimal("0.01") * factor / 2


def test_book_has_ten_levels_a_side_at_most_best_first() -> None:
    """Bids fall, asks rise, they do not meet, and no side shows more than ten."""

    async def play(bench: Bench) -> list[list[Body]]:
        levels: list[list[Body]] = (await bench.get("/book", symbol="BTC"))[1]["data"]["l"]
        return levels

    bids, asks = ([Decimal(level["p"]) for level in side] for side in on_bench(play))

    assert sorted(bids, reverse=True) == bids
    assert sorted(asks) == asks
    assert bids[0] < asks[0]
    assert max(len(bids), len(asks)) <= 10


def test_book_levels_group_away_from_the_spread() -> None:
    """With an aggregation of 100 ticks every level is a multiple of 100 and nothing crosses."""

    async def play(bench: Bench) -> list[list[Body]]:
        reply = await bench.get("/book", symbol="BTC", agg_level=100)
        levels: list[list[Body]] = reply[1]["data"]["l"]
        return levels

    bids, asks = ([Decimal(level["p"]) for level in side] for side in on_bench(play))

    assert not any(price % 100 for price in bids + asks)
    assert bids[0] < asks[0]


BAD_READS = [
    ("/book", {}, 400, "Failed to deserialize query string: missing field `symbol`"),
    ("/book", {"symbol": "XYZ"}, 422, "Book not found: XYZ"),
    ("/book", {"symbol": "BTC", "agg_level": 7}, 400, "Invalid aggregation level: 7"),
    ("/kline", {"symbol": "BTC", "interval": "7m"}, 400, "Invalid interval: 7m"),
    ("/orders/history_by_id", {"order_id": 5}, 404, "Order history not found for order ID: 5"),
    ("/nothing", {}, 404, "Not Found"),
]


@pytest.mark.parametrize(("path", "query", "status", "error"), BAD_READS)
def test_bad_reads_are_refused_in_the_venues_words(
    path: str, query: Body, status: int, error: str
) -> None:
    """Every refusal is an HTTP error with the envelope around a sentence."""

    async def play(bench: Bench) -> tuple[int, Body]:
        return await bench.get(path, **query)

    actual, body = on_bench(play)

    assert (status, error, False) == (actual, body["error"], body["success"])


def test_candles_start_at_their_interval() -> None:
    """Hourly candles open on the hour, close an hour later and name symbol and interval."""

    async def play(bench: Bench) -> list[Body]:
        reply = await bench.get("/kline", symbol="BTC", interval="1h", start_time=0)
        rows: list[Body] = reply[1]["data"]
        return rows

    rows = on_bench(play)

    assert {0} == {row["t"] % HOUR_MS for row in rows}
    assert {(HOUR_MS, "BTC", "1h")} == {(row["T"] - row["t"], row["s"], row["i"]) for row in rows}


def test_pages_follow_their_cursor_without_gap_or_repeat() -> None:
    """Pages of seven funding hours, chained by cursor, are the whole list newest first."""

    async def play(bench: Bench) -> tuple[list[int], list[int]]:
        path, query = "/funding_rate/history", {"symbol": "BTC"}
        whole = (await bench.get(path, **query, limit=4000))[1]["data"]
        chained: list[Body] = []
        cursor = ""
        for _ in range(10):
            page = (await bench.get(path, **query, limit=7, cursor=cursor))[1]
            chained += page["data"]
            cursor = page["next_cursor"]
            if not page["has_more"]:
                break
        return [row["created_at"] for row in whole], [row["created_at"] for row in chained]

    whole, chained = on_bench(play)

    assert sorted(whole, reverse=True) == whole == chained
    assert len(whole) >= 24


def test_a_new_account_holds_ten_thousand() -> None:
    """Equity, balance and what may be spent are 10,000 USDC; counts are numbers."""

    async def play(bench: Bench) -> Body:
        row: Body = await bench.read("/account")
        return row

    row = on_bench(play)

    assert ("10000", "10000", "10000") == tuple(
        row[key] for key in ("balance", "account_equity", "available_to_spend")
    )
    assert (0, 0, "0.00015", "0.0004") == tuple(
        row[key] for key in ("positions_count", "fee_level", "maker_fee", "taker_fee")
    )


def test_account_comes_as_an_array_when_asked_to() -> None:
    """The old documentation's one-element array is a switch."""

    async def play(bench: Bench) -> object:
        return await bench.read("/account")

    data = on_bench(play, switches=PacificaSwitches(account_as_array=True))

    assert isinstance(data, list)
    assert "10000" == data[0]["balance"]


@pytest.mark.parametrize("shape", list(SettingsShape))
def test_settings_leave_out_what_was_never_set(shape: SettingsShape) -> None:
    """Only the market whose leverage was set has a row, in an object or a bare list."""

    async def play(bench: Bench) -> object:
        await bench.post("update_leverage", {"symbol": "ETH", "leverage": 1})
        return await bench.read("/account/settings")

    data = on_bench(play, switches=PacificaSwitches(settings_shape=shape))
    rows = data["margin_settings"] if isinstance(data, dict) else data

    assert isinstance(data, dict) == (shape is SettingsShape.OBJECT)
    assert isinstance(rows, list)
    assert [("ETH", 1, False)] == [(r["symbol"], r["leverage"], r["isolated"]) for r in rows]


def test_every_reply_carries_the_credits_left_times_ten() -> None:
    """A plain read costs one credit of a hundred, a heavy one twelve."""

    async def play(bench: Bench) -> list[str]:
        seen = []
        for path in ("/info", f"/orders/history?account={bench.account}"):
            async with bench.session.get(bench.base + path) as reply:
                seen.append(reply.headers["ratelimit"] + reply.headers["ratelimit-policy"])
        return seen

    expected = [
        '"credits";r=990;t=60"credits";q=1000;w=60',
        '"credits";r=870;t=60"credits";q=1000;w=60',
    ]

    assert expected == on_bench(play, limits=Limits.PUBLISHED)


def test_spent_credits_come_back_after_a_minute() -> None:
    """The request beyond the quota is a 429; a minute later there is room again."""

    async def play(bench: Bench) -> list[int]:
        seen = [(await bench.get("/info"))[0] for _ in range(3)]
        await asyncio.sleep(61)
        return [*seen, (await bench.get("/info"))[0]]

    switches = PacificaSwitches(credits=CreditLimits(anonymous=Decimal(2)))

    assert [200, 200, 429, 200] == on_bench(play, switches=switches, limits=Limits.PUBLISHED)


def test_an_api_key_has_a_quota_of_its_own() -> None:
    """With a key that the account created, the quota is the identified one."""

    async def play(bench: Bench) -> tuple[Body, str]:
        key = (await bench.post("create_api_key", {}))[1]["data"]["api_key"]
        headers = {"PF-API-KEY": key}
        async with bench.session.get(bench.base + "/info", headers=headers) as reply:
            policy = reply.headers["ratelimit-policy"]
        return (await bench.post("list_api_keys", {}))[1]["data"], policy

    listed, policy = on_bench(play, limits=Limits.PUBLISHED)

    assert (1, 5) == (len(listed["active_api_keys"]), listed["api_key_limit"])
    assert '"credits";q=3000;w=60' == policy


def test_the_clock_of_a_page_is_the_venues() -> None:
    """A book is stamped with the venue's time in ms."""

    async def play(bench: Bench) -> int:
        stamp: int = (await bench.get("/book", symbol="BTC"))[1]["data"]["t"]
        return stamp

    assert START_MS == on_bench(play)
