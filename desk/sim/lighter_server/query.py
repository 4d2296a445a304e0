"""The parameters of one request, checked as the venue's gateway checks them, and its pages.

Wrong or missing parameters are 20001 with the parameter's name, as in recorded answers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from desk.sim.lighter_server import codes, numbers
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.keyring import Keyring
from desk.venues.lighter.crypto.transactions import NIL_MARKET

T = TypeVar("T")

_NO_TOKEN = "auth query param and Authorization header are empty"


class Query:
    """The query (or form) of one request, its token, and the venue's time."""

    def __init__(self, fields: Mapping[str, str], *, token: str, now_ms: int) -> None:
        """`token` is the Authorization header; the query's `auth` serves where it is empty."""
        self._fields = fields
        self._token = token or fields.get("auth", "")
        self.now_ms = now_ms

    def text(self, name: str, default: str | None = None) -> str:
        """Return a parameter; without a default it is required."""
        value = self._fields.get(name) or default
        if value is None:
            raise LighterRefusal(codes.INVALID_PARAM, name)
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """Return a whole number; without a default it is required."""
        value = self.text(name, None if default is None else str(default))
        try:
            return int(value)
        except ValueError as error:
            raise LighterRefusal(codes.INVALID_PARAM, name) from error

    def within(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number in low..high."""
        value = self.integer(name, default)
        if not low <= value <= high:
            raise LighterRefusal(codes.INVALID_PARAM, name)
        return value

    def one_of(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """Return a parameter that is one of `allowed`."""
        value = self.text(name, default)
        if value not in allowed:
            raise LighterRefusal(codes.INVALID_PARAM, name)
        return value

    def flag(self, name: str) -> bool:
        """Return whether a boolean parameter is set."""
        return self.text(name, "false").lower() in ("true", "1")

    def market_id(self) -> int:
        """Return `market_id`, 255 for all where it is left out; 0 is a market."""
        return self.integer("market_id", NIL_MARKET)

    def span_ms(self) -> tuple[int, int]:
        """Return start and end in ms, whichever unit they came in; 22400 unless end is later."""
        start_ms = numbers.instant_ms(self.integer("start_timestamp"))
        end_ms = numbers.instant_ms(self.integer("end_timestamp"))
        if end_ms <= start_ms:
            raise LighterRefusal(codes.INVALID_TIMESTAMPS)
        return start_ms, end_ms

    def require_token(self, keyring: Keyring, account_index: int) -> None:
        """Raise unless the request carries a token of that account."""
        if not self._token:
            raise LighterRefusal(codes.INVALID_PARAM, _NO_TOKEN)
        keyring.check_token(self._token, account_index, self.now_ms)


def page(
    rows: Sequence[T], *, limit: int, cursor: str, key: Callable[[T], str]
) -> tuple[Sequence[T], str]:
    """Return the page of `rows` after the one that `cursor` names, and the next cursor.

    A cursor is the key of the last row shown, so that new rows in front shift nothing. It is
    empty on the first page, and after the last.
    """
    start = 0
    if cursor:
        places = [place for place, row in enumerate(rows) if key(row) == cursor]
        if not places:
            raise LighterRefusal(codes.INVALID_PARAM, "cursor")
        start = places[0] + 1
    shown = rows[start : start + limit]
    has_more = len(rows) > start + limit
    return shown, key(shown[-1]) if has_more and shown else ""
