"""Virtual time: jumps land on deadlines, threads and sockets are never overtaken."""

import asyncio
import os
import signal
import time
from contextlib import closing

import pytest
from aiohttp import ClientSession, ClientTimeout, web

from desk.engine.clock import LoopClock, SystemClock
from desk.sim.virtual_loop import Stalled, VirtualLoop
from test.virtual import run_virtual


def test_timers_fire_in_deadline_order_at_their_own_time() -> None:
    """Whatever the order of asking, time visits each deadline exactly."""

    async def main() -> list[tuple[str, float]]:
        loop = asyncio.get_running_loop()
        seen: list[tuple[str, float]] = []

        def note(name: str) -> None:
            seen.append((name, loop.time()))

        for name, at_s in (("late", 43_200.1), ("early", 0.3), ("middle", 7.7)):
            loop.call_at(at_s, note, name)
        await asyncio.sleep(50_000)
        return seen

    assert [("early", 0.3), ("middle", 7.7), ("late", 43_200.1)] == run_virtual(main())


def test_twelve_hours_pass_in_no_real_time() -> None:
    """Waiting costs nothing when nothing is due."""
    begun_s = time.monotonic()
    run_virtual(asyncio.sleep(43_200))
    assert time.monotonic() - begun_s < 5


def test_an_hour_of_ticks_costs_no_drift() -> None:
    """A cancelled timer at the head of the queue does not become a jump."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(1, print).cancel()
        await asyncio.sleep(2)
        return loop.time()

    assert 2.0 == run_virtual(main())


def test_time_stands_still_while_a_thread_works() -> None:
    """A job in a thread is not overtaken by a timer, however long it takes."""

    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(0.001):
            word = await loop.run_in_executor(None, lambda: (sum(range(2_000_000)), "done")[1])
        return word, loop.time()

    assert ("done", 0.0) == run_virtual(main())


def test_name_lookups_count_as_threads() -> None:
    """`getaddrinfo` goes through the executor, so a connect time-out cannot fire during it."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(loop.getaddrinfo("localhost", 80), 0.001)
        return loop.time()

    assert 0.0 == run_virtual(main())


async def _answer(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query["delay_s"]))
    return web.Response(body=b"x" * int(request.query["length"]))


async def _serve() -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_get("/", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/"


async def _round_trips(count: int, *, length: int) -> list[float]:
    runner, url = await _serve()
    loop, seen = asyncio.get_running_loop(), []
    async with ClientSession(timeout=ClientTimeout(total=6)) as session:
        for number in range(count):
            query = {"delay_s": str(number % 3), "length": str(length)}
            async with session.get(url, params=query) as answer:
                assert length == len(await answer.read())
            seen.append(loop.time())
    await runner.cleanup()
    return seen


def test_loopback_round_trips_never_time_out_early() -> None:
    """Bytes on the wire come before any jump: only the asked-for delays pass."""
    seen = run_virtual(_round_trips(150, length=1_000))
    assert 150.0 == pytest.approx(seen[-1], abs=0.001)


def test_large_bodies_cross_without_a_jump() -> None:
    """A body larger than the socket buffers still arrives in zero time."""
    assert 1.0 == pytest.approx(run_virtual(_round_trips(2, length=4_000_000))[-1], abs=0.001)


def test_the_same_program_takes_the_same_steps() -> None:
    """Two runs over real sockets leave equal traces of virtual time."""
    first = run_virtual(_round_trips(40, length=500))
    assert first == run_virtual(_round_trips(40, length=500))


def test_a_time_out_still_fires_when_it_should() -> None:
    """A server slower than the deadline is a time-out at exactly that deadline."""

    async def main() -> float:
        runner, url = await _serve()
        async with ClientSession(timeout=ClientTimeout(total=2)) as session:
            with pytest.raises(TimeoutError):
                await session.get(url, params={"delay_s": "60", "length": "1"})
        at_s = asyncio.get_running_loop().time()
        await runner.cleanup()
        return at_s

    assert 2.0 == pytest.approx(run_virtual(main()), abs=0.001)


def test_pacing_only_waits() -> None:
    """A paced loop takes real time, yet its own time shows deadlines and nothing between."""
    begun_s = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(speed=1_000)) as runner:
        runner.run(asyncio.sleep(30))
        assert 30.0 == runner.get_loop().time()
    assert time.monotonic() - begun_s >= 0.03


def test_a_signal_is_heard_during_a_paced_wait() -> None:
    """A wait of an hour of real time ends at once when a signal comes."""

    async def main() -> float:
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, heard.set)
        loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
        await asyncio.wait_for(heard.wait(), 3_600)
        return loop.time()

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(speed=1)) as runner:
        assert 0.0 == runner.run(main())


def test_waiting_for_nothing_is_an_error() -> None:
    """A program that nothing can ever wake ends with a reason instead of hanging."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with (
        asyncio.Runner(loop_factory=lambda: VirtualLoop(stalled_s_max=0)) as runner,
        pytest.raises(Stalled),
    ):
        runner.run(main())


def test_a_negative_speed_is_refused() -> None:
    """Time has one direction."""
    with closing(VirtualLoop()) as loop, pytest.raises(ValueError, match="negative"):
        loop.speed = -1


def test_a_loop_clock_reads_whole_milliseconds() -> None:
    """A timer set for a ms wakes on that ms, although 0.29 has no exact binary form."""

    async def main() -> int:
        clock = LoopClock(asyncio.get_running_loop(), epoch_ms=1_700_000_000_000)
        await asyncio.sleep(0.29)
        return clock.now_ms()

    assert 1_700_000_000_290 == run_virtual(main())


def test_the_system_clock_tells_ms_utc() -> None:
    """Its ms agree with the machine's seconds, and its monotonic time does not go back."""
    clock = SystemClock()
    assert clock.now_ms() == pytest.approx(time.time() * 1000, abs=5_000)
    assert clock.monotonic_s() <= clock.monotonic_s()
