"""Margin: what an account's positions and orders tie up, and what is left.

Pure sums over accounts and markets. Sources: Lighter docs (margin, liquidations), Pacifica docs
(margin, liquidation prices).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from desk.core.account import MarginMode
from desk.core.order import Side
from desk.sim.exchange.accounts import Account, Holding
from desk.sim.exchange.floor import Floor, Market
from desk.sim.exchange.orders import ZERO, Order
from desk.sim.exchange.rules import PriceReading
from desk.sim.exchange.views import AccountView, PositionView
from desk.sim.exchange.words import OrderStatus

_CROSS = MarginMode.CROSS


@dataclass(slots=True)
class Pool:
    """Positions that stand or fall together: all cross ones, or a single isolated one.

    USD: `equity` with unrealised profit, and the maintenance requirement. That is all a look at
    every move of a price needs; what else a pool ties up is worked out for those who ask.
    """

    holdings: list[Holding]
    equity: Decimal = ZERO
    maintenance: Decimal = ZERO


def is_cross(floor: Floor, account: Account, symbol: str) -> bool:
    """Return whether the account's position in `symbol` shares the account's cash."""
    return floor.setting(account, symbol).margin_mode is _CROSS


def pools(floor: Floor, account: Account) -> list[Pool]:
    """Return the cross pool first, then one per isolated position."""
    cross = Pool([])
    isolated = []
    cross_cash = account.cash
    for holding in account.holdings.values():
        if not holding.size:
            continue
        cross_cash -= holding.margin
        if is_cross(floor, account, holding.symbol):
            _add(floor, cross, holding)
        else:
            pool = Pool([], equity=holding.margin)
            _add(floor, pool, holding)
            isolated.append(pool)
    cross.equity += cross_cash
    return [cross, *isolated]


def _add(floor: Floor, pool: Pool, holding: Holding) -> None:
    market = floor.markets[holding.symbol]
    pool.holdings.append(holding)
    pool.equity += holding.unrealized(market.mark)
    pool.maintenance += abs(holding.size) * market.mark * market.spec.maintenance


def tied_up(floor: Floor, account: Account, pool: Pool) -> Decimal:
    """Return the initial margin of a pool's positions, USD."""
    return sum((initial_margin(floor, account, holding) for holding in pool.holdings), ZERO)


def close_out(floor: Floor, pool: Pool) -> Decimal:
    """Return the third threshold of a pool, USD."""
    markets = floor.markets
    return sum(
        (
            notional(floor, holding) * markets[holding.symbol].spec.close_out
            for holding in pool.holdings
        ),
        ZERO,
    )


def notional(floor: Floor, holding: Holding) -> Decimal:
    """Return the value of a position at mark, USD."""
    return abs(holding.size) * floor.markets[holding.symbol].mark


def initial_margin(floor: Floor, account: Account, holding: Holding) -> Decimal:
    """Return what a position ties up: its value at mark (Lighter) or entry (Pacifica) times the
    account's own fraction."""
    fraction = floor.setting(account, holding.symbol).initial_margin_fraction
    if floor.rules.initial_margin_price is PriceReading.ENTRY:
        return abs(holding.cost) * fraction
    return abs(holding.size) * floor.markets[holding.symbol].mark * fraction


def exposure(
    account: Account, symbol: str, orders: Iterable[Order], extra: Decimal = ZERO
) -> Decimal:
    """Return the largest unsigned position `orders` could lead to, plus a signed `extra` order.

    Reduce-only orders cannot add to it.
    """
    buys, sells = max(extra, ZERO), max(-extra, ZERO)
    for order in orders:
        if order.new.symbol != symbol or order.new.reduce_only:
            continue
        if order.new.side is Side.BUY:
            buys += order.remaining
        else:
            sells += order.remaining
    size = account.size_of(symbol)
    return max(abs(size), abs(size + buys), abs(size - sells))


def counted(
    account: Account, *, in_progress: bool, but: tuple[Order | None, ...] = ()
) -> list[Order]:
    """Return the orders that tie up margin: those in the book, and on request those on their
    way."""
    return [
        order
        for order in account.live.values()
        if order not in but
        and (
            order.status is OrderStatus.OPEN
            or (in_progress and order.status is OrderStatus.IN_PROGRESS)
        )
    ]


def orders_margin(floor: Floor, account: Account, orders: list[Order]) -> Decimal:
    """Return what `orders` tie up beyond the positions, USD, valued at mark."""
    if not orders:
        return ZERO
    total = ZERO
    for symbol in dict.fromkeys(order.new.symbol for order in orders):
        added = exposure(account, symbol, orders) - abs(account.size_of(symbol))
        fraction = floor.setting(account, symbol).initial_margin_fraction
        total += added * floor.markets[symbol].mark * fraction
    return total


def free_usd(floor: Floor, account: Account, orders: list[Order], cross: Pool) -> Decimal:
    """Return what new positions may use; negative when less than nothing is left."""
    return cross.equity - tied_up(floor, account, cross) - orders_margin(floor, account, orders)


def liquidation_price(market: Market, holding: Holding, pool: Pool) -> Decimal:
    """Return the mark at which the pool meets maintenance if only this market moves, USD.

    (mark - side * M / size) / (1 - side * m), M being the pool's equity less the other positions'
    maintenance. Zero or below: no price liquidates.
    """
    side = 1 if holding.size > 0 else -1
    rate, mark = market.spec.maintenance, market.mark
    others = pool.maintenance - abs(holding.size) * mark * rate
    return (mark - side * (pool.equity - others) / abs(holding.size)) / (1 - side * rate)


def zero_price(market: Market, holding: Holding, pool: Pool) -> Decimal:
    """Return the price at which closing leaves the pool exactly as healthy as it is, USD.

    Equity is shared out by maintenance requirement; closing everything at it leaves nothing
    (Lighter docs, liquidations).
    """
    share = abs(holding.size) * market.mark * market.spec.maintenance / pool.maintenance
    return market.mark - pool.equity * share / holding.size


def position_view(floor: Floor, account: Account, holding: Holding, pool: Pool) -> PositionView:
    """Return the picture of one open position."""
    market = floor.markets[holding.symbol]
    setting = floor.setting(account, holding.symbol)
    return PositionView(
        symbol=holding.symbol,
        size=holding.size,
        entry_price=holding.entry_price,
        entry_quote=holding.cost,
        mark=market.mark,
        unrealized_pnl=holding.unrealized(market.mark),
        realized_pnl=holding.realized,
        funding=holding.funding,
        margin_mode=setting.margin_mode,
        margin=holding.margin,
        initial_margin_fraction=setting.initial_margin_fraction,
        initial_margin=initial_margin(floor, account, holding),
        maintenance_margin=abs(holding.size) * market.mark * market.spec.maintenance,
        liquidation_price=liquidation_price(market, holding, pool),
        opened_at_ms=holding.opened_at_ms,
        updated_at_ms=holding.updated_at_ms,
    )


def account_view(floor: Floor, account: Account) -> AccountView:
    """Return the picture of one account."""
    all_pools = pools(floor, account)
    cross = all_pools[0]
    tied = [tied_up(floor, account, pool) for pool in all_pools]
    cross_initial = tied[0]
    orders = counted(account, in_progress=False)
    reserved = orders_margin(floor, account, orders)
    isolated_cash = sum((pool.holdings[0].margin for pool in all_pools[1:]), ZERO)
    statuses = [order.status for order in account.live.values()]
    take_over = floor.rules.liquidation.take_over_fraction
    tier = floor.tier(account)
    cross_notional = sum((notional(floor, holding) for holding in cross.holdings), ZERO)
    held_back = max(
        cross_initial + reserved, cross_notional * floor.rules.withdraw_notional_fraction
    )
    return AccountView(
        account_id=account.account_id,
        balance=account.cash,
        cross_balance=account.cash - isolated_cash,
        equity=sum((pool.equity for pool in all_pools), ZERO),
        cross_equity=cross.equity,
        initial_margin=sum(tied, reserved),
        cross_initial_margin=cross_initial + reserved,
        cross_maintenance_margin=cross.maintenance,
        close_out_margin=(
            close_out(floor, cross) if take_over is None else cross.maintenance * take_over
        ),
        free=max(ZERO, cross.equity - cross_initial - reserved),
        withdrawable=max(ZERO, min(account.cash - isolated_cash, cross.equity - held_back)),
        fee_level=account.fee_level,
        maker_fee=tier.maker,
        taker_fee=tier.taker,
        positions={
            holding.symbol: position_view(floor, account, holding, pool)
            for pool in all_pools
            for holding in pool.holdings
        },
        open_orders=statuses.count(OrderStatus.OPEN),
        trigger_orders=statuses.count(OrderStatus.PENDING),
        cancel_all_at_ms=account.cancel_all_at_ms,
        updated_at_ms=account.updated_at_ms,
    )
