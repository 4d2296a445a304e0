"""RECOVER without a trustworthy state: ask the venues what is ours before anything is opened.

A state that was lost, or is older than what was sent, knows too little. The venues know the rest:
ids carry our mark, so a position can be followed back through its fills to when there was none. A
hedge that is proved this way is adopted, by the rules of every other recovery. What can be proved
neither ours nor somebody else's is named, left alone, and stops the bot until a human has looked.

The doubt is part of the state and outlives a crash. It ends when a search finds nothing of ours
behind a fence, or after the last order of a former life could take effect.
"""

from dataclasses import replace

from desk.core.actions import Action, Alert, Decision, Exit, Level
from desk.core.events import AccountsRead
from desk.core.ids import EPOCH_MAX
from desk.hedge.evidence import (
    Trace,
    brought_up,
    epochs_in,
    hedge_from,
    is_over,
    lives_of,
    traces_in,
)
from desk.hedge.orders import REQUEST_LIFE_MS
from desk.hedge.state import BotState, Doubt, Hedge
from desk.hedge.steps import (
    CLOCK_SKEW_MS_MAX,
    ROWS_BEFORE_MS,
    Step,
    ask_everything,
    ask_hedge,
    halt,
    has_rows,
    latch,
    linger,
)

DAY_MS = 86_400_000
# How far back fills are asked for, one after the other while a position is not explained: rows are
# the dearest reads there are, and most positions are young.
REACHES_MS = (DAY_MS, 7 * DAY_MS, 28 * DAY_MS)
SEARCH_TRIES_MAX = 3  # rows of fills may come late
WAIT_MS_MAX = 60_000
OTHER_LIFE_MS = max(REQUEST_LIFE_MS.values()) + CLOCK_SKEW_MS_MAX


def doubted(last: BotState | None, fresh: BotState, behind: str | None) -> BotState:
    """Return the state to begin with where the one that was saved last is not to be had.

    `last` is the newest one known, which is `behind` the truth for that reason; `behind` None: no
    trace of a former life was found. The ids of `fresh` mark the new life. What the owner had
    asked for (a pause, a halt) is known only with `last`: without it he is asked again.
    """
    if behind is None:
        return replace(fresh, doubt=Doubt("first start", is_first=True))
    doubt = Doubt(behind)
    if last is None:
        text = f"{behind}, and whether it was paused or halted with it; look, then resume"
        return replace(fresh, doubt=doubt, halt_reason=text)
    epoch = fresh.epoch if fresh.epoch != last.epoch else fresh.epoch % EPOCH_MAX + 1
    return replace(last, epoch=epoch, doubt=doubt)


def is_unsearched(state: BotState) -> bool:
    """Return whether the venues must be searched before anything else is decided."""
    doubt = state.doubt
    return doubt is not None and (state.hedge is None or not doubt.is_searched)


def after_a_look(doubt: Doubt) -> Doubt:
    """Return the doubt after the owner's `resume`: he answers for what was named to him."""
    was_named = doubt.tries >= SEARCH_TRIES_MAX
    return replace(doubt.anew(), is_vouched=doubt.is_vouched or was_named)


def search(state: BotState, event: AccountsRead, *also: Action) -> Step | None:
    """Return the next step of the search, None when it is over and nothing of ours stands."""
    if event.failures:
        return linger(state, event.at_ms, "; ".join(event.failures.values()), *also)
    is_bare = state.hedge is None and not any(
        seen.account.positions for seen in event.venues.values()
    )
    if is_bare:
        return _wait_for_the_last(state, event, *also)
    if not has_rows(event):
        return _ask_rows(state, event.at_ms, *also)
    return _judge(state, event, *also)


def _ask_rows(state: BotState, at_ms: int, *also: Action) -> Step:
    """Ask for the fills of every symbol, as far back as the search has come."""
    since_ms = at_ms - REACHES_MS[_doubt(state).reach]
    if state.hedge is not None:
        since_ms = min(since_ms, state.hedge.approved_at_ms - ROWS_BEFORE_MS)
    reason = f"{_doubt(state).why}: whose are these positions?"
    return ask_everything(state, reason, *also, since_ms=since_ms)


def _judge(state: BotState, event: AccountsRead, *also: Action) -> Step | None:
    """Sort the positions into ours, nobody knows whose, and the rest."""
    doubt = _doubt(state)
    state = replace(state, epoch=_unused_epoch(state.epoch, event))
    hedge = None if state.hedge is None else brought_up(state.hedge, event)
    traces = [row for row in traces_in(event) if hedge is None or not _belongs(row, hedge)]
    found = sorted((row for row in traces if row.is_ours), key=lambda row: row.is_even)
    open_ends = [row for row in traces if not row.is_whole and _may_be_ours(row, doubt)]
    if open_ends and doubt.reach + 1 < len(REACHES_MS):
        return _ask_rows(replace(state, doubt=replace(doubt, reach=doubt.reach + 1)), event.at_ms)
    if open_ends and doubt.tries < SEARCH_TRIES_MAX:
        state = replace(state, doubt=replace(doubt, tries=doubt.tries + 1))
        return linger(state, event.at_ms, "; ".join(map(_name, open_ends)), *also)
    if found and (hedge is None or is_over(hedge, event)):
        hedge = hedge_from(found[0], event, cycle=state.cycle)
        if hedge is not None:
            state = replace(state, cycle=state.cycle + 1)
            found = found[1:]
            also = (*also, _found_again(hedge))
    unsettled = [f"{row}: ours too, but one at a time" for row in found]
    unsettled += [_name(row) for row in open_ends]
    if unsettled:
        state, more = latch(state, f"{doubt.why}; {'; '.join(unsettled)}; look, then resume")
        also = (*also, *more)
    if hedge is not None:
        state = replace(state, hedge=hedge, doubt=replace(doubt, is_searched=True))
        return ask_hedge(state, "how does our hedge stand?", *also, orders=True)
    if unsettled:
        return halt(state, state.halt_reason or "", *also)
    return _wait_for_the_last(state, event, *also)


def _belongs(trace: Trace, hedge: Hedge) -> bool:
    """Return whether a position is the care of the hedge in hand."""
    if trace.symbol != hedge.symbol:
        return False
    return not trace.lives or bool(trace.lives & lives_of(hedge))


def _may_be_ours(trace: Trace, doubt: Doubt) -> bool:
    """Return whether a position that the rows do not explain is worth a human's look."""
    if doubt.is_vouched:
        return False
    return not doubt.is_first or bool(trace.lives) or trace.looks_like_ours


def _wait_for_the_last(state: BotState, event: AccountsRead, *also: Action) -> Step | None:
    """Return None once no order of a former life can take effect any more; until then wait."""
    doubt = _doubt(state)
    assert doubt.since_ms is not None, "set at every start"
    until_ms = doubt.since_ms + OTHER_LIFE_MS
    asked_at_ms = min(seen.surely_at_ms for seen in event.venues.values())
    is_fenced = all(seen.is_fenced for seen in event.venues.values())
    if doubt.is_first or is_fenced or asked_at_ms > until_ms:
        return None
    state = replace(state, doubt=doubt.anew())
    if state.halt_reason is not None:
        return halt(state, state.halt_reason, *also)
    left_s = (until_ms - asked_at_ms) // 1000 + 1
    reason = f"{doubt.why}; an order sent before may take effect for {left_s} s more at most"
    if state.leaving or state.cycles_left == 0:
        return Decision(state, (*also, Exit(0)), f"{reason}; leaving, the next start searches on")
    return linger(state, event.at_ms, reason, *also, pause_ms_max=min(WAIT_MS_MAX, left_s * 1000))


def _found_again(hedge: Hedge) -> Alert:
    legs = ", ".join(
        f"{hedge.held(venue).normalize():f} on {venue}"
        for venue in (hedge.long_venue, hedge.long_venue.twin)
    )
    return Alert(Level.WARNING, f"found again by its order ids: {hedge.symbol}, {legs}")


def _name(trace: Trace) -> str:
    return f"{trace}: its fills do not tell whose"


def _unused_epoch(epoch: int, event: AccountsRead) -> int:
    """Return the epoch, moved on where a former life has used it: no id may repeat."""
    used = epochs_in(event)
    candidates = ((epoch + step) % (EPOCH_MAX + 1) for step in range(EPOCH_MAX + 1))
    return next((row for row in candidates if row not in used), epoch)


def _doubt(state: BotState) -> Doubt:
    assert state.doubt is not None, "a search without a doubt"
    return state.doubt
