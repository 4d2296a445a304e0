"""Funding settled every few seconds: the same payment in REST, in the streams and in the truth."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import ClientSession

from desk.core.funding import HourlyRate
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.accounts import PACIFICA_ACCOUNT_ID
from desk.sim.exchange import NewOrder, TimeInForce, lighter_rules, pacifica_rules
from desk.sim.market_table import market_rows
from desk.sim.serve import Embedded, start_embedded
from desk.sim.world import World
from desk.venues.lighter.signer import PythonSigner
from test.virtual import run_virtual

START_MS = 1_767_700_860_000
INTERVAL_MS = 10_000
RATE = HourlyRate.from_hourly(Decimal("0.0036"))  # a hundred thousandth in ten seconds
SIZE = Decimal("0.1")
RULES = {
    VenueName.LIGHTER: lighter_rules(funding_interval_ms=INTERVAL_MS),
    VenueName.PACIFICA: pacifica_rules(funding_interval_ms=INTERVAL_MS),
}
Body = dict[str, Any]


def _buy(world: World, venue: VenueName, account_id: int) -> None:
    exchange = world.exchanges[venue]
    limit = exchange.stats("BTC").mark * Decimal("1.02")
    price = exchange.markets["BTC"].instrument.price_up(limit)
    order = NewOrder("BTC", Side.BUY, SIZE, price, tif=TimeInForce.IOC)
    exchange.submit(account_id, order)


async def _frames(session: ClientSession, url: str, wish: Body, for_s: float) -> list[Body]:
    found: list[Body] = []
    async with session.ws_connect(url) as socket:
        await socket.send_json(wish)
        try:
            async with asyncio.timeout(for_s):
                while True:
                    found.append(json.loads(await socket.receive_str()))
        except TimeoutError:
            return found


async def _get(session: ClientSession, url: str, **query: object) -> Body:
    params = {key: str(value) for key, value in query.items()}
    async with session.get(url, params=params) as reply:
        body: Body = await reply.json()
        return body


def _token(embedded: Embedded, clock: LoopClock) -> str:
    ours = embedded.credentials.lighter
    signer = PythonSigner(
        ours.key.private_key,
        account_index=ours.account_index,
        api_key_index=ours.key.index,
        chain_id=embedded.lighter.switches.chain_id,
        now_ms=clock.now_ms,
    )
    return signer.auth_token(deadline_s=clock.now_ms() // 1000 + 600).reveal()


async def _look(embedded: Embedded, clock: LoopClock) -> Body:
    """Return what is told of 25 seconds with a long position on both venues."""
    at, address = embedded.endpoints, embedded.credentials.pacifica.account
    index = embedded.credentials.lighter.account_index
    wish = {"type": "subscribe", "channel": f"account_all/{index}"}
    topic = {"source": "account_info", "account": address}
    async with ClientSession() as session:
        lighter_ws, pacifica_ws = await asyncio.gather(
            _frames(session, at.lighter_ws_url, wish, 25),
            _frames(session, at.pacifica_ws_url, {"method": "subscribe", "params": topic}, 25),
        )
        lighter = await _get(
            session, f"{at.lighter_url}/api/v1/positionFunding",
            account_index=index, limit=10, auth=_token(embedded, clock),
        )  # fmt: skip
        pacifica = await _get(session, f"{at.pacifica_url}/funding/history", account=address)
        truth = await _get(session, f"{at.lighter_url}/_sim/truth")
    return {
        "lighter_ws": lighter_ws,
        "pacifica_ws": pacifica_ws,
        "lighter": [Decimal(row["change"]) for row in lighter["position_fundings"]],
        "pacifica": [Decimal(row["payout"]) for row in pacifica["data"]],
        "truth": {
            venue.value: [Decimal(row["payment"]) for row in account["funding"]][::-1]
            for venue in VenueName
            for account in truth[venue.value]["accounts"].values()
        },
    }


async def _main() -> Body:
    clock = LoopClock(asyncio.get_running_loop(), START_MS)
    world = World(5, start_ms=START_MS, markets=market_rows(("BTC",)), rules=RULES)
    embedded = await start_embedded(world, clock=clock)
    try:
        for venue in VenueName:
            world.set_funding("BTC", venue, RATE)
        _buy(world, VenueName.LIGHTER, embedded.credentials.lighter.account_index)
        _buy(world, VenueName.PACIFICA, PACIFICA_ACCOUNT_ID)
        return await _look(embedded, clock)
    finally:
        await embedded.close()


@pytest.fixture(scope="module")
def seen() -> Body:
    """Return what is told, in one life for all tests."""
    return run_virtual(_main())


def test_every_interval_pays_its_part_of_the_hour(seen: Body) -> None:
    """Two settlements in 25 seconds, each about a hundred thousandth of 0.1 BTC, paid by the
    long."""
    for name in ("lighter", "pacifica"):
        assert len(seen[name]) == 2
        assert all(Decimal("-0.096") < usd < Decimal("-0.091") for usd in seen[name])


def test_the_truth_knows_the_same_payments(seen: Body) -> None:
    """What both venues' history answers is what the exchanges hold, to the microdollar."""
    for name in ("lighter", "pacifica"):
        pairs = zip(seen["truth"][name], seen[name], strict=True)
        assert all(abs(true - told) < Decimal("0.000001") for true, told in pairs)


def test_lighters_stream_tells_of_payments(seen: Body) -> None:
    """The last `account_all` frame lists both, newest first."""
    rows = seen["lighter_ws"][-1]["funding_histories"]["1"]
    assert seen["lighter"] == [Decimal(row["change"]) for row in rows]


def test_pacificas_stream_tells_of_money(seen: Body) -> None:
    """A frame of the account follows each settlement, its balance lower by the payment."""
    balances = [Decimal(frame["data"]["b"]) for frame in seen["pacifica_ws"][-2:]]
    paid = balances[1] - balances[0]
    assert abs(paid - seen["pacifica"][0]) < Decimal("0.000002")
