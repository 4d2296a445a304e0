"""Small states and events for every cell of the transition table.

Each phase in every shape that matters: flags of the owner, hedges in each stage of their life, and
each kind of event with the answers that venues may give.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from desk.core.events import (
    AccountsRead,
    ActionBroke,
    Command,
    Event,
    MarketsRead,
    MarkView,
    OrdersSettled,
    OwnerAsked,
    Tick,
    VenueAccount,
    Verdict,
)
from desk.core.order import FillCause
from desk.core.venue import VenueName
from desk.hedge.events import ConfigChanged, Started
from desk.hedge.guard import TriggerStage
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, Choice, CloseReason, Cut, Doubt, Hedge, Phase, Role
from test.hedge.builders import (
    HOUR_MS,
    LIGHTER,
    PACIFICA,
    SIZE,
    T0,
    ZERO,
    bare_hedge,
    bot,
    close_look,
    closing_hedge,
    config,
    d,
    filled,
    fills_of,
    guard,
    instrument,
    intent,
    listed_at,
    markets,
    opening,
    report,
    seen,
    standing,
    stats,
)

# Instants that matter: at once, after the patience with an unknown, after every expiry and hold.
INSTANTS = (T0, T0 + 61_000, T0 + 13 * HOUR_MS)
HALTS = {Phase.RECOVER: (None, "a bug"), Phase.CLOSE: (None, "a bug"), Phase.HALT: ("a bug",)}
LOST = Doubt("state.json is missing", since_ms=T0)
FOUND = replace(LOST, is_searched=True)
FIRST = Doubt("first start", is_first=True, since_ms=T0)
DOUBTS = {
    Phase.RECOVER: (None, LOST, FIRST, FOUND),
    Phase.CLOSE: (None, FOUND),
    Phase.HALT: (None, FOUND),
}
OWNERS: tuple[dict[str, Any], ...] = (
    {},
    {"paused": True},
    {"stop_asked": True},
    {"close_asked": True},
    {"leaving": True},
    {"cycles_left": 1},
)


def states(phase: Phase) -> Iterator[BotState]:
    """Yield the shapes a state of that phase may have, with an answer awaited and without."""
    doubts = DOUBTS.get(phase, (None,))
    parts = (hedges(phase), HALTS.get(phase, (None,)), doubts, (True, False), OWNERS)
    for hedge, halt, doubt, waiting, flags in product(*parts):
        if phase is Phase.HALT and waiting and not (hedge is not None and hedge.is_standing):
            continue  # a halt asks only about what stands
        yield bot(
            phase,
            hedge=hedge,
            halt_reason=halt,
            doubt=doubt,
            waiting=waiting,
            asked=3,
            wake_at_ms=None if waiting else T0,
            choice=choice() if phase is Phase.SELECT else None,
            config=config(venue_triggers=hedge is not None and hedge.guard is not None),
            **flags,
        )


def choice() -> Choice:
    """Return the usual pair, found free, to be looked at for the last time."""
    instruments = {venue: instrument(venue) for venue in BOTH}
    return Choice("ETH", LIGHTER, d(40), d("1.5"), instruments, looks=1)


def hedges(phase: Phase) -> tuple[Hedge | None, ...]:
    """Return the hedges a state of that phase may hold."""
    one_leg = bare_hedge(intents=(filled(LIGHTER), filled(PACIFICA, size=ZERO)))
    nothing = bare_hedge(intents=(filled(LIGHTER, size=ZERO), filled(PACIFICA, size=ZERO)))
    both = bare_hedge(intents=(filled(LIGHTER), filled(PACIFICA)))
    half_known = bare_hedge(intents=(filled(LIGHTER), intent(PACIFICA)))
    tried = closing_hedge(
        intents=(filled(LIGHTER), filled(PACIFICA), intent(LIGHTER, Role.CLOSE)), close_tries=1
    )
    outs = (filled(LIGHTER, Role.CLOSE), filled(PACIFICA, Role.CLOSE))
    done = closing_hedge(intents=(filled(LIGHTER), filled(PACIFICA), *outs), result_tries=6)
    unproved = replace(tried, close_reason=CloseReason.UNWIND, result_tries=6)
    openings = (opening(), half_known, one_leg, nothing, both)
    stages = (standing(), standing(suspicions=1), *guarded())
    guarded_closing = closing_hedge(guard=guard())
    lifted = replace(done, guard=guard(cancel_at_ms=T0))
    stopped = closing_hedge(CloseReason.STOP_LOSS)
    even = closing_hedge(CloseReason.REDUCED)
    cut = replace(even, cuts=(Cut(LIGHTER, d("-0.003"), FillCause.DELEVERAGE, T0),))
    closings = (closing_hedge(), stopped, tried, unproved, done, guarded_closing, lifted, even, cut)
    return {
        Phase.RECOVER: (None, *openings, *stages, *closings),
        Phase.OPEN: openings,
        Phase.HOLD: stages,
        Phase.CLOSE: closings,
        Phase.HALT: (None, *stages, unproved),
    }.get(phase, (None,))


def guarded() -> tuple[Hedge, ...]:
    """Return hedges with their triggers at rest, just sent, and refused often enough."""
    sent = guard(stage=TriggerStage.SENT)
    gone = guard(stage=TriggerStage.GONE)
    return (
        standing(guard=guard()),
        standing(guard=replace(sent, tries=1, look_at_ms=T0)),
        standing(guard=replace(gone, tries=4, look_at_ms=T0, refusals=4)),
    )


def events(kind: type, state: BotState) -> Iterator[Event]:
    """Yield events of that kind as they may reach the state; answers answer its last question."""
    make = {
        Started: starts,
        Tick: ticks,
        MarketsRead: market_answers,
        AccountsRead: account_answers,
        OrdersSettled: settlements,
        OwnerAsked: commands,
        ConfigChanged: edits,
        ActionBroke: faults,
    }
    for at_ms in INSTANTS:
        yield from make[kind](state, at_ms)


def starts(state: BotState, at_ms: int) -> Iterator[Event]:
    """Yield starts without and with a number of cycles."""
    yield from (Started(at_ms, config(), cycles) for cycles in (None, 1))


def ticks(state: BotState, at_ms: int) -> Iterator[Event]:
    """Yield ticks without marks, with calm ones, at a stop, and at a stop nobody believes."""
    yield Tick(at_ms)
    for mark, index in (("3000", "3000"), ("100", "100"), ("100", "3000")):
        yield Tick(at_ms, {LIGHTER: MarkView(d(mark), d(index), at_ms)})


def market_answers(state: BotState, at_ms: int) -> Iterator[Event]:
    """Yield markets worth opening, not worth it, without our symbol, and a venue that is away."""
    for spread in (40, 1):
        yield MarketsRead(at_ms, state.asked, markets(spread, at_ms=at_ms))
    bare = {venue: replace(row, stats={}) for venue, row in markets().items()}
    yield MarketsRead(at_ms, state.asked, bare)
    yield MarketsRead(at_ms, state.asked, {LIGHTER: markets()[LIGHTER]}, {PACIFICA: "away"})


def account_answers(state: BotState, at_ms: int) -> Iterator[Event]:
    """Yield accounts hedged, flat, lame, strange; with rows and without; one venue or none."""
    for lighter, pacifica in product((SIZE, ZERO), (-SIZE, ZERO, SIZE * 3)):
        sizes = {LIGHTER: lighter, PACIFICA: pacifica}
        for told in (True, False):
            rows = {v: _row(state.hedge, v, sizes[v], at_ms=at_ms, told=told) for v in BOTH}
            yield AccountsRead(at_ms, state.asked, rows)
            one = {LIGHTER: rows[LIGHTER]}
            yield AccountsRead(at_ms, state.asked, one, {PACIFICA: "away"})
    yield AccountsRead(at_ms, state.asked, {}, dict.fromkeys(BOTH, "away"))
    looks = {venue: close_look(venue, at_ms) for venue in BOTH}
    yield AccountsRead(at_ms, state.asked, looks)
    fallen = stats(mark=d(1_000), index=d(1_000))
    stopped = {venue: replace(row, stats=fallen) for venue, row in looks.items()}
    yield AccountsRead(at_ms, state.asked, stopped)


def _row(
    hedge: Hedge | None, venue: VenueName, size: Any, *, at_ms: int, told: bool
) -> VenueAccount:
    """Return a venue's answer: a position, and the fate of its orders or nothing about them."""
    if hedge is None or not told:
        return seen(size, at_ms=at_ms)
    rows = {"fills": fills_of(hedge, venue), "orders": listed_at(hedge, venue)}
    return seen(size, at_ms=at_ms, is_fenced=True, **rows)


def settlements(state: BotState, at_ms: int) -> Iterator[Event]:
    """Yield reports on the last two orders or triggers: filled, in part, not at all, unknown."""
    rows = state.hedge.orders[-2:] if state.hedge is not None else ()
    for share, verdict in (
        ("1", Verdict.ACCEPTED),
        ("0.5", Verdict.ACCEPTED),
        ("0", Verdict.REJECTED),
        ("0", Verdict.UNKNOWN),
    ):
        is_final = verdict is not Verdict.UNKNOWN
        reports = tuple(
            report(row, row.size * d(share), verdict=verdict, is_final=is_final) for row in rows
        )
        yield OrdersSettled(at_ms, state.asked, reports)


def commands(state: BotState, at_ms: int) -> Iterator[Event]:
    """Yield everything the owner may say."""
    yield from (OwnerAsked(at_ms, command) for command in Command)


def edits(state: BotState, at_ms: int) -> Iterator[Event]:
    """Yield an edit that shortens the hold."""
    yield ConfigChanged(at_ms, config(hold_duration_hours=d(1)))


def faults(state: BotState, at_ms: int) -> Iterator[Event]:
    """Yield a fault of ours."""
    yield ActionBroke(at_ms, "a bug")
