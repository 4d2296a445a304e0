"""The enumeration: every effect boundary of one whole cycle, struck once and struck twice.

A plain cycle is played and traced. Each boundary in its trace gives one run for each way to strike
it; each such run is traced in turn, and each boundary after the strike gives the pairs. So crashes
in the recovery from a crash are among them.
"""

from collections.abc import Iterator

from desk.core.venue import VenueName
from desk.hedge.state import Phase
from desk.storm.boundaries import Boundary
from desk.storm.runs import Plan, parse_plan, play
from desk.storm.strikes import Effect, Kind, Strike, parse_strikes

CYCLE = Plan(seed=1, hours=None)

LATE_S = {VenueName.LIGHTER: (1.5, 20.0, 300.0), VenueName.PACIFICA: (4.0,)}
"""Late, but still valid there: a Lighter transaction for ten minutes (the first is about when its
fence arrives), a Pacifica request for its window of five seconds."""

# What no single strike is and what chance seldom brings: no book is fresh at the close, the disk is
# full at the opening, a leg finds nobody, half of a leg is taken, the owner says leave while a leg
# stands alone, and a look at what is held shows nothing for an instant.
SCENES = (
    "HOLD#3:silent:600",
    "OPEN#1:disk_full:30",
    "send#1:no_fill",
    "HOLD#3:deleveraged:lighter",
    "send#1:lost,OPEN#4:say_leave",
    "HOLD#17:blank:1:pacifica",
)

# The same with settings: a leg at its stop and short of its triggers, one whose margin is thin, an
# opening whose one order and its top-ups are refused, a leg cut while the other venue is away and
# nobody says by whom, and an account with isolated margin.
LIMITS = (
    "seed=1 hours=cycle hold_duration_hours=0.5 strikes=HOLD#20:shock:-51",
    "seed=1 hours=cycle hold_duration_hours=0.5 base_capital_allocation=7500 "
    "min_margin_distance_pct=70 strikes=HOLD#20:shock:40",
    "seed=1 hours=cycle strikes=send#1:reject,send#3:reject,send#4:reject",
    "seed=1 hours=cycle hold_duration_hours=0.5 strikes=HOLD#25:outage:600:pacifica,"
    "HOLD#26:liquidated:0.3:lighter,fills#1:throttled,fills#2:throttled,fills#3:throttled",
    "seed=1 hours=cycle strikes=#1:isolated",
)

HALTED_HOURS = 0.15  # long enough for the next opening, if there is one

_Way = tuple[Kind, float]
_SAVE: tuple[_Way, ...] = (
    (Kind.CRASH_BEFORE, 0.0),
    (Kind.CRASH_TORN, 0.0),
    (Kind.CRASH_UNSYNCED, 0.0),
    (Kind.CRASH_UNSYNCED, 1.0),
    (Kind.CRASH_UNSYNCED, 2.0),
    (Kind.CRASH_UNSYNCED, 3.0),
    (Kind.CRASH_SENT, 0.0),
)
_WRITE: tuple[_Way, ...] = (
    (Kind.CRASH_BEFORE, 0.0),
    (Kind.CRASH_SENT, 0.0),
    (Kind.CRASH_LANDED, 0.0),
    (Kind.REPLY_LOST, 0.0),
)
# A read changes nothing: a crash after it is one before the next effect.
_READ: tuple[_Way, ...] = ((Kind.CRASH_BEFORE, 0.0), (Kind.REPLY_LOST, 0.0))


def ways(boundary: Boundary) -> Iterator[Strike]:
    """Yield every way to strike one boundary: crash before and after, reply lost, effect late, and
    late after a crash."""
    kinds: tuple[_Way, ...]
    if boundary.effect is Effect.SAVE:
        kinds = _SAVE
    elif boundary.effect is Effect.READ:
        kinds = _READ
    else:
        late = [
            (kind, late_s)
            for kind in (Kind.LATE, Kind.CRASH_LATE)
            for late_s in LATE_S[VenueName(boundary.operation.split()[0])]
        ]
        kinds = (*_WRITE, *late)
    for kind, amount in kinds:
        yield Strike("", boundary.index, kind, amount)


def singles(base: Plan = CYCLE) -> Iterator[Plan]:
    """Yield the plain cycle with one strike more than `base` has, after its last."""
    after = max((strike.number for strike in base.strikes), default=0)
    for boundary in play(base, is_traced=True).trace:
        if boundary.index > after:
            for strike in ways(boundary):
                yield Plan(base.seed, base.hours, (*base.strikes, strike), base.settings)


def scenes() -> Iterator[Plan]:
    """Yield the cycle with each of `SCENES`, and what leads to a limit."""
    for text in SCENES:
        yield Plan(CYCLE.seed, CYCLE.hours, parse_strikes(text))
    yield from map(parse_plan, LIMITS)


def beside_the_owner() -> Iterator[Plan]:
    """Yield the same where the owner has a hand or a word in it.

    An order of his rests beside the hedge, he adds to a leg, he halts what is held, or he says
    pause just before an opening.
    """
    trace = play(CYCLE, is_traced=True).trace
    held = next(row.index for row in trace if row.phase == Phase.HOLD)
    opened = next(row.index for row in trace if row.phase == Phase.OPEN)
    lighter = VenueName.LIGHTER
    for strike, hours in (
        (Strike("", held, Kind.OWNER_ORDER, venue=lighter), None),
        (Strike("", held, Kind.OWNER_ADDS, 2.0, venue=lighter), None),
        (Strike("", held, Kind.SAY_HALT), HALTED_HOURS),
        (Strike("", opened - 1, Kind.SAY_PAUSE), HALTED_HOURS),
    ):
        yield Plan(CYCLE.seed, hours, (strike,))
        yield from singles(Plan(CYCLE.seed, hours, (strike,)))
