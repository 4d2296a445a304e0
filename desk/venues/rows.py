"""Typed rows of both venues' JSON: unknown fields are ignored, numbers that are none are refused.

Pure. What a row means is read in each venue's own modules.
"""

from collections.abc import Hashable
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from desk.core.errors import BadMessage
from desk.core.venue import VenueName

EXPONENT_MAX = 30
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
_T = TypeVar("_T")


class Row(msgspec.Struct, frozen=True):
    """A JSON object of a venue's.

    A decimal that is not finite, or of absurd size, is refused: arithmetic would carry it on, or
    overflow far from where it came in.
    """

    def __post_init__(self) -> None:
        """Refuse NaN, infinities and absurd exponents."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal) and not is_sane(value):
                raise ValueError(f"`{name}` is not a sane number")


def is_sane(value: Decimal) -> bool:
    """Return whether a number is one to compute with."""
    return value.is_finite() and abs(value.adjusted()) <= EXPONENT_MAX


def decode(
    raw: bytes | str | msgspec.Raw, shape: type[_T], *, venue: VenueName, request: str
) -> _T:
    """Return `raw` as `shape`; raises `BadMessage` naming `request`."""
    try:
        return cast(_T, decoder(cast(Hashable, shape)).decode(raw))
    except UNREADABLE as error:
        text = raw if isinstance(raw, str) else bytes(raw)
        raise BadMessage(str(error), venue=venue, request=request, raw=text) from error


@cache
def decoder(shape: Hashable) -> msgspec.json.Decoder[Any]:
    """Return the one decoder of a shape."""
    return msgspec.json.Decoder(cast(Any, shape))
