"""Serves both embedded venues on loopback, in real time, as its command line says.

Argument parsing and process life only; the venues are put together in `serve`.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from desk.core.errors import ConfigError, DeskError
from desk.core.venue import VenueName
from desk.engine.clock import SystemClock
from desk.engine.files import why
from desk.engine.usage import EXIT_USAGE, OneLineParser, whole_number
from desk.sim.exchange import lighter_rules, pacifica_rules
from desk.sim.market_model import Profile
from desk.sim.pace import LIVE
from desk.sim.serve import Embedded, start_embedded
from desk.sim.web import Limits, encode
from desk.sim.world import World

E = TypeVar("E", bound=StrEnum)
EXIT_DONE, EXIT_FAILED = 0, 1
PAST_HOURS = 48
PORT_MAX = 65_535
FUNDING_INTERVAL_S_MIN = Decimal(1)
ENV_FILE_MODE = 0o600

DESCRIPTION = """\
Serve two embedded venues, Lighter and Pacifica, on 127.0.0.1: real HTTP and WebSocket servers with
play money, living markets and real signatures. Clients written for the venues run against them
with only the base URL changed. Nothing reaches the real venues."""

EPILOG = """\
When both ports listen, one line of JSON tells URLs, accounts and keys (10,000 USDC on each).

examples:
  python -m desk.sim --lighter-port 8801 --pacifica-port 8802 --env-file .env.sim
      then run the daemon with these settings: it trades here and believes it is live
  python -m desk.sim --lighter-port 0 --pacifica-port 0 --funding-interval-s 60
      any free ports; funding settles every minute instead of every hour

the control plane, on the Lighter port, loopback only:
  curl localhost:8801/_sim/truth
  curl localhost:8801/_sim/requests
  curl -X POST localhost:8801/_sim/market -d '{"symbol":"BTC","shock_pct":"-5"}'
  curl -X POST localhost:8801/_sim/fault  -d '{"venue":"pacifica","kind":"outage"}'
  curl -X POST localhost:8801/_sim/fault  -d '{"venue":"lighter","kind":"http_429","count":5}'
  curl -X DELETE localhost:8801/_sim/fault
  curl -X POST localhost:8801/_sim/liquidate -d '{"venue":"lighter","symbol":"BTC","fraction":"1"}'

Ctrl-C or SIGTERM ends it (exit 0). A bad argument: one line, exit 2; a port in use: exit 1."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; exits 2 with one line on a bad one."""
    parser = OneLineParser(
        prog="python -m desk.sim",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--lighter-port", type=_port, required=True, metavar="P", help="port, 0 for any free one")
    add("--pacifica-port", type=_port, required=True, metavar="Q", help="port, 0 for any free one")
    add("--seed", type=whole_number, default=1, metavar="N", help="markets and keys follow it (1)")
    add("--env-file", type=Path, metavar="F", help="write a .env for the daemon (mode 0600)")
    add(
        "--funding-interval-s",
        type=_interval,
        default=Decimal(3600),
        metavar="S",
        help="settle every S seconds, paying the hourly rate x S/3600 (3600)",
    )
    add(
        "--limits",
        type=lambda text: _choice(Limits, text),
        metavar="{published,off}",
        default=Limits.PUBLISHED,
        help="count requests against the venues' published limits, or do not (published)",
    )
    add(
        "--profile",
        type=lambda text: _choice(Profile, text),
        metavar="{record,showcase}",
        default=Profile.RECORD,
        help="markets as recorded: funding mostly at its floor; or a livelier showcase, as in the "
        "daemon's --demo (record)",
    )
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not a port: give 0 to {PORT_MAX}")
    return int(text)


def _choice(choices: type[E], text: str) -> E:
    if text not in tuple(choices):
        raise argparse.ArgumentTypeError(f"{text} is not one of {', '.join(choices)}")
    return choices(text)


def _interval(text: str) -> Decimal:
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        seconds = Decimal(0)
    if not seconds.is_finite() or seconds < FUNDING_INTERVAL_S_MIN:
        raise argparse.ArgumentTypeError(
            f"{text} is not an interval: give at least {FUNDING_INTERVAL_S_MIN} second"
        )
    return seconds


def make_world(options: argparse.Namespace, clock: SystemClock) -> World:
    """Return a world that begins now, with two days of past."""
    interval_ms = int(options.funding_interval_s * 1000)
    rules = {
        VenueName.LIGHTER: lighter_rules(funding_interval_ms=interval_ms),
        VenueName.PACIFICA: pacifica_rules(funding_interval_ms=interval_ms),
    }
    world = World(
        options.seed, start_ms=clock.now_ms(), profile=options.profile, pace=LIVE, rules=rules
    )
    world.backfill(PAST_HOURS)
    return world


def write_env_file(path: Path, text: str) -> None:
    """Write `text` so that only the owner can read it, whatever was there before.

    Raises `ConfigError` where that is impossible.
    """
    try:
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, ENV_FILE_MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(
            f"cannot write --env-file {path} ({why(error)}): choose another path"
        ) from error


async def serve(options: argparse.Namespace) -> None:
    """Serve until a signal; the ready line is on standard output before it waits."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    clock = SystemClock()
    embedded = await start_embedded(
        make_world(options, clock),
        clock=clock,
        lighter_port=options.lighter_port,
        pacifica_port=options.pacifica_port,
        limits=options.limits,
    )
    try:
        _announce(embedded, options.env_file)
        await stopped.wait()
    finally:
        await embedded.close()


def _announce(embedded: Embedded, env_file: Path | None) -> None:
    if env_file is not None:
        write_env_file(env_file, embedded.env_text())
    sys.stdout.write(encode(embedded.ready_line()).decode() + "\n")
    sys.stdout.flush()


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parse(arguments)
    try:
        asyncio.run(serve(options))
    except DeskError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED
    return EXIT_DONE
