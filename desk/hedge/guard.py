"""What is on record of the venues' own guard: data and what follows from it alone, part of the
state.

What is known of it and what to do about it stand in `desk.hedge.triggers` and
`desk.hedge.guarding`.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from desk.core.order import OrderKind, Side
from desk.core.venue import VenueName


class TriggerStage(StrEnum):
    """What is known of a trigger: SENT and not seen yet, RESTING among the open orders, GONE."""

    SENT = "sent"
    RESTING = "resting"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A reduce-only order of ours that waits at a venue for the mark, written down like an intent.

    At `trigger_price` (USD) it closes `size` (base units) at `price` or better. Until
    `lands_until_ms` its request may still take effect; at `expires_at_ms` the venue drops it.
    `was_answered`: the request has left this process and ended, whatever became of it.
    `cancel_at_ms` is when its cancel was last asked for.
    """

    venue: VenueName
    client_id: str
    kind: OrderKind
    side: Side
    size: Decimal
    trigger_price: Decimal
    price: Decimal
    saved_at_ms: int
    lands_until_ms: int
    expires_at_ms: int
    stage: TriggerStage = TriggerStage.SENT
    was_answered: bool = False
    cancel_at_ms: int | None = None
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None

    @property
    def signed(self) -> Decimal:
        """Return what it has added to the position, signed base units."""
        return self.filled * self.side.sign

    @property
    def may_act(self) -> bool:
        """Return whether it rests, or may yet."""
        return self.stage is not TriggerStage.GONE


@dataclass(frozen=True, slots=True)
class Guard:
    """The venues' own guard of a hedge: triggers at two marks, `low` and `high` (USD), the same on
    both venues.

    `stop_loss_pct` is what the marks were chosen by. `placed` counts triggers, `tries` the
    attempts since all rested last, `refusals` those that a venue answered with a no. The next look
    at them is due at `look_at_ms`.
    """

    low: Decimal
    high: Decimal
    stop_loss_pct: Decimal
    triggers: tuple[Trigger, ...] = ()
    placed: int = 0
    tries: int = 0
    refusals: int = 0
    look_at_ms: int = 0
