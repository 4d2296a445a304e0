"""The event loop around any strategy: take an event, decide, save, act.

The only place with a boundary for unexpected errors: one in an action becomes an event, so that
the strategy halts with what it holds still guarded.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import structlog

from desk.core.actions import (
    Action,
    Alert,
    CancelOrders,
    Decision,
    Exit,
    GuardLine,
    Level,
    ReadAccounts,
    ReadMarkets,
    RestOrders,
    SendOrders,
    Strategy,
    Watch,
)
from desk.core.errors import DeskError
from desk.core.events import (
    ActionBroke,
    Event,
    MarkView,
    OrderReport,
    OrdersSettled,
    Tick,
    Verdict,
)
from desk.core.market import MarketStats
from desk.core.order import NOT_SENT
from desk.core.ports import Venue
from desk.core.stream import FillSeen, QuoteSeen, StatsSeen, StreamDown, StreamEvent, StreamUp
from desk.core.venue import VenueName
from desk.core.words import span
from desk.engine.clock import SteadyClock
from desk.engine.decision_log import DecisionLog
from desk.engine.execution import Executor
from desk.engine.journal import Journal
from desk.engine.reads import Reader
from desk.engine.resting import RestingDesk

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)
MARK_AGE_MS_MAX = 10_000
TICK_S_MIN = 0.05  # a strategy that asks for a wake-up in the past gets it, but no busy loop
WAIT_S_MAX = 60.0  # then look at the clock again: the machine may have been asleep, or set
STEP_MS_TOLD = 2_000
FINISH_S_MAX = 7.0  # less than the patience of a polite signal
EVENTS_MAX = 10_000
SAVE_PAUSE_S_MIN = 1.0
SAVE_PAUSE_S_MAX = 60.0
_WITH_ORDERS = (SendOrders, RestOrders)
_LOUDNESS = {
    Level.INFO: logging.INFO,
    Level.WARNING: logging.WARNING,
    Level.CRITICAL: logging.CRITICAL,
}

log = structlog.get_logger()


class Store(Protocol[S_contra]):
    """Where states are kept; see `desk.engine.store`."""

    def save(self, state: S_contra, *, at_ms: int) -> None:
        """Write durably. Raises `OSError`."""
        ...


@dataclass(frozen=True, slots=True)
class Record(Generic[S]):
    """One decision as shown to observers; its actions may begin with alerts of the engine."""

    event: Event
    before: Watch
    after: Watch
    decision: Decision[S]


Observer = Callable[[Record[Any]], None]


class Engine(Generic[S]):
    """Runs one strategy on a set of venues until it asks to exit."""

    def __init__(
        self,
        strategy: Strategy[S],
        state: S,
        venues: Mapping[VenueName, Venue],
        *,
        clock: SteadyClock,
        store: Store[S],
        journal: Journal,
        observer: Observer,
        on_wait: Callable[[str], None] | None = None,
        bookkeeper: Observer | None = None,
    ) -> None:
        """Wire up; nothing happens before `run`. `on_wait` is told of reads that wait;
        `bookkeeper` raises `OSError` while it cannot write, which is told and changes nothing."""
        self.state = state
        self._strategy = strategy
        self._venues = venues
        self._clock = clock
        self._store = store
        self._journal = journal
        self._observer = observer
        self._bookkeeper = bookkeeper
        self._reader = Reader(venues, clock, on_wait=on_wait)
        self._executor = Executor(venues, clock)
        self._resting = RestingDesk(venues, clock)
        self._decisions = DecisionLog()
        self._down_since_ms: dict[VenueName, int] = {}
        self._events: asyncio.Queue[Event] = asyncio.Queue(EVENTS_MAX)
        self._watch = strategy.watch(state)
        self._marks: dict[tuple[VenueName, str], MarkView] = {}
        self._ticked_at_s = -TICK_S_MIN
        self._step_told_ms = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._is_saved = True
        self._broken: set[str] = set()
        self._alerts: list[Alert] = []
        self._tasks: dict[asyncio.Task[None], Action] = {}
        self._exit_code: int | None = None
        self._heard: list[tuple[Event, asyncio.Future[Decision[S]]]] = []
        for name, venue in venues.items():
            venue.listen(partial(self._hear, name))

    def post(self, event: Event) -> None:
        """Feed an event from outside: the first one, or the owner's voice."""
        self._events.put_nowait(event)

    async def hear(self, event: Event) -> Decision[S]:
        """Feed an event and return what was decided about it, once that is saved or could not be:
        `is_saved`."""
        decided: asyncio.Future[Decision[S]] = asyncio.get_running_loop().create_future()
        self._heard.append((event, decided))
        self.post(event)
        return await decided

    @property
    def is_saved(self) -> bool:
        """Return whether the disk has the present state."""
        return self._is_saved

    async def run(self) -> int:
        """Process events until the strategy exits. Returns its exit code."""
        at_ms = self._clock.now_ms()
        self._attempt("journal", lambda: self._journal.begin(self.state, at_ms=at_ms))
        self._follow_watch(self._watch)
        while self._exit_code is None:
            self._process(await self._next_event())
        await self._finish()
        return self._exit_code

    async def _next_event(self) -> Event:
        """Return what happens next: a tick, once one is due and nothing else has happened."""
        if not self._events.empty():
            return self._events.get_nowait()
        self._look_at_clock()
        try:
            return await self._events.get()
        finally:
            if self._alarm is not None:
                self._alarm.cancel()

    def _look_at_clock(self) -> None:
        """Post the tick that is due, or look again when one may be."""
        self._tell_step()
        wait_s = self._tick_due_in_s()
        if wait_s > 0:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(min(wait_s, WAIT_S_MAX), self._look_at_clock)
        elif self._events.empty():
            self.post(self._tick(self._clock.now_ms()))

    def _tick_due_in_s(self) -> float:
        """Return how long until the next tick: the wake-up asked for, or the regular pace."""
        wait_s = WAIT_S_MAX
        if self._watch.wake_at_ms is not None:
            wait_s = (self._watch.wake_at_ms - self._clock.now_ms()) / 1000
        now_s = self._clock.monotonic_s()
        if self._watch.tick_ms is not None:
            wait_s = min(wait_s, self._ticked_at_s + self._watch.tick_ms / 1000 - now_s)
        return max(wait_s, self._ticked_at_s + TICK_S_MIN - now_s)

    def _tell_step(self) -> None:
        """Alert where the machine's clock was set while the bot keeps to its own time."""
        step_ms = self._clock.step_ms
        if abs(step_ms - self._step_told_ms) < STEP_MS_TOLD:
            return
        self._step_told_ms = step_ms
        how = f"{span(abs(step_ms))} {'ahead of' if step_ms > 0 else 'behind'} where it was"
        text = f"this machine's clock was set, and is {how}: followed once nothing is held"
        self._alerts.append(Alert(Level.WARNING, text))

    def _follow_clock(self) -> None:
        """Take a step of the machine's clock over: nothing is held, and nothing waits for a time
        but the look that begins."""
        self._tell_step()
        self._clock.follow()
        self._step_told_ms = 0

    def _tick(self, now_ms: int, *, stirred: bool = False) -> Tick:
        self._ticked_at_s = self._clock.monotonic_s()
        symbol = self._watch.held
        marks = {
            name: view
            for name in self._venues
            if symbol is not None
            and (view := self._marks.get((name, symbol))) is not None
            and now_ms - view.received_at_ms <= MARK_AGE_MS_MAX
        }
        return Tick(now_ms, marks, stirred)

    def _process(self, event: Event) -> None:
        decision = self._strategy.decide(self.state, event)
        before = after = self._watch
        if decision.state is not self.state:
            after = self._strategy.watch(decision.state)
        self._save(decision.state, event.at_ms)
        self.state = decision.state
        self._write_journal(event, decision, before, after)
        self._decisions.note(event, decision, before=before, after=after)
        self._show(Record(event, before, after, decision))
        self._follow_watch(after)
        for action in decision.actions:
            self._carry_out(action)
        self._tell(event, decision)

    def _tell(self, event: Event, decision: Decision[S]) -> None:
        """Answer who waits for what was decided about an event; he may have left."""
        for heard, decided in self._heard:
            if heard is event and not decided.done():
                decided.set_result(decision)
        self._heard = [row for row in self._heard if not row[1].done()]

    def _save(self, state: S, at_ms: int) -> None:
        """Save a state that is not on the disk yet; what could not be saved is tried again."""
        if not self._is_saved or state != self.state:
            self._is_saved = self._attempt("state", lambda: self._store.save(state, at_ms=at_ms))

    def _write_journal(
        self, event: Event, decision: Decision[S], before: Watch, after: Watch
    ) -> None:
        self._attempt(
            "journal",
            lambda: self._journal.write(
                event, decision, before=before.label, after=after.label, is_idle=after.is_idle
            ),
        )

    def _show(self, record: Record[S]) -> None:
        """Show a decision, and before it what the engine itself has to say."""
        alerts, self._alerts = self._alerts, []
        for alert in alerts:
            self._log_alert(alert)
        shown = record
        if alerts:
            decision = record.decision
            actions = (*alerts, *decision.actions)
            shown = replace(record, decision=replace(decision, actions=actions))
        self._attempt("screen", lambda: self._observer(shown))
        keep = self._bookkeeper
        if keep is not None:
            self._attempt("ledger", lambda: keep(record))

    def _attempt(self, what: str, write: Callable[[], None]) -> bool:
        """Return whether something could be written; alert when that changes.

        A disk or a terminal that fails must not stop what guards money.
        """
        try:
            write()
        except OSError as error:
            if what not in self._broken:
                self._broken.add(what)
                text = f"{what} cannot be written: {error}"
                if what == "state":
                    text += "; nothing is opened until it can"
                self._alerts.append(Alert(Level.CRITICAL, text))
            return False
        if what in self._broken:
            self._broken.remove(what)
            self._alerts.append(Alert(Level.INFO, f"{what} can be written again"))
        return True

    def _follow_watch(self, watch: Watch) -> None:
        """Stream what is watched; with no symbols named, the reader streams what it lists."""
        if watch.symbols:
            self._reader.stream(watch.symbols)
        elif watch.held is not None:
            self._reader.stream_also(watch.held)
        self._watch = watch

    def _hear(self, venue: VenueName, event: StreamEvent) -> None:
        if isinstance(event, QuoteSeen):
            return  # books are asked for when they are needed
        if isinstance(event, StatsSeen):
            self._note_mark(venue, event.stats)
        elif isinstance(event, FillSeen):
            if not self._executor.follows(venue, event.fill.client_id):
                self._stir(event.fill.symbol)
        elif isinstance(event, StreamDown):
            if venue not in self._down_since_ms:
                self._down_since_ms[venue] = event.at_ms
                log.warning("stream.down", venue=venue, reason=event.reason)
        elif isinstance(event, StreamUp):
            since_ms = self._down_since_ms.pop(venue, None)
            gap = {} if since_ms is None else {"gap_ms": event.at_ms - since_ms}
            log.info("stream.up", venue=venue, **gap)
            if gap:
                self._stir(self._watch.held)

    def _stir(self, symbol: str | None) -> None:
        """Wake a strategy that holds the symbol: somebody may have cut a leg of it, or have done so
        while the stream was down."""
        if self._watch.on_fills and symbol == self._watch.held:
            self.post(self._tick(self._clock.now_ms(), stirred=True))

    def _note_mark(self, venue: VenueName, stats: MarketStats) -> None:
        self._reader.note_stats(venue, stats)
        key = venue, stats.symbol
        before = self._marks.get(key)
        self._marks[key] = MarkView(stats.mark, stats.index, self._clock.now_ms())
        for line in self._watch.lines:
            is_ours = line.venue is venue and line.symbol == stats.symbol
            if is_ours and _crosses(line, before, stats):
                self.post(self._tick(self._clock.now_ms()))
                return

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, Exit):
            self._exit_code = action.code
        elif isinstance(action, Alert):
            self._log_alert(action)
        elif (
            isinstance(action, _WITH_ORDERS)
            and not self._is_saved
            and _needs_a_record(action)
        ):
            self.post(_not_sent(action, self._clock.now_ms()))
        else:
            if isinstance(action, SendOrders):
                self._resting.give_way()
            elif isinstance(action, ReadMarkets) and self._watch.is_idle:
                self._follow_clock()
            task = asyncio.get_running_loop().create_task(self._answer(action))
            self._tasks[task] = action
            task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def _log_alert(self, alert: Alert) -> None:
        log.log(_LOUDNESS[alert.level], "alert", text=alert.text)

    async def _answer(self, action: Action) -> None:
        """Carry out one action and feed its answer; the boundary of a task."""
        try:
            self.post(await self._perform(action))
        except Exception as error:
            log.exception("action.broke", action=type(action).__name__)
            self.post(ActionBroke(self._clock.now_ms(), f"{type(action).__name__}: {error}"))

    async def _perform(self, action: Action) -> Event:
        if isinstance(action, ReadMarkets):
            await self._can_save()
            return await self._reader.read_markets(action)
        if isinstance(action, ReadAccounts):
            return await self._reader.read_accounts(action)
        if isinstance(action, SendOrders):
            return await self._executor.send_orders(action)
        if isinstance(action, RestOrders):
            return await self._resting.place(action)
        if isinstance(action, CancelOrders):
            return await self._resting.cancel(action)
        raise DeskError(f"nobody carries out {type(action).__name__}")

    async def _can_save(self) -> None:
        """Wait for the disk where nothing is held: a look would end in an order that may not leave.

        The time between two tries grows; what is held never waits.
        """
        pause_s = SAVE_PAUSE_S_MIN
        while not self._is_saved and self._watch.is_idle:
            await asyncio.sleep(pause_s)
            self._save(self.state, self._clock.now_ms())
            pause_s = min(2 * pause_s, SAVE_PAUSE_S_MAX)

    async def _finish(self) -> None:
        """Follow orders in flight to their end; what was only asked is not worth a wait."""
        writes = SendOrders | RestOrders | CancelOrders
        sending = [task for task, action in self._tasks.items() if isinstance(action, writes)]
        if sending:
            await asyncio.wait(sending, timeout=FINISH_S_MAX)
        late = list(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _crosses(line: GuardLine, before: MarkView | None, stats: MarketStats) -> bool:
    """Return whether this mark is the first one beyond the line."""
    if before is not None and _is_beyond(line, before.mark):
        return False
    return _is_beyond(line, stats.mark)


def _is_beyond(line: GuardLine, mark: Decimal) -> bool:
    return mark >= line.price if line.above else mark <= line.price


def _needs_a_record(action: SendOrders | RestOrders) -> bool:
    """Return whether orders may leave only once they are on record: what increases, and what rests
    and would be found by nobody. A close may go."""
    if isinstance(action, RestOrders):
        return True
    return not all(order.request.reduce_only for order in action.orders)


def _not_sent(action: SendOrders | RestOrders, at_ms: int) -> OrdersSettled:
    """Without a saved intent nothing that increases or rests may leave."""
    reports = tuple(
        OrderReport(
            venue=order.venue,
            client_id=order.request.client_id,
            verdict=Verdict.REJECTED,
            is_final=True,
            filled=Decimal(0),
            detail=f"{NOT_SENT}: the state could not be saved",
        )
        for order in action.orders
    )
    return OrdersSettled(at_ms, action.ask, reports)
