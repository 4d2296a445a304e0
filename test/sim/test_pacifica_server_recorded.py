"""Our rows beside recorded ones: the same keys, and values of the same JSON types."""

import json
from pathlib import Path
from typing import Any

import pytest

from test.sim.pacifica_bench import CLIENT_ID, Bench, Body, frames, on_bench

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "payloads" / "pacifica"
OPTIONAL = {"spot_balances", "li", "sb", "tp"}
"""Keys that recordings of different years have or lack."""

READS = [
    ("rest_info.json", "/info"),
    ("rest_info_fees.json", "/info/fees"),
    ("rest_info_prices.json", "/info/prices"),
    ("rest_book.json", "/book?symbol=BTC"),
    ("rest_trades.json", "/trades?symbol=BTC"),
    ("rest_kline.json", "/kline?symbol=BTC&interval=1h&start_time=0"),
    ("rest_kline_mark.json", "/kline/mark?symbol=BTC&interval=1m&start_time=0"),
    ("rest_funding_rate_history.json", "/funding_rate/history?symbol=BTC&limit=1"),
    ("rest_account.json", "/account?"),
    ("rest_account_settings.json", "/account/settings?"),
    ("rest_positions_btc_short.json", "/positions?"),
    ("rest_orders.json", "/orders?"),
    ("rest_orders_history.json", "/orders/history?limit=1"),
    ("rest_trades_history.json", "/trades/history?limit=1"),
    ("rest_balance_history.json", "/account/balance/history?limit=1"),
    ("rest_portfolio.json", "/portfolio?time_range=1d"),
]
STREAMS = [
    ("ws_book.json", {"source": "book", "symbol": "BTC"}),
    ("ws_bbo.json", {"source": "bbo", "symbol": "BTC"}),
    ("ws_trades.json", {"source": "trades", "symbol": "BTC"}),
    ("ws_prices.json", {"source": "prices"}),
    ("ws_candle.json", {"source": "candle", "symbol": "BTC", "interval": "1m"}),
    ("ws_account_info.json", {"source": "account_info"}),
    ("ws_account_positions.json", {"source": "account_positions"}),
    ("ws_account_orders.json", {"source": "account_orders"}),
    ("ws_account_order_updates.json", {"source": "account_order_updates"}),
    ("ws_account_trades.json", {"source": "account_trades"}),
]


def recorded(name: str) -> Any:
    """Return a recorded body, or skip where recordings are not at hand."""
    if not RECORDED.is_dir():
        pytest.skip("recorded payloads are not part of the repository")
    body = json.loads((RECORDED / name).read_text())
    return body[-1] if isinstance(body, list) else body


def shape(value: Any) -> Any:
    """Return the keys and JSON types of a value; a list is judged by its first element."""
    if isinstance(value, dict):
        return {key: shape(value[key]) for key in sorted(value) if key not in OPTIONAL}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "any" if value is None else type(value).__name__


def differences(theirs: Any, ours: Any, where: str = "") -> list[str]:
    """Return where two shapes differ; an empty list and a null fit anything."""
    if "any" in (theirs, ours) or [] in (theirs, ours):
        return []
    if isinstance(theirs, dict) and isinstance(ours, dict):
        odd = sorted(set(theirs) ^ set(ours))
        found = [f"{where}.{key} is on one side only" for key in odd]
        for key in sorted(set(theirs) & set(ours)):
            found += differences(theirs[key], ours[key], f"{where}.{key}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        return differences(theirs[0], ours[0], where + "[]")
    return [] if theirs == ours else [f"{where}: recorded {theirs}, ours {ours}"]


async def busy(bench: Bench) -> None:
    """Leave a position, a resting order and a setting behind, so that every list has a row."""
    await bench.post("update_leverage", {"symbol": "ETH", "leverage": 2})
    await bench.buy("0.002", side="ask")
    await bench.post("create_order", bench.limit(client_order_id=CLIENT_ID))


@pytest.mark.parametrize(("name", "path"), READS)
def test_reads_have_the_recorded_shape(name: str, path: str) -> None:
    """Keys and types of an answer are those of the recording, or the old one's."""
    expected = recorded(name)

    async def play(bench: Bench) -> Body:
        await busy(bench)
        route, _, query = path.partition("?")
        params = dict(pair.split("=") for pair in query.split("&") if pair)
        return (await bench.get(route, account=bench.account, **params))[1]

    assert [] == differences(shape(expected), shape(on_bench(play)))


@pytest.mark.parametrize(("name", "params"), STREAMS)
def test_frames_have_the_recorded_shape(name: str, params: Body) -> None:
    """Keys and types of a channel's last frame are those of the recording."""
    expected = recorded(name)

    async def play(bench: Bench) -> Body:
        about = {"account": bench.account} if params["source"].startswith("account") else {}
        socket = await bench.socket({**params, **about})
        await busy(bench)
        return (await frames(socket, 0.5))[-1]

    assert [] == differences(shape(expected), shape(on_bench(play)))
