"""How large a leg may be: base units, on both venues' lots, above both minimums, inside the 1x
lock.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from math import lcm

from desk.core.account import Account
from desk.core.book import Quote
from desk.core.market import BPS, FeeRates, Instrument, step_down
from desk.core.order import Side
from desk.core.venue import VenueName
from desk.hedge.config import Config
from desk.hedge.select import Refusal


def common_multiple(steps: Collection[Decimal]) -> Decimal:
    """Return the smallest number that is a multiple of every step (lots or ticks)."""
    places = max(-int(step.normalize().as_tuple().exponent) for step in steps)
    scale = Decimal(10) ** max(places, 0)
    return Decimal(lcm(*(int(step * scale) for step in steps))) / scale


def choose_size(
    config: Config,
    instruments: Mapping[VenueName, Instrument],
    quotes: Mapping[VenueName, Quote],
    *,
    accounts: Mapping[VenueName, Account],
    fees: Mapping[VenueName, FeeRates],
    is_first: bool,
) -> Decimal | Refusal:
    """Return the base size of each leg, or why there is none.

    `is_first` applies `first_trade_usd`. The lock (notional with band and fee inside
    `equity_use_max` of free equity, on each venue) refuses rather than shrinks: a smaller hedge
    than the owner configured is not what was asked for.
    """
    budget = config.first_trade_usd if is_first and config.first_trade_usd else None
    notional = budget or config.base_capital_allocation
    price = max(quote.mid for quote in quotes.values())
    lot = common_multiple([row.size_lot for row in instruments.values()])
    size = step_down(notional / price, lot)
    if size <= 0:
        return Refusal(f"{notional} USD is less than one lot", "base_capital_allocation")
    for venue, instrument in instruments.items():
        refusal = _refuse_size(config, instrument, quotes[venue], size) or _refuse_lock(
            config,
            venue,
            accounts[venue],
            notional_usd=size * quotes[venue].mid,
            fees=fees[venue],
        )
        if refusal is not None:
            return refusal
    return size


def _refuse_size(
    config: Config, instrument: Instrument, quote: Quote, size: Decimal
) -> Refusal | None:
    """Both minimums must hold after rounding, and still when the leg is closed at the stop."""
    least = least_closable(config, instrument, quote.bid)
    if size < least:
        text = f"{size} is below the {least} that {instrument.venue} could still close at the stop"
        return Refusal(text, "base_capital_allocation")
    if instrument.notional_max_usd is not None and size * quote.ask > instrument.notional_max_usd:
        text = f"above {instrument.venue}'s largest order of {instrument.notional_max_usd} USD"
        return Refusal(text, "base_capital_allocation")
    return None


def least_closable(config: Config, instrument: Instrument, price: Decimal) -> Decimal:
    """Return the smallest leg that the venue still closes when its price has fallen from `price`
    to the stop."""
    return instrument.size_floor(price * (1 - config.stop_loss_pct / 100))


def _refuse_lock(
    config: Config,
    venue: VenueName,
    account: Account,
    *,
    notional_usd: Decimal,
    fees: FeeRates,
) -> Refusal | None:
    needed = notional_usd * (1 + config.slippage_max_bps / BPS + fees.taker)
    allowed = account.free_usd * config.equity_use_max
    if needed <= allowed:
        return None
    text = f"a leg needs {needed:.2f} USD, {venue} allows {allowed:.2f} USD at 1x"
    return Refusal(text, "base_capital_allocation")


def band_price(instrument: Instrument, reference: Decimal, side: Side, bps: Decimal) -> Decimal:
    """Return the worst acceptable price (see `Instrument.worst_price`)."""
    return instrument.worst_price(reference, side, bps)
