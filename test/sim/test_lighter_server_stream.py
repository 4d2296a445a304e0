"""Lighter's streams: sessions, books, statistics, private channels, and how they go wrong."""

import asyncio
import json
from decimal import Decimal

import pytest

from desk.sim.lighter_server import LighterSwitches, TokenNeed
from test.sim.lighter_bench import (
    BTC,
    Bench,
    Body,
    frames,
    heard,
    heard_while,
    of_type,
    on_bench,
)

Levels = dict[str, dict[str, str]]


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


def test_position_updates_may_hold_only_what_changed() -> None:
    """Two clients read this stream differently: a switch sends each reading."""

    async def play(bench: Bench) -> set[str]:
        await bench.done(bench.market(market_index=BTC, price=1_200_000, base_amount=300))
        channel = f"account_all_positions/{bench.account}"
        socket = await bench.socket(channel, token=bench.token())
        await bench.send(bench.market())
        last = (await frames(socket, 1))[-1]
        return set(last["positions"])

    changes_only = LighterSwitches(positions_in_full=False)

    assert {"0", "1"} == on_bench(play)
    assert {"0"} == on_bench(play, switches=changes_only)
