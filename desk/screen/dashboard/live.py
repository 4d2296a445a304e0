"""What a person sees while the bot runs: the dashboard on a terminal, else lines.

The loop only hands values over. They are gathered and drawn in a thread of their own, and written
by another one: neither an error in a picture nor a terminal that hangs reaches what trades.
"""

import asyncio
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Protocol, TextIO, cast

from rich.console import Console
from rich.live import Live
from rich.text import Text

from desk.core.account import Leverage
from desk.core.book import Quote
from desk.core.errors import StaleData
from desk.core.events import Event, Tick
from desk.core.market import MarketStats
from desk.core.ports import Clock
from desk.core.stream import QuoteSeen, StatsSeen, StreamDown, StreamEvent, StreamUp
from desk.core.venue import Health, VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState, Hedge
from desk.screen.console import ConsoleView
from desk.screen.dashboard.draw import draw
from desk.screen.dashboard.gather import Gatherer, MarketKey, Sample
from desk.screen.dashboard.status_line import status_line
from desk.screen.patient import PatientFile, Tail
from desk.screen.terminal import open_terminal

REDRAW_S_MIN = 0.5
REDRAW_S_MAX = 5.0  # ages and countdowns go on where nothing else happens
STATUS_S = 59.0  # so that two lines are never more than a minute apart
BEAT_S = 0.25
EVENTS_MAX = 2_000
LOG_LINES = 60
REPLAYED_LINES = 100
JOB_S_MAX = 1.0
LEAVE_CODES = b"\x1b[?1049l\x1b[?25h"  # what Live does at its end: the other screen, the cursor


class Source(Protocol):
    """What the screen asks of a venue."""

    def health(self) -> Health:
        """Return how our requests have been answered lately."""
        ...

    def quote(self, symbol: str) -> Quote:
        """Return the fresh top of a streamed book. Raises `StaleData`."""
        ...


class Collector:
    """Keeps what the loop was told until it is gathered. Nothing here can fail."""

    def __init__(self, state: BotState) -> None:
        """Begin with the state that was loaded."""
        self._state = state
        self._reason = ""
        self._events: deque[tuple[Event, Hedge | None]] = deque(maxlen=EVENTS_MAX)
        self._books: set[MarketKey] = set()
        self._stats: dict[MarketKey, tuple[MarketStats, int]] = {}
        self._heard: dict[VenueName, int] = {}
        self._down: dict[VenueName, str] = {}
        self._leverage: dict[MarketKey, tuple[Leverage, int]] = {}
        self.is_news = True

    def observe(self, record: Record[BotState]) -> None:
        """Note a decision; a mere tick only brings the newest state."""
        self._state = record.decision.state
        if not isinstance(record.event, Tick):
            self._events.append((record.event, self._state.hedge))
            self._reason = record.decision.reason
        self.is_news = True

    def hear(self, venue: VenueName, event: StreamEvent, now_ms: int) -> None:
        """Note what a stream told."""
        if isinstance(event, StreamDown):
            self._down[venue] = event.reason
        else:
            self._heard[venue] = now_ms
        if isinstance(event, StreamUp):
            self._down.pop(venue, None)
        elif isinstance(event, QuoteSeen):
            self._books.add((venue, event.quote.symbol))
        elif isinstance(event, StatsSeen):
            self._stats[venue, event.stats.symbol] = event.stats, now_ms
        self.is_news = True

    def note_leverage(self, venue: VenueName, setting: Leverage, now_ms: int) -> None:
        """Note what a venue says of a symbol's leverage."""
        self._leverage[venue, setting.symbol] = setting, now_ms

    def sample(
        self,
        now_ms: int,
        *,
        mode: str,
        is_saved: bool,
        venues: Mapping[VenueName, Source],
        view: ConsoleView,
        log: tuple[str, ...],
    ) -> Sample:
        """Return all of it as a value, with the books as they are now; keep no event twice."""
        events, self.is_news = tuple(self._events), False
        self._events.clear()
        return Sample(
            now_ms=now_ms,
            mode=mode,
            state=self._state,
            reason=self._reason,
            is_saved=is_saved,
            events=events,
            quotes=_fresh(venues, self._books),
            stats=dict(self._stats),
            heard_at_ms=dict(self._heard),
            down=dict(self._down),
            leverage=dict(self._leverage),
            health={name: venue.health() for name, venue in venues.items()},
            results=tuple(view.results),
            log=log,
        )


def _fresh(
    venues: Mapping[VenueName, Source], books: Iterable[MarketKey]
) -> dict[MarketKey, Quote]:
    """Return the books that may be shown, by the same rule that lets them price an order."""
    quotes = {}
    for venue, symbol in books:
        with suppress(StaleData):
            quotes[venue, symbol] = venues[venue].quote(symbol)
    return quotes


class Screen:
    """An observer of the engine and of the venues' streams; within `shown` it owns the terminal.

    `is_saved` is set from outside: whether the disk has the present state.
    """

    def __init__(
        self,
        console: Console,
        state: BotState,
        venues: Mapping[VenueName, Source],
        *,
        clock: Clock,
        mode: str,
        is_plain: bool,
        beat_s: float = BEAT_S,
        on_broken: Callable[[BaseException], None],
        real_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Draw on `console`, or print lines where it is no terminal, or `is_plain`. `beat_s` is how
        often to look, in the loop's time; the pace of what is shown is kept by `real_s`."""
        self.view = ConsoleView(console)
        self.is_saved: Callable[[], bool] = lambda: True
        self._collector = Collector(state)
        self._console = console
        self._venues = venues
        self._clock = clock
        self._mode = mode
        self._is_drawn = not is_plain and console.is_terminal and not console.is_dumb_terminal
        self._beat_s = beat_s
        self._on_broken = on_broken
        self._real_s = real_s
        self._shown_s = real_s()
        self._tail = Tail()
        self._gatherer = Gatherer()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="screen")
        self._job: Future[str | None] | None = None
        self._trouble: OSError | None = None
        self._has_missed = False
        self._is_off = False
        self._file: PatientFile | None = None
        self._live: Live | None = None
        self._last: Text | None = None

    # What the loop tells

    def observe(self, record: Record[BotState]) -> None:
        """Take a decision in; its lines are printed right after. Raises the `OSError` that the last
        ones met."""
        self._collector.observe(record)
        asyncio.get_running_loop().call_soon(self._print, record)
        self.pulse()
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble

    def hear(self, venue: VenueName, event: StreamEvent) -> None:
        """Take in what a stream told."""
        self._collector.hear(venue, event, self._clock.now_ms())
        self.view.hear(venue, event)
        self.pulse()

    def note_leverage(self, venue: VenueName, setting: Leverage) -> None:
        """Take in what a venue says of a symbol's leverage."""
        self._collector.note_leverage(venue, setting, self._clock.now_ms())

    def _print(self, record: Record[BotState]) -> None:
        """Print the lines of a decision. A fault in them is told once and ends in the loop's own
        log: nobody who trades waits for this call."""
        is_over = False
        try:
            self.view(record)
            is_over = True
        except OSError as error:
            self._trouble, is_over = error, True
        finally:
            if not is_over and not self._has_missed:
                self._has_missed = True
                text = "a line could not be shown: a fault of ours"
                self.view.aside(record.event.at_ms, "screen", text, style="yellow")

    # The terminal

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Within, the terminal is ours; afterwards it is as it was, with the latest lines on it."""
        file = cast(TextIO, self._console.file)
        self._file = PatientFile(file)
        self._console.file = cast(TextIO, self._file)
        if self._is_drawn:
            self._enter(self._file)
        beat = asyncio.get_running_loop().create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()
            self._is_off = True
            if self._job is not None:
                wait([self._job], timeout=JOB_S_MAX)
            self._worker.shutdown(wait=False, cancel_futures=True)
            self._leave()
            if self._file.finish():
                self._console.file = file
            else:
                self._console.quiet = True  # nobody takes a word: the last ones must not block

    def _enter(self, file: PatientFile) -> None:
        """Take the whole screen; lines that are printed from now on are kept for it."""
        self._live = Live(
            console=open_terminal(cast(TextIO, file)),
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        self._console.file = cast(TextIO, self._tail)

    def _leave(self) -> None:
        """Give the screen back and print what has been said meanwhile."""
        live, self._live = self._live, None
        if live is None or self._file is None:
            return
        self._is_drawn = False
        self._console.file = cast(TextIO, self._file)
        self._file.skip()
        with suppress(OSError):
            live.stop()
            self._file.write("".join(f"{row}\n" for row in self._tail.latest(REPLAYED_LINES)))

    def abandon(self) -> None:
        """Give the screen back at once: the process is about to end without ceremony."""
        if self._live is not None:
            with suppress(OSError):
                os.write(sys.stdout.fileno(), LEAVE_CODES)
        elif self._file is not None:
            self._file.finish(JOB_S_MAX)

    # The pace

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_s)
            self.pulse()

    def pulse(self) -> None:
        """Show what is due: at most two frames a second, a line of status a minute."""
        if self._file is None or self._is_off:
            return
        if self._job is not None:
            if not self._job.done():
                return
            self._finish(self._job)
            self._job = None
        elif self._is_due():
            self._shown_s = self._real_s()
            self._job = self._worker.submit(partial(self._work, self._sample()))

    def _is_due(self) -> bool:
        waited_s = self._real_s() - self._shown_s
        if not self._is_drawn:
            return waited_s >= STATUS_S
        return waited_s >= (REDRAW_S_MIN if self._collector.is_news else REDRAW_S_MAX)

    def _sample(self) -> Sample:
        return self._collector.sample(
            self._clock.now_ms(),
            mode=self._mode,
            is_saved=self.is_saved(),
            venues=self._venues,
            view=self.view,
            log=self._tail.latest(LOG_LINES),
        )

    def _work(self, sample: Sample) -> str | None:
        """Gather and draw, in the worker. Returns a line to print where there is no dashboard."""
        board = self._gatherer.board(sample)
        live = self._live
        if live is None:
            return status_line(board)
        frame = draw(board, *live.console.size)
        if self._file is not None and self._file.is_behind:
            self._collector.is_news = True  # shown as soon as the terminal has taken the last one
        elif frame != self._last:
            self._last = frame
            live.update(frame, refresh=True)
        return None

    def _finish(self, job: "Future[str | None]") -> None:
        """Print what a job returned; one that failed is the last, and plain lines go on."""
        error = job.exception()
        now_ms = self._clock.now_ms()
        if error is None:
            text = job.result()
            if text is not None:
                self.view.aside(now_ms, "status", text)
            return
        self._is_off = True
        self._leave()
        text = f"the dashboard is off, lines go on: {type(error).__name__}: {error}"
        self.view.aside(now_ms, "screen", text, style="yellow")
        self._on_broken(error)
