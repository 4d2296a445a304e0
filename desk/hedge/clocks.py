"""How far this machine's clock is from the venues': told, and a reason to open nothing.

What is held is guarded and closed all the same. Nothing here reads a clock: the clients measure by
the venues' answers. Within a life time is steady (`desk.engine.clock`); what one life wrote down
and the next one reads may come from a clock that was set in between, and that is minded here, too.
"""

from dataclasses import replace

from desk.core.actions import Action, Alert, Level
from desk.core.events import AccountsRead
from desk.core.venue import VenueName
from desk.hedge import triggers
from desk.hedge.state import BotState

# More than whole seconds of a `Date` and a slow answer make; far less than what signatures,
# expiries and questions by time allow for.
SKEW_MS_MAX = 10_000
# A transaction for Lighter is dated by the machine, and good for ten minutes.
BEHIND_MS_MAX = 540_000


def noted(state: BotState, event: AccountsRead) -> tuple[BotState, tuple[Action, ...]]:
    """Return the state with the clocks that are too far from ours; alert when that begins or ends,
    or begins or ends to keep closes back.

    Where it has begun, it ends at half the distance. A venue that did not answer leaves it at that.
    """
    skews_ms = {venue: skew for venue, skew in state.skews_ms.items() if venue not in event.venues}
    for venue, row in event.venues.items():
        limit_ms = SKEW_MS_MAX // 2 if venue in state.skews_ms else SKEW_MS_MAX
        if row.skew_ms is not None and abs(row.skew_ms) > limit_ms:
            skews_ms[venue] = row.skew_ms
    if skews_ms == state.skews_ms:
        return state, ()
    before, state = state, replace(state, skews_ms=skews_ms)
    level = _level(state)
    if level is _level(before):
        return state, ()
    text = f"{obstacle(state)}; {_mend(level)}"
    if level is Level.INFO:
        text = "this machine's clock agrees with the venues' again"
    return state, (Alert(level, text),)


def obstacle(state: BotState) -> str:
    """Return why the clocks let nothing be opened, empty where they agree."""
    if not state.skews_ms:
        return ""
    told = (
        f"{abs(skew_ms) / 1000:.0f} s {'behind' if skew_ms > 0 else 'ahead of'} {venue}'s"
        for venue, skew_ms in sorted(state.skews_ms.items())
    )
    return f"this machine's clock is {', '.join(told)}"


def _level(state: BotState) -> Level:
    """Return how much a wrong clock matters: INFO where none is, CRITICAL where it stops closes."""
    if not state.skews_ms:
        return Level.INFO
    is_late = state.skews_ms.get(VenueName.LIGHTER, 0) > BEHIND_MS_MAX
    return Level.CRITICAL if is_late else Level.WARNING


def _mend(level: Level) -> str:
    mend = "nothing is opened until it is right: set it, by NTP for good"
    if level is Level.CRITICAL:
        mend += "; lighter takes nothing that is dated so far back, no close either"
    return mend


def behind_ms(state: BotState, venue: VenueName) -> int:
    """Return how much longer than by our clock a request lives as far as it is known, ms: what it
    expires by is written down for a next life, whose clock may be right."""
    return max(state.skews_ms.get(venue, 0), 0)


def at_start(state: BotState, at_ms: int) -> BotState:
    """Return the state with nothing in it that a clock set back since would leave to wait for.

    Nothing a former life did lies ahead, and what it meant to look at is looked at now.
    """
    hedge = state.hedge
    if hedge is None:
        return state
    hedge = replace(
        hedge,
        stirred_at_ms=min(hedge.stirred_at_ms, at_ms),
        close_began_at_ms=_at_most(hedge.close_began_at_ms, at_ms),
        review_at_ms=_at_most(hedge.review_at_ms, at_ms + state.config.hold_ms),
    )
    if hedge.guard is not None:
        look_at_ms = min(hedge.guard.look_at_ms, at_ms)
        hedge = replace(hedge, guard=replace(hedge.guard, look_at_ms=look_at_ms))
    return state.with_hedge(
        triggers.each_trigger(
            hedge, lambda row: replace(row, cancel_at_ms=_at_most(row.cancel_at_ms, at_ms))
        )
    )


def _at_most(known_ms: int | None, latest_ms: int) -> int | None:
    return None if known_ms is None else min(known_ms, latest_ms)
