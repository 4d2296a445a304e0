"""Settlement: on the hour every open position pays or receives funding.

The arithmetic is `funding`'s; here it is charged and remembered.
"""

from functools import partial

from desk.sim.exchange import clearing, liquidation, margin
from desk.sim.exchange.accounts import Account
from desk.sim.exchange.events import FundingSettled
from desk.sim.exchange.floor import Floor, Market
from desk.sim.exchange.funding import payment, period_fraction
from desk.sim.exchange.rules import PriceReading
from desk.sim.exchange.views import FundingPaid, FundingRow
from desk.sim.exchange.words import CashKind


def next_settlement_ms(floor: Floor) -> int:
    """Return the first settlement strictly after now: the top of an hour unless the interval was
    changed."""
    interval_ms = floor.rules.funding.interval_ms
    return (floor.now_ms // interval_ms + 1) * interval_ms


def put_next(floor: Floor) -> None:
    """Put the next settlement into the schedule; each puts its successor."""
    floor.schedule.put(next_settlement_ms(floor), partial(settle_all, floor))


def settle_all(floor: Floor) -> None:
    """Settle every market that has prices, then look who cannot carry it."""
    for market in floor.markets.values():
        if market.mark:
            _settle(floor, market)
    put_next(floor)
    for account in floor.accounts.values():
        liquidation.check(floor, account)


def _settle(floor: Floor, market: Market) -> None:
    formula = floor.rules.funding
    rate = market.meter.estimate(floor.now_ms)
    by_index = formula.payment_price is PriceReading.INDEX
    price = market.index if by_index else market.mark
    row = FundingRow(
        symbol=market.symbol,
        settled_at_ms=floor.now_ms,
        rate=rate,
        value=price * period_fraction(formula, rate),
        premium=market.meter.average(floor.now_ms),
        index=market.index,
        mark=market.mark,
    )
    market.meter.restart(floor.now_ms)
    market.funding_rows.append(row)
    payments = tuple(
        _pay(floor, account, market, row)
        for account in floor.accounts.values()
        if account.size_of(market.symbol)
    )
    floor.emit(FundingSettled(row, payments))
    for paid in payments:
        account = floor.accounts[paid.account_id]
        clearing.tell_position(floor, account, market.symbol)
        floor.account_changed(account)


def _pay(floor: Floor, account: Account, market: Market, row: FundingRow) -> FundingPaid:
    """Charge one position; an isolated one pays out of its own margin."""
    formula = floor.rules.funding
    holding = account.holdings[market.symbol]
    price = row.index if formula.payment_price is PriceReading.INDEX else row.mark
    usd = payment(formula, row.rate, holding.size, price)
    holding.funding += usd
    holding.updated_at_ms = floor.now_ms
    if not margin.is_cross(floor, account, market.symbol):
        holding.margin += usd
    floor.post(account, CashKind.FUNDING, usd, symbol=market.symbol)
    paid = FundingPaid(
        payment_id=floor.next_row_id(),
        account_id=account.account_id,
        symbol=market.symbol,
        usd=usd,
        rate=row.rate,
        size=holding.size,
        at_ms=floor.now_ms,
    )
    account.payments.append(paid)
    return paid
