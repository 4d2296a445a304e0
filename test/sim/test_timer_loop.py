"""The loop of timers alone: the order of asyncio's own loops, at the same times."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from desk.sim.timer_loop import TimerLoop
from desk.sim.virtual_loop import Stalled
from test.virtual import run_virtual

T = TypeVar("T")


def _run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=TimerLoop) as runner:
        return runner.run(main)


async def _bustle(seed: int) -> list[tuple[float, str]]:
    """Return what a crowd of tasks did and when: many timers of one instant, many cancelled."""
    chance, loop = random.Random(seed), asyncio.get_running_loop()
    seen: list[tuple[float, str]] = []
    door = asyncio.Event()

    async def walk(name: str) -> None:
        for step in range(8):
            late = (0.0, f"{name} was late")
            timer = loop.call_later(chance.choice((0.1, 0.2, 0.3)), seen.append, late)
            try:
                async with asyncio.timeout(chance.choice((0.1, 0.3, 0.5))):
                    await (door.wait() if chance.random() < 0.2 else asyncio.sleep(0.1 * step))
            except TimeoutError:
                seen.append((loop.time(), f"{name} gave up"))
            if chance.random() < 0.7:
                timer.cancel()
            loop.call_soon(seen.append, (loop.time(), f"{name} {step}"))

    await asyncio.gather(*(walk(f"walker {number}") for number in range(20)))
    return seen


@pytest.mark.parametrize("seed", range(5))
def test_everything_happens_in_the_order_of_asyncio(seed: int) -> None:
    """A program with ties, time-outs and cancelled timers takes the same steps on both loops."""
    assert run_virtual(_bustle(seed)) == _run(_bustle(seed))


def test_time_visits_each_deadline_exactly() -> None:
    """Whatever the order of asking, and however far away."""

    async def main() -> list[float]:
        loop, seen = asyncio.get_running_loop(), []
        for at_s in (43_200.1, 0.3, 7.7):
            loop.call_at(at_s, lambda: seen.append(loop.time()))
        await asyncio.sleep(50_000)
        return seen

    assert [0.3, 7.7, 43_200.1] == _run(main())


def test_waiting_for_what_cannot_come_ends() -> None:
    """Without a timer nothing can ever happen again; that is said, not waited for."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stalled, match="no timer"):
        _run(main())


def test_what_nobody_waited_for_is_told() -> None:
    """An error in a callback, and one in a task that is forgotten, reach the handler."""

    async def main() -> list[str]:
        loop, told = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))
        loop.call_soon(int, "callback")
        await asyncio.sleep(1)
        return told

    assert ["callback" in text for text in _run(main())] == [True]
