"""A line after each midnight, a heart that beats only while all is well, a fault that reaches no
trade."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from desk.alerts.notes import Note
from desk.commands.alerting import QUIET_MS_MAX, Alerting, Channels
from desk.core.account import Account
from desk.core.actions import Decision, Watch
from desk.core.errors import VenueError
from desk.core.events import Tick
from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.engine.run import Record
from desk.hedge.config import Config
from desk.hedge.state import BotState, Phase
from test.virtual import run_virtual

EVENING_MS = 1_767_311_880_000  # 2026-01-01 23:58 UTC
FLAT = BotState(config=Config(), epoch=1, phase=Phase.WAIT)


@dataclass(slots=True)
class Stage:
    """Alerts of one life, and what a channel took of them."""

    clock: LoopClock
    taken: list[Note] = field(default_factory=list)
    is_saved: bool = True
    alerting: Alerting = field(init=False)

    def __post_init__(self) -> None:
        found = Channels((self.deliver, 1), None)
        self.alerting = Alerting(found, FLAT, self.clock, lambda: self.is_saved)

    def deliver(self, note: Note) -> bool:
        """Take a note."""
        self.taken.append(note)
        return True

    def decide(self, state: BotState) -> None:
        """Have a decision seen."""
        watch = Watch(state.phase, state.hedge is None, (), None)
        decision = Decision(state, (), "because")
        self.alerting.observe(Record(Tick(self.clock.now_ms()), watch, watch, decision))


async def accounts() -> dict[VenueName, Account | VenueError]:
    """Return two accounts with 10,000 USD each."""
    usd = Decimal(10_000)
    return dict.fromkeys(VenueName, Account(usd, usd, usd, (), 0, 0))


def on_stage(story: Callable[[Stage], Awaitable[None]]) -> list[Note]:
    """Return what the channel took during a story."""

    async def life() -> list[Note]:
        stage = Stage(LoopClock(asyncio.get_running_loop(), EVENING_MS))
        async with stage.alerting.on(accounts):
            await story(stage)
        return stage.taken

    return run_virtual(life())


def test_a_day_without_a_trade_has_its_line() -> None:
    """One after each midnight, with equity and why nothing is open."""

    async def story(stage: Stage) -> None:
        await asyncio.sleep(25 * 3600)

    notes = on_stage(story)
    assert ["Daily line"] * 2 == [note.title for note in notes]
    assert "WAIT, nothing open" in notes[0].text
    assert "equity lighter 10,000.00, pacifica 10,000.00 USD" in notes[0].text


def test_the_last_decision_is_told() -> None:
    """A halt right before the end of the process."""

    async def story(stage: Stage) -> None:
        stage.decide(replace(FLAT, phase=Phase.HALT, halt_reason="a stranger"))

    assert ["Halted"] == [note.title for note in on_stage(story)]


def test_all_is_well_while_it_decides_saves_and_is_not_halted() -> None:
    """Each of the three alone stops the heart."""

    async def story(stage: Stage) -> None:
        stage.decide(FLAT)
        assert stage.alerting.is_well
        stage.is_saved = False
        assert not stage.alerting.is_well
        stage.is_saved = True
        await asyncio.sleep(QUIET_MS_MAX / 1000 + 1)
        assert not stage.alerting.is_well
        stage.decide(replace(FLAT, halt_reason="a stranger"))
        await asyncio.sleep(0)
        assert not stage.alerting.is_well

    on_stage(story)


def test_the_heart_needs_no_channel() -> None:
    """A halt stops it also where nobody gets messages."""

    async def life() -> None:
        stage = Stage(LoopClock(asyncio.get_running_loop(), EVENING_MS))
        stage.alerting = Alerting(Channels(), FLAT, stage.clock, lambda: True)
        assert stage.alerting.is_well
        stage.decide(replace(FLAT, halt_reason="a stranger"))
        assert not stage.alerting.is_well

    run_virtual(life())


def test_a_fault_in_a_message_reaches_no_trade(caplog: pytest.LogCaptureFixture) -> None:
    """The decision goes on; the loop's log has the fault."""

    async def story(stage: Stage) -> None:
        stage.alerting._herald = None  # type: ignore[assignment]
        stage.decide(FLAT)
        await asyncio.sleep(0)
        assert any("AttributeError" in (row.exc_text or "") for row in caplog.records)

    assert [] == on_stage(story)
