"""The daemon: read the configuration, build both venues, run the bot. Wiring only.

What it decides lives in `desk.hedge`, how it acts in `desk.engine`, what it shows in
`desk.screen`. Imports that cost time wait until they are needed, so that `--help` and a mistyped
flag answer at once.
"""

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desk.core.errors import ConfigError, DeskError, StateError
from desk.screen.command_line import EXIT_USAGE, parse_args

if TYPE_CHECKING:
    from rich.console import Console

    from desk.core.ports import Clock, Venue
    from desk.core.venue import VenueName
    from desk.engine.home import Home
    from desk.hedge.config import Config
    from desk.hedge.state import BotState
    from desk.sim.serve import Embedded

EXIT_DONE, EXIT_FAILED, EXIT_RUNNING = 0, 1, 3
DEMO_START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z: the same for every demo of a seed
DEMO_SECONDS_PER_HOLD = 60
OPEN_RETRY_S = 5.0
SYMBOLS_IN_SNAPSHOT_TABLE_MAX = 50


def main(argv: list[str] | None = None) -> int:
    """Run as the command line says. Returns the exit code of the contract."""
    args = parse_args(argv)
    try:
        return run(args)
    except (ConfigError, StateError) as error:
        return _fail(error, EXIT_USAGE)
    except DeskError as error:
        from desk.engine.lock import AlreadyRunning

        return _fail(error, EXIT_RUNNING if isinstance(error, AlreadyRunning) else EXIT_FAILED)


def _fail(error: DeskError, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


def run(args: argparse.Namespace) -> int:
    """Choose the loop and the venues for what was asked."""
    from desk.engine.home import Home

    root = args.home or Path(os.environ.get("HEDGE_HOME") or ".")
    if not root.is_dir():
        raise ConfigError(f"home directory {root} does not exist; make it, or pass --home DIR")
    home = Home.live(root, config=args.config, state=args.state, journal=args.journal)
    config = read_config(home, needed=not args.demo or args.config is not None)
    if args.snapshot is not None:
        return look_at_snapshot(args.snapshot, config)
    if args.demo:
        return run_demo(args, config, home)
    return asyncio.run(live(args, config, home))


def read_config(home: "Home", *, needed: bool) -> "Config":
    """Return the owner's configuration; without a file, the defaults where that is no danger."""
    from desk.hedge.config import Config, parse_config

    try:
        text = home.config.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if not needed:
            return Config()
        mend = "copy bot_config.json of the repository there, or pass --config FILE"
        raise ConfigError(f"{home.config} is missing; {mend}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{home.config} cannot be read: {error}; mend the file") from error
    return parse_config(text, source=str(home.config))


def make_console() -> "Console":
    """Return the terminal; colours go when NO_COLOR is set or nobody is looking."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160)


# Looking


def look_at_snapshot(path: Path, config: "Config") -> int:
    """Rank a recorded joint snapshot and print it; nothing is sized from a record."""
    from dataclasses import replace

    from desk.hedge.select import rank
    from desk.hedge.snapshot import parse_snapshot
    from desk.screen.tables import ranking

    try:
        read = parse_snapshot(path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    every = replace(config, symbols_to_monitor=(), min_volume_24h_usd=config.min_volume_24h_usd * 0)
    rows = rank(every, read.venues, at_ms=read.at_ms, set_aside={}, needs_quotes=False)
    console = make_console()
    shown = rows[:SYMBOLS_IN_SNAPSHOT_TABLE_MAX]
    console.print(ranking(shown, title=f"Recorded markets, {path.name}", quotes_recorded=False))
    console.print(
        f"{len(rows)} symbols on both venues. Bid and ask: not recorded, so costs are fees alone, "
        "a lower bound. Volumes are not in the record and were not judged."
    )
    return EXIT_DONE


async def look_once(venues: "Mapping[VenueName, Venue]", config: "Config", clock: "Clock") -> int:
    """Look at both venues, print the ranked table and what the nearest candidate lacks."""
    from desk.core.actions import ReadMarkets
    from desk.engine.reads import Reader
    from desk.hedge.select import rank
    from desk.screen.tables import nearest_line, ranking

    reader = Reader(venues, clock, with_fees=False)
    for venue in venues.values():
        venue.watch(config.symbols_to_monitor)
    read = await reader.read_markets(ReadMarkets(0, config.symbols_to_monitor))
    for reason in read.failures.values():
        print(f"error: {reason}", file=sys.stderr)
    if read.failures:
        return EXIT_FAILED
    rows = rank(config, read.venues, at_ms=read.at_ms, set_aside={})
    console = make_console()
    console.print(ranking(rows, title="Funding now, hourly rates as APR"))
    console.print(nearest_line(rows))
    return EXIT_DONE


# Trading


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the bot needs, live or embedded.

    `epoch` marks the ids of a new installation.
    """

    config: "Config"
    home: "Home"
    venues: "Mapping[VenueName, Venue]"
    clock: "Clock"
    console: "Console"
    cycles: int | None
    epoch: int


async def trade(run: Run) -> int:
    """Run the bot until it is done or asked to leave. The venues are open; the lock is held."""
    from desk.core.events import Command, OwnerAsked
    from desk.engine.journal import Journal
    from desk.engine.run import Engine
    from desk.engine.signals import signals_heeded
    from desk.hedge import machine
    from desk.hedge.events import Started
    from desk.screen.console import ConsoleView

    store, state = load_state(run)
    journal = Journal(run.home.journal)
    view = ConsoleView(run.console)
    engine = Engine(
        machine,
        state,
        run.venues,
        clock=run.clock,
        store=store,
        journal=journal,
        observer=view,
    )
    engine.post(Started(run.clock.now_ms(), run.config, run.cycles))

    def ask_to_leave() -> None:
        run.console.print("leaving; a second signal exits at once")
        engine.post(OwnerAsked(run.clock.now_ms(), Command.LEAVE))

    try:
        with signals_heeded(ask_to_leave, lambda why: say_doubts(engine.state, why)):
            code = await engine.run()
    finally:
        journal.close()
    view.farewell(engine.state)
    return code


def load_state(run: Run) -> "tuple[Any, BotState]":
    """Return the store and the state in it, or a new state where there never was one."""
    from desk.engine.store import StateStore
    from desk.hedge.state import SCHEMA, BotState

    store = StateStore(run.home.state, kind=BotState, schema=SCHEMA)
    loaded = store.load()
    if loaded is None:
        return store, BotState(config=run.config, epoch=run.epoch)
    if loaded.notice is not None:
        run.console.print(f"[yellow]state: {loaded.notice}[/]")
    return store, loaded.state


def say_doubts(state: "BotState", why: str) -> None:
    """Say what stands and what is in doubt when the process ends at once."""
    print(f"exit at once: {why}", file=sys.stderr)
    if state.hedge is not None:
        rows = [f"{row.venue} {row.side} {row.size}" for row in state.hedge.in_doubt()]
        doubts = ", ".join(rows) or "nothing"
        print(
            f"open: {state.hedge.symbol} in {state.phase}; in doubt: {doubts}; "
            "start again to take it over",
            file=sys.stderr,
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
        embedded = await start_embedded(world, clock=clock)
        venues = embedded_venues(embedded, clock, seed)
        try:
            await asyncio.gather(*(venue.open() for venue in venues.values()))
            if args.once:
                return await look_once(venues, config, clock)
            console.print(demo_banner(seed, config))
            epoch = seed % (EPOCH_MAX + 1)
            return await trade(Run(config, home, venues, clock, console, args.cycles, epoch))
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


def demo_banner(seed: int, config: "Config") -> str:
    """Return what a newcomer should know before the first line scrolls by."""
    return (
        f"[bold]DEMO[/] seed {seed}: two embedded exchanges, virtual time, play money. "
        "Its market is a showcase, livelier than the record.\n"
        f"Each leg {config.base_capital_allocation} USD, hold {config.hold_duration_hours} h, "
        f"threshold {config.min_net_apr_threshold} % APR. Ctrl-C ends it."
    )


# Live


def live_venues(
    env: Mapping[str, str], clock: "Clock", *, read_only: bool
) -> "dict[VenueName, Venue]":
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


def read_env(home: "Home") -> dict[str, str]:
    """Return the environment over the `.env` file of the home."""
    from dotenv import dotenv_values

    if not home.env.exists():
        return dict(os.environ)
    try:
        values = dotenv_values(home.env)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{home.env} cannot be read: {error}; mend the file") from error
    return {**{key: value for key, value in values.items() if value}, **os.environ}


async def live(args: argparse.Namespace, config: "Config", home: "Home") -> int:
    """Trade, or look, on the venues the environment names."""
    from desk.engine.clock import SystemClock

    clock = SystemClock()
    venues = live_venues(read_env(home), clock, read_only=args.once)
    try:
        if args.once:
            await asyncio.gather(*(venue.open() for venue in venues.values()))
            return await look_once(venues, config, clock)
        return await trade_live(args, config, home, venues, clock)
    finally:
        await close_all(venues)


async def trade_live(
    args: argparse.Namespace,
    config: "Config",
    home: "Home",
    venues: "Mapping[VenueName, Venue]",
    clock: "Clock",
) -> int:
    """Take the locks, open both venues, say what is at stake, and trade."""
    from desk.core.ids import EPOCH_MAX
    from desk.engine.journal import utc_text
    from desk.engine.lock import InstanceLock, accounts_lock_path, describe_process
    from desk.engine.log import open_log

    console = make_console()
    locks = [home.lock, accounts_lock_path(user_folder(), [str(v) for v in venues.values()])]
    owner = describe_process(home.root.resolve(), utc_text(clock.now_ms()))
    with InstanceLock(locks, owner=owner):
        open_log(home.log, clock)
        await open_patiently(venues, console, holds=home.state.exists())
        await say_what_is_at_stake(venues, config, console)
        epoch = secrets.randbelow(EPOCH_MAX) + 1
        return await trade(Run(config, home, venues, clock, console, args.cycles, epoch))


def user_folder() -> Path:
    """Return where this user's locks lie, whatever home the bot has."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "lighter-pacifica-hedge"


async def open_patiently(
    venues: "Mapping[VenueName, Venue]", console: "Console", *, holds: bool
) -> None:
    """Open both venues. Where a hedge may be held, an absent venue is waited for, never left."""
    from desk.core.errors import VenueError

    async def open_one(venue: "Venue") -> None:
        while True:
            try:
                return await venue.open()
            except VenueError as error:
                if not holds:
                    raise
                console.print(f"[yellow]{error}; trying again in {OPEN_RETRY_S:g} s[/]")
                await asyncio.sleep(OPEN_RETRY_S)

    await asyncio.gather(*(open_one(venue) for venue in venues.values()))


async def say_what_is_at_stake(
    venues: "Mapping[VenueName, Venue]", config: "Config", console: "Console"
) -> None:
    """Print LIVE, both accounts' equity, the largest size, and the loss at the stop."""
    reads = await asyncio.gather(*(venue.account() for venue in venues.values()))
    console.print("[bold red]LIVE[/] real money on both venues")
    for venue, account in zip(venues.values(), reads, strict=True):
        console.print(
            f"  {venue.name}: equity {account.equity_usd:,.2f} USD, "
            f"{account.free_usd:,.2f} USD free, {len(account.positions)} open positions"
        )
    notional = config.base_capital_allocation
    console.print(
        f"  at most {notional} USD on each leg; a leg is closed when it has lost "
        f"{notional * config.stop_loss_pct / 100:.2f} USD (the other leg gains meanwhile)"
    )


if __name__ == "__main__":
    sys.exit(main())
