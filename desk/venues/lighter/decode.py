"""The ground floor of Lighter's wire: bytes to typed rows, stamps to milliseconds, names to ours.

Everything that comes in is checked here or refused as `BadMessage`. No sockets, no clock.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TypeVar

import msgspec

from desk.core.errors import BadMessage
from desk.core.venue import VenueName
from desk.venues import rows
from desk.venues.rows import UNREADABLE, is_sane

T = TypeVar("T")

# One contract holds a thousand coins at both venues; they only spell it differently.
_CANONICAL = {
    "1000BONK": "kBONK",
    "1000FLOKI": "kFLOKI",
    "1000PEPE": "kPEPE",
    "1000SHIB": "kSHIB",
    "1000TOSHI": "kTOSHI",
}

# Perpetuals are 0..254, 255 means "all", spot markets start at 2048 (apidocs.lighter.xyz).
MARKET_ID_MAX = 254
ALL_MARKETS = 255


_AnyRow = dict[str, msgspec.Raw]


def decode(raw: bytes | str, kind: type[T], request: str) -> T:
    """Return `raw` as `kind`; raises `BadMessage` naming `request`."""
    return rows.decode(raw, kind, venue=VenueName.LIGHTER, request=request)


def rows_of(
    raws: Iterable[msgspec.Raw] | None, kind: type[T], *, key: str, request: str
) -> list[T]:
    """Return the rows that have `key`, each as `kind`; None is no rows.

    A row without its key is of a sort we do not know and passed over; one that has it must read.
    Rows of which none has it are no list of ours: "nothing" would read as flat. Raises
    `BadMessage`.
    """
    texts = [bytes(raw) for raw in raws or ()]
    known = [text for text in texts if key in decode(text, _AnyRow, request)]
    if texts and not known:
        raise bad(f"no row has a {key}", request, texts[0])
    return [decode(text, kind, request) for text in known]


def bad(message: str, request: str, raw: bytes | str) -> BadMessage:
    """Return the error for an answer we cannot read."""
    return BadMessage(message, venue=VenueName.LIGHTER, request=request, raw=raw)


@contextmanager
def readable(request: str, raw: bytes | str) -> Iterator[None]:
    """Turn the errors of converting well-formed but senseless rows into `BadMessage`."""
    try:
        yield
    except (KeyError, IndexError, ArithmeticError, *UNREADABLE) as error:
        raise bad(f"{type(error).__name__} {error}", request, raw) from error


def canonical(symbol: str) -> str:
    """Return our name of a Lighter ticker: Pacifica's, where the two differ."""
    return _CANONICAL.get(symbol, symbol)


def is_perp(market_id: int) -> bool:
    """Return whether an id belongs to a perpetual; zero does (ETH)."""
    return 0 <= market_id <= MARKET_ID_MAX


def to_ms(stamp: int) -> int:
    """Return a stamp as ms UTC, telling its unit by its size.

    Seconds, milliseconds and microseconds are mixed, sometimes for one field (order stamps have
    been documented in seconds and recorded in milliseconds).
    """
    if stamp < 100_000_000_000:
        return stamp * 1_000
    if stamp < 100_000_000_000_000:
        return stamp
    return stamp // 1_000


def number_or_none(text: str) -> Decimal | None:
    """Return the number in `text`, None for an empty one; raises `ValueError` otherwise."""
    if text == "":
        return None
    try:
        value = Decimal(text)
    except ArithmeticError as error:
        raise ValueError(f"{text!r} is not a number") from error
    if not is_sane(value):
        raise ValueError(f"{text!r} is not a number")
    return value


def positive_or_none(text: str) -> Decimal | None:
    """Return a positive number, None for an empty text or zero: how absence is spelled."""
    value = number_or_none(text)
    return value if value is not None and value > 0 else None
