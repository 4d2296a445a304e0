"""The daemon: read the configuration, build both venues, run the bot. Wiring only.

What it decides lives in `desk.hedge`, how it acts in `desk.engine`, what it shows in
`desk.screen`, how a start and a life go in `desk.commands`. Imports that cost time wait until they
are needed, so that `--help` and a mistyped flag answer at once. Those at the top exist on every
Python 3, so that an old one gets as far as `desk`, which tells its owner.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from desk.core.errors import ConfigError, DeskError, StartFailed, StateError, VenueError
from desk.engine.files import disk_trouble
from desk.engine.modules import missing_module
from desk.engine.signals import end_on_signals_while_starting
from desk.engine.usage import EXIT_USAGE, complain, fail
from desk.screen.command_line import CommandLines, parse_args

if TYPE_CHECKING:
    from desk.commands.what_if import Material
    from desk.core.market import FeeRates
    from desk.core.ports import Clock, Venue
    from desk.core.venue import VenueName
    from desk.engine.home import Home
    from desk.hedge.config import Config
    from desk.sim.serve import Embedded
    from lighter_client import LighterClient
    from pacifica_client import PacificaClient

EXIT_FAILED, EXIT_RUNNING = 1, 3
FOLDER = Path(__file__).resolve().parent
DEMO_START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z: the same for every demo of a seed
DEMO_SECONDS_PER_HOLD = 60


def main(argv: list[str] | None = None) -> int:
    """Run as the command line says. Returns the exit code of the contract."""
    end_on_signals_while_starting()
    args = read_words(sys.argv[1:] if argv is None else argv)
    try:
        return run(args)
    except (ConfigError, StateError) as error:
        return fail(str(error), EXIT_USAGE)
    except DeskError as error:
        from desk.engine.lock import AlreadyRunning

        return fail(str(error), EXIT_RUNNING if isinstance(error, AlreadyRunning) else EXIT_FAILED)
    except OSError as error:  # the disk, most likely: no lock, no log, no journal
        return fail(disk_trouble(error), EXIT_FAILED)
    except ModuleNotFoundError as error:
        return fail(missing_module(error), EXIT_USAGE)
    except KeyboardInterrupt:
        complain("stopped before it began to trade: nothing was sent, what is open stays open")
        return EXIT_FAILED


def read_words(words: list[str]) -> argparse.Namespace:
    """Return the command line; the commands that look back have flags of their own."""
    if words[:1] in (["report"], ["explain"]):
        from desk.commands.books import parse_words

        return parse_words(words)
    if words[:1] == ["what-if"]:
        from desk.commands.what_if import parse_words as parse_what_if

        return parse_what_if(words)
    return parse_args(words)


def run(args: argparse.Namespace) -> int:
    """Choose the loop and the venues for what was asked."""
    from desk.engine.home import Home, home_folder

    root = home_folder(args.home, os.environ)
    home = Home.live(root, config=args.config, state=args.state, journal=args.journal)

    if args.command in ("report", "explain"):
        from desk.commands.books import tell_books
        from desk.engine.clock import SystemClock

        return tell_books(args, home, SystemClock())
    if args.command == "what-if":
        return what_if(args, home)
    if args.command is not None:
        from desk.commands.tell import tell
        from desk.engine.clock import SystemClock
        from desk.engine.control import Request

        request = Request(args.command, now=args.now, yes=args.yes)
        return tell(request, home, SystemClock(), must_run=args.running)

    from desk.commands.start import read_config

    config = read_config(home, needed=not args.demo or args.config is not None)
    if args.snapshot is not None:
        from desk.screen.look import look_at_snapshot
        from desk.screen.terminal import open_terminal

        return look_at_snapshot(args.snapshot, config, open_terminal())
    if args.demo:
        return run_demo(args, config, home)
    return asyncio.run(live(args, config, home))


# Embedded venues


def run_demo(args: argparse.Namespace, config: "Config", home: "Home") -> int:
    """Run against embedded venues in virtual time, with a home of its own."""
    from desk.sim.virtual_loop import VirtualLoop

    seconds_per_hold = float(config.hold_duration_hours) * 3600
    speed = seconds_per_hold / DEMO_SECONDS_PER_HOLD if args.speed is None else args.speed
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(speed=speed)) as runner:
        return runner.run(demo(args, config, home.apart("demo")))


async def demo(args: argparse.Namespace, config: "Config", home: "Home") -> int:
    """Serve both venues in this process and trade on them with the real clients."""
    from desk.commands.life import Run, trade
    from desk.commands.start import at_a_bearable_pace, check_symbols, load_state
    from desk.core.ids import EPOCH_MAX
    from desk.engine.clock import LoopClock, SteadyClock
    from desk.engine.lock import InstanceLock, describe_process
    from desk.engine.log import open_log
    from desk.screen.banners import demo_banner
    from desk.screen.look import look_once
    from desk.screen.terminal import open_terminal

    seed = 1 if args.seed is None else args.seed
    clock = SteadyClock(LoopClock(asyncio.get_running_loop(), DEMO_START_MS))
    console = open_terminal()
    with InstanceLock([home.lock], owner=describe_process(home.work, "demo")):
        home.clear_work()
        open_log(home.log, clock)
        async with embedded_world(seed, clock) as venues:
            await check_symbols(venues, config, home.config)
            if args.once:
                return await look_once(venues, config, clock, console)
            console.print(demo_banner(seed, config))
            config = at_a_bearable_pace(config, {})
            loaded = load_state(home, config, console, epoch=seed % (EPOCH_MAX + 1))
            run = Run(config, home, venues, clock, console, args.cycles, *loaded)
            return await trade(run._replace(is_plain=args.plain))


@asynccontextmanager
async def embedded_world(
    seed: int, clock: "Clock", *, past_hours: int | None = None
) -> "AsyncIterator[dict[VenueName, Venue]]":
    """Within, both venues run in this process, with clients that are open, and with so long a
    past: else with a showcase's own."""
    from desk.commands.start import close_all
    from desk.sim.market_model import Profile
    from desk.sim.serve import start_embedded
    from desk.sim.world import World

    world = World(
        seed, start_ms=DEMO_START_MS, profile=Profile.SHOWCASE, past_hours=past_hours
    )
    embedded = await start_embedded(world, clock=clock)
    venues = embedded_venues(embedded, clock, seed)
    try:
        await asyncio.gather(*(venue.open() for venue in venues.values()))
        yield venues
    finally:
        await close_all(venues)
        await embedded.close()


def embedded_venues(embedded: "Embedded", clock: "Clock", seed: int) -> "dict[VenueName, Venue]":
    """Return both clients for venues in this process: the live ones but for signer and jitter.

    The library's signatures carry the machine's time and are drawn anew each time; ours follow the
    virtual clock, so that the same seed gives the same bytes.
    """
    from random import Random

    from desk.core.venue import VenueName
    from desk.sim.accounts import CHAIN_ID
    from desk.venues.lighter.signer import PythonSigner
    from desk.venues.pacifica.access import read_access
    from lighter_client import LighterClient
    from pacifica_client import PacificaClient

    account, endpoints = embedded.credentials.lighter, embedded.endpoints
    signer = PythonSigner(
        account.key.private_key,
        account_index=account.account_index,
        api_key_index=account.key.index,
        chain_id=CHAIN_ID,
        now_ms=clock.now_ms,
    )
    lighter = LighterClient(
        clock=clock,
        jitter=Random(seed).random,
        base_url=endpoints.lighter_url,
        ws_url=endpoints.lighter_ws_url,
        account_index=account.account_index,
        api_key_index=account.key.index,
        signer=signer,
    )
    access = read_access(embedded.env(), read_only=False)
    pacifica = PacificaClient(
        clock=clock,
        jitter=Random(seed).random,
        endpoints=access.endpoints,
        credentials=access.credentials,
    )
    return {VenueName.LIGHTER: lighter, VenueName.PACIFICA: pacifica}


# Live


def live_venues(
    env: Mapping[str, str], clock: "Clock", *, read_only: bool
) -> "dict[VenueName, LighterClient | PacificaClient]":
    """Return both clients as `env` says. Raises `ConfigError`, naming the variable and the mend."""
    from desk.core.venue import VenueName
    from lighter_client import LighterClient
    from pacifica_client import PacificaClient

    return {
        VenueName.LIGHTER: LighterClient.from_environment(env, clock=clock, read_only=read_only),
        VenueName.PACIFICA: PacificaClient.from_environment(env, clock=clock, read_only=read_only),
    }


async def live(args: argparse.Namespace, config: "Config", home: "Home") -> int:
    """Trade, or look, on the venues the environment names."""
    from desk.commands import start
    from desk.commands.alerting import Channels
    from desk.commands.life import Run, trade_live
    from desk.engine.clock import SteadyClock, SystemClock
    from desk.engine.log import open_log
    from desk.screen.terminal import open_terminal

    clock = SteadyClock(SystemClock())
    env = start.read_env(home, needed=not args.once)
    channels = Channels() if args.once else Channels.of(env)
    venues = live_venues(env, clock, read_only=args.once)
    try:
        if args.once:
            return await look(venues, config, home, clock)
        with start.instance_lock(home, env, clock):
            open_log(home.log, clock)
            console = open_terminal()
            bearable = partial(start.at_a_bearable_pace, env=env)
            config = bearable(config)
            loaded = start.load_state(home, config, console, epoch=start.new_epoch())
            lines = CommandLines.of(args, home.root, folder=FOLDER)
            run = Run(config, home, venues, clock, console, args.cycles, *loaded, lines, bearable)
            run = run._replace(is_plain=args.plain, channels=channels)
            return await trade_live(run, {name: row.identity for name, row in venues.items()})
    except VenueError as error:
        from desk.venues.whereabouts import start_trouble

        mend = "nothing was opened; start again when it answers"
        raise StartFailed(f"{start_trouble(error, env)}; {mend}") from error
    finally:
        await start.close_all(venues)


async def look(
    venues: "Mapping[VenueName, Venue]", config: "Config", home: "Home", clock: "Clock"
) -> int:
    """Look once at live markets, and at what the state file says."""
    from desk.commands.memory import look_at_state
    from desk.commands.start import check_symbols
    from desk.screen.look import look_once
    from desk.screen.terminal import open_terminal

    await asyncio.gather(*(venue.open() for venue in venues.values()))
    await check_symbols(venues, config, home.config)
    console = open_terminal()
    state = look_at_state(home, console)
    return await look_once(venues, config, clock, console, state=state)


# Looking back


def what_if(args: argparse.Namespace, home: "Home") -> int:
    """Replay the configuration on the venues' public past; in a demo, on that of embedded ones."""
    from desk.commands.start import read_config
    from desk.commands.what_if import known_fees, tell_what_if

    config = read_config(home, needed=not args.demo or args.config is not None)
    if args.demo:
        from desk.sim.virtual_loop import VirtualLoop

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            material = runner.run(embedded_past(args, config, home))
    else:
        material = asyncio.run(live_past(args, config, home, known_fees(home)))
    return tell_what_if(args, config, material)


async def live_past(
    args: argparse.Namespace, config: "Config", home: "Home", fees: "Mapping[VenueName, FeeRates]"
) -> "Material":
    """Read the past of the venues the environment names; no credentials are used."""
    from desk.commands.start import check_symbols, close_all, read_env
    from desk.commands.what_if import read_material
    from desk.engine.clock import SystemClock

    clock = SystemClock()
    env = read_env(home, needed=False)
    venues = live_venues(env, clock, read_only=True)
    try:
        await asyncio.gather(*(venue.open() for venue in venues.values()))
        await check_symbols(venues, config, home.config)
        return await read_material(venues, config, clock, days=args.days, fees=fees)
    finally:
        await close_all(venues)


async def embedded_past(
    args: argparse.Namespace, config: "Config", home: "Home"
) -> "Material":
    """Read the past of embedded venues that have one as long as is asked for."""
    from desk.commands.start import check_symbols
    from desk.commands.what_if import hours_needed, read_material
    from desk.engine.clock import LoopClock

    seed = 1 if args.seed is None else args.seed
    clock = LoopClock(asyncio.get_running_loop(), DEMO_START_MS)
    async with embedded_world(seed, clock, past_hours=hours_needed(args.days)) as venues:
        await check_symbols(venues, config, home.config)
        return await read_material(venues, config, clock, days=args.days, fees={})


if __name__ == "__main__":
    sys.exit(main())
