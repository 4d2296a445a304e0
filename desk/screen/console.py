"""The plain console: one line for each thing a person would want to know, a table where one is
due.
"""

import os
import sys
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape

from desk.core.actions import Alert, Level, SendOrders
from desk.core.events import AccountsRead, MarketsRead, OrdersSettled, Tick
from desk.engine.run import Record
from desk.hedge.select import rank
from desk.hedge.state import BotState, Hedge, Phase
from desk.screen.tables import cycle_books, ranking

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
_ALERT_STYLES = {Level.INFO: "cyan", Level.WARNING: "yellow", Level.CRITICAL: "bold red"}


class Terminal(Console):
    """A console that goes quiet when nobody is at the other end any more.

    Rich would end the process there, and with it the watch over what is held.
    """

    def on_broken_pipe(self) -> None:
        """Show nothing from now on, and let the interpreter's last flush find no broken pipe."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class ConsoleView:
    """Prints decisions as they are made; an `Observer` of the engine."""

    def __init__(self, console: Console, *, is_demo: bool = False) -> None:
        """Print to `console` (which knows about colours, width and NO_COLOR)."""
        self._console = console
        self._is_demo = is_demo
        self._last_verdict = ""
        self._hour_shown = 0
        self._payment_shown_ms = 0
        self._rest_shown_ms = 0
        self._cycle_shown = 0

    def __call__(self, record: Record[BotState]) -> None:
        """Show one decision, or nothing when it says nothing new."""
        at_ms, state = record.event.at_ms, record.decision.state
        for action in record.decision.actions:
            if isinstance(action, Alert):
                self.line(at_ms, "alert", action.text, style=_ALERT_STYLES[action.level])
        if isinstance(record.event, MarketsRead):
            self._show_look(record.event, state)
        if isinstance(record.event, OrdersSettled):
            self._show_fills(record.event)
        if isinstance(record.event, AccountsRead) and state.phase is Phase.HOLD:
            self._show_payments(record.event, state.hedge)
        is_news = record.before.label != record.after.label or any(
            isinstance(action, SendOrders) for action in record.decision.actions
        )
        if is_news and not self._is_routine(record, at_ms):
            self.line(at_ms, record.after.label, record.decision.reason)
        elif isinstance(record.event, MarketsRead) and state.phase is Phase.HOLD:
            self.line(at_ms, "review", record.decision.reason)
        elif isinstance(record.event, Tick) and state.phase is Phase.HOLD:
            self._show_hour(at_ms, state.hedge)
        self._show_result(state)

    def _is_routine(self, record: Record[BotState], at_ms: int) -> bool:
        """Return whether this is one more look that found nothing: said once an hour."""
        before, after = record.before.label, record.after.label
        if after == Phase.ANALYZE:
            return before == Phase.WAIT
        if (before, after) != (Phase.ANALYZE, Phase.WAIT) or record.decision.actions:
            return False
        if at_ms - self._rest_shown_ms < HOUR_MS:
            return True
        self._rest_shown_ms = at_ms
        return False

    def farewell(self, state: BotState) -> None:
        """Say how things stand when the process ends: what is held, and how to go on."""
        hedge = state.hedge
        if hedge is None:
            self._console.print(f"[bold]Flat.[/] {state.cycles_done} cycles done.")
            return
        legs = ", ".join(
            f"{hedge.side_at(venue)} {abs(hedge.held(venue)).normalize():f} on {venue}"
            for venue in (hedge.long_venue, hedge.long_venue.twin)
        )
        left = f"[bold yellow]Left open:[/] {escape(hedge.symbol)}, {legs} ({state.phase}). "
        if self._is_demo:
            self._console.print(left + "It ends with this demo; the next one begins anew.")
            return
        self._console.print(
            f"{left}Nothing watches it until you run\n"
            "  python lighter_pacifica_hedge.py\n"
            "again, which takes it over. To be flat at once, close both legs on the venues."
        )

    def line(self, at_ms: int, label: str, text: str, *, style: str = "") -> None:
        """Print one stamped line."""
        stamp = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone()
        body = f"[{style}]{escape(text)}[/]" if style else escape(text)
        self._console.print(
            f"[dim]{stamp:%m-%d %H:%M:%S %z}[/]  [bold]{label.lower():<8}[/] {body}",
            highlight=False,
            soft_wrap=True,
        )

    def _show_look(self, event: MarketsRead, state: BotState) -> None:
        """Show the table when something may be opened, and when another symbol is best."""
        if event.failures or state.phase is Phase.HOLD:
            return
        candidates = rank(state.config, event.venues, at_ms=event.at_ms, set_aside={})
        verdict = candidates[0].symbol if candidates else ""
        if state.phase is Phase.SELECT or verdict != self._last_verdict:
            self._last_verdict = verdict
            self._console.print(ranking(candidates, title="Funding, hourly rates as APR"))

    def _show_fills(self, event: OrdersSettled) -> None:
        for report in event.reports:
            price = "" if report.average_price is None else f" at {report.average_price:f}"
            filled = f"filled {report.filled.normalize():f}{price}" if report.filled else "no fill"
            detail = f" ({report.detail})" if report.detail else ""
            self.line(event.at_ms, report.venue, f"{report.verdict}, {filled}{detail}")

    def _show_payments(self, event: AccountsRead, hedge: Hedge | None) -> None:
        """Show what the last settlement paid, once both venues have told theirs."""
        settled_ms = event.at_ms // HOUR_MS * HOUR_MS
        since_ms = settled_ms - MINUTE_MS  # a venue's stamp may be a little early
        if hedge is None or settled_ms <= self._payment_shown_ms:
            return
        paid = {
            venue: sum(row.usd for row in seen.payments or () if row.at_ms >= since_ms)
            for venue, seen in event.venues.items()
            if seen.payments
        }
        if len(paid) == len(event.venues) > 1:
            self._payment_shown_ms = settled_ms
            each = ", ".join(f"{venue} {usd:+.4f}" for venue, usd in paid.items())
            self.line(event.at_ms, "funding", f"{each}: {sum(paid.values()):+.4f} USD this hour")

    def _show_hour(self, at_ms: int, hedge: Hedge | None) -> None:
        hour = at_ms // HOUR_MS
        if hedge is None or hedge.opened_at_ms is None or hour == self._hour_shown:
            return
        self._hour_shown = hour
        held_h = (at_ms - hedge.opened_at_ms) / HOUR_MS
        left_h = ((hedge.review_at_ms or at_ms) - at_ms) / HOUR_MS
        self.line(
            at_ms, "hold", f"{hedge.symbol} held {held_h:.1f} h, next review in {left_h:.1f} h"
        )

    def _show_result(self, state: BotState) -> None:
        result = state.result
        if result is not None and result.cycle != self._cycle_shown and state.hedge is None:
            self._cycle_shown = result.cycle
            self._console.print(cycle_books(result))
