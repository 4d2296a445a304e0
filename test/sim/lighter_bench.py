"""A Lighter server over loopback on virtual time, and a hand that signs and sends."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

from aiohttp import ClientSession, ClientWebSocketResponse, FormData, web

from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.accounts import CHAIN_ID, LighterKey, credentials_from_seed
from desk.sim.faults import Fault, FaultKind, FaultPlan
from desk.sim.lighter_server import LighterServer, LighterSwitches
from desk.sim.market_table import market_rows
from desk.sim.web import Limits
from desk.sim.world import World
from desk.venues.lighter.crypto.port import SignedTx
from desk.venues.lighter.signer import PythonSigner
from test.virtual import run_virtual

START_MS = 1_767_700_860_000  # 2026-01-06 12:01 UTC
SYMBOLS = ("BTC", "ETH")
ETH, BTC = 0, 1
CREDENTIALS = credentials_from_seed(5).lighter
BUMP_S = 0.35
FRAMES_MAX = 2_000
LIFE_MS = 28 * 86_400_000
GTT, IOC, POST_ONLY = 1, 0, 2

Body = dict[str, Any]
_T = TypeVar("_T")


class Bench:
    """The server, its world, one session of ours, and the account's keys."""

    def __init__(self, world: World, server: LighterServer, clock: LoopClock) -> None:
        self.world = world
        self.server = server
        self.clock = clock
        self.account = CREDENTIALS.account_index
        self.signer = self.signer_of(CREDENTIALS.key)
        self.nonce = 0
        self.session: ClientSession
        self.base = ""

    def signer_of(self, key: LighterKey, *, chain_id: int = CHAIN_ID) -> PythonSigner:
        return PythonSigner(
            key.private_key,
            account_index=self.account,
            api_key_index=key.index,
            chain_id=chain_id,
            now_ms=self.clock.now_ms,
        )

    def token(self, *, life_s: int = 600) -> str:
        now_s = self.clock.now_ms() // 1000
        return self.signer.auth_token(deadline_s=now_s + life_s).reveal()

    # REST

    async def get(self, name: str, *, token: object = "", **query: object) -> tuple[int, Body]:
        params = {key: str(value) for key, value in query.items()}
        headers = {"Authorization": str(token)} if token else {}
        url = f"{self.base}/api/v1/{name}"
        async with self.session.get(url, params=params, headers=headers) as reply:
            return reply.status, await reply.json()

    async def read(self, name: str, **query: object) -> Body:
        """Return the body of a read of our account, token included."""
        status, body = await self.get(name, token=self.token(), account_index=self.account, **query)
        assert status == 200, body
        return body

    async def post(self, name: str, fields: Body | FormData) -> tuple[int, Body]:
        async with self.session.post(f"{self.base}/api/v1/{name}", data=fields) as reply:
            return reply.status, await reply.json()

    async def send(self, tx: SignedTx) -> tuple[int, Body]:
        """Send one transaction as a urlencoded form."""
        return await self.post("sendTx", {"tx_type": tx.tx_type, "tx_info": tx.tx_info})

    async def done(self, tx: SignedTx) -> Body:
        """Send a transaction, wait for the sequencer, and return what `tx` says of it."""
        status, body = await self.send(tx)
        assert status == 200, body
        await asyncio.sleep(BUMP_S)
        return (await self.get("tx", by="hash", value=tx.tx_hash))[1]

    async def own(self) -> Body:
        """Return our row of `account`."""
        [row] = (await self.get("account", by="index", value=self.account))[1]["accounts"]
        assert isinstance(row, dict)
        return row

    # Transactions

    def next_nonce(self) -> int:
        self.nonce += 1
        return self.nonce - 1

    def price(self, offset_pct: int) -> int:
        """Return an ETH price in wire units, this far from mark."""
        mark = self.world.lighter.stats("ETH").mark
        return int(mark * (100 + offset_pct))  # two price decimals make the percent vanish

    def order(self, **changes: Any) -> SignedTx:
        """Return a signed resting ETH bid two percent below mark."""
        signer = changes.pop("signer", self.signer)
        fields: Body = {
            "market_index": ETH,
            "client_order_index": 42,
            "base_amount": 100,
            "price": self.price(-2),
            "is_ask": 0,
            "order_type": 0,
            "time_in_force": GTT,
            "reduce_only": 0,
            "trigger_price": 0,
            "order_expiry_ms": self.clock.now_ms() + LIFE_MS,
            **changes,
        }
        if "nonce" not in fields:
            fields["nonce"] = self.next_nonce()
        tx: SignedTx = signer.create_order(**fields)
        return tx

    def market(self, **changes: Any) -> SignedTx:
        """Return a signed ETH market buy of 0.05."""
        fields = {"order_type": 1, "time_in_force": IOC, "order_expiry_ms": 0}
        amounts = {"base_amount": 500, "price": self.price(2)}
        return self.order(**{**fields, **amounts, **changes})

    # Streams

    async def socket(self, *channels: str, token: str = "") -> ClientWebSocketResponse:
        """Return a WebSocket past its session frame, on which `channels` are asked for."""
        socket = await self.session.ws_connect(f"{self.base}/stream")
        assert json.loads(await socket.receive_str())["type"] == "connected"
        for channel in channels:
            await socket.send_json({"type": "subscribe", "channel": channel, "auth": token})
        return socket

    def fault(self, kind: FaultKind, match: str = "", **more: Any) -> None:
        since_ms = self.clock.now_ms()
        fault = Fault(VenueName.LIGHTER, kind, match, since_ms=since_ms, **more)
        self.server.door.plan.add(fault)


async def frames(socket: ClientWebSocketResponse, for_s: float) -> list[Body]:
    """Return every frame of the next `for_s` seconds, up to the end of the connection."""
    found: list[Body] = []
    try:
        async with asyncio.timeout(for_s):
            for _ in range(FRAMES_MAX):
                message = await socket.receive()
                if not isinstance(message.data, str):
                    return found
                found.append(json.loads(message.data))
    except TimeoutError:
        return found
    raise AssertionError(f"more than {FRAMES_MAX} frames")


def of_type(found: list[Body], kind: str) -> list[Body]:
    """Return the frames of one type."""
    return [frame for frame in found if frame.get("type") == kind]


def on_bench(
    play: Callable[[Bench], Awaitable[_T]],
    *,
    switches: LighterSwitches | None = None,
    limits: Limits = Limits.OFF,
) -> _T:
    """Run `play` on virtual time against a server on a free port, with the world going."""

    async def main() -> _T:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        world = World(5, start_ms=START_MS, markets=market_rows(SYMBOLS))
        world.backfill(30)
        world.lighter.add_account(collateral=Decimal(10_000), account_id=CREDENTIALS.account_index)
        server = LighterServer(
            world,
            clock=clock,
            accounts=[CREDENTIALS],
            plan=FaultPlan(5),
            limits=limits,
            switches=switches,
        )
        return await _hosted(Bench(world, server, clock), play)

    return run_virtual(main())


async def _hosted(bench: Bench, play: Callable[[Bench], Awaitable[_T]]) -> _T:
    runner = web.AppRunner(bench.server.app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    bench.base = f"http://{host}:{port}"
    life = asyncio.create_task(bench.world.run(bench.clock))
    try:
        async with ClientSession() as bench.session:
            return await play(bench)
    finally:
        life.cancel()
        await bench.server.close()
        await runner.cleanup()


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
