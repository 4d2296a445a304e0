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
class Health:
    """How a venue has served our requests lately, as its client has seen it.

    `round_trip_ms` is that of the last answer, which came at `answered_at_ms`; None before the
    first. Of the requests that we allow ourselves in a minute `budget_max` are all, and
    `budget_left` those that routine reads could still take; None without a limit. `skew_ms` is the
    venue's clock minus ours as its answers show it, None where they do not.
    """

    round_trip_ms: int | None = None
    answered_at_ms: int | None = None
    budget_left: int | None = None
    budget_max: int | None = None
    skew_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are at a venue, for people to check: no secrets.

    `account` is the venue's own name of it, `key` says which of its keys signs, `url` where the
    requests go.
    """

    account: str
    key: str
    url: str
