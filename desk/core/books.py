"""What an account's books are made of besides fills and funding: money that came in or went out."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class MovementKind(StrEnum):
    """Where the money came from or went to, as far as a venue says.

    INTERNAL is between accounts of that venue, or parts of one account.
    """

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that entered or left the account without being earned or lost.

    `usd` is what it changed the account's cash by: positive came in, zero was undone by the venue.
    `movement_id` is unique on its venue and account, `word` is what the venue calls it.
    """

    movement_id: str
    kind: MovementKind
    usd: Decimal
    at_ms: int
    word: str
