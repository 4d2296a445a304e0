"""A strategy made of plain functions, and a place to write down in which order things happen."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desk.core.actions import Action, Alert, Decision, Watch
from desk.core.events import Event
from desk.core.order import Outcome
from desk.core.ports import SignedWrite, Venue
from desk.core.venue import VenueName
from desk.engine.clock import SteadyClock
from desk.engine.journal import Journal
from desk.engine.run import Engine, Record
from desk.sim.sim_venue import SimVenue
from test.engine.bench import ACCOUNT, Stage


@dataclass(frozen=True, slots=True)
class Memo:
    """A state that counts, and says what the engine should keep an eye on."""

    count: int = 0
    wake_at_ms: int | None = None
    watch: Watch = field(default_factory=lambda: Watch("TEST", True, ("BTC",), None))


Script = Callable[[Memo, Any], tuple[Memo, tuple[Action, ...]]]


class Scripted:
    """A strategy that does what its script says and remembers every event."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.events: list[Any] = []

    def decide(self, state: Memo, event: Event) -> Decision[Memo]:
        """Follow the script."""
        self.events.append(event)
        memo, actions = self._script(state, event)
        return Decision(memo, actions, "as the script says")

    def watch(self, state: Memo) -> Watch:
        """Return what the state says."""
        return replace(state.watch, wake_at_ms=state.wake_at_ms)


@dataclass(slots=True)
class Diary:
    """What happened, in order; also a store that fails while `is_full`."""

    lines: list[str] = field(default_factory=list)
    saved: list[Memo] = field(default_factory=list)
    is_full: bool = False
    tries: int = 0

    def save(self, state: Memo, *, at_ms: int) -> None:
        """Keep a state, or refuse it."""
        self.tries += 1
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.lines.append(f"save {state.count}")
        self.saved.append(state)


class FragileJournal(Journal):
    """A journal on a disk that can be full."""

    is_full = False

    def write(self, *args: Any, **kwargs: Any) -> None:
        """Write a line, or find no room for it."""
        if self.is_full:
            raise OSError(28, "No space left on device")
        super().write(*args, **kwargs)


@dataclass(slots=True)
class Screen:
    """What the owner was shown, until the terminal went away."""

    records: list[Record[Memo]] = field(default_factory=list)
    is_gone: bool = False

    def __call__(self, record: Record[Memo]) -> None:
        """Show one decision."""
        if self.is_gone:
            raise BrokenPipeError(32, "Broken pipe")
        self.records.append(record)


class DiaryVenue(SimVenue):
    """A venue that writes down what is sent."""

    def __init__(self, stage: Stage, name: VenueName, diary: Diary) -> None:
        super().__init__(stage.world, name, ACCOUNT, clock=stage.clock)
        self._diary = diary

    async def send(self, write: SignedWrite) -> Outcome:
        """Send, and write it down."""
        self._diary.lines.append(f"send {self.name}")
        return await super().send(write)


@dataclass(slots=True)
class Run:
    """One engine with a scripted strategy, and all that can be seen of it."""

    engine: Engine[Memo]
    strategy: Scripted
    diary: Diary
    screen: Screen
    journal: FragileJournal

    def alerts(self) -> list[str]:
        """Return the alerts shown to the owner, in order."""
        return [
            action.text
            for record in self.screen.records
            for action in record.decision.actions
            if isinstance(action, Alert)
        ]


async def engine_for(stage: Stage, script: Script, folder: Path, memo: Memo | None = None) -> Run:
    """Return an engine on fresh venues of `stage` that follows `script`."""
    diary, screen = Diary(), Screen()
    for old in stage.venues.values():
        await old.close()
    venues: dict[VenueName, Venue] = {
        name: DiaryVenue(stage, name, diary) for name in VenueName
    }
    stage.venues = venues
    for venue in venues.values():
        await venue.open()
    journal = FragileJournal(folder / "journal.jsonl")
    strategy = Scripted(script)
    engine = Engine(
        strategy,
        memo or Memo(),
        venues,
        clock=SteadyClock(stage.clock),
        store=diary,
        journal=journal,
        observer=screen,
    )
    return Run(engine, strategy, diary, screen, journal)
