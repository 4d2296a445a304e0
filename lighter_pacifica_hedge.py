"""The daemon: read the configuration, build both venues, run the bot. Wiring only.

What it decides lives in `desk.hedge`, how it acts in `desk.engine`, what it shows in
`desk.screen`. Imports that cost time wait until they are needed, so that `--help` and a mistyped
flag answer at once. Those at the top exist on every Python 3, so that an old one gets as far as
`desk`, which tells its owner.
"""

import argparse
import asyncio
import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from desk.core.errors import ConfigError, DeskError, StartFailed, StateError, VenueError
from desk.engine.files import disk_trouble, read_text
from desk.engine.modules import missing_module
from desk.engine.signals import end_at_once_on_signals, end_on_sigterm_as_on_sigint
from desk.engine.usage import EXIT_USAGE
from desk.screen.command_line import parse_args

if TYPE_CHECKING:
    from rich.console import Console
    from structlog.typing import FilteringBoundLogger

    from desk.core.account import Account
    from desk.core.ports import Clock, Venue
    from desk.core.venue import Identity, VenueName
    from desk.engine.home import Home
    from desk.engine.lock import InstanceLock
    from desk.engine.store import StateStore
    from desk.hedge.config import Config
    from desk.hedge.state import BotState
    from desk.screen.console import ConsoleView
    from desk.sim.serve import Embedded
    from lighter_client import LighterClient
    from pacifica_client import PacificaClient

EXIT_DONE, EXIT_FAILED, EXIT_RUNNING = 0, 1, 3
DEMO_START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z: the same for every demo of a seed
DEMO_SECONDS_PER_HOLD = 60
BACKFILL_HOURS = 14 * 24  # the past that a demo begins with: volumes, candles, funding history


def main(argv: list[str] | None = None) -> int:
    """Run as the command line says. Returns the exit code of the contract."""
    end_on_sigterm_as_on_sigint()
    args = parse_args(argv)
    try:
        return run(args)
    except (ConfigError, StateError) as error:
        return _fail(str(error), EXIT_USAGE)
    except DeskError as error:
        from desk.engine.lock import AlreadyRunning

        return _fail(str(error), EXIT_RUNNING if isinstance(error, AlreadyRunning) else EXIT_FAILED)
    except OSError as error:  # the disk, most likely: no lock, no log, no journal
        return _fail(disk_trouble(error), EXIT_FAILED)
    except ModuleNotFoundError as error:
        return _fail(missing_module(error), EXIT_USAGE)
    except KeyboardInterrupt:
        _complain("stopped before it began to trade: nothing was sent, what is open stays open")
        return EXIT_FAILED


def _fail(text: str, code: int) -> int:
    for line in text.splitlines():
        _complain(f"error: {line}")
    return code


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


def run(args: argparse.Namespace) -> int:
    """Choose the loop and the venues for what was asked."""
    from desk.engine.home import Home, home_folder

    root = home_folder(args.home, os.environ)
    home = Home.live(root, config=args.config, state=args.state, journal=args.journal)
    config = read_config(home, needed=not args.demo or args.config is not None)
    if args.snapshot is not None:
        from desk.screen.look import look_at_snapshot

        return look_at_snapshot(args.snapshot, config, make_console())
    if args.demo:
        return run_demo(args, config, home)
    return asyncio.run(live(args, config, home))


def read_config(home: "Home", *, needed: bool) -> "Config":
    """Return the owner's configuration; without a file, the defaults where that is no danger."""
    from desk.hedge.config import Config, parse_config

    try:
        text = read_text(home.config)
    except FileNotFoundError as error:
        if not needed:
            return Config()
        mend = "copy bot_config.json of the repository there, or pass --config FILE"
        raise ConfigError(f"{home.config} is missing; {mend}") from error
    return parse_config(text, source=str(home.config))


def make_console() -> "Console":
    """Return the terminal; colours go when NO_COLOR is set or nobody is looking."""
    from desk.screen.terminal import open_terminal

    return open_terminal()


def start_command(args: argparse.Namespace, home: "Home") -> tuple[str, ...]:
    """Return what starts this daemon again from any folder, but for `--cycles`."""
    given = {"--config": args.config, "--state": args.state, "--journal": args.journal}
    words = [sys.executable, str(Path(__file__).resolve()), "--home", str(home.root.resolve())]
    for flag, path in given.items():
        words += [] if path is None else [flag, str(path.resolve())]
    return (*words, *(["--plain"] if args.plain else []))


# Trading


class Run(NamedTuple):
    """What one run of the bot needs, live or embedded."""

    config: "Config"
    home: "Home"
    venues: "Mapping[VenueName, Venue]"
    clock: "Clock"
    console: "Console"
    cycles: int | None
    store: "StateStore[BotState]"
    state: "BotState"
    command: tuple[str, ...] | None = None  # what starts it again; a demo has no second life

    @property
    def is_demo(self) -> bool:
        """Return whether nothing outlives this process."""
        return self.command is None

    def again(self, state: "BotState") -> str | None:
        """Return the line that starts it again with as many cycles as are left."""
        if self.command is None:
            return None
        left = [] if state.cycles_left is None else ["--cycles", str(max(state.cycles_left, 1))]
        return shlex.join([*self.command, *left])


async def trade(run: Run) -> int:
    """Run the bot until it is done or asked to leave. The venues are open; the lock is held."""
    from contextlib import nullcontext

    from desk.core.events import Command, OwnerAsked
    from desk.engine.journal import Journal
    from desk.engine.latch import Latch, latch_heeded
    from desk.engine.run import Engine
    from desk.engine.signals import signals_heeded
    from desk.hedge import machine, steps
    from desk.hedge.events import Started
    from desk.screen.banners import doubts
    from desk.screen.console import ConsoleView

    journal = Journal(run.home.journal)
    view = ConsoleView(run.console)
    for name, venue in run.venues.items():
        venue.listen(partial(view.hear, name))
    engine = Engine(
        machine,
        run.state,
        run.venues,
        clock=run.clock,
        store=run.store,
        journal=journal,
        observer=view,
    )
    engine.post(Started(run.clock.now_ms(), run.config, run.cycles))
    log = log_start(run)

    def ask_to_leave() -> None:
        view.line(run.clock.now_ms(), "leaving", "a second signal exits at once")
        engine.post(OwnerAsked(run.clock.now_ms(), Command.LEAVE))

    def heed_latch(reason: str | None) -> None:
        command = Command.RESUME if reason is None else Command.HALT
        engine.post(OwnerAsked(run.clock.now_ms(), command, reason or ""))

    latch = latch_heeded(
        Latch(run.home.latch), was_set=steps.is_latched(run.state), tell=heed_latch
    )

    def exit_at_once(why: str) -> None:
        _complain(doubts(engine.state, why, run.again(engine.state)))

    try:
        with signals_heeded(ask_to_leave, exit_at_once):
            async with nullcontext() if run.is_demo else latch:
                code = await engine.run()
    finally:
        end_at_once_on_signals()
        journal.close()
    log.info("ended", code=code, phase=engine.state.phase)
    take_leave(run, engine.state, view)
    return code


def log_start(run: Run) -> "FilteringBoundLogger":
    """Log where and with which settings this life begins. Returns the logger."""
    from dataclasses import asdict

    import structlog

    log: FilteringBoundLogger = structlog.get_logger()
    settings = {f"config.{key}": str(value) for key, value in asdict(run.config).items()}
    log.info("started", home=str(run.home.root.resolve()), cycles=run.cycles, **settings)
    return log


def take_leave(run: Run, state: "BotState", view: "ConsoleView") -> None:
    """Say how things stand when the process ends, and how to go on."""
    from desk.screen.banners import farewell
    from desk.screen.terminal import say

    again = run.again(state)
    for text in farewell(state, results=view.results, strangers=view.strangers, again=again):
        say(run.console, text, may_break=False)


def load_state(
    home: "Home", config: "Config", console: "Console", *, epoch: int
) -> "tuple[StateStore[BotState], BotState]":
    """Return the store and the state in it; where that is lost, what is left, with its doubt.

    `epoch` marks the order ids of a new installation, and of one that has lost its state.
    """
    from desk.engine.recall import recall
    from desk.engine.store import StateStore
    from desk.hedge import machine
    from desk.hedge.doubting import doubted
    from desk.hedge.state import SCHEMA, BotState
    from desk.screen.terminal import say

    store = StateStore(home.state, kind=BotState, schema=SCHEMA)
    found = recall(
        store,
        home.journal,
        machine,
        state_kind=BotState,
        events=machine.EVENTS,
        are_akin=lambda one, other: one.epoch == other.epoch,
    )
    if found.state is not None and found.behind is None:
        return store, found.state
    fresh = BotState(config=config, epoch=epoch)
    if found.behind is not None:
        say(console, f"state: {found.behind}; both venues are searched first")
    return store, doubted(found.state, fresh, found.behind)


def say_what_is_held(home: "Home", console: "Console") -> None:
    """Print what the state file says is held, if anything. It is read, and never touched."""
    from desk.engine.store import StateStore
    from desk.hedge.state import SCHEMA, BotState
    from desk.screen.banners import held_line
    from desk.screen.terminal import say

    try:
        loaded = StateStore(home.state, kind=BotState, schema=SCHEMA).load()
    except StateError as error:
        say(console, f"What is held is not known: {error}")
        return
    text = None if loaded is None else held_line(loaded.state)
    if text is not None:
        say(console, text)


async def check_symbols(
    venues: "Mapping[VenueName, Venue]", config: "Config", source: object
) -> None:
    """Refuse a symbol that neither venue lists: a typing error, not a market that went away."""
    listings = await asyncio.gather(*(venue.instruments() for venue in venues.values()))
    for symbol in config.symbols_to_monitor:
        if not any(symbol in listing for listing in listings):
            raise ConfigError(
                f"{source}: symbols_to_monitor names {symbol!r}, which neither venue lists; "
                "mend the spelling (BTC, kBONK) or remove it"
            )


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
    from desk.core.ids import EPOCH_MAX
    from desk.engine.clock import LoopClock
    from desk.engine.lock import InstanceLock, describe_process
    from desk.engine.log import open_log
    from desk.screen.banners import demo_banner
    from desk.sim.market_model import Profile
    from desk.sim.serve import start_embedded
    from desk.sim.world import World

    seed = 1 if args.seed is None else args.seed
    clock = LoopClock(asyncio.get_running_loop(), DEMO_START_MS)
    console = make_console()
    with InstanceLock([home.lock], owner=describe_process(home.work, "demo")):
        home.clear_work()
        open_log(home.log, clock)
        world = World(seed, start_ms=DEMO_START_MS, profile=Profile.SHOWCASE)
        world.backfill(BACKFILL_HOURS)
        embedded = await start_embedded(world, clock=clock)
        venues = embedded_venues(embedded, clock, seed)
        try:
            await asyncio.gather(*(venue.open() for venue in venues.values()))
            await check_symbols(venues, config, home.config)
            if args.once:
                from desk.screen.look import look_once

                return await look_once(venues, config, clock, make_console())
            console.print(demo_banner(seed, config))
            config = at_a_bearable_pace(config, {})
            loaded = load_state(home, config, console, epoch=seed % (EPOCH_MAX + 1))
            return await trade(
                Run(config, home, venues, clock, console, args.cycles, *loaded)
            )
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


async def close_all(venues: "Mapping[VenueName, Venue]") -> None:
    """Close both clients."""
    await asyncio.gather(*(venue.close() for venue in venues.values()))


def read_env(home: "Home", *, needed: bool) -> Mapping[str, str]:
    """Return the environment over the `.env` file of the home, after saying what is odd in it.

    `needed`: raise `ConfigError` when credentials are missing.
    """
    from desk.engine.env_file import read_environment, require

    env = read_environment(home.env, os.environ)
    for remark in env.remarks:
        _complain(f"warning: {remark}")
    if needed:
        require(env.values, home.env)
    return env.values


def at_a_bearable_pace(config: "Config", env: Mapping[str, str]) -> "Config":
    """Return the configuration with checks no closer together than the venues' limits carry."""
    from dataclasses import replace

    from desk.venues.check_pace import check_interval_s_min

    least_s = check_interval_s_min(has_pacifica_key=bool(env.get("PACIFICA_API_KEY")))
    asked_s = config.check_interval_seconds
    if asked_s >= least_s:
        return config
    with_key_s = check_interval_s_min(has_pacifica_key=True)
    hint = f" ({with_key_s:f} s with a PACIFICA_API_KEY)" if with_key_s < least_s else ""
    _complain(
        f"warning: check_interval_seconds = {asked_s:f} is more than the venues' request limits "
        f"carry; both venues are checked every {least_s:f} s{hint}"
    )
    return replace(config, check_interval_seconds=least_s)


async def live(args: argparse.Namespace, config: "Config", home: "Home") -> int:
    """Trade, or look, on the venues the environment names."""
    from desk.core.ids import EPOCH_MAX
    from desk.engine.clock import SystemClock
    from desk.engine.log import open_log

    clock = SystemClock()
    env = read_env(home, needed=not args.once)
    venues = live_venues(env, clock, read_only=args.once)
    try:
        if args.once:
            await asyncio.gather(*(venue.open() for venue in venues.values()))
            await check_symbols(venues, config, home.config)
            from desk.screen.look import look_once

            console = make_console()
            say_what_is_held(home, console)
            return await look_once(venues, config, clock, console)
        with instance_lock(home, env, clock):
            open_log(home.log, clock)
            console = make_console()
            config = at_a_bearable_pace(config, env)
            epoch = secrets.randbelow(EPOCH_MAX) + 1
            store, state = load_state(home, config, console, epoch=epoch)
            command = start_command(args, home)
            return await trade_live(
                Run(config, home, venues, clock, console, args.cycles, store, state, command),
                {name: venue.identity for name, venue in venues.items()},
            )
    except VenueError as error:
        from desk.venues.whereabouts import start_trouble

        mend = "nothing was opened; start again when it answers"
        raise StartFailed(f"{start_trouble(error, env)}; {mend}") from error
    finally:
        await close_all(venues)


def instance_lock(home: "Home", env: Mapping[str, str], clock: "Clock") -> "InstanceLock":
    """Return the two locks of a live daemon: its state file's, and its pair of accounts'."""
    from desk.engine.journal import utc_text
    from desk.engine.lock import InstanceLock, accounts_lock, describe_process

    owner = describe_process(home.root.resolve(), utc_text(clock.now_ms()))
    return InstanceLock([home.lock, accounts_lock(env, os.environ)], owner=owner)


async def trade_live(run: Run, identities: "Mapping[VenueName, Identity]") -> int:
    """Open both venues, say what is at stake, and trade. The locks are held."""
    from desk.engine.opening import open_patiently
    from desk.screen.banners import say_what_is_at_stake

    doubt = run.state.doubt
    holds = run.state.hedge is not None or (doubt is not None and not doubt.is_first)
    late = await open_patiently(run.venues, partial(say_now, run), holds=holds)
    try:
        if not holds:
            await check_symbols(run.venues, run.config, run.home.config)
        accounts = await read_equity(run.venues)
        say_what_is_at_stake(run.console, run.config, accounts, identities)
        return await trade(run)
    finally:
        for task in late:
            task.cancel()


async def read_equity(
    venues: "Mapping[VenueName, Venue]",
) -> "dict[VenueName, Account | None]":
    """Return each account, None for a venue that does not answer."""
    async def read(venue: "Venue") -> "Account | None":
        try:
            return await venue.account()
        except VenueError:
            return None

    accounts = await asyncio.gather(*(read(venue) for venue in venues.values()))
    return dict(zip(venues, accounts, strict=True))


def say_now(run: Run, text: str) -> None:
    """Print a stamped line of the start, a warning."""
    from desk.screen.terminal import write_line

    write_line(run.console, run.clock.now_ms(), "start", text, style="yellow")


if __name__ == "__main__":
    sys.exit(main())
