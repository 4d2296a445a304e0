"""`what-if DAYS`: read both venues' public funding histories, then replay the configuration.

Needs no keys and sends nothing. The venues are closed before the replay begins: it takes its time,
and nobody should be kept waiting on a line.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from time import monotonic

from desk.core.actions import ReadMarkets
from desk.core.errors import RateLimited, StartFailed, VenueError
from desk.core.funding import SETTLEMENT_PERIOD_MS, FundingPoint
from desk.core.market import FeeRates
from desk.core.ports import Clock, Venue
from desk.core.venue import VenueName
from desk.core.words import budget_wait
from desk.engine.home import Home
from desk.engine.reads import Reader
from desk.engine.usage import OneLineParser, complain, read_number
from desk.hedge.config import Config
from desk.hedge.economics import PUBLISHED_FEES, Costs
from desk.hedge.history import DAY_HOURS, HOURS_MAX, spreads_of
from desk.hedge.select import rank
from desk.ledger.reading import read_ledger
from desk.ledger.rows import Ledger
from desk.proof.past import Hours, Replay, replay
from desk.screen.terminal import open_terminal, say
from desk.screen.what_if import what_if_json, what_if_lines

NAME = "what-if"
DAYS_MAX = 180
READ_S_MAX = 1_800.0  # 45 symbols over 180 days are 450 requests at Lighter's 60 a minute
# Room for one more request is no room for a history of many: a try that is cut off begins anew.
RETRY_S_MIN = 20.0
TOLD_EVERY_S = 5.0
FIRST_TIER = "of the first tier"
AS_PAID = "as your last fill paid"
_RATE = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Material:
    """All that was read: what a round trip costs now, and what was settled.

    `paid` are the venues whose fees are the account's own.
    """

    costs: Mapping[str, Costs]
    left_out: Mapping[str, str]
    spreads: Mapping[str, Hours]
    paid: frozenset[VenueName]


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Return the command line of `what-if`; exits with code 2 and a line."""
    parser = OneLineParser(
        prog=f"lighter_pacifica_hedge.py {NAME}",
        description="Replay the configuration on both venues' public funding history, hour by "
        "hour. Needs no keys and sends nothing.",
        allow_abbrev=False,
    )
    parser.set_defaults(command=NAME, state=None, journal=None)
    parser.add_argument("days", type=_days, metavar="DAYS", help=f"1 to {DAYS_MAX}")
    parser.add_argument("--home", type=Path, metavar="DIR", help="the home of the bot")
    parser.add_argument("--config", type=Path, metavar="FILE", help="another bot_config.json")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    parser.add_argument("--demo", action="store_true", help="on embedded venues")
    parser.add_argument("--seed", type=int, metavar="N", help="demo: which market (default 1)")
    args = parser.parse_args(list(words[1:]))
    if args.seed is not None and not args.demo:
        parser.error("--seed belongs to --demo; add --demo")
    return args


def _days(text: str) -> int:
    days = read_number(int, text, f"a whole number, 1 to {DAYS_MAX}")
    if not 1 <= days <= DAYS_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not allowed: write 1 to {DAYS_MAX}")
    return days


def hours_needed(days: int) -> int:
    """Return how far back what is replayed can learn from: two weeks before the first day."""
    return days * DAY_HOURS + HOURS_MAX + DAY_HOURS


# What the venues tell


async def read_material(
    venues: Mapping[VenueName, Venue],
    config: Config,
    clock: Clock,
    *,
    days: int,
    fees: Mapping[VenueName, FeeRates],
) -> Material:
    """Return the books of now and the settled hours of `days` and two weeks before them.

    Raises `StartFailed` where a venue does not tell, or takes longer than anybody waits.
    """
    try:
        async with asyncio.timeout(READ_S_MAX):
            costs, left_out = await _costs_now(venues, config, clock, fees)
            spreads = await _histories(venues, list(costs), clock, days=days)
    except TimeoutError as error:
        text = f"the venues have not told all within {READ_S_MAX / 60:.0f} min"
        raise StartFailed(f"{text}; ask for fewer days or fewer symbols") from error
    except VenueError as error:
        raise StartFailed(f"{error}; nothing was replayed") from error
    return Material(costs, left_out, spreads, frozenset(fees))


async def _costs_now(
    venues: Mapping[VenueName, Venue],
    config: Config,
    clock: Clock,
    fees: Mapping[VenueName, FeeRates],
) -> tuple[dict[str, Costs], dict[str, str]]:
    """Return what a round trip in each symbol costs today, and what is left out today, why."""
    for venue in venues.values():
        venue.watch(config.symbols_to_monitor)
    reader = Reader(venues, clock, with_fees=False, on_wait=complain)
    read = await reader.read_markets(
        ReadMarkets(
            0,
            config.symbols_to_monitor,
            notional_usd=config.base_capital_allocation,
            band_bps=config.slippage_max_bps,
        )
    )
    if read.failures:
        raise StartFailed("; ".join(read.failures.values()))
    markets = {venue: replace(row, fees=fees.get(venue)) for venue, row in read.venues.items()}
    rows = sorted(
        rank(config, markets, at_ms=read.at_ms, set_aside={}), key=lambda row: row.symbol
    )
    # Prices are no part of a replay, so neither is what they are expected to cost.
    costs = {
        row.symbol: replace(row.costs, basis_bps=Decimal(0)) for row in rows if not row.bars
    }
    left_out = {row.symbol: f"today: {row.bars[0].reason}" for row in rows if row.bars}
    return costs, left_out


async def _histories(
    venues: Mapping[VenueName, Venue], symbols: Sequence[str], clock: Clock, *, days: int
) -> dict[str, Hours]:
    """Return the spreads of each symbol by hour, as far back as both venues tell."""
    now_ms = clock.now_ms()
    since_ms = now_ms - hours_needed(days) * SETTLEMENT_PERIOD_MS
    found: dict[str, Hours] = {}
    told = Progress("funding histories", len(symbols))
    for symbol in symbols:
        rows = await asyncio.gather(
            *(
                _patiently(venue, symbol, since_ms=since_ms, until_ms=now_ms)
                for venue in venues.values()
            )
        )
        by_venue = dict(zip(venues, rows, strict=True))
        found[symbol] = spreads_of(by_venue[VenueName.LIGHTER], by_venue[VenueName.PACIFICA])
        told.step(symbol)
    return found


async def _patiently(
    venue: Venue, symbol: str, *, since_ms: int, until_ms: int
) -> Sequence[FundingPoint]:
    """Return a venue's history; our own budget is waited for, within the time there is for all."""
    while True:
        try:
            return await venue.funding_history(symbol, since_ms=since_ms, until_ms=until_ms)
        except RateLimited as error:
            wait_s = max(error.retry_after_s, RETRY_S_MIN)
        complain(budget_wait(venue.name, wait_s))
        await asyncio.sleep(wait_s)


class Progress:
    """Tells now and then how far something long has come, on stderr."""

    def __init__(self, what: str, total: int) -> None:
        """Tell nothing of what is done at once."""
        self._what = what
        self._total = total
        self._done = 0
        self._told_at_s = monotonic()

    def step(self, name: object) -> None:
        """One more is done."""
        self._done += 1
        if monotonic() - self._told_at_s >= TOLD_EVERY_S:
            self._told_at_s = monotonic()
            complain(f"{self._what}: {self._done} of {self._total} ({name})")


# What they come to


def known_fees(home: Home) -> dict[VenueName, FeeRates]:
    """Return the fees that the ledger of a home tells, by venue. Raises `StateError`."""
    ledger = read_ledger(home.ledger)
    return {} if ledger is None else paid_fees(ledger)


def paid_fees(ledger: Ledger) -> dict[VenueName, FeeRates]:
    """Return the rates that the last fills paid, of the venues where a taker's is known; where no
    maker's is, the venue's first tier stands for it."""
    last: dict[tuple[VenueName, bool], Decimal] = {}
    for fill in ledger.fills:
        row = fill.row
        rate = (row.fee_usd / (row.size * row.price)).quantize(_RATE)
        last[fill.book.venue, row.is_maker] = rate
    return {
        venue: FeeRates(
            maker=last.get((venue, True), PUBLISHED_FEES[venue].maker),
            taker=last[venue, False],
        )
        for venue in VenueName
        if (venue, False) in last
    }


def tell_what_if(args: argparse.Namespace, config: Config, material: Material) -> int:
    """Replay what was read, and print what came of it. Returns the exit code.

    Raises `StartFailed` where there is nothing to replay.
    """
    found = _replayed(config, material, days=args.days)
    fees = {venue: AS_PAID if venue in material.paid else FIRST_TIER for venue in VenueName}
    if args.json:
        sys.stdout.write(json.dumps(what_if_json(found, fees), indent=2) + "\n")
        return 0
    console = open_terminal()
    for line in what_if_lines(found, fees, console.width):
        say(console, line)
    return 0


def _replayed(config: Config, material: Material, *, days: int) -> Replay:
    last = max((max(rows) for rows in material.spreads.values() if rows), default=None)
    if last is None:
        text = "; ".join(f"{name}: {why}" for name, why in material.left_out.items())
        raise StartFailed(f"there is no hour of funding that both venues tell; {text}")
    hours = range(last - days * DAY_HOURS, last + 1)
    told = Progress("hours replayed", len(hours))
    return replay(
        config,
        material.costs,
        material.spreads,
        hours=hours,
        left_out=material.left_out,
        tell=told.step,
    )
