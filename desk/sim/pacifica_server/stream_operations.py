"""Trading operations sent over the WebSocket: request in, reply frame out.

Source: Pacifica docs (WebSocket trading operations). The reply echoes `id` and `type`; an error's
text stands in `err`; credits left stand in `rl`.
"""

from collections.abc import Mapping
from typing import Any

from desk.sim.pacifica_server.credits import Standing
from desk.sim.pacifica_server.errors import ApiError, malformed, rate_limited
from desk.sim.pacifica_server.operations import STREAM_OPERATIONS
from desk.sim.pacifica_server.signed_api import BATCH, Done, SignedApi, order_id_of

Frame = dict[str, Any]


def operation_name(message: Mapping[str, Any]) -> str | None:
    """Return which operation a client's frame asks for, None when it is not an operation."""
    params = message.get("params")
    if "method" in message or not isinstance(params, dict) or len(params) != 1:
        return None
    name = next(iter(params))
    return name if name in STREAM_OPERATIONS else None


def actions_in(name: str, message: Mapping[str, Any]) -> int:
    """Return how many actions a frame carries: those of a batch, or one."""
    body = message["params"][name]
    actions = body.get("actions") if isinstance(body, dict) and name == BATCH else None
    return len(actions) if isinstance(actions, list) else 1


def carry_out(
    api: SignedApi, name: str, message: Mapping[str, Any], *, standing: Standing, now_ms: int
) -> Frame:
    """Carry one operation out and return the reply frame, a refusal included."""
    try:
        if not standing.allowed:
            raise rate_limited()
        frame: Frame = {"code": 200, "data": _data(api, name, message["params"][name])}
    except ApiError as error:
        return error_frame(error, name, message, standing=standing, now_ms=now_ms)
    return {
        **frame,
        "id": message.get("id"),
        "t": now_ms,
        "type": name,
        "rl": standing.frame,
    }


def error_frame(
    error: ApiError,
    name: str,
    message: Mapping[str, Any],
    *,
    standing: Standing | None,
    now_ms: int,
) -> Frame:
    """Return the reply to an operation that is refused."""
    frame: Frame = {
        "id": message.get("id"),
        "type": name,
        "code": error.ws_code,
        "err": error.text,
        "t": now_ms,
    }
    if standing is not None:
        frame["rl"] = standing.frame
    return frame


def _data(api: SignedApi, name: str, body: object) -> object:
    if not isinstance(body, dict):
        raise malformed("invalid type: expected a map")
    if name == BATCH:
        return {"results": [_batch_result(result) for result in api.run_batch(body)]}
    done = api.run(name, body)
    return done.data if name == "cancel_all_orders" else _names(done)


def _names(done: Done) -> Frame:
    payload = done.signed.payload
    order_id = order_id_of(done)
    if order_id is None:
        order_id = getattr(payload, "order_id", None)
    named = getattr(payload, "client_order_id", None)
    return {"I": named, "i": order_id, "s": payload.symbol}


def _batch_result(result: Done | ApiError) -> Frame:
    if isinstance(result, ApiError):
        return {"success": False, "order_id": None, "error": result.text}
    names = _names(result)
    row: Frame = {"success": True, "order_id": names["i"], "symbol": names["s"]}
    if names["I"] is not None:
        row["client_order_id"] = names["I"]
    return row
