"""Lighter's public and account reads, as a stranger's client sees them."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from aiohttp import ServerDisconnectedError

from desk.core.funding import HourlyRate
from desk.core.venue import VenueName
from desk.sim.exchange import lighter_market
from desk.sim.faults import FaultKind
from desk.sim.lighter_server import LighterSwitches
from desk.sim.lighter_server.markets import WireMarket, order_book_row
from desk.sim.market_table import market_rows
from desk.sim.web import Limits
from desk.venues.lighter.decode import canonical
from test.sim.lighter_bench import BTC, ETH, START_MS, Bench, Body, on_bench

HOUR_MS = 3_600_000


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


@pytest.mark.parametrize("symbol", ["kPEPE", "kBONK", "BTC", "ETH"])
def test_markets_go_by_the_venues_own_names(symbol: str) -> None:
    """A contract of a thousand coins is spelt as on mainnet, and our client reads it back."""
    [row] = market_rows(("BTC",))
    instrument = replace(row.venues[VenueName.LIGHTER].instrument, symbol=symbol)
    market = WireMarket.of(lighter_market(instrument))
    told = order_book_row(market)["symbol"]
    assert symbol == canonical(told)
    assert told.isupper()


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


def test_the_configuration_has_no_pools_and_no_integrator_fees() -> None:
    """All that a typed client must find in `systemConfig` is there, as whole numbers."""
    body = body_of("systemConfig")

    assert 200 == body.pop("code")
    assert {
        "liquidity_pool_index",
        "staking_pool_index",
        "funding_fee_rebate_account_index",
        "liquidity_pool_cooldown_period",
        "staking_pool_lockup_period",
        "max_integrator_perps_maker_fee",
        "max_integrator_perps_taker_fee",
        "max_integrator_spot_maker_fee",
        "max_integrator_spot_taker_fee",
        "fee_collector_account_index",
    } == set(body)
    assert {0} == set(body.values())
