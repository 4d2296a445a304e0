"""Hosting both venues: the ready line, the daemon's environment, ports, and the real process."""

import asyncio
import gc
import itertools
import json
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession

from desk.core.venue import VenueName
from desk.engine.clock import LoopClock
from desk.sim.accounts import credentials_from_seed
from desk.sim.market_model import Profile
from desk.sim.market_table import market_rows
from desk.sim.serve import PortInUse, start_embedded
from desk.sim.world import World
from desk.venues.pacifica.signing import is_address
from test.virtual import run_virtual

START_MS = 1_767_700_860_000
ROOT = Path(__file__).resolve().parents[2]
START_S_MAX = 60
LIGHTER_KEYS = ["url", "ws_url", "account_index", "l1_address", "api_key_index"]
LIGHTER_SECRETS = ["api_public_key", "api_private_key", "chain_id"]
PACIFICA_KEYS = ["url", "ws_url", "account", "agent", "agent_private_key"]


def small_world() -> World:
    """Return a world of one market."""
    return World(5, start_ms=START_MS, markets=market_rows(("BTC",)))


def port_of(url: str) -> int:
    """Return the port in a URL."""
    port = urlsplit(url).port
    assert port is not None
    return port


def test_accounts_follow_from_the_seed() -> None:
    """The same seed gives the same keys, another seed others, and no key shows in a repr."""
    one, same, other = (credentials_from_seed(seed) for seed in (1, 1, 2))

    assert one.pacifica.account == same.pacifica.account != other.pacifica.account
    assert one.lighter.key.public_key == same.lighter.key.public_key
    assert is_address(one.pacifica.agent)
    assert one.lighter.key.private_key.reveal() not in repr(one)


def test_a_closed_world_is_let_go() -> None:
    """Nothing keeps a world whose servers have answered and closed."""

    async def main() -> weakref.ref[World]:
        world = small_world()
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        embedded = await start_embedded(world, clock=clock)
        async with ClientSession() as session:
            for url in (embedded.endpoints.lighter_url, f"{embedded.endpoints.pacifica_url}/info"):
                assert 200 == (await session.get(url)).status
        await embedded.close()
        return weakref.ref(world)

    world = run_virtual(main())
    gc.collect()
    assert world() is None


def test_the_ready_line_has_exactly_the_promised_keys() -> None:
    """Both venues' URLs, ids and keys, in the contract's order."""

    async def main() -> dict[str, Any]:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        embedded = await start_embedded(small_world(), clock=clock)
        await embedded.close()
        return embedded.ready_line()

    ready = run_virtual(main())

    assert [*LIGHTER_KEYS, *LIGHTER_SECRETS] == list(ready["lighter"])
    assert PACIFICA_KEYS == list(ready["pacifica"])
    assert ready["pacifica"]["url"].endswith("/api/v1")
    assert 82 == len(ready["lighter"]["api_private_key"])


def test_a_used_port_is_named_with_its_mend() -> None:
    """The second server on one port fails with the port, the venue and the flag to change."""

    async def main() -> tuple[int, str]:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        first = await start_embedded(small_world(), clock=clock)
        port = port_of(first.endpoints.pacifica_ws_url)
        with pytest.raises(PortInUse) as caught:
            await start_embedded(small_world(), clock=clock, pacifica_port=port)
        await first.close()
        return port, str(caught.value)

    port, text = run_virtual(main())

    assert f"port {port} for pacifica cannot be used" in text
    assert "--pacifica-port" in text


def test_closing_frees_the_ports() -> None:
    """After `close` the same ports can be taken again."""

    async def main() -> list[int]:
        clock, ports = LoopClock(asyncio.get_running_loop(), START_MS), [0]
        for _ in range(2):
            embedded = await start_embedded(small_world(), clock=clock, pacifica_port=ports[-1])
            ports.append(port_of(embedded.endpoints.pacifica_ws_url))
            await embedded.close()
        return ports

    _, first, second = run_virtual(main())

    assert first == second


def test_both_venues_live_in_one_world() -> None:
    """Time that passes on the loop moves both markets."""

    async def main() -> tuple[str, str]:
        clock = LoopClock(asyncio.get_running_loop(), START_MS)
        embedded = await start_embedded(small_world(), clock=clock)
        seen = []
        async with ClientSession() as session:
            for _ in range(2):
                await asyncio.sleep(60)
                url = f"{embedded.endpoints.pacifica_url}/info/prices"
                async with session.get(url) as reply:
                    seen.append(await reply.text())
        await embedded.close()
        return seen[0], seen[1]

    first, second = run_virtual(main())

    assert first != second


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `python -m desk.sim` for real."""
    command = [sys.executable, "-m", "desk.sim", *arguments]
    pipe = subprocess.PIPE
    running = subprocess.Popen(command, cwd=ROOT, text=True, stdout=pipe, stderr=pipe)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def test_the_process_announces_itself_and_ends_cleanly(tmp_path: Path) -> None:
    """One JSON line when ready, an .env only its owner reads, exit 0 on SIGTERM, no noise."""
    env_file = tmp_path / "sim.env"
    flags = ["--lighter-port", "0", "--pacifica-port", "0", "--env-file", str(env_file)]
    with process(*flags) as running:
        assert running.stdout is not None
        ready = json.loads(running.stdout.readline())
        env = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
        running.send_signal(signal.SIGTERM)
        rest, errors = running.communicate(timeout=START_S_MAX)

    assert (0, "", "") == (running.returncode, rest, errors)
    assert 0o600 == env_file.stat().st_mode & 0o777
    assert ready["pacifica"]["url"] == env["PACIFICA_BASE_URL"]
    assert {"EMERGENCY_API_KEY_PRIVATE_KEY", "SOL_WALLET", "LIGHTER_BASE_URL"} <= set(env)


async def _leave_a_stopped_process(running: subprocess.Popen[str], ready: dict[str, Any]) -> int:
    """Talk to both venues, vanish while the process is stopped, and return the status of a request
    made after it goes on."""
    async with ClientSession() as session:
        for venue in ("lighter", "pacifica"):
            socket = await session.ws_connect(ready[venue]["ws_url"])
            running.send_signal(signal.SIGSTOP)
            for _ in range(3):
                await socket.ping()
            connection = socket._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.close()
            await asyncio.sleep(0)
            running.send_signal(signal.SIGCONT)
        async with session.get(f"{ready['pacifica']['url']}/info/prices") as reply:
            return reply.status


def test_clients_that_vanish_make_no_noise() -> None:
    """Whoever leaves while the process is stopped leaves no trace; Ctrl-C ends it cleanly."""
    with process("--lighter-port", "0", "--pacifica-port", "0") as running:
        assert running.stdout is not None
        ready = json.loads(running.stdout.readline())
        status = asyncio.run(_leave_a_stopped_process(running, ready))
        running.send_signal(signal.SIGINT)
        rest, errors = running.communicate(timeout=START_S_MAX)

    assert (200, 0, "", "") == (status, running.returncode, rest, errors)


MISTAKES = [
    (["--pacifica-port", "x"], "argument --pacifica-port: x is not a port: give 0 to 65535"),
    (["--pacifica-port", "65536"], "65536 is not a port"),
    (["--funding-interval-s", "0"], "0 is not an interval: give at least 1 second"),
    (["--limits", "none"], "argument --limits: none is not one of published, off"),
    (["--profile", "x"], "argument --profile: x is not one of record, showcase"),
    (["--seed", "x"], "argument --seed: 'x' is not a number"),
    (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    (["--env-file", "/nonexistent/x"], "x (no such file or directory): choose another path"),
    (["--env-file", "/"], "cannot write --env-file / (is a directory): choose another path"),
]


@pytest.mark.parametrize(("change", "text"), MISTAKES, ids=str)
def test_a_bad_argument_is_one_line_and_exit_2(change: list[str], text: str) -> None:
    """The line names the argument and the mend."""
    with process("--lighter-port", "0", "--pacifica-port", "0", *change) as running:
        _, errors = running.communicate(timeout=START_S_MAX)

    assert (2, 1) == (running.returncode, errors.count("\n"))
    assert errors.startswith("error: ")
    assert text in errors


def test_both_ports_are_needed() -> None:
    """Without them the line names both, and where the manual is."""
    with process() as running:
        _, errors = running.communicate(timeout=START_S_MAX)

    assert (2, 1) == (running.returncode, errors.count("\n"))
    assert "--lighter-port, --pacifica-port; see python -m desk.sim --help" in errors


def test_a_port_in_use_is_exit_1() -> None:
    """The process says which port and does not print a ready line."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        with process("--lighter-port", port, "--pacifica-port", "0") as running:
            output, errors = running.communicate(timeout=START_S_MAX)

    assert (1, "") == (running.returncode, output)
    assert f"error: port {port} for lighter cannot be used (address already in use)" in errors
    assert 1 == len(errors.splitlines())


def test_help_teaches() -> None:
    """The help shows the control plane and examples."""
    with process("--help") as running:
        output, _ = running.communicate(timeout=START_S_MAX)

    assert all(word in output for word in ("/_sim/truth", "--env-file", "examples:", "exit 2"))


def _gaps_s(symbol: str) -> dict[str, float]:
    """Return the longest silence of each venue's stream in a swift world, to one who watches one
    symbol and everybody's statistics."""

    async def main() -> dict[str, float]:
        loop = asyncio.get_running_loop()
        world = World(5, start_ms=START_MS, profile=Profile.SHOWCASE)
        embedded = await start_embedded(world, clock=LoopClock(loop, START_MS))
        at = embedded.endpoints
        market_id = world.spec(VenueName.LIGHTER, symbol).instrument.market_id
        lighter = [f"order_book/{market_id}", "market_stats/all"]
        pacifica = [{"source": "bbo", "symbol": symbol}, {"source": "prices"}]
        wishes: dict[str, list[dict[str, Any]]] = {
            at.lighter_ws_url: [{"type": "subscribe", "channel": name} for name in lighter],
            at.pacifica_ws_url: [{"method": "subscribe", "params": row} for row in pacifica],
        }
        async with ClientSession() as session:
            heard = [_longest_silence_s(session, url, texts) for url, texts in wishes.items()]
            gaps = await asyncio.gather(*heard)
        await embedded.close()
        return dict(zip(("lighter", "pacifica"), gaps, strict=True))

    return run_virtual(main())


async def _longest_silence_s(session: ClientSession, url: str, wishes: list[Any]) -> float:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    async with session.ws_connect(url) as socket:
        for wish in wishes:
            await socket.send_json(wish)
        while not times or loop.time() - times[0] < 45:
            await socket.receive()
            times.append(loop.time())
    return max(after - before for before, after in itertools.pairwise(times))


@pytest.mark.parametrize("symbol", ["BTC", "HYPE"])
def test_a_swift_world_is_never_quiet_for_two_seconds(symbol: str) -> None:
    """Whoever watches a single symbol hears something on both venues within two seconds."""
    assert max(_gaps_s(symbol).values()) < 2
