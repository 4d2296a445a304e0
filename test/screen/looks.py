"""Made-up markets and a hedge, and a console whose text can be read back."""

from decimal import Decimal

from rich.console import Console

from desk.core.book import Quote
from desk.core.events import MarketsRead, VenueMarkets
from desk.core.funding import HourlyRate
from desk.core.market import FeeRates, Instrument, MarketStats
from desk.core.order import PositionSide, Side
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.state import (
    BotState,
    CloseReason,
    CycleResult,
    Hedge,
    Intent,
    LegResult,
    Phase,
    Role,
)

AT_MS = 1_767_225_600_000
LIGHTER, PACIFICA = VenueName.LIGHTER, VenueName.PACIFICA


def recorder(width: int = 160) -> Console:
    """Return a console that keeps plain text."""
    return Console(record=True, width=width, no_color=True, force_terminal=False, quiet=False)


def instrument(venue: VenueName, symbol: str) -> Instrument:
    """Return a market with fine steps."""
    return Instrument(
        venue=venue,
        symbol=symbol,
        price_tick=Decimal("0.1"),
        size_lot=Decimal("0.0001"),
        size_min=Decimal("0.0001"),
        notional_min_usd=Decimal(10),
        leverage_max=50,
        maintenance_margin_fraction=Decimal("0.01"),
    )


def venue_markets(
    venue: VenueName, aprs: dict[str, str], volume_usd: int = 10_000_000
) -> VenueMarkets:
    """Return one venue's look at 1,000 USD marks, with yearly percent as funding."""
    return VenueMarkets(
        instruments={symbol: instrument(venue, symbol) for symbol in aprs},
        stats={
            symbol: MarketStats(
                symbol=symbol,
                mark=Decimal(1000),
                index=Decimal(1000),
                funding_next=HourlyRate.from_hourly_percent(Decimal(apr) / 8760),
                volume_24h_usd=Decimal(volume_usd),
                at_ms=AT_MS,
            )
            for symbol, apr in aprs.items()
        },
        quotes={
            symbol: Quote(
                symbol, Decimal("999.95"), Decimal(5), Decimal("1000.05"), Decimal(5), AT_MS
            )
            for symbol in aprs
        },
        fees=FeeRates(Decimal(0), Decimal("0.0004") if venue is PACIFICA else Decimal(0)),
    )


def markets(lighter: dict[str, str], pacifica: dict[str, str]) -> MarketsRead:
    """Return a look at both venues."""
    rows = {LIGHTER: venue_markets(LIGHTER, lighter), PACIFICA: venue_markets(PACIFICA, pacifica)}
    return MarketsRead(AT_MS, 1, rows)


def result(*, equity_change_usd: str | None = "0.0100", is_complete: bool = True) -> CycleResult:
    """Return the books of a cycle that brought one cent."""
    return CycleResult(
        cycle=3,
        symbol="BTC",
        size=Decimal("0.000500"),
        long_venue=LIGHTER,
        opened_at_ms=AT_MS,
        closed_at_ms=AT_MS + 3_600_000,
        close_reason=CloseReason.HOLD_ENDED,
        renewals=0,
        legs={
            LIGHTER: LegResult(
                PositionSide.LONG, Decimal("1.5"), Decimal("0.03"), Decimal("0.0000")
            ),
            PACIFICA: LegResult(
                PositionSide.SHORT, Decimal("-1.49"), Decimal("0.01"), Decimal("0.04")
            ),
        },
        equity_change_usd=None if equity_change_usd is None else Decimal(equity_change_usd),
        is_complete=is_complete,
    )


def intent(venue: VenueName, side: Side, filled: str) -> Intent:
    """Return an opening order that has filled that much."""
    return Intent(
        venue=venue,
        client_id=f"{venue}-1",
        role=Role.OPEN,
        side=side,
        size=Decimal("0.0005"),
        price=Decimal(92000),
        saved_at_ms=AT_MS,
        expires_at_ms=AT_MS + 600_000,
        in_doubt=False,
        filled=Decimal(filled),
    )


def holding(phase: Phase = Phase.HOLD, short: str = "0.0005") -> BotState:
    """Return a bot that holds BTC, long on Lighter and `short` on Pacifica."""
    hedge = Hedge(
        cycle=1,
        symbol="BTC",
        size=Decimal("0.0005"),
        long_venue=LIGHTER,
        spread_apr_pct=Decimal(12),
        approved_at_ms=AT_MS,
        equity_before_usd=dict.fromkeys(VenueName, Decimal(10_000)),
        instruments={venue: instrument(venue, "BTC") for venue in VenueName},
        intents=(intent(LIGHTER, Side.BUY, "0.0005"), intent(PACIFICA, Side.SELL, short)),
        opened_at_ms=AT_MS,
        review_at_ms=AT_MS + 12 * 3_600_000,
    )
    return BotState(config=Config(), epoch=1, phase=phase, hedge=hedge)
