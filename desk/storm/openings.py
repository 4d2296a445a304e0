"""What an opening must be: paid for, allowed, both legs at once, each order under an id of its own.

Invariants of one kind, told to the judge. Reads the exchanges' own funding and what the bot says
of itself, never its decisions.
"""

from collections.abc import Sequence
from decimal import Decimal

from desk.core.actions import Action, SendOrders
from desk.core.events import Command, OwnerAsked
from desk.core.order import OrderRequest
from desk.core.venue import VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState, Hedge, Phase
from desk.storm.examiner import Case, Examiner
from desk.storm.rules import Rule

HOURS_PER_YEAR = 24 * 365
RATE_SLACK = Decimal("0.1")  # of the spread: what the venues pay may move while it is decided on
SAYS_NO = (Command.PAUSE, Command.STOP, Command.CLOSE, Command.HALT)


class Openings(Examiner):
    """Follows what is opened through all lives of a run."""

    def __init__(self, case: Case) -> None:
        """Tell `breach` what must not be."""
        super().__init__(case)
        self._no = ""
        self._is_saved = True
        self._ids: set[tuple[VenueName, str]] = set()
        self._cycle = 0
        self._cycles: dict[tuple[VenueName, str], int] = {}

    def started(self, state: BotState) -> None:
        """A life forgets only what could not be saved: what the owner said, and a close's id."""
        self._cycle = state.hedge.cycle if state.hedge is not None else 0
        if not self._is_saved:
            self._no, self._is_saved = _said_no(state), True
            self._ids.clear()

    def save_failed(self) -> None:
        """What is done from now on may be forgotten."""
        self._is_saved = False

    def decided(self, record: Record[BotState]) -> None:
        """Keep what forbids to open; judge what is opened."""
        state, event = record.decision.state, record.event
        if isinstance(event, OwnerAsked) and event.command is Command.RESUME:
            self._no = ""
        elif isinstance(event, OwnerAsked) and event.command in SAYS_NO:
            self._no = f"the owner said {event.command}"
        elif state.halt_reason is not None:
            self._no = self._no or f"halted: {state.halt_reason}"
        hedge = state.hedge
        if hedge is None:
            return
        self._cycle = hedge.cycle
        if state.phase is Phase.OPEN and record.before.label != Phase.OPEN:
            if self._no:
                self._breach(Rule.UNASKED, f"{hedge.symbol} opened, but {self._no}")
            self._check_funding(hedge, record.decision.actions)

    def _check_funding(self, hedge: Hedge, actions: Sequence[Action]) -> None:
        """What is sent earns, and what is said of it is what both exchanges pay."""
        hourly = Decimal(0)
        sending = next(row for row in actions if isinstance(row, SendOrders))
        for order in sending.orders:
            stats = self._stage.world.exchanges[order.venue].stats(hedge.symbol)
            hourly -= order.request.side.sign * stats.funding_next.fraction
        paid = hourly * HOURS_PER_YEAR * 100
        said = hedge.spread_apr_pct
        if said is None or paid <= 0 or abs(said - paid) > paid * RATE_SLACK:
            self._breach(Rule.FUNDING, f"{hedge.symbol} for {said} % APR, {paid:.2f} are paid")

    def sending(self, venue: VenueName, request: OrderRequest) -> None:
        """An id is used for one order only."""
        key = venue, request.client_id
        if key in self._ids:
            self._breach(Rule.ID_TWICE, f"{venue} {request.client_id}")
        self._ids.add(key)
        if not request.reduce_only:
            self._cycles[key] = self._cycle

    def landed(self, venue: VenueName, client_id: str, *, is_orphan: bool) -> None:
        """When the first order of an opening arrives, its twin has left, if its sender lives."""
        cycle = self._cycles.get((venue, client_id))
        if cycle is None or is_orphan:
            return
        if not any(at is venue.twin and of == cycle for (at, _), of in self._cycles.items()):
            self._breach(Rule.ONE_BY_ONE, f"{venue} {client_id} arrived, its twin has not left")


def _said_no(state: BotState) -> str:
    """Return why a state that was read back opens nothing, empty where it may."""
    if state.halt_reason is not None:
        return f"halted: {state.halt_reason}"
    return "paused" if state.paused else ""
