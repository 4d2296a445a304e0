"""One look: read both venues, or a record of them, rank the symbols, print the table."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from rich.console import Console

from desk.core.actions import ReadMarkets
from desk.core.errors import ConfigError
from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName
from desk.engine.files import read_text
from desk.engine.reads import Reader
from desk.hedge import history
from desk.hedge.config import Config
from desk.hedge.history import SpreadHistory
from desk.hedge.nearest import Change, changes_that_open
from desk.hedge.searching import set_aside, unknown_histories
from desk.hedge.select import Candidate, rank
from desk.hedge.snapshot import parse_snapshot
from desk.hedge.state import BotState
from desk.screen.tables import nearest_line, obstacles, plan_line, ranking, ranking_units
from desk.screen.terminal import say

EXIT_DONE, EXIT_FAILED = 0, 1
LOOKS_MAX = 3  # one for the markets, the others for histories


async def look_once(
    venues: Mapping[VenueName, Venue],
    config: Config,
    clock: Clock,
    console: Console,
    *,
    state: BotState | None = None,
) -> int:
    """Print the live table and what the nearest candidate lacks. Returns the exit code.

    What the bot's `state` leaves alone is refused here, too.
    """
    reader = Reader(venues, clock, with_fees=False)
    for venue in venues.values():
        venue.watch(config.symbols_to_monitor)
    histories: dict[str, SpreadHistory] = {} if state is None else dict(state.histories)
    wanted: dict[str, int] = {}
    for _ in range(LOOKS_MAX):
        read = await reader.read_markets(
            ReadMarkets(
                0,
                config.symbols_to_monitor,
                histories=wanted,
                notional_usd=config.base_capital_allocation,
                band_bps=config.slippage_max_bps,
            )
        )
        for reason in read.failures.values():
            sys.stderr.write(f"error: {reason}\n")
        if read.failures:
            return EXIT_FAILED
        aside = {} if state is None else set_aside(state, read.at_ms)
        histories = history.take_in(histories, read.venues)
        rows = rank(config, read.venues, at_ms=read.at_ms, set_aside=aside, histories=histories)
        wanted = unknown_histories(config, histories, rows, read.at_ms)
        if not wanted:
            break
        histories = history.mark_asked(histories, wanted, read.at_ms)
    changes = rows and changes_that_open(
        config, read.venues, rows[0], at_ms=read.at_ms, set_aside=aside, histories=histories
    )
    title = f"Funding now: {ranking_units(config)}"
    _show(console, config, title, rows, changes=changes or ())
    return EXIT_DONE


def _show(
    console: Console,
    config: Config,
    title: str,
    rows: list[Candidate],
    *,
    quotes_recorded: bool = True,
    changes: Sequence[Sequence[Change]] = (),
) -> None:
    """Print title and table, then every obstacle once, then the nearest."""
    say(console, title)
    table = ranking(rows, width=console.width, quotes_recorded=quotes_recorded)
    console.print(table, soft_wrap=True)
    for text in obstacles(rows):
        say(console, text, indent=4)
    say(console, nearest_line(rows, changes))
    plan = plan_line(rows[0], config) if rows else ""
    if plan:
        say(console, plan)



def look_at_snapshot(path: Path, config: Config, console: Console) -> int:
    """Print the table of a recorded joint snapshot; nothing is sized from a record.

    Raises `ConfigError` when the file is anything else.
    """
    try:
        read = parse_snapshot(read_text(path), source=str(path))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing; pass --snapshot another FILE") from error
    every = replace(config, symbols_to_monitor=(), min_volume_24h_usd=Decimal(0))
    rows = rank(every, read.venues, at_ms=read.at_ms, set_aside={}, needs_quotes=False)
    title = f"Recorded markets, {path.name}: {ranking_units(config)}"
    _show(console, every, title, rows, quotes_recorded=False)
    symbols = "symbol" if len(rows) == 1 else "symbols"
    say(
        console,
        f"{len(rows)} {symbols} on both venues. Bid and ask: not recorded, so costs are fees "
        "alone, a lower bound. Volumes are not in the record and were not judged.",
    )
    return EXIT_DONE
