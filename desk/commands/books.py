"""`report` and `explain`: the ledger read back, with or without a running bot.

They open the file to read it, write only what they are asked to write, and trade nothing.
"""

import argparse
import re
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from desk.core.errors import ConfigError
from desk.core.ports import Clock
from desk.engine.home import Home
from desk.engine.usage import OneLineParser
from desk.ledger.account import Account
from desk.ledger.cycles import Cycle, cycles_of, shares_of
from desk.ledger.export import write_generic, write_koinly
from desk.ledger.reading import read_ledger
from desk.ledger.rows import Ledger
from desk.screen.explain import explanation
from desk.screen.report import report_lines
from desk.screen.terminal import open_terminal, say

NAMES = ("report", "explain")
FORMATS = {"generic": write_generic, "koinly": write_koinly}
_AGE = re.compile(r"(\d{1,5})([hd])")


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Return the command line of `report` or `explain`; exits with code 2 and a line."""
    name, *rest = words
    parser = OneLineParser(prog=f"lighter_pacifica_hedge.py {name}", allow_abbrev=False)
    parser.set_defaults(config=None, state=None, journal=None)
    parser.add_argument("--home", type=Path, metavar="DIR", help="the home of the bot")
    parser.add_argument("--demo", action="store_true", help="the ledger of the last demo")
    if name == "explain":
        parser.add_argument("cycle", metavar="CYCLE", help="its number, or EPOCH-NUMBER")
    else:
        parser.add_argument(
            "--since", metavar="TIME", help="2026-01-31, 2026-01-31T12:00Z (UTC), 36h or 7d"
        )
        parser.add_argument("--csv", type=Path, metavar="FILE", help="a row per fill, fee, payment")
        parser.add_argument("--format", choices=FORMATS, help="of the CSV (default: generic)")
        parser.add_argument("--html", type=Path, metavar="FILE", help="one page with charts")
    args = parser.parse_args(rest)
    if name == "report" and args.format is not None and args.csv is None:
        parser.error("--format belongs to --csv; add --csv FILE")
    args.command = name
    return args


def tell_books(args: argparse.Namespace, home: Home, clock: Clock) -> int:
    """Print what was asked for. Returns the exit code."""
    path = (home.apart("demo") if args.demo else home).ledger
    console = open_terminal()
    ledger = read_ledger(path)
    if ledger is None or ledger.is_empty:
        state = "is no ledger yet" if ledger is None else "is an empty ledger"
        say(console, f"There {state} at {path}: it begins with the first run of the bot.")
        return 0
    if args.command == "explain":
        return _explain(args.cycle, ledger, console)
    return _report(args, Account.of(ledger, since_ms(args.since, clock.now_ms())), console)


def _report(args: argparse.Namespace, account: Account, console: Console) -> int:
    with ExitStack() as files:
        if args.csv is not None:
            file = files.enter_context(args.csv.open("w", encoding="utf-8", newline=""))
            FORMATS[args.format or "generic"](file, account.shares, account.movements)
        if args.html is not None:
            from desk.ledger.page import page  # costs time, and only this needs it

            args.html.write_text(page(account), encoding="utf-8")
    for line in report_lines(account, console.width):
        say(console, line)
    for written in filter(None, (args.csv, args.html)):
        say(console, f"Written: {written}")
    return 0


def _explain(text: str, ledger: Ledger, console: Console) -> int:
    cycle = find_cycle(text, cycles_of(ledger, shares_of(ledger)))
    for line in explanation(ledger, cycle, console.width):
        say(console, line)
    return 0


def find_cycle(text: str, cycles: Sequence[Cycle]) -> Cycle:
    """Return the cycle of that number, the newest where several lives had one.

    Raises `ConfigError` naming those there are.
    """
    epoch, _, number = text.rpartition("-")
    found = [
        row
        for row in cycles
        if str(row.id.cycle) == number and epoch in ("", str(row.id.epoch))
    ]
    if found:
        return found[-1]
    known = ", ".join(str(row.id.cycle) for row in cycles[-10:])
    raise ConfigError(f"there is no cycle {text} in the ledger; the newest are {known or 'none'}")


def since_ms(text: str | None, now_ms: int) -> int:
    """Return the instant that `--since` names, zero where it was not given.

    Raises `ConfigError`.
    """
    if text is None:
        return 0
    age = _AGE.fullmatch(text)
    if age is not None:
        unit = timedelta(days=1) if age[2] == "d" else timedelta(hours=1)
        return now_ms - int(age[1]) * int(unit.total_seconds()) * 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        wanted = "write 2026-01-31, 2026-01-31T12:00Z (UTC), 36h or 7d"
        raise ConfigError(f"--since {text!r} is no time: {wanted}") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
