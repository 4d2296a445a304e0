"""The names of the venues.

Facts about a venue live in its wire module, not here.
"""

from enum import StrEnum


class VenueName(StrEnum):
    """An exchange we trade on; the value is the word used in files, logs and on screen."""

    LIGHTER = "lighter"
    PACIFICA = "pacifica"

    @property
    def twin(self) -> "VenueName":
        """Return the other venue: where the other leg of a hedge lives."""
        return VenueName.PACIFICA if self is VenueName.LIGHTER else VenueName.LIGHTER
