"""The steady clock: a bot's own time, whatever is done to the machine's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from desk.core.actions import Action, Exit, ReadMarkets, Watch
from desk.core.events import OwnerAsked, Tick
from desk.engine.clock import SteadyClock
from test.engine.bench import START_MS, staged
from test.engine.scripted import Memo, Run, Script, engine_for
from test.engine.test_run import go
from test.virtual import run_virtual

HELD = Watch("CLOSE", False, ("BTC",), None, held="BTC")
IDLE = Watch("WAIT", True, ("BTC",), None)


@dataclass
class Machine:
    """A machine whose wall clock can be set."""

    set_by_ms: int = 0

    def now_ms(self) -> int:
        """Return what it takes for ms UTC."""
        return START_MS + self.set_by_ms + round(self.monotonic_s() * 1000)

    def monotonic_s(self) -> float:
        """Return the loop's seconds."""
        return asyncio.get_running_loop().time()


def test_a_steady_clock_does_not_step() -> None:
    """The machine's clock is set back: nothing comes later for it."""

    async def main() -> None:
        machine = Machine()
        clock = SteadyClock(machine)
        await asyncio.sleep(5)
        machine.set_by_ms = -60_000
        assert (START_MS + 5_000, -60_000) == (clock.now_ms(), clock.step_ms)

    run_virtual(main())


def test_a_steady_clock_follows_where_it_is_told_to() -> None:
    """From then on it tells the time that was set."""

    async def main() -> None:
        machine = Machine()
        clock = SteadyClock(machine)
        machine.set_by_ms = 20_000
        clock.follow()
        await asyncio.sleep(1)
        assert (START_MS + 21_000, 0) == (clock.now_ms(), clock.step_ms)

    run_virtual(main())


def perform(folder: Path, script: Script, watch: Watch, *steps_ms: int) -> Run:
    """Run an engine for a minute for each of `steps_ms` that its machine's clock is set to."""

    async def main() -> Run:
        async with staged() as stage:
            machine = Machine()
            stage = replace(stage, clock=machine)  # type: ignore[arg-type]
            memo = Memo(wake_at_ms=machine.now_ms() + 90_000, watch=watch)
            run = await engine_for(stage, script, folder, memo)
            life = asyncio.create_task(run.engine.run())
            for step_ms in steps_ms:
                machine.set_by_ms = step_ms
                await asyncio.sleep(60)
            run.engine.post(go(stage))
            await life
            run.journal.close()
            return run

    return run_virtual(main())


def test_a_wake_up_is_not_put_off_by_a_clock_set_back(tmp_path: Path) -> None:
    """What is to be closed is looked at after the pause that was meant, and the owner is told."""

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        actions = (Exit(0),) if isinstance(event, OwnerAsked) else ()
        return replace(memo, wake_at_ms=None), actions

    run = perform(tmp_path, script, HELD, 0, -60_000)

    assert [Tick, OwnerAsked] == [type(event) for event in run.strategy.events]
    assert "1 min behind where it was" in run.alerts()[0]


def test_a_look_with_nothing_held_follows_the_clock(tmp_path: Path) -> None:
    """Its answer comes at the time that was set."""

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        memo = replace(memo, wake_at_ms=None)
        if isinstance(event, OwnerAsked):
            return memo, (Exit(0),)
        return memo, (ReadMarkets(1, ("BTC",)),) if isinstance(event, Tick) else ()

    run = perform(tmp_path, script, IDLE, 0, 600_000)

    tick, answer, _ = run.strategy.events
    assert 600_000 <= answer.at_ms - tick.at_ms <= 610_000
