"""Puts the Pacifica server together as an aiohttp application: `/api/v1/*` and `/ws`."""

from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.sim.accounts import PACIFICA_ACCOUNT_ID, PacificaAccount
from desk.sim.faults import Fault, FaultKind, FaultPlan
from desk.sim.mishaps import Mishaps
from desk.sim.pacifica_server.account_api import AccountApi
from desk.sim.pacifica_server.connection import Connection
from desk.sim.pacifica_server.context import Context
from desk.sim.pacifica_server.credits import API_KEY_HEADER, API_PREFIX, Credits
from desk.sim.pacifica_server.errors import (
    ApiError,
    error_of_fault,
    rate_limited,
    refuse_by_fault,
)
from desk.sim.pacifica_server.market_api import MarketApi
from desk.sim.pacifica_server.publisher import Publisher
from desk.sim.pacifica_server.registry import Registry
from desk.sim.pacifica_server.signed_api import SignedApi
from desk.sim.pacifica_server.stream_operations import actions_in, carry_out, error_frame
from desk.sim.pacifica_server.subscriptions import (
    ACCOUNT_SOURCES,
    MARKET_SOURCES,
    Subscriptions,
    Topic,
)
from desk.sim.pacifica_server.switches import PacificaSwitches
from desk.sim.web import (
    Crossing,
    Door,
    Limits,
    Spending,
    encode,
    fault_middleware,
    with_unknown_fields,
)
from desk.sim.world import World
from desk.venues.pacifica.signing import is_address


class PacificaServer:
    """Pacifica on one world.

    `app` is the application, `registry` who may act; one account with a bound agent is there from
    the start.
    """

    def __init__(
        self,
        world: World,
        *,
        clock: Clock,
        account: PacificaAccount,
        plan: FaultPlan | None = None,
        limits: Limits = Limits.PUBLISHED,
        switches: PacificaSwitches | None = None,
    ) -> None:
        """Serve `account`, which the world's exchange must hold as `PACIFICA_ACCOUNT_ID`."""
        self._world = world
        self._clock = clock
        self.switches = switches or PacificaSwitches()
        self.registry = Registry()
        self.registry.add(account.account, PACIFICA_ACCOUNT_ID)
        self.registry.bind(account.agent, account.account)
        self.door = Door(VenueName.PACIFICA, plan=plan or FaultPlan(world.seed), clock=clock)
        self._context = Context(
            exchange=world.pacifica,
            registry=self.registry,
            switches=self.switches,
            door=self.door,
            mishaps=Mishaps(world.pacifica, self.door.plan, schedule=world.schedule),
            sync=self._sync,
        )
        self._credits = Credits(self.registry, self.switches.credits, limits)
        self._signed = SignedApi(self._context)
        self._subscriptions: Subscriptions[Connection] = Subscriptions()
        self._publisher = Publisher(self._context, self._subscriptions)
        self._connections: dict[int, Connection] = {}
        self._connection_count = 0
        self.app = self._application()

    async def close(self) -> None:
        """Cut every connection and stop publishing."""
        self._publisher.close()
        await self.door.close()

    def spending(self) -> Spending:
        """Return what requests have cost so far."""
        return self._credits.spending(self._clock.now_ms())

    def _application(self) -> web.Application:
        faults = fault_middleware(self.door, refuse_by_fault)
        app = web.Application(middlewares=[faults, self._count])
        app.add_routes(MarketApi(self._context).routes())
        app.add_routes(AccountApi(self._context).routes())
        app.add_routes(self._signed.routes())
        app.add_routes([web.get("/ws", self._serve_socket)])
        return app

    def _sync(self) -> None:
        self._world.sync(self._clock.now_ms())

    @web.middleware
    async def _count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count credits, let the handler answer, and word refusals."""
        if not request.path.startswith(API_PREFIX):
            return await handler(request)
        self._sync()
        standing = self._credits.charge_request(
            request.method,
            request.path,
            await request.read(),
            address=request.remote or "",
            api_key=request.headers.get(API_KEY_HEADER),
            now_ms=self._clock.now_ms(),
        )
        try:
            if not standing.allowed:
                raise rate_limited()
            response = await handler(request)
        except ApiError as error:
            response = error.response()
        except web.HTTPException as error:
            response = ApiError(error.status, error.reason, error.status).response()
        response.headers.update(standing.headers)
        return response

    # WebSocket

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        if len(self._connections) >= self.switches.sockets.connections_max:
            return rate_limited().response()
        self._connection_count += 1
        connection = Connection(self._connection_count, request, context=self._context, desk=self)
        self._connections[connection.number] = connection
        try:
            return await connection.serve()
        finally:
            del self._connections[connection.number]
            self._subscriptions.drop(connection)

    def may_subscribe(self, connection: Connection, topic: Topic) -> str | None:
        """Return why a subscription is refused: "" stands for silence, None for yes."""
        if topic.source in MARKET_SOURCES and topic.subject not in self._context.exchange.markets:
            return ""
        if topic.source in ACCOUNT_SOURCES and not is_address(topic.subject):
            return ""
        count_max = self.switches.sockets.subscriptions_per_channel_max
        if self._subscriptions.count(connection, topic.source) >= count_max:
            return f"Subscription limit reached for {topic.source}: {count_max}"
        owner = self.registry.owner_of_api_key(connection.api_key)
        if topic.source == "account_liquidations" and owner != topic.subject:
            return "Unauthorized"
        return None

    def subscribe(self, connection: Connection, topic: Topic) -> bytes | None:
        """Subscribe and return the snapshot that follows the acknowledgement, if any."""
        self._subscriptions.add(topic, connection)
        return self._publisher.snapshot(topic)

    def unsubscribe(self, connection: Connection, topic: Topic) -> None:
        """End a subscription."""
        self._subscriptions.remove(topic, connection)

    async def operate(
        self, connection: Connection, name: str, message: dict[str, Any]
    ) -> bytes | None:
        """Carry out a trading operation and return its reply frame, None when none is sent."""

        async def effect() -> bytes:
            self._sync()
            now_ms = self.door.now_ms()
            standing = self._credits.charge_operation(
                name,
                actions_in(name, message),
                address=connection.address,
                api_key=connection.api_key,
                now_ms=self._clock.now_ms(),
            )
            return encode(carry_out(self._signed, name, message, standing=standing, now_ms=now_ms))

        def refuse(fault: Fault) -> bytes:
            error = error_of_fault(fault)
            now_ms = self.door.now_ms()
            return encode(error_frame(error, name, message, standing=None, now_ms=now_ms))

        async def spoil(reply: bytes, fault: Fault) -> bytes | None:
            if fault.kind is FaultKind.UNKNOWN_FIELDS:
                return with_unknown_fields(reply)
            if fault.kind is FaultKind.MALFORMED:
                return reply[: len(reply) // 2]
            connection.drop()
            return None

        return await self.door.cross(
            Crossing(
                operation=f"ws {name}",
                effect=effect,
                drop=connection.drop,
                refuse=refuse,
                spoil=spoil,
            )
        )
