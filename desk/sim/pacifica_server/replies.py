"""The envelope of every REST answer, query parameters, and pages behind opaque cursors."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from aiohttp import web

from desk.sim.pacifica_server.errors import malformed
from desk.sim.web import json_response

LIMIT_DEFAULT = 100
LIMIT_MAX = 4_000
CURSOR_PREFIX = "1111"

Row = TypeVar("Row")


def done(data: object, *, last_order_id: int | None = None) -> web.Response:
    """Return a success; three listings carry the exchange's sequence number beside the data."""
    body: dict[str, object] = {"success": True, "data": data, "error": None, "code": None}
    if last_order_id is not None:
        body["last_order_id"] = last_order_id
    return json_response(body)


def page(
    rows: Sequence[Row],
    query: Mapping[str, str],
    *,
    id_of: Callable[[Row], int],
    print_row: Callable[[Row], object],
) -> web.Response:
    """Return one page of `rows`, which come newest first with falling ids.

    `limit` is 100 unless asked for, at most 4000; `cursor` is the last answer's `next_cursor`.
    """
    limit = min(LIMIT_MAX, max(1, integer(query, "limit", LIMIT_DEFAULT)))
    before = _cursor_id(query.get("cursor"))
    rest = [row for row in rows if before is None or id_of(row) < before]
    shown = rest[:limit]
    has_more = len(rest) > limit
    body = {
        "success": True,
        "data": [print_row(row) for row in shown],
        "next_cursor": f"{CURSOR_PREFIX}{id_of(shown[-1]):x}" if has_more else None,
        "has_more": has_more,
    }
    return json_response(body)


def _cursor_id(cursor: str | None) -> int | None:
    if not cursor:
        return None
    try:
        return int(cursor.removeprefix(CURSOR_PREFIX), 16)
    except ValueError:
        raise malformed("Invalid cursor") from None


def required(query: Mapping[str, str], name: str) -> str:
    """Return a query parameter.

    Raises `ApiError` 400 when it is missing.
    """
    if name not in query:
        raise malformed(f"Failed to deserialize query string: missing field `{name}`")
    return query[name]


def integer(query: Mapping[str, str], name: str, default: int | None = None) -> int:
    """Return a whole-number parameter; without `default` it is required.

    Raises `ApiError` 400.
    """
    if default is not None and name not in query:
        return default
    text = required(query, name)
    try:
        return int(text)
    except ValueError:
        raise malformed(f"Failed to deserialize query string: {name}: invalid digit") from None
