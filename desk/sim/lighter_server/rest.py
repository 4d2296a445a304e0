"""The REST half as aiohttp handlers: forms and queries in, JSON out, refusals worded.

What an endpoint answers lives in `api_markets` and `api_accounts`; what a transaction must pass in
`gateway`.
"""

from collections.abc import Callable, Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

import msgspec
from aiohttp import hdrs, web

from desk.sim.lighter_server import codes
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.gateway import Gateway, Receipt
from desk.sim.lighter_server.markets import Row
from desk.sim.lighter_server.query import Query

CONTRACT_ADDRESS = "0x3B4D794a66304F130a4Db8F2551B0070dfCf5ca7"
QUOTA_MESSAGE = '{"ratelimit": "didn\'t use volume quota"}'
VOLUME_QUOTA_REMAINING = 10_780


def status_body(now_ms: int) -> Row:
    """Return the body of `GET /`: seconds, and the L1 network's number."""
    return {"status": codes.OK, "network_id": 1, "timestamp": now_ms // 1000}


def info_body() -> Row:
    """Return the body of `GET /info`."""
    return {"contract_address": CONTRACT_ADDRESS}


async def form_of(request: web.Request) -> dict[str, str]:
    """Return the fields of a urlencoded or multipart form.

    The body may have been read before (the fault middleware does), after which aiohttp can no
    longer take multipart apart: it is done here from the bytes.
    """
    body = await request.read()
    kind = request.headers.get(hdrs.CONTENT_TYPE, "")
    if request.content_type == "multipart/form-data":
        head = f"{hdrs.CONTENT_TYPE}: {kind}\r\n\r\n".encode()
        return _multipart(BytesParser(policy=HTTP).parsebytes(head + body))
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError as error:
        raise LighterRefusal(codes.INVALID_PARAM, "form") from error


def _multipart(message: Message) -> dict[str, str]:
    fields: dict[str, str] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields[name] = payload.decode("utf-8", "replace")
    return fields


def texts_of(value: object) -> list[object]:
    """Return a list given as JSON text or as a list (both are in use for batches)."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError as error:
            raise LighterRefusal(codes.INVALID_TX_INFO) from error
    if not isinstance(value, list):
        raise LighterRefusal(codes.INVALID_TX_INFO)
    return value


def send_tx(gateway: Gateway, form: Mapping[str, object], now_ms: int) -> Receipt:
    """Take the transaction of a form or frame."""
    return gateway.send(_given(form, "tx_type"), _given(form, "tx_info"), now_ms)


def send_tx_batch(
    gateway: Gateway, form: Mapping[str, object], now_ms: int, *, most: int
) -> Receipt:
    """Take the transactions of a form or frame; lists or texts of lists."""
    tx_types = texts_of(_given(form, "tx_types"))
    return gateway.send_batch(tx_types, texts_of(_given(form, "tx_infos")), now_ms, most=most)


def _given(form: Mapping[str, object], name: str) -> object:
    if form.get(name) in (None, ""):
        raise LighterRefusal(codes.INVALID_PARAM, name)
    return form[name]


def receipt_body(receipt: Receipt, *, is_batch: bool) -> Row:
    """Return the answer to accepted transactions: accepted, not executed."""
    return {
        "code": codes.OK,
        "message": QUOTA_MESSAGE,
        "tx_hash": list(receipt.hashes) if is_batch else receipt.hashes[0],
        "predicted_execution_time_ms": receipt.predicted_ms,
        "volume_quota_remaining": VOLUME_QUOTA_REMAINING,
    }


def query_of(request: web.Request, now_ms: int) -> Query:
    """Return the query of a GET with its token."""
    token = request.headers.get(hdrs.AUTHORIZATION, "")
    return Query(request.query, token=token, now_ms=now_ms)


Answers = Mapping[str, Callable[[Query], Row]]
