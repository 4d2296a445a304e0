"""The screen takes the terminal, gives it back whatever happens, and never stops what trades."""

import asyncio
import io
from collections.abc import Callable
from typing import TextIO, cast

import pytest
from rich.console import Console

from desk.core.actions import Decision, Watch
from desk.core.book import Quote
from desk.core.errors import StaleData
from desk.core.events import Command, OwnerAsked
from desk.core.stream import StatsSeen, StreamUp
from desk.core.venue import Health, VenueName
from desk.engine.run import Record
from desk.hedge.state import BotState
from desk.screen.dashboard.gather import Gatherer
from desk.screen.dashboard.live import REDRAW_S_MAX, REDRAW_S_MIN, STATUS_S, Screen
from desk.screen.hold import HoldBook
from desk.screen.patient import PatientFile
from test.screen.looks import AT_MS, LIGHTER, holding, venue_markets

ENTER, LEAVE, CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"
JOBS_MAX = 1_000

Step = Callable[[], object] | float


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


class Behind(PatientFile):
    """A way to the terminal that is never through with what it has."""

    def __init__(self, whole: PatientFile) -> None:
        self._whole = whole

    @property
    def is_behind(self) -> bool:
        """Return that it is."""
        return True

    def skip(self) -> None:
        """Let the other one."""
        self._whole.skip()

    def write(self, text: str) -> int:
        """Let the other one."""
        return self._whole.write(text)

    def finish(self, wait_s: float = 1.0) -> bool:
        """Let the other one."""
        return self._whole.finish(wait_s)


class Calm:
    """A venue that tells nothing; `fault` is raised by its books."""

    def health(self) -> Health:
        """Return that nothing is known."""
        return Health()

    def quote(self, symbol: str) -> Quote:
        """Return no book."""
        raise StaleData("silent", venue=LIGHTER, request=symbol)


class Noon:
    """A clock that stands."""

    def now_ms(self) -> int:
        """Return the instant of everything here."""
        return AT_MS

    def monotonic_s(self) -> float:
        """Return that no time passes."""
        return 0.0


class Stage:
    """A screen on a terminal of ours; `now_s` is the real time."""

    def __init__(self, *, is_plain: bool = False, term: str = "xterm") -> None:
        self.now_s = 0.0
        self.errors: list[BaseException] = []
        self.file = Terminal()
        self.console = Console(
            file=cast(TextIO, self.file),
            width=100,
            height=40,
            force_terminal=True,
            _environ={"TERM": term},
        )
        self.screen = Screen(
            self.console,
            holding(),
            dict.fromkeys(VenueName, Calm()),
            clock=Noon(),
            mode="TEST",
            is_plain=is_plain,
            beat_s=3600,
            on_broken=self.errors.append,
            real_s=lambda: self.now_s,
        )

    @property
    def written(self) -> str:
        """Return what the terminal has been given."""
        return self.file.getvalue()

    async def after(self, seconds: float) -> None:
        """Let time pass, and what is due be shown."""
        self.now_s += seconds
        await self.written_out()
        self.screen.pulse()
        for _ in range(JOBS_MAX):
            if self.screen._job is None:
                return
            await asyncio.to_thread(lambda: None)
            if self.screen._job.done():
                self.screen.pulse()
        raise AssertionError("the picture is not drawn")

    async def written_out(self) -> None:
        """Let the terminal take what waits for it, if it ever does."""
        file = self.screen._file
        for _ in range(JOBS_MAX):
            if file is None or isinstance(file, Behind) or not file.is_behind:
                return
            await asyncio.to_thread(lambda: None)

    def decide(self, state: BotState, reason: str = "owner said pause") -> None:
        """Have a decision seen."""
        watch = Watch(state.phase, state.hedge is None, (), None)
        event = OwnerAsked(AT_MS, Command.PAUSE)
        self.screen.observe(Record(event, watch, watch, Decision(state, (), reason)))


def on(stage: Stage, *steps: Step) -> str:
    """Return what the terminal was given by a life of these steps; a number lets time pass."""

    async def life() -> None:
        async with stage.screen.shown():
            for step in steps:
                if isinstance(step, int | float):
                    await stage.after(step)
                else:
                    step()
                    await asyncio.sleep(0)

    asyncio.run(life())
    return stage.written


def test_the_terminal_is_taken_and_given_back() -> None:
    """The other screen and the cursor: in this order, each once."""
    text = on(Stage(), 1.0)
    assert text.index(ENTER) < text.index("hedge BTC") < text.index(LEAVE)
    assert (1, 1, 1) == (text.count(ENTER), text.count(LEAVE), text.count(CURSOR))


def test_lines_said_meanwhile_remain() -> None:
    """Below the last screen, for whoever scrolls back."""
    stage = Stage()
    text = on(stage, lambda: stage.decide(holding()), 1.0)
    assert "owner said pause" in text[text.index(LEAVE) :]


def test_an_exception_in_the_bot_gives_it_back() -> None:
    """Whatever ends the life, the terminal is clean."""
    stage = Stage()

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        on(stage, 1.0, fail)
    assert (1, 1) == (stage.written.count(LEAVE), stage.written.count(CURSOR))


def test_a_fault_in_the_picture_leaves_lines() -> None:
    """Told once, with its name; the lines go on and nothing is drawn any more."""
    stage = Stage()

    def break_it() -> None:
        stage.screen._gatherer = cast(Gatherer, None)

    text = on(stage, break_it, 1.0, 1.0, lambda: stage.decide(holding(), "still here"), 100.0)
    after = text[text.index(LEAVE) :]
    assert 1 == after.count("the dashboard is off, lines go on: AttributeError")
    assert "still here" in after
    assert [AttributeError] == [type(error) for error in stage.errors]


def test_redraws_are_few() -> None:
    """Two a second at most with news, and none for a while without."""
    stage = Stage()
    stats = StatsSeen(next(iter(venue_markets(LIGHTER, {"BTC": "10"}).stats.values())))
    on(stage, 1.0)
    frames = stage.written.count("hedge BTC")

    again = Stage()
    hear: list[Step] = [lambda: again.screen.hear(LIGHTER, stats), REDRAW_S_MIN / 5]
    on(again, 1.0, *hear * 20)
    assert 1 == frames
    assert 2 <= again.written.count("hedge BTC") <= 6

    quiet = Stage()
    on(quiet, 1.0, *[REDRAW_S_MAX / 20] * 19)
    assert 1 == quiet.written.count("hedge BTC")


def test_a_dumb_terminal_gets_lines() -> None:
    """Without any code that it would not understand."""
    text = on(Stage(term="dumb"), STATUS_S + 1)
    assert ENTER not in text
    assert "HOLD BTC held" in text


def test_plain_is_a_line_of_status_a_minute() -> None:
    """No more, whatever happens in between."""
    stage = Stage(is_plain=True)
    text = on(stage, *[STATUS_S / 10 + 0.01] * 25)
    assert 2 == text.count("HOLD BTC held")
    assert ENTER not in text


def test_trouble_of_the_terminal_is_raised_to_the_engine() -> None:
    """It tells it as an alert and goes on."""
    stage = Stage(is_plain=True)

    def full() -> None:
        stage.screen._trouble = OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        on(stage, full, lambda: stage.decide(holding()))


def test_a_fault_in_a_line_reaches_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Told once on the screen, each time in the log; the decision goes on."""
    stage = Stage(is_plain=True)

    def break_it() -> None:
        stage.screen.view._hold = cast(HoldBook, None)

    text = on(stage, break_it, *[lambda: stage.decide(holding())] * 3)
    assert 1 == text.count("a line could not be shown")
    assert 3 == sum("AttributeError" in (row.exc_text or "") for row in caplog.records)


def test_what_is_heard_after_the_end_is_let_go() -> None:
    """Streams speak until their venues are closed."""
    stage = Stage(is_plain=True)
    on(stage)
    stage.now_s += STATUS_S
    stage.screen.hear(LIGHTER, StreamUp(AT_MS))


def test_a_frame_is_skipped_while_the_last_one_waits() -> None:
    """A slow line gets the newest picture, not all of them."""
    stage = Stage()

    def behind() -> None:
        assert stage.screen._file is not None
        stage.screen._file = Behind(stage.screen._file)

    on(stage, behind, 1.0, 1.0)
    assert "hedge BTC" not in stage.written
