"""What makes one venue's exchange differ from the other's, as values.

Numbers, switches and the two constructors that fill them from the venues' documentation. Where the
documentation is uncertain a switch offers both readings. No behaviour.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from desk.core.funding import SETTLEMENT_PERIOD_MS
from desk.core.market import Instrument
from desk.core.venue import VenueName

DAY_MS = 86_400_000


class MinimumReading(StrEnum):
    """Which orders the size and notional minimums hold for."""

    RESTING_ONLY = "resting_only"  # Lighter: reduce-only takers may close dust
    ALL = "all"  # Pacifica as documented: nothing is exempt
    REDUCE_ONLY_EXEMPT = "reduce_only_exempt"  # Pacifica, the other reading


class PostOnlyReading(StrEnum):
    """How a post-only order that would cross comes back."""

    EVENT = "event"  # accepted, then cancelled by an order event
    REFUSE = "refuse"  # refused in the reply


class PriceReading(StrEnum):
    """A price a rule refers to, where the documentation does not say which."""

    MARK = "mark"
    INDEX = "index"
    MID = "mid"
    LIMIT = "limit"
    ENTRY = "entry"


class OrderIds(StrEnum):
    """How ids are dealt."""

    PER_SIDE = "per_side"  # Lighter: asks up from 2**48, bids down from 2**49, per market
    GLOBAL = "global"  # Pacifica: one counter for the exchange, also its sequence number


@dataclass(frozen=True, slots=True)
class SpeedBumps:
    """How long the engine sits on each kind of request, ms."""

    taker_ms: int
    maker_ms: int
    cancel_ms: int
    gtc_is_taker: bool  # Pacifica delays every GTC; Lighter only those that cross on arrival


@dataclass(frozen=True, slots=True)
class FeeTier:
    """What an account of this tier pays, as fractions of notional, and how long it waits."""

    name: str
    maker: Decimal
    taker: Decimal
    bumps: SpeedBumps


@dataclass(frozen=True, slots=True)
class FundingFormula:
    """rate per 8 h = premium + clamp(interest - premium, +-clamp_small), / 8, bounded.

    `interest_8h` and `clamp_small_8h` are fractions per 8 hours; `cap_hourly` bounds the hourly
    fraction; `quantum` is the step (towards zero) of the published and paid hourly fraction.
    `payment_price` says at which price a payment is valued; `payment_step` rounds it, USD.
    """

    interest_8h: Decimal
    clamp_small_8h: Decimal
    cap_hourly: Decimal
    quantum: Decimal
    interval_ms: int
    payment_price: PriceReading
    payment_step: Decimal


@dataclass(frozen=True, slots=True)
class Collars:
    """How far a price may lie from mark, as fractions; None switches a check off.

    `through` bounds the aggressive side (bids above, asks below mark), `away` the passive one,
    `trigger_limit` a trigger's limit price from its trigger price.
    """

    through: Decimal | None
    away: Decimal | None
    trigger_limit: Decimal | None


@dataclass(frozen=True, slots=True)
class OrderLimits:
    """How many live orders an account may have; None means no such limit."""

    per_account: int
    per_market: int | None
    triggers_per_account: int
    triggers_per_market: int | None


@dataclass(frozen=True, slots=True)
class LiquidationRules:
    """What happens below maintenance margin.

    `fee_min` is a fraction of the value closed; the fee is max(fee_min, fee_of_mmr * maintenance
    fraction). `at_zero_price`: Lighter closes no worse than the price that leaves the account's
    health unchanged and takes the fee only out of what is better than it. `chunks` and
    `chunk_notional` split a big position (Pacifica: one order below 2,000 USD x max leverage,
    else five). `take_over_fraction`: below this part of maintenance margin everything goes to the
    backstop (None: the markets' close-out fractions say).
    """

    fee_min: Decimal
    fee_of_mmr: Decimal
    at_zero_price: bool
    chunks: int
    chunk_notional: Decimal
    take_over_fraction: Decimal | None


@dataclass(frozen=True, slots=True)
class VenueRules:
    """One venue's rule book; `dataclasses.replace` flips a switch."""

    venue: VenueName
    tiers: tuple[FeeTier, ...]
    funding: FundingFormula
    collars: Collars
    limits: OrderLimits
    liquidation: LiquidationRules
    minimums: MinimumReading
    minimum_price: PriceReading
    post_only: PostOnlyReading
    band_price: PriceReading
    order_ids: OrderIds
    fee_step: Decimal
    initial_margin_price: PriceReading
    has_sequencer: bool  # Lighter: some refusals come after the request was taken
    edit_keeps_id: bool  # Lighter modifies in place; Pacifica re-places as post-only
    leverage_only_up: bool  # Pacifica, with an open position
    withdraw_notional_fraction: Decimal
    trigger_slippage: Decimal  # band of a market order born from a trigger without a limit
    order_life_ms_min: int
    order_life_ms_max: int
    stranger_account_id: int
    backstop_account_id: int  # insurance fund or backstop liquidator
    first_trade_id: int
    first_order_id: int

    @property
    def is_lighter(self) -> bool:
        """Return whether these are Lighter's rules."""
        return self.venue is VenueName.LIGHTER


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """One market: the shared `Instrument` and the margin constants of its venue.

    Fractions of notional. `initial_min` is the highest leverage; `initial_default` applies until
    an account sets its own; `close_out` is where the position is taken over.
    """

    instrument: Instrument
    initial_default: Decimal
    initial_min: Decimal
    maintenance: Decimal
    close_out: Decimal
    isolated_only: bool = False

    @property
    def symbol(self) -> str:
        """Return the bare ticker."""
        return self.instrument.symbol


def lighter_market(
    instrument: Instrument,
    *,
    initial_default: Decimal | None = None,
    close_out: Decimal | None = None,
) -> MarketSpec:
    """Return a Lighter market: default initial margin 5 % or the market's minimum if higher,
    close-out two thirds of maintenance (ETH on mainnet: 500, 200, 120 and 80 in 1e-4)."""
    initial_min = Decimal(1) / instrument.leverage_max
    maintenance = instrument.maintenance_margin_fraction
    return MarketSpec(
        instrument=instrument,
        initial_default=initial_default or max(Decimal("0.05"), initial_min),
        initial_min=initial_min,
        maintenance=maintenance,
        close_out=close_out or maintenance * 2 / 3,
    )


def pacifica_market(instrument: Instrument, *, isolated_only: bool = False) -> MarketSpec:
    """Return a Pacifica market: the default leverage is the maximum, maintenance half of its
    initial margin, take-over below two thirds of maintenance (Pacifica docs, margin)."""
    initial = Decimal(1) / instrument.leverage_max
    maintenance = initial / 2
    return MarketSpec(
        instrument=instrument,
        initial_default=initial,
        initial_min=initial,
        maintenance=maintenance,
        close_out=maintenance * 2 / 3,
        isolated_only=isolated_only,
    )


_STANDARD_BUMPS = SpeedBumps(taker_ms=300, maker_ms=200, cancel_ms=200, gtc_is_taker=False)
_PREMIUM_BUMPS = SpeedBumps(taker_ms=200, maker_ms=0, cancel_ms=0, gtc_is_taker=False)
_PACIFICA_BUMPS = SpeedBumps(taker_ms=200, maker_ms=0, cancel_ms=0, gtc_is_taker=True)

LIGHTER_TIERS = (
    FeeTier("standard", Decimal(0), Decimal(0), _STANDARD_BUMPS),
    FeeTier("premium", Decimal("0.00004"), Decimal("0.00028"), _PREMIUM_BUMPS),
    FeeTier("plus", Decimal("0.00005"), Decimal("0.00005"), _STANDARD_BUMPS),
)
PACIFICA_TIERS = tuple(
    FeeTier(name, Decimal(maker), Decimal(taker), _PACIFICA_BUMPS)
    for name, maker, taker in (
        ("1", "0.00015", "0.00040"),
        ("2", "0.00012", "0.00038"),
        ("3", "0.00009", "0.00036"),
        ("4", "0.00006", "0.00034"),
        ("5", "0.00003", "0.00032"),
        ("VIP1", "0", "0.00030"),
        ("VIP2", "0", "0.00029"),
        ("VIP3", "0", "0.00028"),
    )
)


def lighter_rules(*, funding_interval_ms: int = SETTLEMENT_PERIOD_MS) -> VenueRules:
    """Return Lighter's rules.

    Source: Lighter API docs (account types, order limits, funding, margin). An account's
    `fee_level` indexes standard, premium, plus. The percent per hour published with four decimals
    makes the quantum 1e-6, hence the floor 0.0012 %. The venue names its price collars but
    publishes no width: those here are ours.
    """
    return VenueRules(
        venue=VenueName.LIGHTER,
        tiers=LIGHTER_TIERS,
        funding=FundingFormula(
            interest_8h=Decimal("0.0001"),
            clamp_small_8h=Decimal("0.0005"),
            cap_hourly=Decimal("0.04") / 8,
            quantum=Decimal("0.000001"),
            interval_ms=funding_interval_ms,
            payment_price=PriceReading.INDEX,
            payment_step=Decimal("0.000001"),
        ),
        collars=Collars(Decimal("0.1"), Decimal("0.95"), Decimal("0.5")),
        limits=OrderLimits(1500, 1000, 500, 16),
        liquidation=LiquidationRules(Decimal("0.01"), Decimal(0), True, 1, Decimal(0), None),
        minimums=MinimumReading.RESTING_ONLY,
        minimum_price=PriceReading.LIMIT,
        post_only=PostOnlyReading.EVENT,
        band_price=PriceReading.MARK,
        order_ids=OrderIds.PER_SIDE,
        fee_step=Decimal("0.000001"),
        initial_margin_price=PriceReading.MARK,
        has_sequencer=True,
        edit_keeps_id=True,
        leverage_only_up=False,
        withdraw_notional_fraction=Decimal(0),
        trigger_slippage=Decimal("0.05"),
        order_life_ms_min=300_000,
        order_life_ms_max=30 * DAY_MS,
        stranger_account_id=91_249,
        backstop_account_id=(1 << 48) - 1,
        first_trade_id=19_209_000_000,
        first_order_id=0,
    )


def pacifica_rules(*, funding_interval_ms: int = SETTLEMENT_PERIOD_MS) -> VenueRules:
    """Return Pacifica's rules.

    Source: Pacifica docs (fees, order types, margin, liquidations, funding). Uncertain there, and
    switches here: minimums for reduce-only orders, price of the minimum, of the slippage band and
    of funding payments, how a crossing post-only order comes back, width of the price collar.
    """
    return VenueRules(
        venue=VenueName.PACIFICA,
        tiers=PACIFICA_TIERS,
        funding=FundingFormula(
            interest_8h=Decimal("0.0001"),
            clamp_small_8h=Decimal("0.0005"),
            cap_hourly=Decimal("0.04"),
            quantum=Decimal("0.00000001"),
            interval_ms=funding_interval_ms,
            payment_price=PriceReading.MARK,
            payment_step=Decimal("0.00000001"),
        ),
        collars=Collars(Decimal("0.3"), Decimal("0.9"), None),
        limits=OrderLimits(1000, None, 1000, None),
        liquidation=LiquidationRules(
            Decimal("0.0075"), Decimal("0.4"), False, 5, Decimal(2000), Decimal(2) / 3
        ),
        minimums=MinimumReading.ALL,
        minimum_price=PriceReading.LIMIT,
        post_only=PostOnlyReading.EVENT,
        band_price=PriceReading.MARK,
        order_ids=OrderIds.GLOBAL,
        fee_step=Decimal("0.000001"),
        initial_margin_price=PriceReading.ENTRY,
        has_sequencer=False,
        edit_keeps_id=False,
        leverage_only_up=True,
        withdraw_notional_fraction=Decimal("0.1"),
        trigger_slippage=Decimal("0.08"),
        order_life_ms_min=0,
        order_life_ms_max=365 * DAY_MS,
        stranger_account_id=0,
        backstop_account_id=0,
        first_trade_id=80_000_000,
        first_order_id=1_557_000_000,
    )
