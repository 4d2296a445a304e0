"""`check_24h_volume` and `check_spreads`: both venues' own figures, judged by the bot's own filter.

Public data alone: no credentials, no state, nothing sent that changes anything.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from desk.commands.start import close_all, read_config, read_env
from desk.core.actions import ReadMarkets
from desk.core.errors import ConfigError, VenueError
from desk.core.events import VenueMarkets
from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName
from desk.engine.clock import SystemClock
from desk.engine.home import Home, home_folder
from desk.engine.journal import utc_text
from desk.engine.modules import missing_module
from desk.engine.reads import Reader
from desk.engine.usage import EXIT_USAGE, OneLineParser, fail
from desk.hedge.config import Config, parse_config
from desk.screen.market_check import Check, spread_check, volume_check
from desk.screen.terminal import open_terminal, say

EXIT_DONE, EXIT_FAILED = 0, 1
EPILOG = """\
exit codes:
  0 done, 1 a venue did not answer, 2 bad configuration or usage
"""

OpenVenues = Callable[[Mapping[str, str], Clock], Mapping[VenueName, Venue]]
Judge = Callable[[Config, Mapping[VenueName, VenueMarkets], Sequence[str]], Check]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a command looks at: `needs_books` opens the streams, which alone tell bid and ask."""

    prog: str
    about: str
    judge: Judge
    needs_books: bool


VOLUME = Subject(
    "check_24h_volume.py",
    "Shows what was traded in 24 hours on each venue, and whether that passes the bot's filter.",
    volume_check,
    needs_books=False,
)
SPREADS = Subject(
    "check_spreads.py",
    "Shows bid, ask and mid of both venues' own books, the gap between the venues, and whether the "
    "books pass the bot's filter.",
    spread_check,
    needs_books=True,
)


def run(subject: Subject, open_venues: OpenVenues, words: Sequence[str] | None) -> int:
    """Do what the command line says. Returns the exit code of the contract."""
    args = parse_words(subject, words)
    try:
        return asyncio.run(_check(subject, open_venues, args))
    except ConfigError as error:
        return fail(str(error), EXIT_USAGE)
    except ModuleNotFoundError as error:
        return fail(missing_module(error), EXIT_USAGE)
    except KeyboardInterrupt:
        return fail("interrupted", EXIT_FAILED)


def parse_words(subject: Subject, words: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line, or exit with code 2 and a line that names the mistake."""
    parser = OneLineParser(
        prog=subject.prog,
        description=subject.about,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument(
        "--symbols", metavar="BTC,ETH", help='instead of symbols_to_monitor; "all" for every one'
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="another bot_config.json")
    parser.add_argument("--home", type=Path, metavar="DIR", help="the home of the bot")
    return parser.parse_args(words)


def chosen(config: Config, symbols: str | None) -> Config:
    """Return the configuration with the symbols asked for. Raises `ConfigError`."""
    if symbols is None:
        return config
    names = "all" if symbols == "all" else symbols.split(",")
    text = json.dumps({"symbols_to_monitor": names})
    asked = parse_config(text, source="--symbols")
    return replace(config, symbols_to_monitor=asked.symbols_to_monitor)


async def _check(subject: Subject, open_venues: OpenVenues, args: argparse.Namespace) -> int:
    home = Home.live(home_folder(args.home, os.environ), config=args.config)
    config = chosen(read_config(home, needed=args.config is not None), args.symbols)
    clock = SystemClock()
    venues = open_venues(read_env(home, needed=False), clock)
    try:
        check, failures = await look(subject, venues, config, clock)
    finally:
        await close_all(venues)
    for reason in failures.values():
        fail(reason, EXIT_FAILED)
    if args.json:
        row = {"at": utc_text(clock.now_ms()), **check.as_row(), "failures": failures}
        sys.stdout.write(json.dumps(row, indent=2) + "\n")
    else:
        console = open_terminal()
        for line in check.lines():
            say(console, line, may_break=False)
    return EXIT_FAILED if failures else EXIT_DONE


async def look(
    subject: Subject, venues: Mapping[VenueName, Venue], config: Config, clock: Clock
) -> tuple[Check, dict[VenueName, str]]:
    """Return what both venues tell, judged, and why one of them did not answer.

    Raises `ConfigError` for a symbol that no venue lists.
    """
    begin = _books if subject.needs_books else _statistics
    read = await asyncio.gather(*(_attempt(begin(venue)) for venue in venues.values()))
    answers = dict(zip(venues, read, strict=True))
    failures = {name: row for name, row in answers.items() if isinstance(row, str)}
    markets = {name: row for name, row in answers.items() if isinstance(row, VenueMarkets)}
    symbols = _symbols(config, markets)
    if subject.needs_books and markets:
        reader = Reader({name: venues[name] for name in markets}, clock, with_fees=False)
        reader.stream(symbols)
        seen = await reader.read_markets(ReadMarkets(0, symbols))
        failures |= seen.failures
        markets = seen.venues
    return subject.judge(config, markets, symbols), failures


def _symbols(config: Config, markets: Mapping[VenueName, VenueMarkets]) -> tuple[str, ...]:
    """Return the symbols to look at, in the owner's order; "all" are those every venue lists."""
    listings = [row.instruments.keys() for row in markets.values()]
    if not config.symbols_to_monitor:
        return tuple(sorted(set.intersection(*map(set, listings)))) if listings else ()
    for symbol in config.symbols_to_monitor:
        if len(listings) == len(VenueName) and not any(symbol in row for row in listings):
            raise ConfigError(f"neither venue lists {symbol}; mind the case (BTC, kBONK)")
    return config.symbols_to_monitor


async def _attempt(read: Coroutine[None, None, VenueMarkets]) -> VenueMarkets | str:
    """Return a venue's markets, or why there are none."""
    try:
        return await read
    except VenueError as error:
        return str(error)


async def _statistics(venue: Venue) -> VenueMarkets:
    return VenueMarkets(dict(await venue.instruments()), dict(await venue.market_stats()), {})


async def _books(venue: Venue) -> VenueMarkets:
    await venue.open()
    return VenueMarkets(dict(await venue.instruments()), {}, {})
