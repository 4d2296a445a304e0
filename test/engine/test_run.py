"""The loop: decide, save, act; wake on time; survive a full disk; end without loose ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from desk.core.actions import (
    Action,
    Alert,
    Exit,
    GuardLine,
    Level,
    ReadAccounts,
    ReadMarkets,
    RestOrders,
    SendOrders,
    Watch,
)
from desk.core.events import (
    AccountsRead,
    ActionBroke,
    Command,
    MarketsRead,
    OrdersSettled,
    OwnerAsked,
    Tick,
    Verdict,
)
from desk.core.order import Side
from desk.core.venue import VenueName
from test.engine.bench import LIGHTER, START_MS, Stage, staged
from test.engine.scripted import Memo, Run, Script, engine_for
from test.virtual import run_virtual

DEADLINE_S = Decimal(5)
HOLD = Watch("HOLD", False, ("BTC",), None, held="BTC", tick_ms=1000, on_fills=True)

Play = Callable[[Stage, Run], Awaitable[None]]


def go(stage: Stage) -> OwnerAsked:
    """Return the event that starts a script."""
    return OwnerAsked(stage.clock.now_ms(), Command.RESUME)


def perform(folder: Path, script: Script, play: Play, memo: Memo | None = None) -> Run:
    """Run an engine that follows `script` while `play` does things to it."""

    async def main() -> Run:
        async with staged() as stage:
            run = await engine_for(stage, script, folder, memo)
            await play(stage, run)
            run.journal.close()
            return run

    return run_virtual(main())


async def until_exit(stage: Stage, run: Run) -> None:
    """Start the script and let it run until it exits."""
    run.engine.post(go(stage))
    assert 0 == await run.engine.run()


def once(*actions: Action) -> Script:
    """Return a script that does `actions` at the start, and exits at the first answer."""

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        memo = replace(memo, count=memo.count + 1)
        return memo, actions if isinstance(event, OwnerAsked) else (Exit(0),)

    return script


def sending(stage_orders: Callable[[], SendOrders | RestOrders]) -> Script:
    """Return a script that sends at the start, and exits when the orders are settled."""

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        memo = replace(memo, count=memo.count + 1)
        return memo, (stage_orders(),) if isinstance(event, OwnerAsked) else (Exit(0),)

    return script


async def endless(*_: Any, **__: Any) -> Any:
    """Answer in eleven days."""
    await asyncio.sleep(1_000_000)


class Sender:
    """Sends a pair of a stage that is known later."""

    def __init__(self, **changes: Any) -> None:
        self._changes = changes
        self.stage: Stage | None = None

    def __call__(self) -> SendOrders:
        assert self.stage is not None
        return SendOrders(1, self.stage.pair(**self._changes), DEADLINE_S)

    async def play(self, stage: Stage, run: Run) -> None:
        """Start, and run until the script exits."""
        self.stage = stage
        await until_exit(stage, run)


class FullSender(Sender):
    """The same on a full disk."""

    async def play(self, stage: Stage, run: Run) -> None:
        run.diary.is_full = True
        await super().play(stage, run)


def test_the_intent_is_saved_before_anything_is_sent(tmp_path: Path) -> None:
    """The new state is on disk before the first byte of either order leaves."""
    sender = Sender()
    run = perform(tmp_path, sending(sender), sender.play)

    assert ["save 1", "send lighter", "send pacifica", "save 2"] == run.diary.lines


def test_a_state_that_did_not_change_is_not_saved_again(tmp_path: Path) -> None:
    """Only transitions cost a write."""

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        return memo, (Exit(0),)

    assert [] == perform(tmp_path, script, until_exit).diary.lines


def test_without_a_saved_intent_nothing_that_increases_leaves(tmp_path: Path) -> None:
    """On a full disk opening orders are reported as rejected, and the venues see none."""
    sender = FullSender()
    run = perform(tmp_path, sending(sender), sender.play)

    assert [] == run.diary.lines
    [settled] = [event for event in run.strategy.events if isinstance(event, OrdersSettled)]
    for report in settled.reports:
        assert (Verdict.REJECTED, True) == (report.verdict, report.is_final)
        assert "could not be saved" in report.detail


def test_without_a_saved_intent_reduce_only_leaves(tmp_path: Path) -> None:
    """On a full disk a closing order goes out all the same."""
    sender = FullSender(reduce_only=True)
    run = perform(tmp_path, sending(sender), sender.play)

    assert ["send lighter", "send pacifica"] == run.diary.lines


def test_without_a_record_nothing_is_sent_to_rest(tmp_path: Path) -> None:
    """On a full disk a trigger stays at home: nobody would find it again."""
    sender = FullSender(reduce_only=True)

    def resting() -> RestOrders:
        return RestOrders(1, sender().orders)

    run = perform(tmp_path, sending(resting), sender.play)
    assert [] == run.diary.lines
    [settled] = [event for event in run.strategy.events if isinstance(event, OrdersSettled)]
    assert {Verdict.REJECTED} == {report.verdict for report in settled.reports}


def counting(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
    """Change the state at every event, until the owner speaks."""
    leave = (Exit(0),) if isinstance(event, OwnerAsked) else ()
    return replace(memo, count=memo.count + 1), leave


def test_a_full_disk_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    """The owner hears when saving begins to fail and when it works again, not at every try."""

    async def play(stage: Stage, run: Run) -> None:
        run.diary.is_full = True
        life = asyncio.create_task(run.engine.run())
        await asyncio.sleep(4.5)
        run.diary.is_full = False
        await asyncio.sleep(2)
        run.engine.post(go(stage))
        await life

    alerts = perform(tmp_path, counting, play, Memo(watch=HOLD)).alerts()

    assert 2 == len(alerts)
    assert "state cannot be written: " in alerts[0]
    assert alerts[0].endswith("nothing is opened until it can")
    assert "state can be written again" == alerts[1]


def test_what_could_not_be_saved_is_saved_later(tmp_path: Path) -> None:
    """A state that found no room is tried again at the next event, although nothing changed."""

    async def play(stage: Stage, run: Run) -> None:
        run.diary.is_full = True
        run.engine.post(go(stage))
        life = asyncio.create_task(run.engine.run())
        await asyncio.sleep(3)
        run.diary.is_full = False
        await asyncio.sleep(3)
        life.cancel()
        assert [Memo(1, watch=HOLD)] == run.diary.saved

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        return replace(memo, count=1), ()

    perform(tmp_path, script, play, Memo(watch=HOLD))


def test_an_unsaved_state_keeps_blocking_until_it_is_saved(tmp_path: Path) -> None:
    """A later decision that changes nothing does not pass for a saved one."""
    sender = Sender()

    async def play(stage: Stage, run: Run) -> None:
        sender.stage = stage
        run.diary.is_full = True
        run.engine.post(Tick(stage.clock.now_ms()))
        await until_exit(stage, run)

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        if isinstance(event, OrdersSettled):
            return memo, (Exit(0),)
        return replace(memo, count=1), (sender(),) if isinstance(event, OwnerAsked) else ()

    assert [] == perform(tmp_path, script, play).diary.lines


def test_a_journal_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    """The bot goes on and says so; the journal is not what guards the money."""

    async def play(stage: Stage, run: Run) -> None:
        run.journal.is_full = True
        await until_exit(stage, run)

    alerts = perform(tmp_path, once(ReadMarkets(1, ("BTC",))), play).alerts()

    assert ["journal cannot be written"] == [text.partition(":")[0] for text in alerts]


def test_a_terminal_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    """When nobody can be shown anything, the bot goes on."""

    async def play(stage: Stage, run: Run) -> None:
        run.screen.is_gone = True
        await until_exit(stage, run)

    run = perform(tmp_path, once(ReadMarkets(1, ("BTC",))), play)
    assert any(isinstance(event, MarketsRead) for event in run.strategy.events)


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        (ReadMarkets(7, ("BTC",)), MarketsRead),
        (ReadAccounts(7), AccountsRead),
        (SendOrders(7, (), DEADLINE_S), OrdersSettled),
    ],
)
def test_each_question_gets_one_answer_with_its_number(
    tmp_path: Path, action: Action, answer: type
) -> None:
    """Reads and orders are answered by the event that belongs to them."""
    run = perform(tmp_path, once(action), until_exit)

    [_, heard] = run.strategy.events
    assert (answer, 7) == (type(heard), heard.ask)


def test_an_action_that_breaks_becomes_an_event(tmp_path: Path) -> None:
    """A fault of ours in an action is told to the strategy, with what it was, and nothing else
    ends."""

    async def play(stage: Stage, run: Run) -> None:
        stage.venues[LIGHTER].account = broken  # type: ignore[method-assign,assignment]
        await until_exit(stage, run)

    async def broken(*, urgent: bool) -> Any:
        raise ZeroDivisionError("how could that be")

    run = perform(tmp_path, once(ReadAccounts(1)), play)

    [_, heard] = run.strategy.events
    assert isinstance(heard, ActionBroke)
    assert "ReadAccounts: how could that be" == heard.text


def ticks(run: Run) -> list[float]:
    """Return when the strategy was ticked, seconds since the world began."""
    return [
        (event.at_ms - START_MS) / 1000 for event in run.strategy.events if isinstance(event, Tick)
    ]


def waiting(_: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
    """Do nothing until the owner speaks."""
    return _, (Exit(0),) if isinstance(event, OwnerAsked) else ()


async def for_ten_seconds(stage: Stage, run: Run) -> None:
    """Let the engine run for ten seconds, then end it."""
    life = asyncio.create_task(run.engine.run())
    await asyncio.sleep(10)
    run.engine.post(go(stage))
    await life


def test_ticks_come_every_second_while_holding(tmp_path: Path) -> None:
    """The regular pace is kept to the millisecond, and each tick carries both marks."""
    run = perform(tmp_path, waiting, for_ten_seconds, Memo(watch=HOLD))

    assert [1.0] * 10 == [round(after - before, 3) for before, after in pairwise(ticks(run))]
    marked = [set(event.marks) for event in run.strategy.events[3:-1]]
    assert [set(VenueName)] * len(marked) == marked


def test_a_fill_in_the_held_symbol_wakes_the_strategy(tmp_path: Path) -> None:
    """Somebody may have cut a leg: the strategy hears of it between its regular ticks."""

    async def play(stage: Stage, run: Run) -> None:
        life = asyncio.create_task(run.engine.run())
        await asyncio.sleep(2.5)
        venue = stage.venues[LIGHTER]
        await venue.send(await venue.sign(stage.order(LIGHTER, Side.BUY).request))
        await asyncio.sleep(0.4)
        run.engine.post(go(stage))
        await life

    run = perform(tmp_path, waiting, play, Memo(watch=HOLD))
    heard = [event for event in run.strategy.events if isinstance(event, Tick)]
    assert [True] == [event.stirred for event in heard if event.stirred]


def test_a_stream_that_comes_back_wakes_the_strategy(tmp_path: Path) -> None:
    """What was filled while it was down, nobody tells any more."""

    async def play(stage: Stage, run: Run) -> None:
        life = asyncio.create_task(run.engine.run())
        await asyncio.sleep(2.5)
        stage.feed(LIGHTER).cut()
        stage.feed(LIGHTER).mend()
        await asyncio.sleep(0.4)
        run.engine.post(go(stage))
        await life

    run = perform(tmp_path, waiting, play, Memo(watch=HOLD))
    heard = [event for event in run.strategy.events if isinstance(event, Tick)]
    assert [True] == [event.stirred for event in heard if event.stirred]


def test_a_silent_venue_has_no_mark_in_a_tick(tmp_path: Path) -> None:
    """A mark older than ten seconds is left out; nobody is told an old price as a new one."""

    async def play(stage: Stage, run: Run) -> None:
        life = asyncio.create_task(run.engine.run())
        await asyncio.sleep(3)
        stage.feed(LIGHTER).silence()
        await asyncio.sleep(12)
        run.engine.post(go(stage))
        await life

    run = perform(tmp_path, waiting, play, Memo(watch=HOLD))

    seen = [LIGHTER in event.marks for event in run.strategy.events if isinstance(event, Tick)]
    assert (True, False) == (seen[8], seen[-1])


def test_a_wake_up_comes_on_time(tmp_path: Path) -> None:
    """The tick asked for comes at its very millisecond, once."""
    at_ms = START_MS + 7_321

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        if isinstance(event, OwnerAsked):
            return memo, (Exit(0),)
        return replace(memo, wake_at_ms=None), ()

    run = perform(tmp_path, script, for_ten_seconds, Memo(wake_at_ms=at_ms))

    assert [7.321] == ticks(run)


def test_a_wake_up_in_the_past_is_no_busy_loop(tmp_path: Path) -> None:
    """A strategy that forgets to clear its wake-up is called often, not without end."""
    run = perform(tmp_path, waiting, for_ten_seconds, Memo(wake_at_ms=1))

    assert 150 <= len(ticks(run)) <= 210


def test_a_crossed_guard_line_ticks_at_once(tmp_path: Path) -> None:
    """The mark that crosses a line is heard as soon as it is streamed, and each crossing once."""
    line = GuardLine(LIGHTER, "BTC", Decimal(150_000), above=True)
    shocks_at_ms = []

    async def play(stage: Stage, run: Run) -> None:
        life = asyncio.create_task(run.engine.run())
        await asyncio.sleep(3.5)
        for pct in (100, -50, 100):
            shocks_at_ms.append(stage.clock.now_ms())
            stage.world.shock("BTC", Decimal(pct))
            await asyncio.sleep(8.2)
        life.cancel()

    watch = replace(HOLD, tick_ms=None, lines=(line,))
    run = perform(tmp_path, waiting, play, Memo(watch=watch))
    heard_at_ms = [event.at_ms for event in run.strategy.events if isinstance(event, Tick)]
    assert 2 == len(heard_at_ms)
    assert 0 <= heard_at_ms[0] - shocks_at_ms[0] <= 100
    assert 0 <= heard_at_ms[1] - shocks_at_ms[2] <= 100


def test_the_held_symbol_is_streamed_when_none_is_named(tmp_path: Path) -> None:
    """After a restart with every symbol monitored, the guards are not blind."""
    watch = replace(HOLD, symbols=())
    run = perform(tmp_path, waiting, for_ten_seconds, Memo(watch=watch))

    assert set(VenueName) == set(run.strategy.events[-2].marks)


def test_an_exit_waits_for_what_is_in_flight(tmp_path: Path) -> None:
    """Orders on the wire are followed to their end before the program leaves."""
    sender = Sender()

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        return replace(memo, count=1), (sender(), Exit(0))

    async def play(stage: Stage, run: Run) -> None:
        sender.stage = stage
        await until_exit(stage, run)
        assert stage.held(LIGHTER) > 0
        assert 1 == len(asyncio.all_tasks()) - 1  # the world's own

    perform(tmp_path, script, play)


def test_an_exit_gives_up_what_was_only_asked(tmp_path: Path) -> None:
    """A read in flight does not delay the end, and leaves no task behind."""

    async def play(stage: Stage, run: Run) -> None:
        stage.venues[LIGHTER].account = endless  # type: ignore[method-assign]
        before_s = stage.clock.monotonic_s()
        await until_exit(stage, run)
        assert before_s == stage.clock.monotonic_s()
        assert 1 == len(asyncio.all_tasks()) - 1

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        return memo, (ReadAccounts(1), Exit(0))

    perform(tmp_path, script, play)


def test_an_exit_does_not_wait_for_ever(tmp_path: Path) -> None:
    """Orders that do not end within seven seconds are given up, before the signal's patience."""
    sender = Sender()

    async def play(stage: Stage, run: Run) -> None:
        sender.stage = stage
        stage.venues[LIGHTER].send = endless  # type: ignore[method-assign]
        before_s = stage.clock.monotonic_s()
        await until_exit(stage, run)
        assert 7 <= stage.clock.monotonic_s() - before_s < 8
        assert 1 == len(asyncio.all_tasks()) - 1

    def script(memo: Memo, event: Any) -> tuple[Memo, tuple[Action, ...]]:
        return memo, (sender(), Exit(0))

    perform(tmp_path, script, play)


def test_alerts_are_shown_with_their_decision(tmp_path: Path) -> None:
    """Observers see each decision with its actions, in order, before anything is carried out."""
    run = perform(tmp_path, once(Alert(Level.INFO, "hello"), ReadMarkets(1, ("BTC",))), until_exit)

    assert ["hello"] == run.alerts()
    assert ["OwnerAsked", "MarketsRead"] == [type(r.event).__name__ for r in run.screen.records]

