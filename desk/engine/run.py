"""The event loop around any strategy: take an event, decide, save, act.

The only place with a boundary for unexpected errors: one in an action becomes an event, so that
the strategy halts with what it holds still guarded.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import structlog

from desk.core.actions import (
    Action,
    Alert,
    Decision,
    Exit,
    ReadAccounts,
    ReadMarkets,
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
from desk.core.ports import Clock, Venue
from desk.core.stream import StatsSeen, StreamDown, StreamEvent, StreamUp
from desk.core.venue import VenueName
from desk.engine.execution import Executor
from desk.engine.journal import Journal
from desk.engine.reads import Reader

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)
MARK_AGE_MS_MAX = 10_000
FINISH_S_MAX = 8.0
EVENTS_MAX = 10_000

log = structlog.get_logger()


class Store(Protocol[S_contra]):
    """Where states are kept; see `desk.engine.store`."""

    def save(self, state: S_contra, *, at_ms: int) -> None:
        """Write durably. Raises `OSError`."""
        ...


@dataclass(frozen=True, slots=True)
class Record(Generic[S]):
    """One decision as shown to observers."""

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
        clock: Clock,
        store: Store[S],
        journal: Journal,
        observer: Observer,
    ) -> None:
        """Wire up; nothing happens before `run`."""
        self.state = state
        self._strategy = strategy
        self._venues = venues
        self._clock = clock
        self._store = store
        self._journal = journal
        self._observer = observer
        self._reader = Reader(venues, clock)
        self._executor = Executor(venues, clock)
        self._events: asyncio.Queue[Event] = asyncio.Queue(EVENTS_MAX)
        self._watch = strategy.watch(state)
        self._marks: dict[tuple[VenueName, str], MarkView] = {}
        self._ticked_at_ms = 0
        self._line_crossed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._exit_code: int | None = None
        for name, venue in venues.items():
            venue.listen(lambda event, name=name: self._hear(name, event))  # type: ignore[misc]

    def post(self, event: Event) -> None:
        """Feed an event from outside: the first one, or the owner's voice."""
        self._events.put_nowait(event)

    async def run(self) -> int:
        """Process events until the strategy exits. Returns its exit code."""
        self._follow_watch(self._watch)
        while self._exit_code is None:
            self._process(await self._next_event())
        await self._finish()
        return self._exit_code

    async def _next_event(self) -> Event:
        while True:
            due_ms = self._next_tick_ms()
            now_ms = self._clock.now_ms()
            if self._line_crossed or (due_ms is not None and due_ms <= now_ms):
                if self._events.empty():
                    return self._tick(now_ms)
                return self._events.get_nowait()
            wait_s = None if due_ms is None else (due_ms - now_ms) / 1000
            try:
                async with asyncio.timeout(wait_s):
                    return await self._events.get()
            except TimeoutError:
                continue

    def _next_tick_ms(self) -> int | None:
        """Return when the next tick is due: at the wake-up asked for, or at the regular pace."""
        dues = []
        if self._watch.wake_at_ms is not None:
            dues.append(self._watch.wake_at_ms)
        if self._watch.tick_ms is not None:
            dues.append(self._ticked_at_ms + self._watch.tick_ms)
        return min(dues, default=None)

    def _tick(self, now_ms: int) -> Tick:
        self._ticked_at_ms = now_ms
        self._line_crossed = False
        symbol = self._watch.held
        marks = {
            name: view
            for name in self._venues
            if symbol is not None
            and (view := self._marks.get((name, symbol))) is not None
            and now_ms - view.received_at_ms <= MARK_AGE_MS_MAX
        }
        return Tick(now_ms, marks)

    def _process(self, event: Event) -> None:
        decision = self._strategy.decide(self.state, event)
        before, after = self._watch, self._strategy.watch(decision.state)
        is_saved = self._save(decision.state, event.at_ms)
        self.state = decision.state
        self._journal.write(
            event, decision, before=before.label, after=after.label, is_idle=after.is_idle
        )
        self._observer(Record(event, before, after, decision))
        self._follow_watch(after)
        for action in decision.actions:
            self._carry_out(action, is_saved=is_saved)

    def _save(self, state: S, at_ms: int) -> bool:
        if state is self.state or state == self.state:
            return True
        try:
            self._store.save(state, at_ms=at_ms)
        except OSError as error:
            log.critical("state.not_saved", error=str(error))
            return False
        return True

    def _follow_watch(self, watch: Watch) -> None:
        if (watch.symbols and watch.symbols != self._watch.symbols) or self._ticked_at_ms == 0:
            for venue in self._venues.values():
                venue.watch(watch.symbols)
            self._ticked_at_ms = self._ticked_at_ms or self._clock.now_ms()
        self._watch = watch

    def _hear(self, venue: VenueName, event: StreamEvent) -> None:
        if isinstance(event, StatsSeen):
            self._note_mark(venue, event.stats)
        elif isinstance(event, StreamUp | StreamDown):
            log.info("stream", venue=venue, event_kind=type(event).__name__)

    def _note_mark(self, venue: VenueName, stats: MarketStats) -> None:
        self._reader.note_stats(venue, stats)
        view = MarkView(stats.mark, stats.index, self._clock.now_ms())
        self._marks[venue, stats.symbol] = view
        for line in self._watch.lines:
            if line.venue is venue and line.symbol == stats.symbol and not self._line_crossed:
                crossed = stats.mark >= line.price if line.above else stats.mark <= line.price
                if crossed:
                    self._line_crossed = True
                    self.post(self._tick(self._clock.now_ms()))

    def _carry_out(self, action: Action, *, is_saved: bool) -> None:
        if isinstance(action, Exit):
            self._exit_code = action.code
        elif isinstance(action, Alert):
            log.log(30, "alert", level_name=action.level, text=action.text)
        elif isinstance(action, SendOrders) and not is_saved and _increases(action):
            self.post(_not_sent(action, self._clock.now_ms()))
        else:
            task = asyncio.get_running_loop().create_task(self._answer(action))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, action: Action) -> None:
        """Carry out one action and feed its answer; the boundary of a task."""
        try:
            self.post(await self._perform(action))
        except Exception as error:
            log.exception("action.broke", action=type(action).__name__)
            self.post(ActionBroke(self._clock.now_ms(), f"{type(action).__name__}: {error}"))

    async def _perform(self, action: Action) -> Event:
        if isinstance(action, ReadMarkets):
            return await self._reader.read_markets(action)
        if isinstance(action, ReadAccounts):
            return await self._reader.read_accounts(action)
        if isinstance(action, SendOrders):
            return await self._executor.send_orders(action)
        raise DeskError(f"nobody carries out {type(action).__name__}")

    async def _finish(self) -> None:
        """Let requests in flight end; what was sent must not be forgotten half-way."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=FINISH_S_MAX)


def _increases(action: SendOrders) -> bool:
    return not all(order.request.reduce_only for order in action.orders)


def _not_sent(action: SendOrders, at_ms: int) -> OrdersSettled:
    """Without a saved intent nothing that increases may leave."""
    reports = tuple(
        OrderReport(
            venue=order.venue,
            client_id=order.request.client_id,
            verdict=Verdict.REJECTED,
            is_final=True,
            filled=order.request.size * 0,
            detail="not sent: the state could not be saved",
        )
        for order in action.orders
    )
    return OrdersSettled(at_ms, action.ask, reports)
