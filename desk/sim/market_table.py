"""The constants of the simulated markets: what is listed where, in which steps, how it moves.

A table and nothing else; `market_model` makes it move. Levels are index prices of one recorded
hour (2026-01-06 12:00 UTC). Spreads and 10,000 USD slippages of BTC, ETH, SOL, HYPE, XRP, PAXG and
ZEC are medians of recorded Lighter books (February 2026), the rest are set between them by
liquidity. Premium means and deviations reproduce how often each symbol's recorded rate sat at the
floor, below it and below zero (Lighter: 262 hours from December 2025; Pacifica: 17 hours of January
2026). No recorded Pacifica book or volume was found: those are assumptions, thinner than Lighter.
"""

from dataclasses import dataclass
from decimal import Decimal

from desk.core.market import Instrument
from desk.core.venue import VenueName


@dataclass(frozen=True, slots=True)
class VenueRow:
    """One symbol on one venue.

    `spread_bps` is the whole width of a calm book, `impact_bps` the average distance from the mid
    at which 10,000 USD trade. `premium_bps` is mean and deviation of mark over index.
    `volume_24h_usd` is what strangers trade in a calm day, `open_interest_usd` what they hold long.
    """

    instrument: Instrument
    spread_bps: float
    impact_bps: float
    volume_24h_usd: float
    open_interest_usd: float
    premium_bps: tuple[float, float]


@dataclass(frozen=True, slots=True)
class MarketRow:
    """One symbol on both venues.

    `level` is the index in USD at the start. `volatility` is yearly (0.45 = 45 %), `correlation`
    its share that comes from the whole market.
    """

    symbol: str
    level: float
    volatility: float
    correlation: float
    venues: dict[VenueName, VenueRow]


@dataclass(frozen=True, slots=True)
class _Listing:
    """The venue's steps: Lighter as (market id, price decimals, smallest base), Pacifica as
    (tick, lot); then the highest leverage of each."""

    lighter: tuple[int, int, str]
    pacifica: tuple[str, str]
    leverage: tuple[int, int]


_LIGHTER_DECIMALS = 6  # size and price decimals of a Lighter perpetual add up to this
_LIGHTER_MAINTENANCE_OF_INITIAL = Decimal("0.6")  # ETH: 1.2 % of 2 %
_PACIFICA_SPREAD_FACTOR = 1.5
_PACIFICA_IMPACT_FACTOR = 2.0
_LIGHTER_INTEREST_OF_VOLUME = 0.07  # BTC: 102 of 1500 million USD, recorded
_PACIFICA_INTEREST_OF_VOLUME = 0.15  # assumed
_MIN_NOTIONAL_USD = Decimal(10)


def _lighter_instrument(symbol: str, listing: _Listing) -> Instrument:
    """Return the Lighter side; steps in the style of its `orderBookDetails`."""
    market_id, price_decimals, size_min = listing.lighter
    leverage = listing.leverage[0]
    return Instrument(
        venue=VenueName.LIGHTER,
        symbol=symbol,
        price_tick=Decimal(1).scaleb(-price_decimals),
        size_lot=Decimal(1).scaleb(price_decimals - _LIGHTER_DECIMALS),
        size_min=Decimal(size_min),
        notional_min_usd=_MIN_NOTIONAL_USD,
        leverage_max=leverage,
        maintenance_margin_fraction=_LIGHTER_MAINTENANCE_OF_INITIAL / leverage,
        market_id=market_id,
    )


def _pacifica_instrument(symbol: str, listing: _Listing) -> Instrument:
    """Return the Pacifica side; steps in the style of its `info`, maintenance half of initial."""
    tick, lot = listing.pacifica
    leverage = listing.leverage[1]
    return Instrument(
        venue=VenueName.PACIFICA,
        symbol=symbol,
        price_tick=Decimal(tick),
        size_lot=Decimal(lot),
        size_min=Decimal(lot),
        notional_min_usd=_MIN_NOTIONAL_USD,
        leverage_max=leverage,
        maintenance_margin_fraction=Decimal(1) / (2 * leverage),
        notional_max_usd=Decimal(5_000_000 if leverage >= 50 else 1_000_000),
    )


@dataclass(frozen=True, slots=True)
class _Habits:
    """How a symbol behaves: see `MarketRow` and `VenueRow`; pairs are Lighter, Pacifica."""

    level: float
    moves: tuple[float, float]
    book_bps: tuple[float, float]
    volumes_musd: tuple[float, float]
    premiums_bps: tuple[tuple[float, float], tuple[float, float]]


def _row(symbol: str, listing: _Listing, habits: _Habits) -> MarketRow:
    spread, impact = habits.book_bps
    half = spread / 2
    return MarketRow(
        symbol=symbol,
        level=habits.level,
        volatility=habits.moves[0],
        correlation=habits.moves[1],
        venues={
            VenueName.LIGHTER: VenueRow(
                _lighter_instrument(symbol, listing),
                spread_bps=spread,
                impact_bps=impact,
                volume_24h_usd=habits.volumes_musd[0] * 1e6,
                open_interest_usd=habits.volumes_musd[0] * 1e6 * _LIGHTER_INTEREST_OF_VOLUME,
                premium_bps=habits.premiums_bps[0],
            ),
            VenueName.PACIFICA: VenueRow(
                _pacifica_instrument(symbol, listing),
                spread_bps=spread * _PACIFICA_SPREAD_FACTOR,
                impact_bps=half * _PACIFICA_SPREAD_FACTOR
                + (impact - half) * _PACIFICA_IMPACT_FACTOR,
                volume_24h_usd=habits.volumes_musd[1] * 1e6,
                open_interest_usd=habits.volumes_musd[1] * 1e6 * _PACIFICA_INTEREST_OF_VOLUME,
                premium_bps=habits.premiums_bps[1],
            ),
        },
    )


# The bot's six default symbols come first. ASTER (a default), LINK, PUMP and TRUMP trade less than
# a million USD a day on Pacifica, so that a volume filter has something to refuse.
MARKET_ROWS: tuple[MarketRow, ...] = (
    _row(
        "BTC",
        _Listing((1, 1, "0.0002"), ("1", "0.00001"), (50, 50)),
        _Habits(93850.0, (0.45, 0.95), (0.12, 0.38), (1500, 250), ((-4.0, 1.15), (-3.4, 1.0))),
    ),
    _row(
        "ETH",
        _Listing((0, 2, "0.0050"), ("0.1", "0.0001"), (50, 50)),
        _Habits(3239.7, (0.65, 0.85), (0.67, 0.48), (1000, 160), ((-2.95, 1.25), (-3.1, 1.3))),
    ),
    _row(
        "SOL",
        _Listing((2, 3, "0.050"), ("0.01", "0.01"), (25, 20)),
        _Habits(138.995, (0.75, 0.82), (0.88, 0.69), (250, 50), ((-3.75, 2.05), (-3.3, 1.3))),
    ),
    _row(
        "BNB",
        _Listing((25, 4, "0.02"), ("0.01", "0.001"), (20, 10)),
        _Habits(912.3, (0.55, 0.75), (1.3, 1.1), (60, 8), ((-3.2, 1.65), (1.0, 1.8))),
    ),
    _row(
        "ASTER",
        _Listing((83, 5, "10.0"), ("0.0001", "1"), (5, 5)),
        _Habits(0.78946, (1.1, 0.6), (4.0, 3.0), (12, 0.5), ((-1.8, 2.6), (1.0, 1.8))),
    ),
    _row(
        "DOGE",
        _Listing((3, 6, "50"), ("0.00001", "1"), (10, 20)),
        _Habits(0.15166, (0.85, 0.8), (2.6, 2.0), (30, 4), ((-1.8, 2.5), (1.0, 1.8))),
    ),
    _row(
        "HYPE",
        _Listing((24, 4, "0.50"), ("0.001", "0.01"), (20, 20)),
        _Habits(27.193, (0.95, 0.65), (1.55, 1.93), (300, 40), ((1.0, 3.6), (-2.2, 4.0))),
    ),
    _row(
        "XRP",
        _Listing((7, 6, "5"), ("0.0001", "0.1"), (20, 20)),
        _Habits(2.37364, (0.7, 0.8), (2.37, 1.47), (120, 12), ((-4.6, 2.9), (1.0, 1.8))),
    ),
    _row(
        "ZEC",
        _Listing((90, 3, "0.025"), ("0.01", "0.001"), (5, 10)),
        _Habits(522.29, (1.2, 0.4), (5.78, 3.37), (100, 9), ((-2.9, 5.4), (-5.6, 4.0))),
    ),
    _row(
        "PAXG",
        _Listing((48, 2, "0.0025"), ("0.1", "0.0001"), (10, 10)),
        _Habits(4467.6, (0.18, 0.1), (2.01, 1.40), (80, 3), ((1.0, 3.8), (1.0, 1.6))),
    ),
    _row(
        "FARTCOIN",
        _Listing((21, 5, "20.0"), ("0.0001", "0.1"), (10, 10)),
        _Habits(0.4544, (1.3, 0.65), (5.2, 3.9), (60, 1.5), ((4.2, 5.0), (1.0, 3.0))),
    ),
    _row(
        "PUMP",
        _Listing((45, 6, "4000"), ("0.000001", "1"), (10, 5)),
        _Habits(0.002498, (1.2, 0.6), (5.6, 4.1), (90, 0.7), ((1.5, 4.2), (1.0, 2.2))),
    ),
    _row(
        "SUI",
        _Listing((16, 5, "3.0"), ("0.0001", "0.1"), (10, 10)),
        _Habits(1.9761, (0.9, 0.8), (3.1, 2.2), (30, 3), ((-1.8, 2.8), (1.0, 2.0))),
    ),
    _row(
        "LINK",
        _Listing((8, 5, "1.0"), ("0.001", "0.01"), (10, 10)),
        _Habits(13.907, (0.8, 0.8), (3.2, 2.4), (12, 0.6), ((0.0, 2.5), (1.0, 1.8))),
    ),
    _row(
        "LIT",
        _Listing((120, 5, "3.0"), ("0.001", "0.1"), (5, 5)),
        _Habits(3.1934, (1.3, 0.3), (4.2, 3.1), (150, 5), ((11.0, 6.0), (4.5, 4.0))),
    ),
    _row(
        "TRUMP",
        _Listing((15, 4, "2.00"), ("0.001", "0.01"), (10, 10)),
        _Habits(5.54328, (0.9, 0.6), (4.6, 3.4), (20, 0.3), ((-8.0, 3.3), (-5.2, 3.0))),
    ),
)

DEFAULT_SYMBOLS: tuple[str, ...] = tuple(row.symbol for row in MARKET_ROWS[:6])


def market_rows(symbols: tuple[str, ...]) -> tuple[MarketRow, ...]:
    """Return the rows of `symbols` in the table's order; raise `KeyError` for one not listed."""
    known = {row.symbol: row for row in MARKET_ROWS}
    wanted = {symbol: known[symbol] for symbol in symbols}
    return tuple(row for row in MARKET_ROWS if row.symbol in wanted)
