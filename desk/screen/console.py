"""The plain console: one line for each thing a person would want to know, a table where one is
due.

Says each thing when it happens and once. What repeats itself for hours is said now and then.
"""

from contextlib import suppress

from rich.console import Console

from desk.core.actions import Alert, Level, ReadAccounts, ReadMarkets, SendOrders
from desk.core.events import (
    AccountsRead,
    Command,
    MarketsRead,
    OrdersSettled,
    OwnerAsked,
    Tick,
)
from desk.core.stream import StreamDown, StreamEvent, StreamUp
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.engine.said import Said
from desk.hedge.events import ConfigChanged, Started
from desk.hedge.searching import set_aside
from desk.hedge.select import rank
from desk.hedge.state import BotState, CycleResult, Hedge, Phase
from desk.screen.hold import BOOKED_MS_MAX, HoldBook
from desk.screen.status import until
from desk.screen.streams import StreamNotes
from desk.screen.tables import (
    cycle_books,
    cycle_notes,
    cycle_title,
    obstacles,
    ranking,
    ranking_units,
    substance,
)
from desk.screen.terminal import say, write_line

HOUR_MS = 3_600_000
STATUS_MS = 10 * 60_000  # how often a look that finds what the last one found is told again
EARLY_MS = 60_000  # how much too early a venue may stamp a payment
NOTE_INDENT = 4
_ALERT_STYLES = {Level.INFO: "cyan", Level.WARNING: "yellow", Level.CRITICAL: "bold red"}
_SEARCH = (Phase.WAIT, Phase.ANALYZE, Phase.SELECT)
_STEPS = (Phase.RECOVER, Phase.OPEN, Phase.CLOSE)


class ConsoleView:
    """Prints decisions as they are made; an `Observer` of the engine.

    `results` are the cycles that ended in this life of the process; `strangers` what the accounts
    held besides when they were last read.
    """

    def __init__(self, console: Console) -> None:
        """Print to `console` (which knows about colours, width and NO_COLOR)."""
        self.results: list[CycleResult] = []
        self.strangers: dict[VenueName, list[str]] = {}
        self._console = console
        self._hold = HoldBook()
        self._streams = StreamNotes()
        self._tables = Said(memory_ms=HOUR_MS)
        self._statuses = Said(memory_ms=STATUS_MS)
        self._hold_shown_ms = 0
        self._payment_shown_ms = 0
        self._cycle_shown = 0

    def __call__(self, record: Record[BotState]) -> None:
        """Show one decision, or nothing when it says nothing new."""
        event, state = record.event, record.decision.state
        for text in self._streams.due(event.at_ms):
            self.line(event.at_ms, "stream", text, style="yellow")
        for action in record.decision.actions:
            if isinstance(action, Alert):
                self.line(event.at_ms, "alert", action.text, style=_ALERT_STYLES[action.level])
        if isinstance(event, Started):
            self._begin(state)
        if isinstance(event, MarketsRead):
            self._show_look(event, state)
        if isinstance(event, OrdersSettled):
            self._show_fills(event, state.hedge)
        self._hold.follow(event, state.hedge)
        if self._is_news(record):
            text = record.decision.reason.removeprefix(f"{record.after.label.lower()} ")
            self.line(event.at_ms, record.after.label, text + until(record.decision))
        if isinstance(event, AccountsRead):
            self._note_strangers(event, state.hedge)
        if state.phase is Phase.HOLD and state.hedge is not None:
            self._show_hold(record, state, state.hedge)
        self._show_result(event.at_ms, state)

    def hear(self, venue: VenueName, event: StreamEvent) -> None:
        """Show a stream that stops or comes back, at once: a listener of the venue."""
        if not isinstance(event, StreamDown | StreamUp):
            return
        text = self._streams.hear(venue, event)
        if text is not None:
            self.aside(event.at_ms, "stream", text, style="yellow")

    def aside(self, at_ms: int, label: str, text: str, *, style: str = "") -> None:
        """Print a line that no decision led to: a terminal that is gone must not stop its cause."""
        with suppress(OSError):
            self.line(at_ms, label, text, style=style)

    def line(self, at_ms: int, label: str, text: str, *, style: str = "") -> None:
        """Print one stamped line."""
        write_line(self._console, at_ms, label, text, style=style)

    def _begin(self, state: BotState) -> None:
        """A former life has shown the cycle that it finished."""
        self._cycle_shown = state.result.cycle if state.result is not None else 0

    def _is_news(self, record: Record[BotState]) -> bool:
        """Return whether a decision is worth a line."""
        before, after = record.before.label, record.after.label
        actions, event = record.decision.actions, record.event
        if any(isinstance(row, Alert) and row.text == record.decision.reason for row in actions):
            return False  # the alert has just said it
        if any(isinstance(action, SendOrders) for action in actions):
            return True
        if isinstance(event, ConfigChanged):
            return True
        if isinstance(event, OwnerAsked) and event.command is not Command.LEAVE:
            return True
        if before != after and not (before in _SEARCH and after in _SEARCH):
            return True
        if (before, after) == (Phase.WAIT, Phase.ANALYZE):
            return False
        if before == after and not self._is_worth_a_status(record):
            return False
        return self._statuses.is_news(f"{after} {record.decision.reason}", event.at_ms)

    def _is_worth_a_status(self, record: Record[BotState]) -> bool:
        """Return whether a decision inside a phase tells why it does not go on, or a review."""
        phase, event, decision = record.after.label, record.event, record.decision
        is_reading = any(isinstance(row, ReadMarkets | ReadAccounts) for row in decision.actions)
        if isinstance(event, Tick) or is_reading:
            return False
        is_stuck = phase in _STEPS and decision.state.pauses > 0
        is_review = phase == Phase.HOLD and isinstance(event, MarketsRead)
        return is_stuck or is_review or phase == Phase.SELECT

    def _show_look(self, event: MarketsRead, state: BotState) -> None:
        """Show the table when it says something that it has not said within the hour."""
        if event.failures or state.phase is Phase.HOLD or state.hedge is not None:
            return
        candidates = rank(
            state.config,
            event.venues,
            at_ms=event.at_ms,
            set_aside=set_aside(state, event.at_ms),
        )
        if not candidates or not self._tables.is_news(substance(candidates), event.at_ms):
            return
        self.line(event.at_ms, "look", ranking_units(state.config))
        self._console.print(ranking(candidates, width=self._console.width), soft_wrap=True)
        for text in obstacles(candidates):
            say(self._console, text, indent=NOTE_INDENT)

    def _show_fills(self, event: OrdersSettled, hedge: Hedge | None) -> None:
        """Show what became of orders; an answer about a trigger is none of a fill."""
        triggers = {row.client_id for row in hedge.triggers} if hedge is not None else set()
        for report in event.reports:
            if report.client_id in triggers:
                continue
            price = "" if report.average_price is None else f" at {report.average_price:f}"
            filled = f"filled {report.filled.normalize():f}{price}" if report.filled else "no fill"
            fee = "" if report.fee_usd is None else f", fee {report.fee_usd:.4f} USD"
            detail = f" ({report.detail})" if report.detail else ""
            self.line(event.at_ms, report.venue, f"{report.verdict}, {filled}{fee}{detail}")

    def _note_strangers(self, event: AccountsRead, hedge: Hedge | None) -> None:
        """Keep in mind what an account holds that no fill of ours explains."""
        for venue, seen in event.venues.items():
            self.strangers[venue] = [
                f"{row.size.normalize():f} {row.symbol}"
                for row in seen.account.positions
                if hedge is None or row.symbol != hedge.symbol
            ]

    def _show_hold(self, record: Record[BotState], state: BotState, hedge: Hedge) -> None:
        """Once an hour, when its payments are told: what they were, and how the hold stands."""
        at_ms = record.event.at_ms
        settled_ms = at_ms // HOUR_MS * HOUR_MS
        if record.before.label != record.after.label and record.before.label != Phase.RECOVER:
            self._hold_shown_ms = at_ms  # just opened: nothing to tell before the next hour
        if settled_ms > self._payment_shown_ms and isinstance(record.event, AccountsRead):
            self._show_payments(at_ms, settled_ms)
        is_told = self._payment_shown_ms >= settled_ms or at_ms - settled_ms > BOOKED_MS_MAX
        if self._hold_shown_ms < settled_ms and is_told:
            self._hold_shown_ms = at_ms
            self.line(at_ms, "hold", self._hold.line(state, hedge, at_ms))

    def _show_payments(self, at_ms: int, settled_ms: int) -> None:
        """Show what the last settlement paid, once both venues have told theirs."""
        paid = self._hold.paid_since(settled_ms - EARLY_MS)
        if len(paid) < len(VenueName):
            return
        self._payment_shown_ms = settled_ms
        each = ", ".join(f"{venue} {paid[venue]:+.4f}" for venue in VenueName)
        self.line(at_ms, "funding", f"{sum(paid.values()):+.4f} USD this hour: {each}")

    def _show_result(self, at_ms: int, state: BotState) -> None:
        """Show the books of a cycle that has just ended."""
        result = state.result
        if result is None or result.cycle == self._cycle_shown or state.hedge is not None:
            return
        self._cycle_shown = result.cycle
        self.results.append(result)
        self.line(at_ms, "result", cycle_title(result))
        self._console.print(cycle_books(result), soft_wrap=True)
        for text in cycle_notes(result):
            say(self._console, text, indent=NOTE_INDENT)
