"""The signed POSTs, and the same operations as the WebSocket sends them.

Each body is read, checked and carried out in one go: nothing waits between a signature and its
effect.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from desk.sim.pacifica_server.auth import Gatekeeper, Signed
from desk.sim.pacifica_server.commands import Commands, Data
from desk.sim.pacifica_server.context import Context
from desk.sim.pacifica_server.credits import API_PREFIX
from desk.sim.pacifica_server.errors import ApiError, malformed
from desk.sim.pacifica_server.operations import (
    BATCH_ACTIONS,
    BATCH_MAX,
    BY_TYPE,
    OPERATIONS,
    Batch,
    Operation,
    read,
)
from desk.sim.pacifica_server.replies import done

BATCH = "batch_orders"
BATCH_PATH = "/orders/batch"
UNSUPPORTED_PATHS = (
    "/orders/twap/create",
    "/account/subaccount/create",
    "/account/settings/auto_lend_disabled",
    "/account/settings/spot",
)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one signed request: it and the `data` of its answer."""

    signed: Signed
    data: Data


class SignedApi:
    """Reads, checks and carries out signed bodies."""

    def __init__(self, context: Context) -> None:
        """Act on one context."""
        self._context = context
        self._gate = Gatekeeper(context.registry, context.switches)
        self._commands = Commands(context)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        routes = [
            web.post(API_PREFIX + operation.path, self._handler(operation))
            for operation in OPERATIONS
        ]
        routes += [web.post(API_PREFIX + path, self._unsupported) for path in UNSUPPORTED_PATHS]
        return [*routes, web.post(API_PREFIX + BATCH_PATH, self._post_batch)]

    def run(self, name: str, body: object) -> Done:
        """Check one signed body and carry it out.

        Raises `ApiError`; then nothing happened.
        """
        return self._carry_out(self._check(BY_TYPE[name], body))

    def run_batch(self, body: object) -> list[Done | ApiError]:
        """Carry out up to ten actions in order, going on after one that is refused.

        Raises `ApiError` when any of them does not deserialise or verify: then none is done.
        """
        batch: Batch = read(body, Batch)
        if not 1 <= len(batch.actions) <= BATCH_MAX:
            raise malformed(f"Batch must contain between 1 and {BATCH_MAX} actions")
        checked: list[Signed] = []
        for action in batch.actions:
            if action.type not in BATCH_ACTIONS:
                raise malformed(f"unknown variant `{action.type}`")
            checked.append(self._check(BATCH_ACTIONS[action.type], action.data))
        return [self._attempt(signed) for signed in checked]

    def _check(self, operation: Operation, body: object) -> Signed:
        return self._gate.check(operation, body, now_ms=self._context.door.now_ms())

    def _carry_out(self, signed: Signed) -> Done:
        return Done(signed, self._commands.run(signed))

    def _attempt(self, signed: Signed) -> Done | ApiError:
        try:
            return self._carry_out(signed)
        except ApiError as error:
            return error

    def _handler(self, operation: Operation) -> Callable[[web.Request], Any]:
        async def post(request: web.Request) -> web.Response:
            return done(self.run(operation.name, await json_body(request)).data)

        return post

    async def _post_batch(self, request: web.Request) -> web.Response:
        results = self.run_batch(await json_body(request))
        return done({"results": [_rest_result(result) for result in results]})

    async def _unsupported(self, request: web.Request) -> web.Response:
        raise ApiError(422, "Unsupported operation", 51)


async def json_body(request: web.Request) -> object:
    """Return the decoded body.

    Raises `ApiError` 400.
    """
    try:
        return msgspec.json.decode(await request.read())
    except msgspec.DecodeError as error:
        raise malformed(f"Failed to parse the request body as JSON: {error}") from error


def order_id_of(done: Done) -> int | None:
    """Return the order id in an answer's data, if it has one."""
    return done.data.get("order_id") if isinstance(done.data, dict) else None


def _rest_result(result: Done | ApiError) -> dict[str, object]:
    if isinstance(result, ApiError):
        return {"success": False, "order_id": None, "error": result.text}
    order_id = order_id_of(result)
    if order_id is None:
        return {"success": True}
    return {"success": True, "order_id": order_id, "error": None}
