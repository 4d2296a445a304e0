"""The panic button: close every position, cancel every order on both venues, and prove it.

Needs the keys, not the bot: it works while the bot runs, when it is dead, and where its state is
damaged. The order of work is in `desk.commands.panic`; here are the command line, the clients and
the owner. Imports that cost time wait until the command line is known to be good.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desk.core.errors import ConfigError
from desk.engine.modules import missing_module
from desk.engine.signals import end_on_signals_while_starting
from desk.engine.usage import EXIT_USAGE, OneLineParser, complain, fail

if TYPE_CHECKING:
    from desk.core.ports import Clock
    from desk.engine.flatten import Desk

EXIT_OPEN = 1
FOLDER = Path(__file__).resolve().parent

DESCRIPTION = """\
Closes every open position and cancels every order on both venues, whoever opened them and whatever
the configuration lists; halts the bot first. Needs .env; neither a running bot nor its state.
"""
EPILOG = """\
exit codes:
  0 both venues proved flat, 1 something is open or unknown, 2 usage or credentials
"""


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line, or exit with code 2 and a line that names the mistake."""
    parser = OneLineParser(
        prog="emergency_close.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--force", action="store_true", help="do not ask")
    parser.add_argument("--symbol", metavar="BTC", help="only this symbol (flat then means: in it)")
    parser.add_argument("--dry-run", action="store_true", help="show what it would do, do nothing")
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help="holds .env and state (default: HEDGE_HOME, else .)",
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="the state of a bot that was started with it"
    )
    args = parser.parse_args(argv)
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    if not (args.force or args.dry_run or is_terminal):
        parser.error("there is no terminal to ask at; add --force to close without asking")
    return args


def main(argv: list[str] | None = None) -> int:
    """Run as the command line says. Returns the exit code of the contract."""
    end_on_signals_while_starting()
    args = parse_args(argv)
    try:
        return asyncio.run(emergency(args))
    except ConfigError as error:
        return fail(str(error), EXIT_USAGE)
    except ModuleNotFoundError as error:
        return fail(missing_module(error), EXIT_USAGE)
    except KeyboardInterrupt:
        return fail("interrupted: nothing is proved; run it again", EXIT_OPEN)


def open_desks(env: Mapping[str, str], clock: "Clock") -> "Sequence[Desk]":
    """Return both venues as `env` names them. Raises `ConfigError`."""
    from desk.venues.lighter.emergency import LighterDesk
    from desk.venues.limits import Priority
    from desk.venues.pacifica.emergency import PacificaDesk
    from lighter_client import LighterClient
    from pacifica_client import PacificaClient

    guard = Priority.GUARD  # nothing is kept back: all that is asked for is asked to close
    keys = [LighterClient.from_environment(env, clock=clock, priority_min=guard)]
    if any(env.get(f"EMERGENCY_API_KEY_{part}") for part in ("PRIVATE_KEY", "INDEX")):
        try:
            second = LighterClient.from_environment(
                env, clock=clock, key="EMERGENCY_API_KEY", priority_min=guard
            )
        except ConfigError as error:  # a panic does not end at its spare key
            complain(f"without the second Lighter key: {error}")
        else:
            keys.append(second)
    pacifica = PacificaClient.from_environment(env, clock=clock, priority_min=guard)
    return LighterDesk(keys, clock), PacificaDesk(pacifica, clock)


async def emergency(args: argparse.Namespace) -> int:
    """Do what the command line says. Returns the exit code; raises `ConfigError`."""
    from desk.commands.panic import Panic, spelled
    from desk.engine.clock import SteadyClock, SystemClock
    from desk.engine.env_file import read_environment, require
    from desk.engine.home import Home, home_folder
    from desk.screen.command_line import CommandLines

    home = Home.live(home_folder(args.home, os.environ), state=args.state)
    env = read_environment(home.env, os.environ).values
    require(env, home.env)
    clock = SteadyClock(SystemClock())
    desks = open_desks(env, clock)
    try:
        symbol = None if args.symbol is None else await spelled(args.symbol, desks)
        for desk in desks:
            desk.symbol = symbol
        panic = Panic(home, env, desks, clock=clock)
        if args.dry_run:
            return await panic.rehearse(symbol)
        lines = CommandLines(FOLDER, home.root, args.state)
        again = lines.panic("--force", *([] if symbol is None else ["--symbol", symbol]))
        if not args.force:
            code = await panic.ask(symbol, force=again)
            if code is not None:
                return code
        return await panic.press(symbol, again=again, resume=lines.say("resume"))
    finally:
        await asyncio.gather(*(desk.close() for desk in desks))


if __name__ == "__main__":
    sys.exit(main())
