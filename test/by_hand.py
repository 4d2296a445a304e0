"""What the scripts of this folder share: `python test/NAME.py` from the root shows one fact about
the venues that `.env` names, and pytest shows the same on the embedded ones.

A script reads, and changes nothing; the two that send an order ask first, and flatten what they
opened however they end.
"""

import argparse
import asyncio
import logging
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from uuid import uuid4

import structlog

from desk.commands.start import check_symbols, instance_lock, read_config, read_env
from desk.core.actions import SendOrders, VenueOrder
from desk.core.book import Book
from desk.core.errors import ConfigError, DeskError, StaleData, VenueError
from desk.core.events import OrderReport
from desk.core.market import Instrument
from desk.core.order import OrderRequest, Side
from desk.core.ports import Clock, Venue
from desk.core.venue import Identity, VenueName
from desk.engine.clock import SystemClock
from desk.engine.execution import Executor
from desk.engine.home import Home, home_folder
from desk.engine.lock import AlreadyRunning
from desk.engine.usage import EXIT_USAGE, OneLineParser, fail
from desk.hedge.config import Config
from desk.screen.banners import is_simulated
from lighter_client import LighterClient
from pacifica_client import PacificaClient

LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA
EXIT_DONE, EXIT_FAILED, EXIT_RUNNING = 0, 1, 3
HOURS_SHOWN = 3
LEVELS_SHOWN = 5
BOOK_S_MAX = 10.0
BANDS_BPS = (Decimal(20), Decimal(50), Decimal(100), Decimal(100), Decimal(100))
DEADLINE_S = Decimal(8)
SIZE_ROOM = Decimal("1.2")  # above the venue's minimum, so that a price that moves leaves it legal
DOUBT_S_MAX = 630  # a signed Lighter transaction lives ten minutes
PAUSE_S = 1.0
IDS_FROM, IDS_TO = 1 << 33, 1 << 40  # no id of the bot's lies here: it must not think them its own


class StillOpen(DeskError):
    """What was opened could not be proved closed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Hand:
    """One venue, and what is asked of it. `say` shows a line."""

    venue: Venue
    clock: Clock
    config: Config
    say: Callable[[str], None]

    @property
    def symbols(self) -> Sequence[str]:
        """Return the symbols to show."""
        return self.config.symbols_to_monitor


Show = Callable[[Hand], Awaitable[None]]


# What the scripts show


async def balance(hand: Hand) -> None:
    """Show equity, cash and what is free."""
    account = await hand.venue.account()
    hand.say(f"equity  {account.equity_usd:,.2f} USD")
    hand.say(f"balance {account.balance_usd:,.2f} USD, without what positions gained or lost")
    hand.say(f"free    {account.free_usd:,.2f} USD for new positions")


async def funding(hand: Hand) -> None:
    """Show each symbol's funding: the hour in progress, the last one, and settled ones before."""
    stats, now_ms = await hand.venue.market_stats(), hand.clock.now_ms()
    for symbol in hand.symbols:
        row = stats.get(symbol)
        if row is None:
            hand.say(f"{symbol}: not listed")
            continue
        since_ms = now_ms - (HOURS_SHOWN + 1) * 3_600_000
        past = await hand.venue.funding_history(symbol, since_ms=since_ms, until_ms=now_ms)
        settled = ", ".join(f"{point.rate.apr_pct:.2f}" for point in past[-HOURS_SHOWN:])
        rate = row.funding_next
        hand.say(
            f"{symbol}: {rate.fraction * 100:f} % an hour = {rate.apr_pct:.2f} % APR (positive: "
            f"longs pay); settled before: {settled or 'none told'} % APR"
        )


async def positions(hand: Hand) -> None:
    """Show every open position, whoever opened it."""
    account = await hand.venue.account()
    for row in account.positions:
        liquidation = "none" if row.liquidation_price is None else f"{row.liquidation_price:f}"
        side = "long" if row.size > 0 else "short"
        hand.say(
            f"{row.symbol}: {side} {abs(row.size).normalize():f}, entered at "
            f"{row.entry_price.normalize():f}, liquidation {liquidation}, {row.margin_mode}"
        )
    if not account.positions:
        hand.say("no open position")


async def leverage(hand: Hand) -> None:
    """Show each symbol's leverage as the venue has it."""
    listed = await hand.venue.instruments()
    for symbol in hand.symbols:
        if symbol not in listed:
            hand.say(f"{symbol}: not listed")
            continue
        setting = await hand.venue.leverage(symbol)
        most = listed[symbol].leverage_max
        hand.say(f"{symbol}: {setting.value.normalize():f}x {setting.margin_mode}, at most {most}x")


async def order_book(hand: Hand) -> None:
    """Show the best levels of each streamed book."""
    hand.venue.watch(hand.symbols)
    for symbol in hand.symbols:
        book = await _book(hand, symbol)
        asks = list(book.levels(Side.SELL))[:LEVELS_SHOWN]
        bids = list(book.levels(Side.BUY))[:LEVELS_SHOWN]
        hand.say(f"{symbol}: bids {_levels(bids)} | asks {_levels(asks)}")


async def _book(hand: Hand, symbol: str) -> Book:
    """Return the streamed book once it is there. Raises `StaleData` when it does not come."""
    until_s = hand.clock.monotonic_s() + BOOK_S_MAX
    while True:
        try:
            return hand.venue.book(symbol)
        except StaleData:
            if hand.clock.monotonic_s() >= until_s:
                raise
        await asyncio.sleep(PAUSE_S / 4)


def _levels(levels: Sequence[tuple[Decimal, Decimal]]) -> str:
    return ", ".join(f"{size.normalize():f} at {price.normalize():f}" for price, size in levels)


# The two that trade


async def market_order(hand: Hand) -> None:
    """Open the smallest position the venue takes, show what filled, and close it again.

    Whatever happens after the opening was sent, what came of it is closed. Raises `StillOpen` where
    that cannot be proved.
    """
    symbol = hand.symbols[0]
    instrument = (await hand.venue.instruments())[symbol]
    await _refuse_a_stranger(hand, symbol)
    hand.venue.watch([symbol])
    book = await _book(hand, symbol)
    ask = book.best(Side.SELL)
    assert ask is not None, "a book that is served has both sides"
    size = instrument.size_up(instrument.size_floor(ask[0]) * SIZE_ROOM)
    hand.say(f"buying {size.normalize():f} {symbol}, about {size * ask[0]:,.2f} USD")
    report = None
    try:
        report = await _send(hand, instrument, Side.BUY, size, bps=BANDS_BPS[0])
        hand.say(f"opened: {_told(report)}")
    finally:
        await _flatten(hand, instrument)
    if not report.filled:
        raise StillOpen("nothing filled: there was nothing to close")


async def _refuse_a_stranger(hand: Hand, symbol: str) -> None:
    """Raise `ConfigError` where the owner has something in the symbol: it would be closed, too."""
    account = await hand.venue.account()
    if account.size_of(symbol) or await hand.venue.open_orders(symbol):
        text = f"{hand.venue.name} has a position or orders in {symbol}: pass --symbol with another"
        raise ConfigError(text)


async def _send(
    hand: Hand, instrument: Instrument, side: Side, size: Decimal, *, bps: Decimal
) -> OrderReport:
    """Send one order at the market, a band from the middle at worst. Returns what became of it."""
    quote = (await _book(hand, instrument.symbol)).quote(instrument.symbol, received_at_ms=0)
    assert quote is not None, "a book that is served has both sides"
    request = OrderRequest(
        symbol=instrument.symbol,
        side=side,
        size=size,
        price=instrument.worst_price(quote.mid, side, bps),
        client_id=_client_id(instrument.venue),
        reduce_only=side is Side.SELL,
    )
    executor = Executor({hand.venue.name: hand.venue}, hand.clock)
    orders = SendOrders(1, (VenueOrder(hand.venue.name, request),), DEADLINE_S)
    return (await executor.send_orders(orders)).reports[0]


def _client_id(venue: VenueName) -> str:
    if venue is PACIFICA:
        return str(uuid4())
    return str(IDS_FROM + secrets.randbelow(IDS_TO - IDS_FROM))


def _told(report: OrderReport) -> str:
    price = "" if report.average_price is None else f" at {report.average_price:f}"
    fee = "" if report.fee_usd is None else f", fee {report.fee_usd:.4f} USD"
    detail = f" ({report.detail})" if report.detail else ""
    return f"{report.verdict}, filled {report.filled.normalize():f}{price}{fee}{detail}"


async def _flatten(hand: Hand, instrument: Instrument) -> None:
    """Close what is held in the symbol, in ever wider bands, until the venue shows nothing."""
    symbol = instrument.symbol
    for bps in BANDS_BPS:
        try:
            await _until_settled(hand)
            held = (await hand.venue.account(urgent=True)).size_of(symbol)
            if not held:
                hand.say(f"flat: {hand.venue.name} shows no position in {symbol}")
                return
            report = await _send(hand, instrument, Side.SELL, held, bps=bps)
            hand.say(f"closed: {_told(report)}")
        except VenueError as error:
            hand.say(f"not closed yet: {error}")
        await asyncio.sleep(PAUSE_S)
    raise StillOpen(f"{symbol} is not proved flat: python emergency_close.py --symbol {symbol}")


async def _until_settled(hand: Hand) -> None:
    """Wait until nothing that was sent can take effect any more."""
    until_s = hand.clock.monotonic_s() + DOUBT_S_MAX
    while not await hand.venue.fence(past_life=False):
        if hand.clock.monotonic_s() > until_s:
            raise StillOpen("an order is still in doubt: python emergency_close.py")
        await asyncio.sleep(PAUSE_S)


# As a script


def run(about: str, show: Show, venue: VenueName, *, trades: bool = False) -> int:
    """Show it on the venue that `.env` names. Returns the exit code of the contract."""
    args = _parse(about, trades=trades)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        return asyncio.run(_run(args, show, venue, trades=trades))
    except ConfigError as error:
        return fail(str(error), EXIT_USAGE)
    except AlreadyRunning as error:
        return fail(str(error), EXIT_RUNNING)
    except DeskError as error:
        return fail(str(error), EXIT_FAILED)
    except KeyboardInterrupt:
        return fail("interrupted", EXIT_FAILED)


def _parse(about: str, *, trades: bool) -> argparse.Namespace:
    parser = OneLineParser(description=about, allow_abbrev=False)
    parser.add_argument("--home", type=Path, metavar="DIR", help="holds .env and bot_config.json")
    parser.add_argument("--symbol", metavar="BTC", help="instead of symbols_to_monitor")
    if trades:
        text = "yes, open and close a small position; without it you are asked"
        parser.add_argument("--real-funds", action="store_true", help=text)
    args = parser.parse_args()
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    if trades and not args.real_funds and not is_terminal:
        parser.error("there is no terminal to ask at; add --real-funds to trade without asking")
    return args


async def _run(args: argparse.Namespace, show: Show, name: VenueName, *, trades: bool) -> int:
    home, clock = Home.live(home_folder(args.home, os.environ)), SystemClock()
    config = read_config(home, needed=False)
    if args.symbol is not None:
        config = replace(config, symbols_to_monitor=(args.symbol,))
    env = read_env(home, needed=trades)
    kind = LighterClient if name is LIGHTER else PacificaClient
    venue = kind.from_environment(env, clock=clock)
    try:
        if trades and not args.real_funds and not _agrees(venue.identity, name):
            return fail("nothing was sent", EXIT_FAILED)
        with instance_lock(home, env, clock) if trades else nullcontext():
            await venue.open()
            await check_symbols({name: venue}, config, home.config)
            await show(Hand(venue, clock, config, partial(_print, name)))
        return EXIT_DONE
    finally:
        await venue.close()


def _print(name: VenueName, text: str) -> None:
    sys.stdout.write(f"{name}  {text}\n")
    sys.stdout.flush()


def _agrees(identity: Identity, name: VenueName) -> bool:
    """Return whether the owner says yes."""
    money = "play money" if is_simulated({name: identity}) else "REAL MONEY"
    question = f"Open and close a small position on {name} at {identity.url}, {money}? [y/N] "
    return input(question).strip().lower() in ("y", "yes")
