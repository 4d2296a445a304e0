"""The gate: what a venue checks before it takes an order.

Each check raises `Refusal` or returns; together they are the venue's refusal rules. Sources:
Lighter API docs (errors, order limits), Pacifica docs (order types, error codes).
"""

from decimal import Decimal

from desk.core.market import MarketStatus
from desk.core.order import Side
from desk.sim.exchange import margin
from desk.sim.exchange.accounts import Account
from desk.sim.exchange.book import is_within
from desk.sim.exchange.floor import Floor, Market
from desk.sim.exchange.life import is_immediate
from desk.sim.exchange.orders import ZERO, NewOrder, Order
from desk.sim.exchange.rules import MinimumReading, PostOnlyReading, PriceReading
from desk.sim.exchange.words import (
    OrderStatus,
    OrderType,
    Refusal,
    RefusalReason,
    TimeInForce,
)


def check(
    floor: Floor,
    account: Account,
    new: NewOrder,
    *,
    replaces: Order | None = None,
    waits: bool = False,
) -> Market:
    """Return the order's market when the venue takes the order, else raise `Refusal`.

    `replaces` is an order this one takes the place of: it does not count against limits. One that
    `waits` for its parent is held against the position when that has filled.
    """
    market = floor.market(new.symbol)
    _check_market(market, new)
    check_steps(market, new)
    _check_kind(floor, new)
    _check_expiry(floor, new)
    _check_client_id(floor, account, new, replaces)
    _check_counts(floor, account, new, replaces)
    _check_size_bounds(floor, market, new)
    _check_collars(floor, market, new)
    if not floor.rules.has_sequencer:
        if not waits:
            _check_reduce_only(account, new)
        _check_band(floor, market, new)
    _check_post_only(floor, market, new)
    return market


def check_steps(market: Market, new: NewOrder) -> None:
    """Refuse a price off the tick or a size off the lot."""
    tick, lot = market.spec.instrument.price_tick, market.spec.instrument.size_lot
    if new.price is not None and (new.price <= 0 or new.price % tick):
        raise Refusal(
            RefusalReason.INVALID_PRICE, f"price {new.price} off tick {tick}", str(new.price),
            str(tick),
        )  # fmt: skip
    if new.size < 0 or new.size % lot or (new.size == 0 and not new.reduce_only):
        raise Refusal(
            RefusalReason.INVALID_SIZE, f"size {new.size} off lot {lot}", str(new.size), str(lot)
        )
    trigger = new.trigger_price
    if trigger is not None and (trigger <= 0 or trigger % tick):
        raise Refusal(RefusalReason.INVALID_TRIGGER_PRICE, f"trigger {trigger} off tick {tick}")


def check_margin(floor: Floor, account: Account, market: Market, order: Order) -> None:
    """Refuse an arriving order that could lead to more position than the account can carry."""
    orders = margin.counted(account, in_progress=False, but=(order,))
    _require_margin(floor, account, market, order, beside=orders)


def check_margin_at_gate(
    floor: Floor, account: Account, market: Market, order: Order, *, replaces: Order | None = None
) -> None:
    """Refuse the same before the speed bump, counting what is still on its way.

    Lighter asks only of orders that will rest; takers pass and fail in the sequencer.
    """
    if order.new.reduce_only or order.new.type.is_trigger:
        return
    if floor.rules.has_sequencer and (is_immediate(order) or crosses(market, order)):
        return
    orders = margin.counted(account, in_progress=True, but=(order, replaces))
    _require_margin(floor, account, market, order, beside=orders)


def crosses(market: Market, order: Order | NewOrder) -> bool:
    """Return whether a limit order would trade at once."""
    side = order.new.side if isinstance(order, Order) else order.side
    best = market.book.best(side.opposite)
    return best is not None and order.price is not None and is_within(side, best, order.price)


def price_limits(
    floor: Floor, market: Market, order: Order
) -> tuple[Decimal | None, Decimal | None]:
    """Return (worst price of each fill, worst average price) of an order; None is no bound."""
    new = order.new
    if new.type is OrderType.LIMIT or new.type.rests_when_triggered:
        return order.price, None
    if floor.rules.has_sequencer:
        return None, order.price
    return _band(floor, market, new), None


def delay_ms(floor: Floor, account: Account, market: Market, order: Order) -> int:
    """Return how long the engine sits on an order before it runs it."""
    bumps = floor.tier(account).bumps
    new = order.new
    if new.type.is_trigger or new.tif in (TimeInForce.POST_ONLY, TimeInForce.TOB):
        return bumps.maker_ms
    if is_immediate(order) or bumps.gtc_is_taker or crosses(market, order):
        return bumps.taker_ms
    return bumps.maker_ms


def _check_market(market: Market, new: NewOrder) -> None:
    status = market.spec.instrument.status
    if status is MarketStatus.INACTIVE or (
        status is MarketStatus.REDUCE_ONLY and not new.reduce_only
    ):
        raise Refusal(RefusalReason.MARKET_INACTIVE, f"{market.symbol} is {status}")
    if not market.mark:
        raise Refusal(RefusalReason.MARK_MISSING, f"{market.symbol} has no mark price yet")


def _check_kind(floor: Floor, new: NewOrder) -> None:
    """Refuse a type without its prices, or a time in force the venue does not know."""
    lighter = floor.rules.is_lighter
    if new.type.is_trigger != (new.trigger_price is not None):
        raise Refusal(RefusalReason.INVALID_TRIGGER_PRICE, "trigger price and type do not agree")
    plain_stop = new.type in (OrderType.STOP, OrderType.STOP_LIMIT)
    if new.type is OrderType.LIQUIDATION or (lighter and plain_stop):
        raise Refusal(RefusalReason.INVALID_TYPE, f"{new.type} cannot be asked for")
    if lighter and new.tif is TimeInForce.TOB:
        raise Refusal(RefusalReason.INVALID_TIME_IN_FORCE, "no such time in force")
    needs_price = lighter or new.type is OrderType.LIMIT or new.type.rests_when_triggered
    if needs_price and new.price is None:
        raise Refusal(RefusalReason.INVALID_PRICE, f"{new.type} needs a price")
    if new.size == 0 and not lighter and not new.type.is_trigger:
        raise Refusal(RefusalReason.INVALID_SIZE, "amount is zero", "0", "0")


def _check_expiry(floor: Floor, new: NewOrder) -> None:
    expires = new.expires_at_ms
    if expires is None:
        return
    life_ms = expires - floor.now_ms
    if not floor.rules.order_life_ms_min <= life_ms <= floor.rules.order_life_ms_max:
        raise Refusal(RefusalReason.INVALID_EXPIRY, f"order would live {life_ms} ms")


def _check_client_id(floor: Floor, account: Account, new: NewOrder, replaces: Order | None) -> None:
    """Refuse a client id that a live order of the account carries."""
    if new.client_id is None:
        return
    other = account.by_client_id.get(new.client_id)
    if other is not None and other is not replaces and not other.status.is_final:
        raise Refusal(
            RefusalReason.DUPLICATE_CLIENT_ID,
            f"client id {new.client_id} is in use",
            new.client_id,
        )


def _check_counts(floor: Floor, account: Account, new: NewOrder, replaces: Order | None) -> None:
    """Refuse more live orders, or waiting triggers, than the venue allows."""
    limits = floor.rules.limits
    is_trigger = new.type.is_trigger
    same_kind = [
        order
        for order in account.live.values()
        if (order.status is OrderStatus.PENDING or order.new.type.is_trigger) == is_trigger
        and order is not replaces
    ]
    total = limits.triggers_per_account if is_trigger else limits.per_account
    in_market = limits.triggers_per_market if is_trigger else limits.per_market
    if len(same_kind) >= total:
        reason = RefusalReason.TOO_MANY_TRIGGERS if is_trigger else RefusalReason.TOO_MANY_ORDERS
        raise Refusal(reason, f"limit of {total} orders reached", str(total))
    here = sum(order.new.symbol == new.symbol for order in same_kind)
    if in_market is not None and here >= in_market:
        reason = (
            RefusalReason.TOO_MANY_TRIGGERS_IN_MARKET
            if is_trigger
            else RefusalReason.TOO_MANY_ORDERS_IN_MARKET
        )
        raise Refusal(reason, f"limit of {in_market} orders in {new.symbol}", str(in_market))


def _check_size_bounds(floor: Floor, market: Market, new: NewOrder) -> None:
    """Refuse orders below the venue's minimums or above its largest notional."""
    instrument = market.spec.instrument
    by_mark = new.price is None or floor.rules.minimum_price is PriceReading.MARK
    notional = new.size * (market.mark if by_mark or new.price is None else new.price)
    largest = instrument.notional_max_usd
    if largest is not None and notional > largest:
        raise Refusal(
            RefusalReason.ABOVE_MAX_QUOTE, f"{notional} > {largest}", str(notional), str(largest)
        )
    if _is_exempt(floor, new):
        return
    if new.size < instrument.size_min:
        raise Refusal(
            RefusalReason.BELOW_MIN_BASE, f"{new.size} < {instrument.size_min}", str(new.size),
            str(instrument.size_min),
        )  # fmt: skip
    if notional < instrument.notional_min_usd:
        raise Refusal(
            RefusalReason.BELOW_MIN_QUOTE, f"{notional} < {instrument.notional_min_usd}",
            str(notional), str(instrument.notional_min_usd),
        )  # fmt: skip


def _is_exempt(floor: Floor, new: NewOrder) -> bool:
    """Return whether the minimums do not hold for an order."""
    reading = floor.rules.minimums
    if new.size == 0 or (new.type.is_trigger and not floor.rules.is_lighter):
        return True
    if reading is MinimumReading.ALL or not new.reduce_only:
        return False
    takes = new.tif is TimeInForce.IOC or not (
        new.type is OrderType.LIMIT or new.type.rests_when_triggered
    )
    return reading is MinimumReading.REDUCE_ONLY_EXEMPT or takes


def _check_collars(floor: Floor, market: Market, new: NewOrder) -> None:
    """Refuse a limit too far from mark, or a trigger's limit too far from its trigger."""
    collars, price = floor.rules.collars, new.price
    if price is None:
        return
    if new.trigger_price is not None:
        gap = abs(price / new.trigger_price - 1)
        if collars.trigger_limit is not None and gap > collars.trigger_limit:
            raise Refusal(RefusalReason.TRIGGER_PRICE_TOO_FAR, "price too far from trigger")
        return
    if new.type is not OrderType.LIMIT:
        return
    gap = (price / market.mark - 1) * new.side.sign
    through, away = collars.through, collars.away
    if through is not None and gap > through:
        lighter = floor.rules.is_lighter
        reason = RefusalReason.FAT_FINGER if lighter else RefusalReason.PRICE_TOO_FAR
        raise Refusal(reason, "price too far through mark", str(price), str(market.mark))
    if away is not None and -gap > away:
        raise Refusal(
            RefusalReason.PRICE_TOO_FAR, "price too far from mark", str(price), str(market.mark)
        )


def _check_reduce_only(account: Account, new: NewOrder) -> None:
    """Pacifica refuses what Lighter's sequencer would cut: no position, wrong side, too much."""
    if not new.reduce_only:
        return
    size = account.size_of(new.symbol)
    if new.type.is_trigger:
        if size and (size > 0) == (new.side is Side.BUY):
            raise Refusal(RefusalReason.INVALID_STOP_SIDE, "Invalid stop order side")
        return
    if not size:
        raise Refusal(RefusalReason.REDUCE_ONLY_NO_POSITION, "no position to reduce", new.symbol)
    if (size > 0) == (new.side is Side.BUY):
        raise Refusal(RefusalReason.REDUCE_ONLY_WRONG_SIDE, "same side as the position")
    if new.size > abs(size):
        raise Refusal(
            RefusalReason.REDUCE_ONLY_TOO_BIG,
            f"{new.size} exceeds position {abs(size)}",
            str(new.size),
            str(abs(size)),
        )


def _check_band(floor: Floor, market: Market, new: NewOrder) -> None:
    """Refuse a Pacifica market order that finds nothing within its slippage."""
    if new.type is not OrderType.MARKET:
        return
    best = market.book.best(new.side.opposite)
    if best is None or not is_within(new.side, best, _band(floor, market, new)):
        raise Refusal(RefusalReason.NO_REASONABLE_PRICE, "No reasonable price found")


def _band(floor: Floor, market: Market, new: NewOrder) -> Decimal:
    """Return the worst price a market order without a limit may trade at, USD."""
    middle = market.book.mid if floor.rules.band_price is PriceReading.MID else None
    reference = middle if middle is not None else market.mark
    slippage = new.slippage if new.slippage is not None else floor.rules.trigger_slippage
    return reference * (1 + new.side.sign * slippage)


def _check_post_only(floor: Floor, market: Market, new: NewOrder) -> None:
    refuse = floor.rules.post_only is PostOnlyReading.REFUSE
    if refuse and new.tif is TimeInForce.POST_ONLY and crosses(market, new):
        raise Refusal(RefusalReason.POST_ONLY_WOULD_CROSS, "post-only order would cross")


def _require_margin(
    floor: Floor, account: Account, market: Market, order: Order, *, beside: list[Order]
) -> None:
    """Refuse when the initial margin of what `order` adds to the orders `beside` it, the loss of
    entering away from mark, and the fee exceed what is free."""
    symbol, sign, size = market.symbol, order.new.side.sign, order.remaining
    added = margin.exposure(account, symbol, beside, size * sign)
    added -= margin.exposure(account, symbol, beside)
    if added <= 0:
        return
    price = _expected_price(floor, market, order)
    loss = max(ZERO, (price - market.mark) * sign) * size
    fraction = floor.setting(account, symbol).initial_margin_fraction
    needed = added * market.mark * fraction + loss + size * price * floor.tier(account).taker
    cross = margin.pools(floor, account)[0]
    if needed <= margin.free_usd(floor, account, beside, cross):
        return
    below = floor.rules.has_sequencer and cross.equity < margin.tied_up(floor, account, cross)
    reason = RefusalReason.PRE_LIQUIDATION if below else RefusalReason.NOT_ENOUGH_MARGIN
    raise Refusal(reason, f"needs {needed} USD", str(needed), str(cross.equity))


def _expected_price(floor: Floor, market: Market, order: Order) -> Decimal:
    """Return the average price an order would take at now; its own price, or mark, where it would
    take nothing."""
    limit, _ = price_limits(floor, market, order)
    left, spent = order.remaining, ZERO
    for price, size, _ in market.book.merged(order.new.side.opposite):
        if left <= 0 or (limit is not None and not is_within(order.new.side, price, limit)):
            break
        taken = min(left, size)
        left -= taken
        spent += taken * price
    taken = order.remaining - left
    return spent / taken if taken else (order.price or market.mark)
