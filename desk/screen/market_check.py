"""Two tables of markets as the venues tell them, each symbol judged by the bot's own filter.

A figure that no venue told is a dash, in JSON null.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from desk.core.book import BPS, Quote
from desk.core.events import VenueMarkets
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.select import BOTH, Refusal, agreement, liquidity, listing
from desk.screen.tables import columns

NOTHING = "–"
VOLUME_KEY, BOOK_KEY = "min_volume_24h_usd", "max_spread_bps"
PASSES = "passes"
LINE_MAX = 1_000
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """One symbol: its cells for people, its figures for programs, and what stands against it."""

    symbol: str
    cells: tuple[str, ...]
    figures: Row
    refusals: tuple[Refusal, ...]

    @property
    def verdict(self) -> str:
        """Return every reason against it, or that there is none."""
        return "; ".join(row.reason for row in self.refusals) or PASSES

    def as_row(self) -> Row:
        """Return it for programs."""
        reasons = [{"reason": row.reason, "key": row.key} for row in self.refusals]
        return {"symbol": self.symbol, **self.figures, "passes": not reasons, "refusals": reasons}


@dataclass(frozen=True, slots=True)
class Check:
    """A table: its title, its head, a line for each symbol, and the limit it is judged by."""

    title: str
    head: tuple[str, ...]
    rows: tuple[Line, ...]
    limit: tuple[str, Decimal]

    def lines(self) -> list[str]:
        """Return the table for people; a narrow terminal folds its lines, nothing is cut."""
        cells = [(*self.head, "verdict")]
        cells += [(*row.cells, row.verdict) for row in self.rows]
        table = columns(cells, left=(0, len(self.head)), width=LINE_MAX)
        passed = sum(not row.refusals for row in self.rows)
        key, value = self.limit
        sums = f"{passed} of {len(self.rows)} pass; {key} is {value.normalize():f}"
        return [self.title, *table, sums]

    def as_row(self) -> Row:
        """Return the table for programs; figures are decimals as text."""
        key, value = self.limit
        return {key: str(value), "symbols": [row.as_row() for row in self.rows]}


def volume_check(
    config: Config, markets: Mapping[VenueName, VenueMarkets], symbols: Sequence[str]
) -> Check:
    """Return what was traded in 24 hours, USD."""
    return Check(
        "Traded in 24 hours, USD",
        ("symbol", "Lighter", "Pacifica"),
        tuple(_volume(config, markets, symbol) for symbol in symbols),
        (VOLUME_KEY, config.min_volume_24h_usd),
    )


def _volume(config: Config, markets: Mapping[VenueName, VenueMarkets], symbol: str) -> Line:
    volumes = {}
    for venue in BOTH:
        row = markets.get(venue)
        stats = None if row is None else row.stats.get(symbol)
        volumes[venue] = None if stats is None else stats.volume_24h_usd
    refusals = [
        *_silent(markets),
        *listing(markets, symbol),
        *_of_key(liquidity(config, markets, symbol, needs_quotes=False), VOLUME_KEY),
    ]
    cells = (NOTHING if usd is None else f"{usd:,.0f}" for usd in volumes.values())
    figures: Row = {f"{venue}_volume_24h_usd": _text(usd) for venue, usd in volumes.items()}
    return Line(symbol, (symbol, *cells), figures, tuple(refusals))


def spread_check(
    config: Config, markets: Mapping[VenueName, VenueMarkets], symbols: Sequence[str]
) -> Check:
    """Return both books' tops, USD, and how far Pacifica's middle lies above Lighter's, bp."""
    return Check(
        "Top of both books, USD; spreads in bp; gap: Pacifica's mid against Lighter's, bp",
        ("symbol", "L bid", "L ask", "L mid", "spread", "P bid", "P ask", "P mid", "spread", "gap"),
        tuple(_spread(config, markets, symbol) for symbol in symbols),
        (BOOK_KEY, config.max_spread_bps),
    )


def _spread(config: Config, markets: Mapping[VenueName, VenueMarkets], symbol: str) -> Line:
    quotes = {}
    for venue in BOTH:
        row = markets.get(venue)
        quotes[venue] = None if row is None else row.quotes.get(symbol)
    gap = _gap_bps(quotes)
    stats = {venue: row.stats[symbol] for venue, row in markets.items() if symbol in row.stats}
    found = liquidity(config, markets, symbol, needs_quotes=True)
    refusals = [
        *_silent(markets),
        *listing(markets, symbol),
        *agreement(stats),
        *(row for row in found if row.key != VOLUME_KEY),
    ]
    cells = (cell for quote in quotes.values() for cell in _cells(quote))
    figures: Row = {str(venue): _figures(quote) for venue, quote in quotes.items()}
    figures["gap_bps"] = _text(gap)
    shown = NOTHING if gap is None else f"{gap:+.2f}"
    return Line(symbol, (symbol, *cells, shown), figures, tuple(refusals))


def _gap_bps(quotes: Mapping[VenueName, Quote | None]) -> Decimal | None:
    lighter, pacifica = (quotes[venue] for venue in BOTH)
    if lighter is None or pacifica is None:
        return None
    return ((pacifica.mid - lighter.mid) / lighter.mid * BPS).quantize(Decimal("0.0001"))


def _cells(quote: Quote | None) -> tuple[str, ...]:
    if quote is None:
        return (NOTHING,) * 4
    prices = (f"{price.normalize():f}" for price in (quote.bid, quote.ask, quote.mid))
    return (*prices, f"{quote.spread_bps:.2f}")


def _figures(quote: Quote | None) -> Row | None:
    if quote is None:
        return None
    return {
        "bid": str(quote.bid),
        "bid_size": str(quote.bid_size),
        "ask": str(quote.ask),
        "ask_size": str(quote.ask_size),
        "mid": str(quote.mid),
        "spread_bps": str(quote.spread_bps.quantize(Decimal("0.0001"))),
    }


def _silent(markets: Mapping[VenueName, VenueMarkets]) -> list[Refusal]:
    return [Refusal(f"{venue} did not answer") for venue in BOTH if venue not in markets]


def _of_key(refusals: Sequence[Refusal], key: str) -> list[Refusal]:
    return [row for row in refusals if row.key == key]


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
