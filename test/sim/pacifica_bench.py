"""A Pacifica server over loopback on virtual time, and a hand that signs and sends."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

from aiohttp import ClientSession, ClientWebSocketResponse, web

from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.accounts import PACIFICA_ACCOUNT_ID, credentials_from_seed
from desk.sim.faults import Fault, FaultKind, FaultPlan
from desk.sim.market_table import market_rows
from desk.sim.pacifica_server import PacificaServer, PacificaSwitches
from desk.sim.pacifica_server.operations import BY_TYPE
from desk.sim.web import Limits
from desk.sim.world import World
from desk.venues.pacifica.signing import Signer
from test.virtual import run_virtual

START_MS = 1_767_700_860_000
SYMBOLS = ("BTC", "ETH")
CREDENTIALS = credentials_from_seed(5)
CLIENT_ID = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
BUMP_S = 0.25
FRAMES_MAX = 500

Body = dict[str, Any]
_T = TypeVar("_T")


class Bench:
    """The server, its world, and one session of ours; `base` ends in /api/v1."""

    def __init__(self, world: World, server: PacificaServer, clock: LoopClock) -> None:
        self.world = world
        self.server = server
        self.clock = clock
        self.account = CREDENTIALS.pacifica.account
        self.agent = CREDENTIALS.pacifica.agent
        self.signer = Signer(CREDENTIALS.pacifica.agent_private_key)
        self.main = Signer(CREDENTIALS.pacifica.main_private_key)
        self.session: ClientSession
        self.base = ""
        self.ws_url = ""

    @property
    def mark(self) -> Decimal:
        return self.world.pacifica.stats("BTC").mark

    def price(self, offset_pct: int) -> str:
        """Return a BTC price on the tick, this far from mark."""
        return str(int(self.mark * (100 + offset_pct) / 100))

    async def get(self, path: str, **query: object) -> tuple[int, Body]:
        params = {key: str(value) for key, value in query.items()}
        async with self.session.get(self.base + path, params=params) as reply:
            return reply.status, await reply.json()

    async def read(self, path: str, **query: object) -> Any:
        """Return the data of an account read."""
        return (await self.get(path, account=self.account, **query))[1]["data"]

    def signed(self, name: str, payload: Body, **changes: Any) -> Body:
        """Return an agent-signed body; `changes` are made after signing."""
        stamp = {"timestamp": self.clock.now_ms(), "expiry_window": 5_000}
        signature = self.signer.sign(
            name, payload, timestamp_ms=stamp["timestamp"], expiry_window_ms=5_000
        )
        head = {"account": self.account, "agent_wallet": self.agent, "signature": signature}
        return {**head, **stamp, **payload, **changes}

    async def send(self, path: str, body: Body) -> tuple[int, Body]:
        async with self.session.post(self.base + path, json=body) as reply:
            return reply.status, await reply.json()

    async def post(self, name: str, payload: Body, **changes: Any) -> tuple[int, Body]:
        return await self.send(BY_TYPE[name].path, self.signed(name, payload, **changes))

    async def buy(self, amount: str = "0.01", *, side: str = "bid", **more: Any) -> Body:
        """Send a market order and wait for its speed bump; return the reply's body."""
        order = {"symbol": "BTC", "amount": amount, "side": side, "slippage_percent": "0.5"}
        _, body = await self.post("create_market_order", {**order, "reduce_only": False, **more})
        await asyncio.sleep(BUMP_S)
        return body

    def limit(self, **changes: Any) -> Body:
        """Return the payload of a resting BTC bid."""
        payload = {"symbol": "BTC", "price": self.price(-2), "amount": "0.01", "side": "bid"}
        return {**payload, "tif": "ALO", "reduce_only": False, **changes}

    def fault(self, kind: FaultKind, match: str = "", **more: Any) -> None:
        since_ms = self.clock.now_ms()
        fault = Fault(VenueName.PACIFICA, kind, match, since_ms=since_ms, **more)
        self.server.door.plan.add(fault)

    async def socket(self, *topics: Body) -> ClientWebSocketResponse:
        """Return a WebSocket on which `topics` are subscribed."""
        socket = await self.session.ws_connect(self.ws_url)
        for params in topics:
            await socket.send_json({"method": "subscribe", "params": params})
        return socket

    def topic(self, source: str) -> Body:
        return {"source": source, "account": self.account}


async def frames(socket: ClientWebSocketResponse, for_s: float) -> list[Body]:
    """Return every frame of the next `for_s` seconds."""
    found: list[Body] = []
    try:
        async with asyncio.timeout(for_s):
            for _ in range(FRAMES_MAX):
                found.append(json.loads(await socket.receive_str()))
    except TimeoutError:
        return found
    raise AssertionError(f"more than {FRAMES_MAX} frames")


def on_bench(
    play: Callable[[Bench], Awaitable[_T]],
    *,
    switches: PacificaSwitches | None = None,
    limits: Limits = Limits.OFF,
) -> _T:
    """Run `play` on virtual time against a server on a free port, with the world going."""

    async def main() -> _T:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        world = World(5, start_ms=START_MS, markets=market_rows(SYMBOLS))
        world.backfill(30)
        world.pacifica.add_account(collateral=Decimal(10_000), account_id=PACIFICA_ACCOUNT_ID)
        server = PacificaServer(
            world,
            clock=clock,
            account=CREDENTIALS.pacifica,
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
    bench.base, bench.ws_url = f"http://{host}:{port}/api/v1", f"ws://{host}:{port}/ws"
    life = asyncio.create_task(bench.world.run(bench.clock))
    try:
        async with ClientSession() as bench.session:
            return await play(bench)
    finally:
        life.cancel()
        await bench.server.close()
        await runner.cleanup()
