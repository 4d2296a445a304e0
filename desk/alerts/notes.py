"""Which decisions are worth a message, and what its reader should do: drawn from the state before
and after, as everything that is shown.

Pure but for the memory of what was said; a message has no secret in it and no order id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from desk.core.account import Account
from desk.core.actions import Action, Alert, Level
from desk.core.errors import VenueError
from desk.core.events import AccountsRead, Event, Tick, VenueAccount
from desk.core.venue import VenueName
from desk.core.words import span
from desk.engine.said import without_figures
from desk.hedge import purse, risk
from desk.hedge.owner import restraints
from desk.hedge.select import BOTH
from desk.hedge.state import BotState, CloseReason, CycleResult, Hedge

DAY_MS = 86_400_000
FOLD_MS = 15 * 60_000  # within it a message of one kind is sent once, its repeats are counted
KINDS_MAX = 256
DAEMON, PANIC = "lighter_pacifica_hedge.py", "emergency_close.py"

NOTHING_TO_DO = "Nothing to do."
LOOK = f"Look: {DAEMON} status. To be flat at once: {PANIC}."
RESUME = f"Look at both venues, then: {DAEMON} resume. To be flat at once: {PANIC}."
STOPPED = f"Nothing at once: both legs are being closed. Then see why: {DAEMON} explain."
AWAY = (
    "Nothing at once: what is held keeps its triggers at both venues. If it lasts, look at the "
    f"venue's status page; {PANIC} closes what can be reached."
)
_SAID_BY_STATE = ("halted: ", "no news from ", "news from ")


@dataclass(frozen=True, slots=True)
class Note:
    """One message. Those of one `kind` are folded; `advice` says what to do."""

    kind: str
    level: Level
    title: str
    text: str
    advice: str
    at_ms: int

    @property
    def body(self) -> str:
        """Return the message below its title."""
        return f"{self.text}\n{self.advice}"


@dataclass(slots=True)
class Folder:
    """Lets one message of a kind through, counts its repeats for a while, then sums them up."""

    _first: dict[str, Note] = field(default_factory=dict)
    _more: dict[str, int] = field(default_factory=dict)

    def take(self, note: Note) -> list[Note]:
        """Return what is to be sent now: the note, unless one of its kind has just been."""
        if note.kind in self._first:
            self._more[note.kind] = self._more.get(note.kind, 0) + 1
            self._first[note.kind] = replace(note, at_ms=self._first[note.kind].at_ms)
            return []
        if len(self._first) >= KINDS_MAX:
            return []  # a flood of different kinds is a fault of ours: the log has them all
        self._first[note.kind] = note
        return [note]

    def due(self, at_ms: int) -> list[Note]:
        """Return the sums of what was folded long enough."""
        over = [kind for kind, note in self._first.items() if at_ms - note.at_ms >= FOLD_MS]
        sums = []
        for kind in over:
            note, more = self._first.pop(kind), self._more.pop(kind, 0)
            if more:
                text = f"{more} more since: {note.text}"
                sums.append(replace(note, text=text, at_ms=at_ms))
        return sums


@dataclass(slots=True)
class Herald:
    """Turns decisions into messages; begins with the state that was loaded."""

    state: BotState
    _reason: str = ""
    _results: list[CycleResult] = field(default_factory=list)
    _equity_usd: Decimal | None = None
    _folder: Folder = field(default_factory=Folder)

    def hear(self, event: Event, state: BotState, actions: Sequence[Action]) -> list[Note]:
        """Return what is worth sending about one decision, repeats folded."""
        before, self.state = self.state, state
        at_ms = event.at_ms
        notes = [
            *_hedge_notes(before, state, at_ms),
            *_venue_notes(before, state, at_ms, actions),
            *_halt_notes(before, state, at_ms),
            *_other_notes(state, at_ms, actions),
        ]
        if isinstance(event, AccountsRead) and state.hedge is not None:
            notes += _margin_notes(state.hedge, event)
        if state.result is not None and state.result != before.result:
            self._results.append(state.result)
        sums = self._folder.due(at_ms)
        return [*sums, *(row for note in notes for row in self._folder.take(note))]

    def warn(self, title: str, text: str, at_ms: int) -> list[Note]:
        """Return a warning that no decision led to, unless it repeats one."""
        return self._folder.take(Note(text, Level.WARNING, title, text, LOOK, at_ms))

    def note_reason(self, event: Event, reason: str) -> None:
        """Keep why the bot does what it does, for the daily line; a tick says nothing of it."""
        if not isinstance(event, Tick):
            self._reason = reason

    def daily(self, accounts: Mapping[VenueName, Account | VenueError], at_ms: int) -> Note:
        """Return the line of the day: equity, what the day brought, what is held or why nothing."""
        results, self._results = self._results, []
        net = sum((row.net_usd for row in results), Decimal(0))
        cycles = "1 cycle" if len(results) == 1 else f"{len(results)} cycles"
        brought = f"{cycles}, net {net:+,.4f} USD" if results else "no cycle ended"
        parts = [self._standing(at_ms), self._equity(accounts), brought, *restraints(self.state)]
        advice = RESUME if self.state.halt_reason is not None else NOTHING_TO_DO
        return Note("daily", Level.INFO, "Daily line", "; ".join(parts), advice, at_ms)

    def _standing(self, at_ms: int) -> str:
        hedge = self.state.hedge
        if hedge is None:
            return f"{self.state.phase}, nothing open: {self._reason}"
        opened_ms = hedge.opened_at_ms or at_ms
        return f"{self.state.phase} {hedge.symbol} for {span(at_ms - opened_ms)}"

    def _equity(self, accounts: Mapping[VenueName, Account | VenueError]) -> str:
        known = {name: row.equity_usd for name, row in accounts.items() if isinstance(row, Account)}
        each = [
            f"{name} {known[name]:,.2f}" if name in known else f"{name} unknown"
            for name in accounts
        ]
        text = f"equity {', '.join(each)} USD"
        if len(known) < len(BOTH):
            return text
        before, self._equity_usd = self._equity_usd, sum(known.values(), Decimal(0))
        return text if before is None else f"{text}, {self._equity_usd - before:+,.2f} in a day"


# What changed


def _hedge_notes(before: BotState, after: BotState, at_ms: int) -> list[Note]:
    """Return what became of the hedge: opened, closing before its time, closed."""
    old, new, notes = before.hedge, after.hedge, []
    if new is not None and new.opened_at_ms is not None and (old is None or not old.opened_at_ms):
        title = f"Opened {new.symbol}"
        notes.append(Note("opened", Level.INFO, title, _opened(new), NOTHING_TO_DO, at_ms))
    if new is not None and old is not None and new.close_reason is not old.close_reason:
        notes += _closing(new, at_ms)
    result = after.result
    if result is not None and result != before.result and new is None:
        notes.append(_closed(result, at_ms))
    return notes


def _opened(hedge: Hedge) -> str:
    apr = "" if hedge.spread_apr_pct is None else f", {hedge.spread_apr_pct:+.2f} % APR at entry"
    size = f"{hedge.size.normalize():f} {hedge.symbol}"
    return f"{size} each: long {hedge.long_venue}, short {hedge.long_venue.twin}{apr}"


def _closing(hedge: Hedge, at_ms: int) -> list[Note]:
    reason = hedge.close_reason
    if reason is None or not reason.is_urgent:
        return []
    is_stop = reason in (CloseReason.STOP_LOSS, CloseReason.TRIGGERED)
    title = f"Stop-loss of {hedge.symbol}" if is_stop else f"Closing {hedge.symbol}"
    advice = STOPPED if is_stop else LOOK
    return [Note(f"closing {reason}", Level.CRITICAL, title, str(reason), advice, at_ms)]


def _closed(result: CycleResult, at_ms: int) -> Note:
    text = f"cycle {result.cycle}, {result.close_reason}: net {result.net_usd:+,.4f} USD"
    if not result.is_complete:
        text += " as far as the venues told"
    advice = f"{NOTHING_TO_DO} The books: {DAEMON} explain {result.cycle}."
    return Note("closed", Level.INFO, f"Closed {result.symbol}", text, advice, at_ms)


def _venue_notes(
    before: BotState, after: BotState, at_ms: int, actions: Sequence[Action]
) -> list[Note]:
    """Return who does not answer any more, and who does again."""
    alerts = [row.text for row in actions if isinstance(row, Alert)]
    notes = []
    for venue in BOTH:
        was, now = before.outages.get(venue), after.outages.get(venue)
        if was is None and now is not None:
            said = next((text for text in alerts if text.startswith(f"no news from {venue}")), "")
            text, title = said or f"no news from {venue}", f"{venue} is away"
            notes.append(Note(f"{venue} away", Level.WARNING, title, text, AWAY, at_ms))
        elif was is not None and now is None:
            text = f"it answers again after {span(at_ms - was)}"
            title = f"{venue} is back"
            notes.append(Note(f"{venue} back", Level.INFO, title, text, NOTHING_TO_DO, at_ms))
    return notes


def _halt_notes(before: BotState, after: BotState, at_ms: int) -> list[Note]:
    if after.halt_reason is None or after.halt_reason == before.halt_reason:
        return []
    return [Note("halted", Level.CRITICAL, "Halted", after.halt_reason, RESUME, at_ms)]


def _other_notes(state: BotState, at_ms: int, actions: Sequence[Action]) -> list[Note]:
    """Return every other warning of the strategy or the engine, in its own words."""
    symbol = "" if state.hedge is None else f" {state.hedge.symbol}"
    return [
        Note(without_figures(row.text), row.level, f"{state.phase}{symbol}", row.text, LOOK, at_ms)
        for row in actions
        if isinstance(row, Alert)
        and row.level is not Level.INFO
        and not row.text.startswith(_SAID_BY_STATE)
    ]


def _margin_notes(hedge: Hedge, event: AccountsRead) -> list[Note]:
    """Return which leg stands near its liquidation, and what would help."""
    notes = []
    for venue, left_pct in risk.margin_distances(hedge, event.venues).items():
        if left_pct < purse.LOW_MARGIN_PCT:
            text = f"{venue} is {left_pct:.1f} % from the liquidation of {hedge.symbol}"
            title, advice = f"Low margin on {venue}", _margin_advice(hedge, event)
            note = Note(f"low margin {venue}", Level.CRITICAL, title, text, advice, event.at_ms)
            notes.append(note)
    return notes


def _margin_advice(hedge: Hedge, event: AccountsRead) -> str:
    rows = event.venues
    if len(rows) == len(BOTH):
        spare = {
            venue: purse.spare_usd(row.account, _notional_usd(hedge, venue, row))
            for venue, row in rows.items()
        }
        equity = {venue: row.account.equity_usd for venue, row in rows.items()}
        move = purse.evening_move(equity, spare)
        if move is not None:
            return f"By hand, in the venues' apps: {move}. Else the hedge is closed in time."
    return "Add margin there by hand, in the venue's app. Else the hedge is closed in time."


def _notional_usd(hedge: Hedge, venue: VenueName, row: VenueAccount) -> Decimal:
    """Return what a leg is worth, by its entry where no mark was told."""
    price = hedge.entry_price(venue) if row.stats is None else row.stats.mark
    return abs(hedge.held(venue)) * (price or Decimal(0))
