"""What people type: the flags of the daemon, and one line for each way to mistype them."""

import argparse
from pathlib import Path

from desk.engine.usage import OneLineParser, read_number, whole_number

DESCRIPTION = """\
Earns the difference between the funding rates of Lighter and Pacifica: long where funding is
lower, short where it is higher, equal size, 1x. Without options it trades LIVE, with the
credentials in .env.
"""
EXAMPLES = """\
examples:
  lighter_pacifica_hedge.py --demo              the whole bot on embedded venues, nothing needed
  lighter_pacifica_hedge.py --once              look at the live markets and trade nothing
  lighter_pacifica_hedge.py --cycles 1          one live hedge from start to end, then exit flat

exit codes:
  0 done, 1 failed or halted, 2 bad config, credentials or usage, 3 another instance runs
"""


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line, or exit with code 2 and a line that names the mistake."""
    parser = OneLineParser(
        prog="lighter_pacifica_hedge.py",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
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
    args = parser.parse_args(argv)
    if not args.demo and (args.speed is not None or args.seed is not None):
        parser.error("--speed and --seed belong to --demo; add --demo")
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
