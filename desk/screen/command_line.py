"""What people type: the flags of the daemon, one line for each way to mistype them, and the
commands that are offered to be pasted."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from desk.engine.usage import OneLineParser, read_number, whole_number

DAEMON, PANIC = "lighter_pacifica_hedge.py", "emergency_close.py"

DESCRIPTION = """\
Earns the difference between the funding rates of Lighter and Pacifica: long where funding is
lower, short where it is higher, equal size, 1x. Without options it trades LIVE, with the
credentials in .env.
"""
COMMANDS = """\
commands to a running bot (status and resume also to its saved state):
  status [--running]
                  phase, hedge, what comes next, what holds it back (--running, for health checks:
                  exit 1 where no bot answers)
  pause           open nothing; what is held stays and is guarded
  resume          lift pause, halt, latch, and symbols set aside by hand
  close           close now, then wait paused
  stop [--now]    close at the end of this hold (--now: at once), exit; the next start is paused
  reload [--yes]  take an edit of bot_config.json in now (--yes: also where it may close at once)
  test-alert      send one message to ALERT_URLS (also without a running bot)

commands that read the ledger, with or without a running bot (report --help, explain --help):
  report          what each cycle brought, and whether the books close; --since, --csv, --html
  explain CYCLE   why it was opened, held, renewed and closed, with every order and fill

command that reads both venues' public past, without keys (what-if --help):
  what-if DAYS    what these settings would have made of it, hour by hour; --json

"""
NAMES = ("status", "pause", "resume", "close", "stop", "reload", "test-alert")
EXAMPLES = """\
examples:
  lighter_pacifica_hedge.py --demo              the whole bot on embedded venues, nothing needed
  lighter_pacifica_hedge.py --once              look at the live markets and trade nothing
  lighter_pacifica_hedge.py --cycles 1          one live hedge from start to end, then exit flat

exit codes:
  0 done, 1 failed or halted, 2 bad config, credentials or usage, 3 another instance runs
"""


class Ways(NamedTuple):
    """How to go on from here: start the bot again, or close everything."""

    again: str
    panic: str


class CommandLines(NamedTuple):
    """The commands for one home, each a line that can be pasted in any folder.

    `folder` holds the root commands; `home` and `state` are the flags that both of them know,
    `rest` those of the daemon alone.
    """

    folder: Path
    home: Path
    state: Path | None
    rest: tuple[str, ...] = ()

    @classmethod
    def of(cls, args: argparse.Namespace, home: Path, *, folder: Path) -> "CommandLines":
        """Return the commands for what was typed."""
        paths = {"--config": args.config, "--journal": args.journal}
        given = {flag: str(path.resolve()) for flag, path in paths.items() if path is not None}
        rest = [word for pair in given.items() for word in pair]
        rest += ["--plain"] if args.plain else []
        return cls(folder, home, args.state, tuple(rest))

    def ways(self, *, cycles: int | None) -> Ways:
        """Return how to go on, with so many cycles left."""
        left = () if cycles is None else ("--cycles", str(cycles))
        return Ways(self._line(DAEMON, *self.rest, *left), self.panic())

    def say(self, command: str) -> str:
        """Return the line that says a command to the bot of this home."""
        return self._line(DAEMON, command)

    def panic(self, *flags: str) -> str:
        """Return the line that closes everything."""
        return self._line(PANIC, *flags)

    def _line(self, script: str, *words: str) -> str:
        state = () if self.state is None else ("--state", str(self.state.resolve()))
        where = ("--home", str(self.home.resolve()), *state)
        return shlex.join([sys.executable, str(self.folder / script), *where, *words])


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line, or exit with code 2 and a line that names the mistake."""
    parser = OneLineParser(
        prog=DAEMON,
        description=DESCRIPTION,
        epilog=COMMANDS + EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="see below; none: run the bot")
    parser.add_argument("--now", action="store_true", help="stop: do not wait for the hold's end")
    parser.add_argument("--yes", action="store_true", help="reload: though it may close at once")
    parser.add_argument(
        "--running", action="store_true", help="status: exit 1 where no bot answers"
    )
    mode = parser.add_argument_group("what to run")
    mode.add_argument("--demo", action="store_true", help="embedded venues in virtual time")
    mode.add_argument("--once", action="store_true", help="look, print the ranked table, exit")
    mode.add_argument("--cycles", type=_count, metavar="N", help="exit, flat, after N cycles")
    mode.add_argument(
        "--speed",
        type=_speed,
        metavar="X",
        help="demo: virtual seconds a second "
        "(default: a hold in about a minute; 0: as fast as it goes)",
    )
    mode.add_argument(
        "--seed", type=whole_number, metavar="N", help="demo: which market (default 1)"
    )
    mode.add_argument(
        "--snapshot",
        type=Path,
        metavar="FILE",
        help="with --once: look at a recorded joint snapshot instead",
    )
    files = parser.add_argument_group("files")
    files.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help="holds .env, config, state, logs (default: HEDGE_HOME, else .)",
    )
    files.add_argument("--config", type=Path, metavar="FILE", help="another bot_config.json")
    files.add_argument("--state", type=Path, metavar="FILE", help="another state file")
    files.add_argument("--journal", type=Path, metavar="FILE", help="another journal")
    parser.add_argument("--plain", action="store_true", help="lines only, no dashboard")
    args, unknown = parser.parse_known_args(argv)
    args.command = args.words[0] if args.words else None
    if unknown:  # first: what follows a mistyped flag looks like a command
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if args.words and (len(args.words) > 1 or args.command not in NAMES):
        parser.error(f"no such command: {' '.join(args.words)}; there are {', '.join(NAMES)}")
    if not args.demo and (args.speed is not None or args.seed is not None):
        parser.error("--speed and --seed belong to --demo; add --demo")
    if args.command is not None and (args.demo or args.once or args.cycles is not None):
        parser.error(f"{args.command} is for a bot that runs: leave --demo, --once, --cycles out")
    if args.now and args.command != "stop":
        parser.error("--now belongs to stop")
    if args.yes and args.command != "reload":
        parser.error("--yes belongs to reload")
    if args.running and args.command != "status":
        parser.error("--running belongs to status")
    if args.snapshot is not None and not args.once:
        parser.error("--snapshot belongs to --once; add --once")
    return args


def _count(text: str) -> int:
    value = read_number(int, text, "a whole number, 1 or more")
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not allowed: write 1 or more")
    return value


def _speed(text: str) -> float:
    value = read_number(float, text, "a number, 0 to 1e9")
    if not 0 <= value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not allowed: write 0 to 1e9")
    return value
