"""One run: a plan in, an outcome out, the same every time.

Builds the stage, lets one life follow another while the strikes fall, stops all faults, gives the
bot its time to settle, and has the judge conclude.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from desk.core.actions import Strategy
from desk.core.events import Command
from desk.hedge.config import Config
from desk.hedge.state import BotState, Phase
from desk.sim.timer_loop import TimerLoop
from desk.storm.bot import Bot
from desk.storm.boundaries import Boundaries, Boundary
from desk.storm.disk import Died
from desk.storm.judge import Judge
from desk.storm.life import EXIT_FAILED, Life, Surroundings
from desk.storm.rules import Violation
from desk.storm.stage import SYMBOLS, build_stage
from desk.storm.strikes import Strike, parse_strikes, strikes_text
from desk.storm.weather import Weather

SETTLE_S_MAX = 900.0
"""A signed Lighter transaction may act for ten minutes; what it did must then be undone."""
SETTLE_LOOK_S = 5.0
CYCLE_HOURS_MAX = 3.0
LIVES_MAX = 1_000

BRISK = replace(
    Config(),
    symbols_to_monitor=SYMBOLS,
    min_volume_24h_usd=Decimal(0),
    require_expected_profit=False,
    renew_hold=False,
    hold_duration_hours=Decimal("0.05"),
    wait_between_cycles_minutes=Decimal("0.1"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides a run.

    `hours` is how long faults may fall; None: until one cycle is done. The configuration is
    `BRISK` with `settings` over it.
    """

    seed: int
    hours: float | None
    strikes: tuple[Strike, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    is_ticking: bool = False

    @property
    def config(self) -> Config:
        """Return the configuration of the run."""
        values: dict[str, Any] = {name: _value(name, text) for name, text in self.settings}
        return replace(BRISK, **values)

    def __str__(self) -> str:
        """Return the text that `parse_plan` reads."""
        parts = [f"seed={self.seed}", f"hours={'cycle' if self.hours is None else self.hours}"]
        parts += [f"{name}={text}" for name, text in self.settings]
        if self.is_ticking:
            parts.append("ticking")
        if self.strikes:
            parts.append(f"strikes={strikes_text(self.strikes)}")
        return " ".join(parts)


def parse_plan(text: str) -> Plan:
    """Return the plan written in `text`; raise `ValueError` naming what is wrong."""
    words = dict.fromkeys(text.split())
    pairs = dict(word.split("=", 1) for word in words if word != "ticking")
    hours = pairs.pop("hours", "cycle")
    return Plan(
        seed=int(pairs.pop("seed")),
        hours=None if hours == "cycle" else float(hours),
        strikes=parse_strikes(pairs.pop("strikes", "")),
        settings=tuple(pairs.items()),
        is_ticking="ticking" in words,
    )


def _value(name: str, text: str) -> Decimal | bool:
    if name not in Config.__dataclass_fields__:
        raise ValueError(f"there is no setting {name}")
    return text == "true" if text in ("true", "false") else Decimal(text)


@dataclass(slots=True)
class Outcome:
    """What came of a run. Times in seconds, `hours` simulated."""

    plan: Plan
    violations: tuple[Violation, ...]
    hours: float
    digest: str
    reached: Counter[str]
    helped_s_max: float
    alone_s_max: float
    cut_off_s_max: float
    size_ratio_max: float
    effects: int
    trace: list[Boundary] = field(default_factory=list)
    story: list[str] = field(default_factory=list)


def play(
    plan: Plan,
    *,
    is_traced: bool = False,
    is_told: bool = False,
    strategy: Strategy[BotState] | None = None,
) -> Outcome:
    """Return what comes of a plan, on a fresh virtual loop.

    `is_traced` keeps every boundary, `is_told` a line for every event. Another `strategy` than the
    bot's own shows what the judge makes of it.
    """
    run = _Run(plan, strategy or Bot(is_ticking=plan.is_ticking))
    run.is_traced, run.is_told = is_traced, is_told
    with asyncio.Runner(loop_factory=TimerLoop) as runner:
        return runner.run(run.play())


class _Run:
    """The play of one plan."""

    def __init__(self, plan: Plan, strategy: Strategy[BotState]) -> None:
        self.is_traced = False
        self.is_told = False
        self._plan = plan
        self._strategy = strategy
        self._life: Life | None = None
        self._lives = 0
        self._is_calm = asyncio.Event()

    async def play(self) -> Outcome:
        """Play it from beginning to end."""
        plan = self._plan
        loop = asyncio.get_running_loop()
        self._stage = stage = build_stage(plan.seed)
        self._judge = judge = Judge(stage, plan.config)
        self._weather = Weather(stage, say=self._say, changed=judge.turn)
        judge.alone.weather = self._weather
        judge.story = [] if self.is_told else None
        loop.set_exception_handler(self._on_loose_end)
        self._boundaries = Boundaries(
            plan.strikes,
            begin=self._weather.begin,
            fell=judge.fell,
            is_traced=self.is_traced,
            tell=judge.tell if self.is_told else None,
        )
        world = loop.create_task(stage.world.run(stage.clock))
        lives = loop.create_task(self._live())
        try:
            limit_s = (CYCLE_HOURS_MAX if plan.hours is None else plan.hours) * 3600
            await asyncio.wait([lives], timeout=limit_s)
            judge.conclude(is_settled=await self._settle(lives))
        finally:
            await self._end(lives, world)
        hours = loop.time() / 3600
        judge.count_effects(self._boundaries.reached, hours)
        return self._outcome(hours)

    async def _live(self) -> None:
        """Let one life follow another, as a supervisor would, until the work is done."""
        plan, judge = self._plan, self._judge
        around = Surroundings(
            stage=self._stage,
            boundaries=self._boundaries,
            weather=self._weather,
            witness=judge,
            config=plan.config,
            cycles=1 if plan.hours is None else None,
            strategy=self._strategy,
        )
        while self._lives < LIVES_MAX:
            self._lives += 1
            self._life = life = Life(around)
            code = await life.live()
            if code is not None and not judge.violations:
                judge.left_by_itself()
            if judge.violations or self._is_done(code):
                return
            await asyncio.sleep(1)
            with suppress(TimeoutError):
                async with asyncio.timeout(life.down_s):
                    await self._is_calm.wait()

    def _is_done(self, code: int | None) -> bool:
        """Return whether the one cycle that was asked for is over, one way or the other."""
        state = self._judge.state
        if self._plan.hours is not None or code is None or state is None:
            return False
        halted = code == EXIT_FAILED and state.phase is Phase.HALT
        return halted or (code == 0 and state.cycles_left == 0)

    async def _settle(self, lives: "asyncio.Task[None]") -> bool:
        """Stop all faults, down-time too; return whether the bot settles within its time."""
        self._boundaries.is_open = False
        self._weather.calm()
        self._is_calm.set()
        waited_s = 0.0
        while waited_s < SETTLE_S_MAX and not self._judge.violations:
            if self._judge.is_settled():
                return True
            if lives.done():
                break
            await asyncio.sleep(SETTLE_LOOK_S)
            waited_s += SETTLE_LOOK_S
        return self._judge.is_settled()

    async def _end(self, lives: "asyncio.Task[None]", world: "asyncio.Task[None]") -> None:
        tasks = [
            task for task in asyncio.all_tasks() if task is not asyncio.current_task()
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _say(self, command: Command) -> None:
        if self._life is not None:
            self._life.say(command)

    def _on_loose_end(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take what nobody waited for as a breach, unless it is left over from a death."""
        error = context.get("exception")
        is_dead = self._life is not None and self._life.is_dead
        if error is not None and not isinstance(error, Died) and not is_dead:
            self._judge.ended(error)

    def _outcome(self, hours: float) -> Outcome:
        judge = self._judge
        return Outcome(
            plan=self._plan,
            violations=tuple(judge.violations),
            hours=hours,
            digest=judge.digest,
            reached=judge.reached,
            helped_s_max=judge.alone.watch.helped_ms_max / 1000,
            alone_s_max=judge.alone.watch.alone_ms_max / 1000,
            cut_off_s_max=judge.alone.watch.cut_off_ms_max / 1000,
            size_ratio_max=float(judge.alone.size_ratio_max),
            effects=self._boundaries.reached,
            trace=self._boundaries.trace,
            story=judge.story or [],
        )
