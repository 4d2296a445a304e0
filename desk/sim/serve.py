"""Hosts both embedded venues on loopback in the running event loop, real or virtual.

The world, its clock and the accounts come together here; nothing of one venue's wire.
"""

import asyncio
import contextlib
import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from desk.core.errors import DeskError
from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.engine.files import why
from desk.sim.accounts import (
    CHAIN_ID,
    COLLATERAL_USD,
    PACIFICA_ACCOUNT_ID,
    Credentials,
    Endpoints,
    as_env,
    credentials_from_seed,
)
from desk.sim.control import ControlPlane
from desk.sim.faults import FaultPlan
from desk.sim.lighter_server import LighterServer, LighterSwitches
from desk.sim.lighter_server.switches import SocketLimits
from desk.sim.pacifica_server import PacificaServer, PacificaSwitches, SocketRules
from desk.sim.web import Limits
from desk.sim.world import World

HOST = "127.0.0.1"
SHUTDOWN_S_MAX = 1.0


class PortInUse(DeskError):
    """Something listens on a port already; the text names port and mend."""


@dataclass(slots=True)
class Embedded:
    """Both venues, listening. `plan` takes faults, `world` is what they trade on."""

    world: World
    plan: FaultPlan
    credentials: Credentials
    endpoints: Endpoints
    lighter: LighterServer
    pacifica: PacificaServer
    _runners: Sequence[web.AppRunner]
    _driver: asyncio.Task[None] | None

    def ready_line(self) -> dict[str, Any]:
        """Return where the venues are and who we are there, private keys included: what
        `python -m desk.sim` prints."""
        lighter, pacifica = self.credentials.lighter, self.credentials.pacifica
        return {
            "lighter": {
                "url": self.endpoints.lighter_url,
                "ws_url": self.endpoints.lighter_ws_url,
                "account_index": lighter.account_index,
                "l1_address": lighter.l1_address,
                "api_key_index": lighter.key.index,
                "api_public_key": lighter.key.public_key,
                "api_private_key": lighter.key.private_key.reveal(),
                "chain_id": CHAIN_ID,
            },
            "pacifica": {
                "url": self.endpoints.pacifica_url,
                "ws_url": self.endpoints.pacifica_ws_url,
                "account": pacifica.account,
                "agent": pacifica.agent,
                "agent_private_key": pacifica.agent_private_key.reveal(),
            },
        }

    def env(self) -> dict[str, str]:
        """Return the same as variables."""
        return dict(line.split("=", 1) for line in self.env_text().splitlines())

    def env_text(self) -> str:
        """Return a `.env` for the daemon; it holds private keys."""
        return as_env(self.credentials, self.endpoints)

    async def close(self) -> None:
        """Stop time, cut every connection, free the ports."""
        if self._driver is not None:
            self._driver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._driver
        await self.pacifica.close()
        await self.lighter.close()
        for runner in self._runners:
            await runner.cleanup()


async def start_embedded(
    world: World,
    *,
    clock: Clock,
    lighter_port: int = 0,
    pacifica_port: int = 0,
    limits: Limits = Limits.PUBLISHED,
    plan: FaultPlan | None = None,
    lighter_switches: LighterSwitches | None = None,
    pacifica_switches: PacificaSwitches | None = None,
    drive: bool = True,
) -> Embedded:
    """Open the world's two accounts, listen on both ports (0: any free one), and answer once
    requests are taken.

    `drive` lets the world live by `clock`; without it the caller keeps it going. Raises
    `PortInUse`.
    """
    credentials = credentials_from_seed(world.seed)
    _open_accounts(world, credentials)
    plan = plan or FaultPlan(world.seed)
    lighter = LighterServer(
        world,
        clock=clock,
        accounts=[credentials.lighter],
        plan=plan,
        limits=limits,
        switches=lighter_switches or _lighter_switches(world),
    )
    pacifica = PacificaServer(
        world,
        clock=clock,
        account=credentials.pacifica,
        plan=plan,
        limits=limits,
        switches=pacifica_switches or _pacifica_switches(world),
    )
    control = _control(world, plan, clock, lighter=lighter, pacifica=pacifica)
    lighter.app.add_routes(control.routes())
    runners, endpoints = await _listen(
        (lighter.app, lighter_port, "lighter"), (pacifica.app, pacifica_port, "pacifica")
    )
    return Embedded(
        world=world,
        plan=plan,
        credentials=credentials,
        endpoints=endpoints,
        lighter=lighter,
        pacifica=pacifica,
        _runners=runners,
        _driver=asyncio.get_running_loop().create_task(world.run(clock)) if drive else None,
    )


def _lighter_switches(world: World) -> LighterSwitches:
    """Return the defaults, at the pace of the world."""
    pace = world.pace
    sockets = SocketLimits(
        stats_interval_ms=pace.lighter_stats_ms, quiet_ms_max=pace.quiet_ms_max
    )
    return LighterSwitches(sockets=sockets)


def _pacifica_switches(world: World) -> PacificaSwitches:
    """Return the defaults, at the pace of the world."""
    pace = world.pace
    sockets = SocketRules(
        book_interval_ms=pace.pacifica_books_ms,
        prices_interval_ms=pace.quiet_ms_max,
        prices_patience_ms=pace.prices_ms_max,
    )
    return PacificaSwitches(sockets=sockets)


def _control(
    world: World,
    plan: FaultPlan,
    clock: Clock,
    *,
    lighter: LighterServer,
    pacifica: PacificaServer,
) -> ControlPlane:
    """Return the control plane, which names accounts as their venues do."""

    def name_of(venue: VenueName, account_id: int) -> str:
        is_lighter = venue is VenueName.LIGHTER
        return str(account_id) if is_lighter else pacifica.registry.address(account_id)

    purses = {VenueName.LIGHTER: lighter.spending, VenueName.PACIFICA: pacifica.spending}
    return ControlPlane(world, plan=plan, clock=clock, name_of=name_of, purses=purses)


def _open_accounts(world: World, credentials: Credentials) -> None:
    for exchange, account_id in (
        (world.lighter, credentials.lighter.account_index),
        (world.pacifica, PACIFICA_ACCOUNT_ID),
    ):
        if account_id not in exchange.account_ids():
            exchange.add_account(collateral=COLLATERAL_USD, account_id=account_id)


_Wish = tuple[web.Application, int, str]


async def _listen(lighter: _Wish, pacifica: _Wish) -> tuple[list[web.AppRunner], Endpoints]:
    """Serve both applications at the ports wished for, or neither."""
    runners: list[web.AppRunner] = []
    try:
        lighter_at, pacifica_at = [await _bind(wish, runners) for wish in (lighter, pacifica)]
    except PortInUse:
        for runner in runners:
            await runner.cleanup()
        raise
    return runners, Endpoints(
        lighter_url=f"http://{lighter_at}",
        lighter_ws_url=f"ws://{lighter_at}/stream",
        pacifica_url=f"http://{pacifica_at}/api/v1",
        pacifica_ws_url=f"ws://{pacifica_at}/ws",
    )


async def _bind(wish: _Wish, runners: list[web.AppRunner]) -> str:
    """Serve one application and return "host:port"; its runner joins `runners`."""
    app, port, name = wish
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S_MAX)
    runners.append(runner)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise PortInUse(
            f"port {port} for {name} cannot be used ({why(error)}): "
            f"stop what listens there or choose another with --{name}-port"
        ) from error
    host, bound_port = runner.addresses[0][:2]
    return f"{host}:{bound_port}"
