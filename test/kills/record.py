"""What one kill was, what came after it, and what must have come. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from desk.core.venue import VenueName
from test.kills.truth import Naked, Truth, alive_ms, naked_times

SYMBOL = "BTC"
QUIET_S = 20.0  # a hedge that was taken over is left alone at least this long
ROUND_TRIPS = 3
ROUND_TRIP_S_MAX = 1.0  # on loopback, with both cores busy
IMPORT_S_MAX = 5.0

# How long an order of a former life keeps its twin waiting while its venue answers. Lighter: its
# nonce is taken by a cancel-all, which must be final (nine requests, a look a second). Pacifica:
# a request acts for five seconds, twenty with a clock that is off, and then comes the next look.
FENCE_S = {VenueName.LIGHTER: 8.0, VenueName.PACIFICA: 24.0}
CLOSE_S_MAX = 3.0


@dataclass(slots=True)
class Kill:
    """One kill. `phase` is what the state file said, START that there was no line of that life yet.

    `legs` were held on Lighter and Pacifica; `lost_on` is where an order had been made to vanish.
    `back_s` is from the new start to the first state that RECOVER led to, `spent` the credits in
    that time; None while that has not come, or when the next kill came before it.
    """

    life: int
    number: int
    phase: str
    legs: tuple[Decimal, Decimal]
    lost_on: VenueName | None
    at_ms: int
    is_in_doubt: bool = False
    must_adopt: bool = False
    had_half: bool = False
    started_ms: int | None = None
    import_s: float | None = None
    back_s: float | None = None
    back_in: str = ""
    spent: Mapping[VenueName, Decimal] = field(default_factory=dict)
    was_adopted: bool = False

    @property
    def is_naked(self) -> bool:
        """Return whether a leg stood alone."""
        return sum(self.legs) != 0

    @property
    def back_s_max(self) -> float:
        """Return how long the way back to a known state may take."""
        fence_s = max(FENCE_S.values()) if self.is_in_doubt else 0.0
        return (self.import_s or 0.0) + ROUND_TRIPS * ROUND_TRIP_S_MAX + fence_s


def is_in_doubt(state: Mapping[str, Any]) -> bool:
    """Return whether a saved state leaves open what became of an order."""
    hedge = state.get("hedge") or {}
    return bool(state.get("doubt")) or any(row["in_doubt"] for row in hedge.get("intents", ()))


def review_at_ms(state: Mapping[str, Any]) -> int | None:
    """Return until when a saved state holds a hedge that stands, None without one."""
    hedge = state.get("hedge") or {}
    if hedge.get("opened_at_ms") is None or hedge.get("close_reason") is not None:
        return None
    until_ms: int = hedge["review_at_ms"]
    return until_ms


def disagreement(phase: str, truth: Truth, at_ms: int) -> str | None:
    """Return how the exchanges contradict what the daemon believes in a state, None if they agree.

    In HOLD both legs stand and cancel out; where it looks or waits nothing of ours is there. The
    states between promise nothing.
    """
    legs = truth.legs_at(SYMBOL, at_ms)
    shown = f"{phase}, but lighter has {legs[0]:f} and pacifica {legs[1]:f} {SYMBOL}"
    if phase == "HALT":
        return "halted: a human is needed"
    if phase == "HOLD":
        return None if legs[0] and not sum(legs) else shown
    if phase in ("ANALYZE", "SELECT", "WAIT"):
        return shown if any(legs) else None
    return None


def left_behind(truth: Truth) -> str | None:
    """Return which orders rest although nothing is held, None if there are none."""
    found = [f"{venue} {SYMBOL}" for venue, rows in truth.orders.items() if SYMBOL in rows]
    return f"flat, but orders rest: {', '.join(found)}" if found else None


def fills_after(truth: Truth, from_ms: int, to_ms: int) -> str | None:
    """Return what was traded in a time in which nothing should be, None if nothing was."""
    found = [row for row in truth.fills if from_ms <= row.at_ms <= to_ms]
    if not found:
        return None
    rows = ", ".join(f"{row.venue} {row.size:+f} {row.symbol}" for row in found)
    return f"not adopted: traded within {QUIET_S:g} s of the start: {rows}"


@dataclass(frozen=True, slots=True)
class Alone:
    """One time a leg stood alone: seconds in all, and the most that one process needed for it."""

    naked: Naked
    total_s: float
    alive_s: float
    alive_s_max: float


def times_alone(truth: Truth, lives: Sequence[tuple[int, int]], at_ms: int) -> Iterator[Alone]:
    """Yield each time a leg stood alone, with what is allowed while both venues answer."""
    for naked in naked_times(truth.fills, SYMBOL):
        until_ms = at_ms if naked.until_ms is None else naked.until_ms
        allowed_s = ROUND_TRIPS * ROUND_TRIP_S_MAX + FENCE_S[naked.began_on.twin] + CLOSE_S_MAX
        yield Alone(
            naked,
            (until_ms - naked.since_ms) / 1000,
            alive_ms(naked, lives) / 1000,
            allowed_s + IMPORT_S_MAX if _began_before_a_start(naked, lives) else allowed_s,
        )


def _began_before_a_start(naked: Naked, lives: Sequence[tuple[int, int]]) -> bool:
    return any(start_ms > naked.since_ms for start_ms, _ in lives)
