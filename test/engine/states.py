"""States to be stored: a small one for the file's own tests, and a bot's with a hedge in it."""

from dataclasses import dataclass, field
from decimal import Decimal

from desk.core.market import Instrument
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.state import BotState, Hedge, Intent, Phase, Role

AT_MS = 1_767_225_600_000


@dataclass(frozen=True, slots=True)
class Purse:
    """A state as small as can be: a count, an amount and a table."""

    count: int
    usd: Decimal = Decimal("1.50")
    names: dict[str, int | None] = field(default_factory=dict)


def instrument(venue: VenueName) -> Instrument:
    """Return BTC as either venue lists it, more or less."""
    return Instrument(
        venue=venue,
        symbol="BTC",
        price_tick=Decimal("0.1"),
        size_lot=Decimal("0.00001"),
        size_min=Decimal("0.00002"),
        notional_min_usd=Decimal(10),
        leverage_max=50,
        maintenance_margin_fraction=Decimal("0.012"),
    )


def holding_state() -> BotState:
    """Return a bot that holds a hedge with one order in doubt."""
    intent = Intent(
        venue=VenueName.LIGHTER,
        client_id="173",
        role=Role.OPEN,
        side=Side.BUY,
        size=Decimal("0.0005"),
        price=Decimal("92000.5"),
        saved_at_ms=AT_MS,
        expires_at_ms=AT_MS + 600_000,
    )
    hedge = Hedge(
        cycle=3,
        symbol="BTC",
        size=Decimal("0.0005"),
        long_venue=VenueName.LIGHTER,
        spread_apr_pct=Decimal("12.25"),
        approved_at_ms=AT_MS,
        equity_before_usd=dict.fromkeys(VenueName, Decimal("10000.00")),
        instruments={venue: instrument(venue) for venue in VenueName},
        intents=(intent,),
    )
    return BotState(config=Config(), epoch=7, phase=Phase.HOLD, hedge=hedge, cycle=4)
