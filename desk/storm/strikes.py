"""What can go wrong in a run, as values that can be written down, read back and left out.

A strike falls at a boundary: the n-th effect of the bot (a save, or a request) in a phase, of one
kind of call, or in the whole run. Only the vocabulary lives here: `body` carries out what befalls
the effect itself, `weather` what begins there.
"""

from dataclasses import dataclass
from enum import StrEnum

from desk.core.venue import VenueName


class Effect(StrEnum):
    """What kind of boundary it is."""

    SAVE = "save"
    READ = "read"
    WRITE = "write"


class Kind(StrEnum):
    """What goes wrong. `amount` is seconds unless said otherwise."""

    # The process dies at the boundary; `down_s` later a new one starts.
    CRASH_BEFORE = "crash_before"  # nothing happened
    CRASH_SENT = "crash_sent"  # the request is on the wire and arrives; a save is done
    CRASH_LANDED = "crash_landed"  # it has taken effect, nobody hears
    CRASH_LATE = "crash_late"  # it takes effect `amount` later
    CRASH_TORN = "crash_torn"  # half of a save is written
    CRASH_UNSYNCED = "crash_unsynced"  # a save is named, not safely; `amount` 0 to 3: see `body`

    # The request fails, the process lives.
    LOST = "lost"  # nothing happened, no answer
    REPLY_LOST = "reply_lost"  # it took effect, no answer
    REPLY_LATE = "reply_late"  # the answer comes `amount` later
    LATE = "late"  # no answer, it takes effect `amount` later
    REJECT = "reject"  # refused by code
    THROTTLED = "throttled"  # 429
    SERVER_ERROR = "server_error"  # 5xx, or a page of a proxy: nothing happened
    GARBLED = "garbled"  # it took effect, the answer cannot be read
    PARTIAL = "partial"  # `amount` (0..1) of the order finds nobody
    NO_FILL = "no_fill"  # none of the order finds anybody

    # Begins at the boundary and lasts for `amount`.
    OUTAGE = "outage"  # of `venue`, both when None: every connection refused or cut
    SILENT = "silent"  # the stream stays open and carries nothing
    CUT = "cut"  # the stream is closed
    DOUBLED = "doubled"  # each stream message comes twice
    REVERSED = "reversed"  # the messages of a frame come in reverse
    GAPPED = "gapped"  # orders and fills are not told by the stream
    DISK_FULL = "disk_full"  # nothing can be saved
    SKEW = "skew"  # our clock is wrong by `amount`, from now on

    # Told by `venue`, both when None, for `amount`, and not so.
    BLANK = "blank"  # reads of the account show no positions
    STALE_ACCOUNT = "stale_account"  # they show what was when it began
    LYING_ROW = "lying_row"  # the order it falls on is canceled, unfilled; its fills come later

    # Done once, to the markets, the account, or by the owner.
    SHOCK = "shock"  # prices move by `amount` percent
    LIQUIDATED = "liquidated"  # the venue closes our leg
    DELEVERAGED = "deleveraged"  # the venue cuts half of our leg
    OWNER_ADDS = "owner_adds"  # the owner trades by hand: `amount` of our leg more
    OWNER_REDUCES = "owner_reduces"  # `amount` of our leg less
    OWNER_ORDER = "owner_order"  # the owner rests an order in our symbol
    ISOLATED = "isolated"  # he sets isolated margin where nothing is held
    SAY_PAUSE = "say_pause"
    SAY_RESUME = "say_resume"
    SAY_CLOSE = "say_close"
    SAY_STOP = "say_stop"
    SAY_LEAVE = "say_leave"
    SAY_HALT = "say_halt"


CRASHES = frozenset(
    {
        Kind.CRASH_BEFORE,
        Kind.CRASH_SENT,
        Kind.CRASH_LANDED,
        Kind.CRASH_LATE,
        Kind.CRASH_TORN,
        Kind.CRASH_UNSYNCED,
    }
)
TO_REQUESTS = frozenset(
    {
        Kind.LOST,
        Kind.REPLY_LOST,
        Kind.REPLY_LATE,
        Kind.LATE,
        Kind.REJECT,
        Kind.THROTTLED,
        Kind.SERVER_ERROR,
        Kind.GARBLED,
        Kind.PARTIAL,
        Kind.NO_FILL,
    }
)
TO_THE_EFFECT = CRASHES | TO_REQUESTS | {Kind.LYING_ROW}
LIES = frozenset({Kind.BLANK, Kind.STALE_ACCOUNT, Kind.LYING_ROW})
"""A venue tells what is not so."""
HANDS = frozenset(
    {Kind.LIQUIDATED, Kind.DELEVERAGED, Kind.OWNER_ADDS, Kind.OWNER_REDUCES, Kind.OWNER_ORDER}
)
"""Others than the bot change what the account holds."""

DOWN_S = 3.0


@dataclass(frozen=True, slots=True)
class Strike:
    """One thing that goes wrong at the `number`-th effect (from 1) of `place`.

    A place is a phase ("OPEN"), a call ("send", "save"), or "" for all effects of a run. Its text
    reads like `OPEN#3:late:600`, `#12:outage:3600:lighter`, `send#1:crash_sent:down=20`.
    """

    place: str
    number: int
    kind: Kind
    amount: float = 0.0
    venue: VenueName | None = None
    down_s: float = DOWN_S

    def __str__(self) -> str:
        """Return the text that `parse_strike` reads."""
        parts = [f"{self.place}#{self.number}", self.kind.value]
        if self.amount:
            parts.append(f"{self.amount:g}")
        if self.venue is not None:
            parts.append(self.venue.value)
        if self.down_s != DOWN_S:
            parts.append(f"down={self.down_s:g}")
        return ":".join(parts)


def parse_strike(text: str) -> Strike:
    """Return the strike written in `text`; raise `ValueError` naming what is wrong."""
    place, _, rest = text.strip().partition(":")
    word, mark, number = place.partition("#")
    kind, *more = rest.split(":")
    amount, venue, down_s = 0.0, None, DOWN_S
    if not mark:
        raise ValueError(f"{text!r}: begin with PLACE#NUMBER or #NUMBER")
    for part in more:
        if part.startswith("down="):
            down_s = float(part.removeprefix("down="))
        elif part in tuple(VenueName):
            venue = VenueName(part)
        else:
            amount = float(part)
    return Strike(word, int(number), Kind(kind), amount, venue=venue, down_s=down_s)


def parse_strikes(text: str) -> tuple[Strike, ...]:
    """Return the strikes in a comma-separated list."""
    return tuple(parse_strike(part) for part in text.split(",") if part.strip())


def strikes_text(strikes: tuple[Strike, ...]) -> str:
    """Return the list that `parse_strikes` reads."""
    return ",".join(str(strike) for strike in strikes)
