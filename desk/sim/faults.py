"""What can go wrong on the way to a venue and inside it, as a plan that a seed replays.

Pure: no clock, no socket. The servers ask the plan and carry the fault out; a fault that is asked
for by name of an operation (`"POST /orders/create"`, `"sendTx"`, `"ws create_order"`,
`"stream book BTC"`) is used up by the first operation it matches.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from desk.core.venue import VenueName

FAULTS_MAX = 1_000


class FaultKind(StrEnum):
    """Everything a plan can do; the value is the word used on the control plane."""

    # On the way of a request. `delay_s` is the lateness where one is named.
    REQUEST_LOST_BEFORE = "request_lost_before"  # connection dropped, nothing happened
    REQUEST_LOST_AFTER = "request_lost_after"  # took effect, then the connection dropped
    REPLY_LOST = "reply_lost"  # took effect, then silence until the asker gives up
    REPLY_LATE = "reply_late"  # took effect at once, the answer comes `delay_s` later
    EFFECT_LATE = "effect_late"  # dropped now, takes effect `delay_s` later all the same
    REJECT = "reject"  # refused with the venue's own `code`, nothing happened
    HTTP_429 = "http_429"  # rate limit exceeded
    HTTP_405 = "http_405"  # the firewall's way to say the same
    HTTP_5XX = "http_5xx"  # internal error, nothing happened
    HTML_BODY = "html_body"  # a proxy's page with status 200 in place of the answer
    RESET_MID_BODY = "reset_mid_body"  # took effect, connection reset halfway through the answer
    MALFORMED = "malformed"  # took effect, the answer is cut and no longer parses
    UNKNOWN_FIELDS = "unknown_fields"  # the answer carries fields and a row nobody documented

    # What becomes of an order that was accepted.
    PARTIAL_FILL = "partial_fill"  # fills half of what it could, the rest is cancelled
    NO_FILL = "no_fill"  # accepted, fills nothing, is cancelled
    ACCEPTED_THEN_CANCELLED = "accepted_then_cancelled"  # a resting order is cancelled by the venue

    # On the streams.
    STREAM_DUPLICATE = "stream_duplicate"  # the frame comes twice
    STREAM_REORDER = "stream_reorder"  # the frame comes after the next one
    BOOK_GAP = "book_gap"  # one book frame never comes
    STREAM_CLOSED = "stream_closed"  # the venue closes the socket
    STREAM_SILENT = "stream_silent"  # open but mute for `delay_s` (0: until cleared)
    STALE_PRICES = "stale_prices"  # books and statistics stand still for `delay_s`

    # The venue as a whole. `delay_s` is how long it lasts, 0 until cleared.
    OUTAGE = "outage"  # every connection is refused or cut
    CLOCK_SKEW = "clock_skew"  # the venue's clock runs `delay_s` ahead (negative: behind)

    # Things done to the account, once, as soon as they are asked for.
    LIQUIDATION = "liquidation"  # the venue closes a position of ours on its own
    ADL = "adl"  # the venue cuts a winning position against a bankrupt one
    NONCE_GAP = "nonce_gap"  # the next nonce jumps (Lighter)
    NONCE_STRANGER = "nonce_stranger"  # somebody else uses the next nonce of our key (Lighter)
    OWNER_TRADES = "owner_trades"  # the owner sends an order by hand


REQUEST_KINDS = frozenset(
    {
        FaultKind.REQUEST_LOST_BEFORE,
        FaultKind.REQUEST_LOST_AFTER,
        FaultKind.REPLY_LOST,
        FaultKind.REPLY_LATE,
        FaultKind.EFFECT_LATE,
        FaultKind.REJECT,
        FaultKind.HTTP_429,
        FaultKind.HTTP_405,
        FaultKind.HTTP_5XX,
        FaultKind.HTML_BODY,
        FaultKind.RESET_MID_BODY,
        FaultKind.MALFORMED,
        FaultKind.UNKNOWN_FIELDS,
    }
)
ORDER_KINDS = frozenset(
    {FaultKind.PARTIAL_FILL, FaultKind.NO_FILL, FaultKind.ACCEPTED_THEN_CANCELLED}
)
STREAM_KINDS = frozenset(
    {
        FaultKind.STREAM_DUPLICATE,
        FaultKind.STREAM_REORDER,
        FaultKind.BOOK_GAP,
        FaultKind.STREAM_CLOSED,
    }
)
LASTING_KINDS = frozenset(
    {FaultKind.OUTAGE, FaultKind.CLOCK_SKEW, FaultKind.STREAM_SILENT, FaultKind.STALE_PRICES}
)
ACCOUNT_KINDS = frozenset(
    {
        FaultKind.LIQUIDATION,
        FaultKind.ADL,
        FaultKind.NONCE_GAP,
        FaultKind.NONCE_STRANGER,
        FaultKind.OWNER_TRADES,
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the plan.

    `match` is part of the operation's name ("" matches all; for what is done to an account it is
    the symbol). `count` is how often it strikes, `probability` (0..1) its chance at each
    operation that matches, `code` the venue's code for a `reject`. `delay_s` is explained at each
    kind. `since_ms` is when it was added.
    """

    venue: VenueName
    kind: FaultKind
    match: str = ""
    count: int = 1
    probability: float = 1.0
    delay_s: float = 0.0
    code: str = ""
    since_ms: int = 0

    def lasts_at(self, now_ms: int) -> bool:
        """Return whether a lasting fault still holds; without a length it holds until cleared."""
        if self.kind is FaultKind.CLOCK_SKEW or self.delay_s <= 0:
            return True
        return now_ms < self.since_ms + round(self.delay_s * 1000)


FaultListener = Callable[[Fault], None]


class FaultPlan:
    """The faults still to come, in the order they were added, with a seeded coin."""

    def __init__(self, seed: int = 0) -> None:
        """Start empty; `seed` decides every throw."""
        self._faults: list[Fault] = []
        self._random = random.Random(f"faults:{seed}")
        self.listeners: list[FaultListener] = []

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Return what is still to come."""
        return tuple(self._faults)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is to come."""
        return not self._faults

    def add(self, fault: Fault) -> None:
        """Add one line and tell the listeners (they cut connections when an outage begins).

        Raises `ValueError` when the plan is full.
        """
        if len(self._faults) >= FAULTS_MAX:
            raise ValueError(f"the plan holds {FAULTS_MAX} faults already: clear it first")
        if fault.kind not in ACCOUNT_KINDS:
            self._faults.append(fault)
        for listener in self.listeners:
            listener(fault)

    def clear(self, venue: VenueName | None = None) -> int:
        """Forget the faults of one venue or of all; returns how many there were."""
        kept = [fault for fault in self._faults if venue is not None and fault.venue is not venue]
        count = len(self._faults) - len(kept)
        self._faults = kept
        return count

    def take(
        self, venue: VenueName, operation: str, kinds: Collection[FaultKind] = REQUEST_KINDS
    ) -> tuple[Fault, ...]:
        """Return the faults that strike this operation, and count them down.

        Only `kinds` are looked at, which are those the asker can carry out at this point. The
        coin is thrown once for each uncertain fault that matches, so the same questions in the
        same order get the same answers.
        """
        struck: list[Fault] = []
        kept: list[Fault] = []
        for fault in self._faults:
            left = fault
            if self._strikes(fault, venue, operation, kinds):
                struck.append(fault)
                left = replace(fault, count=fault.count - 1)
            if left.count > 0:
                kept.append(left)
        self._faults = kept
        return tuple(struck)

    def _strikes(
        self, fault: Fault, venue: VenueName, operation: str, kinds: Collection[FaultKind]
    ) -> bool:
        if fault.venue is not venue or fault.kind not in kinds or fault.kind in LASTING_KINDS:
            return False
        if fault.match not in operation:
            return False
        return fault.probability >= 1 or self._random.random() < fault.probability

    def lasting(
        self, venue: VenueName, kind: FaultKind, now_ms: int, operation: str = ""
    ) -> Fault | None:
        """Return the fault of a lasting `kind` that holds at `now_ms`, if any; it is not used
        up."""
        for fault in self._faults:
            wanted = fault.venue is venue and fault.kind is kind and fault.match in operation
            if wanted and fault.lasts_at(now_ms):
                return fault
        return None
