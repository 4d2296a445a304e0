"""How long a naked leg may last while it could be closed, and what excuses more.

The bounds of the storm, written down apart from what the bot does to keep them.
"""

from desk.hedge.config import Config
from desk.storm.boundaries import Boundary
from desk.storm.strikes import CRASHES, HANDS, LIES, Effect, Kind, Strike

# Seconds: what a plain opening or close takes, and what each strike adds to it.
BASE_S = 10.0
CLOSE_S = 45.0  # a close is no emergency: both legs stand, and wait for each other
ANSWER_S = 8.0  # a request is given up after five seconds, then comes a pause
DOUBT_S = 8.0  # an order in doubt is watched for a while, then fenced
START_S = 12.0  # a new process starts with half of its request budget
SECOND_LOOK_S = 5.0  # after the look that sees another hand
STOP_S = 20.0  # closing at a stop, when it is known; a rest may have to go through zero
HOLD_SLACK_MS = 5_000  # a hold may end so much before its time: it began when it was verified
RETRY_S, RETRY_S_MAX = 55.0, 3_500.0  # after a first failed opening, and at most
FAILURES_MAX = 10  # openings in a row that may come to nothing before the owner is asked
EXCUSES_S_MAX = 60.0  # strikes that fall together do not each take their own time
LONE_S = 60.0  # after two refusals and a third try what has no twin is taken away
UNGUARDED_S = 3_600.0  # venues that take no triggers are asked again once an hour
_MAKE_UNKNOWN = frozenset(
    {Kind.LOST, Kind.REPLY_LOST, Kind.REPLY_LATE, Kind.LATE, Kind.SERVER_ERROR, Kind.GARBLED}
)
_EXCUSES_S = {
    Kind.OUTAGE: 35.0,  # the pause between two tries while nobody answers
    Kind.THROTTLED: 20.0,
    Kind.NO_FILL: 30.0,  # the band widens step by step
    Kind.PARTIAL: 30.0,
    Kind.SHOCK: 30.0,  # a leg worth less than the venue's least is closed through zero
    Kind.SKEW: 0.0,
}


def excuse_s(strike: Strike, boundary: Boundary) -> float:
    """Return by how many seconds a strike may prolong the life of a naked leg."""
    if strike.kind in HANDS:
        return 0.0  # they count when they trade, see `second_look_s`
    if strike.kind in LIES:
        return strike.amount + ANSWER_S  # what is told is not believed, and waited out
    is_write = boundary.effect is Effect.WRITE
    if strike.kind in CRASHES:
        return START_S + (DOUBT_S if is_write else 0.0)
    if is_write and strike.kind in _MAKE_UNKNOWN:
        return DOUBT_S
    return _EXCUSES_S.get(strike.kind, ANSWER_S)


def second_look_s(config: Config, *, is_told: bool = False) -> float:
    """Return how long another hand on a leg may go unseen: until the regular check, and a look.

    A stream that `is_told` of it brings the look at once.
    """
    return SECOND_LOOK_S + (0.0 if is_told else float(config.check_interval_seconds))


def alone_s(config: Config) -> float:
    """Return how long a leg is kept whose twin's venue is away: its twin may have filled."""
    return float(config.unknown_s_max) + BASE_S


def lone_s(config: Config, *, trouble_s: float) -> float:
    """Return how long a trigger may rest without its twin once nothing goes wrong any more.

    The next try comes at most as long after `trouble_s` as that lasted, or at a full check.
    """
    return LONE_S + trouble_s + float(config.check_interval_seconds)


def unguarded_s(config: Config) -> float:
    """Return how long a hold may be without both pairs of triggers."""
    return UNGUARDED_S + float(config.check_interval_seconds)


def retry_pause_s(failures: int) -> float:
    """Return how long a symbol is left alone after so many failed openings in a row: twice as long
    each time."""
    return min(RETRY_S * 2.0 ** (failures - 1), RETRY_S_MAX)
