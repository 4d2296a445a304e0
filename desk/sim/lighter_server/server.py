"""Puts the Lighter server together as an aiohttp application: `/`, `/api/v1/*` and `/stream`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Handler

from desk.core.ports import Clock
from desk.core.venue import VenueName
from desk.sim.accounts import LighterAccount
from desk.sim.faults import Fault, FaultKind, FaultPlan
from desk.sim.lighter_server import codes, rest
from desk.sim.lighter_server.api_accounts import AccountsApi
from desk.sim.lighter_server.api_markets import MarketsApi
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.executor import Executor
from desk.sim.lighter_server.gateway import Gateway
from desk.sim.lighter_server.hub import Hub
from desk.sim.lighter_server.keyring import Keyring
from desk.sim.lighter_server.ledger import Ledger
from desk.sim.lighter_server.limiter import RequestLimiter, Verdict
from desk.sim.lighter_server.markets import Row
from desk.sim.lighter_server.reader import Reader
from desk.sim.lighter_server.session import SEND_TX_BATCH, Session
from desk.sim.lighter_server.strangers import on_account_fault
from desk.sim.lighter_server.switches import LighterSwitches
from desk.sim.lighter_server.transactions import Transaction
from desk.sim.mishaps import Mishaps
from desk.sim.web import (
    CONTROL_PREFIX,
    HTML_PAGE,
    Crossing,
    Door,
    Limits,
    Spending,
    encode,
    fault_middleware,
    json_response,
    with_unknown_fields,
)
from desk.sim.world import World
from desk.venues.lighter.crypto.transactions import TxType

API_PREFIX = "/api/v1/"
STREAM_PATH = "/stream"
SHUTDOWN_MS = 30_000


class LighterServer:
    """Lighter on one world.

    `app` is the application, `door` where faults strike, `keyring` who may act, `ledger` what
    became of transactions, `switches` how the venue is read.
    """

    def __init__(
        self,
        world: World,
        *,
        clock: Clock,
        accounts: Sequence[LighterAccount],
        plan: FaultPlan | None = None,
        limits: Limits = Limits.PUBLISHED,
        switches: LighterSwitches | None = None,
    ) -> None:
        """Serve `accounts`, which the world's exchange must hold by their index."""
        self._world = world
        self._clock = clock
        self._limits = limits
        self.switches = switches or LighterSwitches()
        plan = plan or FaultPlan(world.seed)
        self.door = Door(VenueName.LIGHTER, plan=plan, clock=clock)
        self.keyring = Keyring(self.switches.signatures)
        self.ledger = Ledger()
        for account in accounts:
            self.add_account(account)
        mishaps = Mishaps(world.lighter, plan, schedule=world.schedule)
        self._reader = Reader(
            world.lighter,
            self.keyring,
            self.switches,
            seen=mishaps.seen,
            is_stale=self.door.is_stale,
        )
        self.hub = Hub(
            self._reader,
            self.ledger,
            door=self.door,
            limits=self.switches.sockets,
        )
        self._gateway = Gateway(
            Executor(world.lighter, self._reader.markets, self.keyring, mishaps),
            keyring=self.keyring,
            ledger=self.ledger,
            switches=self.switches,
            plan=plan,
            bump_ms=self._bump_ms,
            on_done=self.hub.on_event,
        )
        self._limiter = RequestLimiter(limits)
        markets, people = MarketsApi(self._reader), AccountsApi(self._reader, self.ledger)
        self._answers: rest.Answers = {**markets.answers, **people.answers}
        self._sessions: dict[int, Session] = {}
        self._session_count = 0
        plan.listeners.append(self._on_fault)
        self.app = self._application()

    def add_account(self, account: LighterAccount) -> None:
        """Make an account and its two keys known."""
        self.keyring.add_account(account.account_index, account.l1_address)
        for key in (account.key, account.emergency_key):
            self.keyring.add_key(account.account_index, key.index, key.public_key)

    async def close(self) -> None:
        """Cut every connection and hear no more of the exchange."""
        self.hub.stop()
        await self.door.close()

    def spending(self) -> Spending:
        """Return what requests have cost so far."""
        return self._limiter.spending(self._clock.now_ms())

    def shut_down(self, close_in_ms: int = SHUTDOWN_MS) -> None:
        """Announce a restart to every stream and close them when it is due."""
        frame = encode({"type": "shutdown", "close_in_ms": close_in_ms})
        for session in list(self._sessions.values()):
            session.post("stream shutdown", frame)
            asyncio.get_running_loop().call_later(
                close_in_ms / 1000, session.close, WSCloseCode.GOING_AWAY, ""
            )

    def _application(self) -> web.Application:
        faults = fault_middleware(self.door, _refuse_http)
        app = web.Application(middlewares=[faults, self._guard])
        app.cleanup_ctx.append(self._life)
        app.add_routes(
            [
                web.get("/", self._root),
                web.get("/info", self._info),
                web.get(STREAM_PATH, self._serve_socket),
                web.post(f"{API_PREFIX}sendTx", self._send_tx),
                web.post(f"{API_PREFIX}sendTxBatch", self._send_tx_batch),
                web.get(API_PREFIX + "{name:.+}", self._answer),
            ]
        )
        return app

    async def _life(self, app: web.Application) -> AsyncIterator[None]:
        self.hub.start(asyncio.get_running_loop())
        yield
        await self.close()

    # REST

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the request, bring the world to the present, word refusals."""
        if request.path.startswith(CONTROL_PREFIX):
            return await handler(request)
        verdict = self._judge(request)
        if verdict is Verdict.BLOCKED:
            return _firewall()
        try:
            if verdict is Verdict.TOO_MANY:
                raise LighterRefusal(codes.TOO_MANY_REQUESTS)
            self._sync()
            return await handler(request)
        except LighterRefusal as refusal:
            return _refusal(refusal)
        except web.HTTPNotFound:
            return _refusal(LighterRefusal(codes.NOT_FOUND))

    def _judge(self, request: web.Request) -> Verdict:
        """Count a request against the limit; opening a stream is none."""
        if request.path == STREAM_PATH:
            return Verdict.PASS
        return self._limiter.judge(request.remote or "", self._clock.now_ms())

    def _sync(self) -> None:
        self._world.sync(self._clock.now_ms())
        self.hub.drain()

    async def _root(self, request: web.Request) -> web.Response:
        return json_response(rest.status_body(self.door.now_ms()))

    async def _info(self, request: web.Request) -> web.Response:
        return json_response(rest.info_body())

    async def _answer(self, request: web.Request) -> web.Response:
        answer = self._answers.get(request.match_info["name"])
        if answer is None:
            raise LighterRefusal(codes.NOT_FOUND)
        return json_response(answer(rest.query_of(request, self.door.now_ms())))

    async def _send_tx(self, request: web.Request) -> web.Response:
        form = await rest.form_of(request)
        self._sync()
        receipt = rest.send_tx(self._gateway, form, self.door.now_ms())
        return json_response(rest.receipt_body(receipt, is_batch=False))

    async def _send_tx_batch(self, request: web.Request) -> web.Response:
        form = await rest.form_of(request)
        self._sync()
        receipt = rest.send_tx_batch(
            self._gateway, form, self.door.now_ms(), most=self.switches.batch_max
        )
        return json_response(rest.receipt_body(receipt, is_batch=True))

    def _bump_ms(self, transaction: Transaction) -> int:
        level = self._reader.account(transaction.account_index).fee_level
        bumps = self._world.lighter.rules.tiers[level].bumps
        is_order = transaction.kind in (TxType.CREATE_ORDER, TxType.CREATE_GROUPED_ORDERS)
        return bumps.taker_ms if is_order else bumps.cancel_ms

    # WebSocket

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        if len(self._sessions) >= self.switches.sockets.connections_max:
            raise LighterRefusal(codes.TOO_MANY_CONNECTIONS)
        self._session_count += 1
        number = self._session_count
        session = Session(
            number,
            request,
            hub=self.hub,
            reader=self._reader,
            switches=self.switches,
            door=self.door,
            clock=self._clock,
            transact=self._transact,
            counts_messages=self._limits is Limits.PUBLISHED,
        )
        self._sessions[number] = session
        try:
            return await session.serve(self._session_id(number))
        finally:
            del self._sessions[number]

    def _session_id(self, number: int) -> str:
        digest = sha256(f"lighter session {self._world.seed} {number}".encode()).digest()
        return str(UUID(bytes=digest[:16], version=4))

    async def _transact(self, session: Session, kind: str, data: dict[str, Any]) -> bytes | None:
        """Carry out what came by WebSocket, faults included; None: no answer."""
        name = {"type": kind, "id": data.get("id")}

        async def effect() -> bytes:
            return encode(name | self._transacted(session, kind, data))

        async def spoil(reply: bytes, fault: Fault) -> bytes | None:
            if fault.kind is FaultKind.UNKNOWN_FIELDS:
                return with_unknown_fields(reply)
            if fault.kind is FaultKind.MALFORMED:
                return reply[: len(reply) // 2]
            session.drop()
            return None

        operation = "ws sendTxBatch" if kind == SEND_TX_BATCH else "ws sendTx"
        return await self.door.cross(
            Crossing(
                operation=operation,
                effect=effect,
                drop=session.drop,
                refuse=lambda fault: encode(name | refusal_of(fault)),
                spoil=spoil,
            )
        )

    def _transacted(self, session: Session, kind: str, data: dict[str, Any]) -> Row:
        verdict = self._limiter.judge(session.address, self._clock.now_ms())
        self._sync()
        now_ms = self.door.now_ms()
        try:
            if verdict is not Verdict.PASS:
                raise LighterRefusal(codes.TOO_MANY_REQUESTS)
            if kind == SEND_TX_BATCH:
                most = self.switches.batch_max_ws
                receipt = rest.send_tx_batch(self._gateway, data, now_ms, most=most)
                return rest.receipt_body(receipt, is_batch=True)
            receipt = rest.send_tx(self._gateway, data, now_ms)
            return rest.receipt_body(receipt, is_batch=False)
        except LighterRefusal as refusal:
            return refusal.body()

    # Faults

    def _on_fault(self, fault: Fault) -> None:
        """Carry out what is done to an account's keys."""
        if fault.venue is VenueName.LIGHTER:
            on_account_fault(
                fault,
                keyring=self.keyring,
                ledger=self.ledger,
                now_ms=self.door.now_ms(),
                on_done=self.hub.on_event,
            )


def refusal_of(fault: Fault) -> Row:
    """Return the body of a refusal that a fault asks for."""
    if fault.kind is FaultKind.REJECT:
        code = int(fault.code or codes.INTERNAL)
        return codes.result(code, codes.TEXTS.get(code, "injected"))
    if fault.kind is FaultKind.HTTP_5XX:
        return codes.result(codes.INTERNAL, codes.TEXTS[codes.INTERNAL])
    return codes.result(codes.TOO_MANY_REQUESTS, codes.TEXTS[codes.TOO_MANY_REQUESTS])


def _refuse_http(fault: Fault) -> web.StreamResponse:
    if fault.kind is FaultKind.HTML_BODY:
        return web.Response(body=HTML_PAGE, content_type="text/html")
    if fault.kind is FaultKind.HTTP_405:
        return _firewall()
    status = {FaultKind.HTTP_429: 429, FaultKind.HTTP_5XX: 500}.get(fault.kind, 400)
    return json_response(refusal_of(fault), status=status)


def _refusal(refusal: LighterRefusal) -> web.Response:
    return json_response(refusal.body(), status=refusal.http_status)


def _firewall() -> web.Response:
    """Return what the firewall answers: no JSON."""
    return web.Response(status=405, body=HTML_PAGE, content_type="text/html")
