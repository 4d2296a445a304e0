"""The names of the venues, and ours there.

Facts about a venue live in its wire module, not here.
"""

from dataclasses import dataclass
from enum import StrEnum


class VenueName(StrEnum):
    """An exchange we trade on; the value is the word used in files, logs and on screen."""

    LIGHTER = "lighter"
    PACIFICA = "pacifica"

    @property
    def twin(self) -> "VenueName":
        """Return the other venue: where the other leg of a hedge lives."""
        return VenueName.PACIFICA if self is VenueName.LIGHTER else VenueName.LIGHTER


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are at a venue, for people to check: no secrets.

    `account` is the venue's own name of it, `key` says which of its keys signs, `url` where the
    requests go.
    """

    account: str
    key: str
    url: str
