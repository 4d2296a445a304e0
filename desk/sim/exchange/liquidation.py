"""Liquidation: what the venue does to an account that cannot carry its positions.

Below maintenance margin orders are cancelled and positions closed into the book; below the
close-out threshold (Lighter) or two thirds of maintenance (Pacifica) the backstop takes everything
over. What it costs stands on the fills: on Lighter a liquidation's `taker_fee` is 10000 millionths
(observed in recorded frames). Sources: Lighter docs (liquidations), Pacifica docs (liquidations).
Deleveraging of winners is
not automatic here: the control plane asks for it.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal

from desk.core.market import step_up
from desk.core.order import Side
from desk.sim.exchange import life, margin
from desk.sim.exchange.accounts import Account, Holding
from desk.sim.exchange.arrivals import settle
from desk.sim.exchange.clearing import FEE_RATE_STEP, Execution, execute
from desk.sim.exchange.floor import Floor, Market
from desk.sim.exchange.margin import Pool
from desk.sim.exchange.matching import Walk, walk
from desk.sim.exchange.orders import ZERO, NewOrder, Order
from desk.sim.exchange.views import Fill
from desk.sim.exchange.words import (
    FillCause,
    OrderStatus,
    OrderType,
    PacificaEvent,
    Refusal,
    RefusalReason,
)


def check(floor: Floor, account: Account) -> None:
    """Liquidate whatever of the account stands below its maintenance margin."""
    for pool in margin.pools(floor, account):
        if pool.holdings and pool.equity < pool.maintenance:
            _liquidate(floor, account, pool)


def close_by_hand(
    floor: Floor, account: Account, symbol: str, fraction: Decimal, *, cause: FillCause
) -> Fill:
    """Close a fraction (0..1] of a position at mark, rounded up to a lot, off the book.

    A liquidation cancels the account's orders and takes the fee; a deleveraging does neither.
    """
    market = floor.market(symbol)
    size = account.size_of(symbol)
    if not size:
        raise Refusal(RefusalReason.POSITION_NOT_FOUND, f"no position in {symbol}")
    if not 0 < fraction <= 1:
        raise Refusal(RefusalReason.INVALID_SIZE, f"fraction {fraction} is outside 0..1")
    lot = market.spec.instrument.size_lot
    closed = min(abs(size), step_up(abs(size) * fraction, lot))
    price = market.spec.instrument.price_down(market.mark)
    fee = ZERO
    if cause is FillCause.LIQUIDATION:
        _cancel_orders(floor, account, None)
        fee = (closed * price * _fee_fraction(floor, market)).quantize(floor.rules.fee_step)
    fill = _take_over(
        floor, account, market, closed, price=price, cause=cause, charge=lambda: fee
    )
    settle(floor, market)
    return fill


def _liquidate(floor: Floor, account: Account, pool: Pool) -> None:
    """Close a pool in the book, or hand it to the backstop."""
    isolated = len(pool.holdings) == 1 and not margin.is_cross(
        floor, account, pool.holdings[0].symbol
    )
    _cancel_orders(floor, account, pool.holdings[0].symbol if isolated else None)
    part = floor.rules.liquidation.take_over_fraction
    threshold = margin.close_out(floor, pool) if part is None else pool.maintenance * part
    if pool.equity < threshold:
        _to_backstop(floor, account, pool, isolated=isolated)
    else:
        for holding in sorted(
            pool.holdings, key=lambda held: -abs(held.size) * floor.markets[held.symbol].mark
        ):
            _close_in_book(floor, account, holding)
    for holding in pool.holdings:
        settle(floor, floor.markets[holding.symbol])
    floor.account_changed(account)


def _close_in_book(floor: Floor, account: Account, holding: Holding) -> None:
    """Send immediate orders until the account is healthy again or the position is gone."""
    rules, market = floor.rules.liquidation, floor.markets[holding.symbol]
    big = abs(holding.size) * market.mark >= rules.chunk_notional * _leverage(market)
    chunks = rules.chunks if big else 1
    whole = abs(holding.size)
    for _ in range(chunks):
        pool = _pool_of(floor, account, holding)
        if pool is None or pool.equity >= pool.maintenance:
            return
        wanted = _to_health(floor, account, holding, pool) if rules.at_zero_price else whole
        size = min(abs(holding.size), step_up(wanted / chunks, market.spec.instrument.size_lot))
        _send(floor, account, market, holding, pool=pool, size=size)


def _to_health(floor: Floor, account: Account, holding: Holding, pool: Pool) -> Decimal:
    """Return how much closing brings the pool's equity back to its initial margin (Lighter)."""
    fraction = floor.setting(account, holding.symbol).initial_margin_fraction
    mark = floor.markets[holding.symbol].mark
    return (margin.tied_up(floor, account, pool) - pool.equity) / (mark * fraction)


def _send(
    floor: Floor, account: Account, market: Market, holding: Holding, *, pool: Pool, size: Decimal
) -> None:
    """Run one liquidation order through the book; each of its fills pays the fee."""
    order = _liquidation_order(floor, account, market, size)
    side, fraction = order.new.side, _fee_fraction(floor, market)
    zero = margin.zero_price(market, holding, pool)
    limit = zero if floor.rules.liquidation.at_zero_price else None

    def charge(price: Decimal, size: Decimal) -> Decimal:
        rate = fraction
        if limit is not None:
            rate = max(ZERO, min(rate, (price - limit) * -side.sign / price))
        rate = rate.quantize(FEE_RATE_STEP, ROUND_DOWN)
        return (price * size * rate).quantize(floor.rules.fee_step)

    way = Walk(market, side, size, order, limit, cause=FillCause.LIQUIDATION, charge=charge)
    walk(floor, way)
    if order.status is OrderStatus.FILLED:
        life.complete(floor, order)
    else:
        life.finish(floor, order, OrderStatus.CANCELED_NOT_ENOUGH_LIQUIDITY, PacificaEvent.CANCEL)


def _to_backstop(floor: Floor, account: Account, pool: Pool, *, isolated: bool) -> None:
    """Hand every position of the pool over at the price that leaves nothing of it.

    Prices are rounded to ticks in the account's favour, and the last fee is what that leaves.
    """
    cause = FillCause.LIQUIDATION if floor.rules.has_sequencer else FillCause.BACKSTOP
    before = _cross_cash(account) if isolated else ZERO
    prices = [
        margin.zero_price(floor.markets[holding.symbol], holding, pool) for holding in pool.holdings
    ]
    last = pool.holdings[-1]
    for holding, price in zip(pool.holdings, prices, strict=True):
        market, size = floor.markets[holding.symbol], holding.size
        instrument = market.spec.instrument
        rounded = instrument.price_up(price) if size > 0 else instrument.price_down(price)
        rounded = max(instrument.price_tick, rounded)
        charge = _rest(account, before) if holding is last else _nothing
        _take_over(floor, account, market, abs(size), price=rounded, cause=cause, charge=charge)


def _rest(account: Account, kept: Decimal) -> Callable[[], Decimal]:
    """Return the charge that leaves `kept` of the shared cash."""
    return lambda: _cross_cash(account) - kept


def _nothing() -> Decimal:
    return ZERO


def _take_over(
    floor: Floor,
    account: Account,
    market: Market,
    size: Decimal,
    *,
    price: Decimal,
    cause: FillCause,
    charge: Callable[[], Decimal],
) -> Fill:
    """Close `size` of a position against the venue itself, off the book."""
    order = _liquidation_order(floor, account, market, size)
    fill = execute(
        floor,
        Execution(
            market, price, size, order.new.side, order, None,
            cause=cause, charge=charge, on_book=False,
        ),
    )  # fmt: skip
    assert fill is not None
    life.complete(floor, order)
    return fill


def _liquidation_order(floor: Floor, account: Account, market: Market, size: Decimal) -> Order:
    side = Side.SELL if account.size_of(market.symbol) > 0 else Side.BUY
    new = NewOrder(market.symbol, side, size, type=OrderType.LIQUIDATION, reduce_only=True)
    order = floor.draft(account, new)
    floor.enlist(order)
    return order


def _cancel_orders(floor: Floor, account: Account, symbol: str | None) -> None:
    """Cancel every order of the account, or of one market."""
    for order in list(account.live.values()):
        if symbol is None or order.new.symbol == symbol:
            life.finish(floor, order, OrderStatus.CANCELED_LIQUIDATION, PacificaEvent.FORCE_CANCEL)


def _cross_cash(account: Account) -> Decimal:
    return account.cash - sum((holding.margin for holding in account.holdings.values()), ZERO)


def _pool_of(floor: Floor, account: Account, holding: Holding) -> Pool | None:
    pools = margin.pools(floor, account)
    return next((pool for pool in pools if holding in pool.holdings), None)


def _fee_fraction(floor: Floor, market: Market) -> Decimal:
    """Return the fee on the value closed: 1 % on Lighter, max(0.75 %, 0.4 maintenance) on
    Pacifica."""
    rules = floor.rules.liquidation
    return max(rules.fee_min, rules.fee_of_mmr * market.spec.maintenance)


def _leverage(market: Market) -> int:
    return market.spec.instrument.leverage_max
