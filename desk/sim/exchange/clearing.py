"""Clearing: one execution booked to everybody it concerns.

Moves positions and cash, deals the ids, prints the trade. What may trade with what is decided in
`matching` and `liquidation`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from desk.core.order import Side
from desk.sim.exchange import margin
from desk.sim.exchange.accounts import COST_STEP, Account, Holding
from desk.sim.exchange.events import FillBooked, PositionChanged, TradePrinted
from desk.sim.exchange.floor import Floor, Market
from desk.sim.exchange.orders import ZERO, Order
from desk.sim.exchange.views import Fill, Trade, TradeSide
from desk.sim.exchange.words import CashKind, FillCause, OrderStatus, OrderType, PacificaEvent

FEE_RATE_STEP = Decimal("0.000001")  # fees are told in millionths of the value


@dataclass(frozen=True, slots=True)
class Execution:
    """What traded: `taker` and `maker` are our accounts' orders, None for a stranger.

    `charge` tells what the venue's hand takes from the taker, USD; it is asked when the fill's
    profit is booked. `on_book` False keeps the print from moving price and volume.
    """

    market: Market
    price: Decimal
    size: Decimal
    taker_side: Side
    taker: Order | None
    maker: Order | None
    cause: FillCause = FillCause.TRADE
    charge: Callable[[], Decimal] | None = None
    on_book: bool = True


def execute(floor: Floor, execution: Execution) -> Fill | None:
    """Book an execution and return the taker's fill, None when the taker is a stranger."""
    trade_id = floor.next_trade_id()
    sides = []
    for order, is_maker in ((execution.maker, True), (execution.taker, False)):
        side = execution.taker_side.opposite if is_maker else execution.taker_side
        if order is None:
            sides.append(TradeSide(*_stranger(floor, execution, side, is_maker=is_maker)))
            continue
        fill = _book(floor, execution, order, trade_id=trade_id, is_maker=is_maker)
        sides.append(TradeSide(order.account_id, order.order_id, order.new.client_id, fill))
    maker, taker = sides
    trade = Trade(
        trade_id=trade_id,
        symbol=execution.market.symbol,
        taker_side=execution.taker_side,
        size=execution.size,
        price=execution.price,
        at_ms=floor.now_ms,
        taker=taker,
        maker=maker,
        cause=execution.cause,
    )
    _tell(floor, execution, trade)
    return taker.fill


def _tell(floor: Floor, execution: Execution, trade: Trade) -> None:
    """Print the trade and let the accounts in it know, fills after their order events."""
    execution.market.tape.print(trade, moves_price=execution.on_book)
    fills = [side.fill for side in (trade.maker, trade.taker) if side.fill is not None]
    for order in (execution.maker, execution.taker):
        if order is not None:
            floor.record(order, _event_of(order))
    for fill in fills:
        floor.accounts[fill.account_id].trades.append(trade)
        floor.emit(FillBooked(fill))
    floor.emit(TradePrinted(trade))


def _event_of(order: Order) -> PacificaEvent:
    resting = order.new.type in (OrderType.LIMIT,) or order.new.type.rests_when_triggered
    return PacificaEvent.FULFILL_LIMIT if resting else PacificaEvent.FULFILL_MARKET


def _stranger(floor: Floor, execution: Execution, side: Side, *, is_maker: bool) -> tuple[int, int]:
    """Return the account and order id a stranger goes by."""
    book = execution.market.book
    order_id = (
        book.stranger_order_id(side, execution.price)
        if is_maker
        else floor.next_order_id(execution.market, side)
    )
    off_book = not execution.on_book
    rules = floor.rules
    return (rules.backstop_account_id if off_book else rules.stranger_account_id), order_id


def _book(
    floor: Floor, execution: Execution, order: Order, *, trade_id: int, is_maker: bool
) -> Fill:
    """Move one account's position and cash, and return its fill."""
    account = floor.accounts[order.account_id]
    symbol, price, size = execution.market.symbol, execution.price, execution.size
    holding = account.holding(symbol)
    setting = floor.setting(account, symbol)
    before, cost_before, margin_before = holding.size, holding.cost, holding.margin
    change = size * order.new.side.sign
    pnl = holding.apply(change, price, floor.now_ms)
    account.flow -= change * price
    if not margin.is_cross(floor, account, symbol):
        _move_margin(holding, before=before, price=price, change=change,
                     fraction=setting.initial_margin_fraction)  # fmt: skip
    fill_id, cause = floor.next_row_id(), execution.cause
    floor.post(account, CashKind.PNL, pnl, symbol=symbol, fill_id=fill_id, cause=cause)
    kind, fee, fee_rate = _fee(floor, account, execution, is_maker=is_maker)
    floor.post(account, kind, -fee, symbol=symbol, fill_id=fill_id, cause=cause)
    _advance_order(order, price, size)
    floor.touched[(account.account_id, symbol)] = None
    if order.child_ids:
        floor.parents_filled.append(order)
    fill = Fill(
        fill_id=fill_id,
        trade_id=trade_id,
        account_id=account.account_id,
        symbol=symbol,
        order_id=order.order_id,
        client_id=order.new.client_id,
        order_type=order.new.type,
        side=order.new.side,
        size=size,
        price=price,
        fee=fee,
        fee_rate=fee_rate,
        pnl=pnl,
        is_maker=is_maker,
        cause=execution.cause,
        at_ms=floor.now_ms,
        size_before=before,
        entry_quote_before=cost_before,
        initial_margin_fraction_before=setting.initial_margin_fraction,
        margin_before=margin_before,
        size_after=holding.size,
        entry_after=holding.entry_price,
        margin_after=holding.margin,
    )
    account.fills.append(fill)
    return fill


def _fee(
    floor: Floor, account: Account, execution: Execution, *, is_maker: bool
) -> tuple[CashKind, Decimal, Decimal]:
    """Return what a side pays: the kind, USD, and its fraction of the value.

    The venue's hand takes its own fee instead of the tier's, or none.
    """
    value = execution.price * execution.size
    if not is_maker and execution.charge is not None:
        fee = execution.charge()
        return CashKind.LIQUIDATION_FEE, fee, (fee / value).quantize(FEE_RATE_STEP)
    tier = floor.tier(account)
    rate = tier.maker if is_maker else tier.taker
    if not is_maker and execution.cause is not FillCause.TRADE:
        rate = ZERO
    return CashKind.FEE, _in_steps(floor, value * rate), rate


def _in_steps(floor: Floor, fee: Decimal) -> Decimal:
    return fee.quantize(floor.rules.fee_step, ROUND_HALF_UP) + ZERO


def _move_margin(
    holding: Holding, *, before: Decimal, price: Decimal, change: Decimal, fraction: Decimal
) -> None:
    """Let an isolated position's own margin follow its size: what opens brings initial margin,
    what closes gives back its part."""
    after = holding.size
    kept = ZERO
    if before and (before > 0) == (after > 0) and after:
        kept = min(abs(after), abs(before))
    if kept != abs(before):
        holding.margin = (holding.margin * kept / abs(before)).quantize(
            COST_STEP, ROUND_HALF_EVEN
        ) + ZERO
    opened = abs(after) - kept
    if opened > 0:
        holding.margin += (opened * price * fraction).quantize(COST_STEP, ROUND_HALF_EVEN)


def _advance_order(order: Order, price: Decimal, size: Decimal) -> None:
    """Count a fill in its order."""
    order.filled += size
    order.filled_quote += size * price
    order.last_fill_price = price
    if order.remaining == 0:
        order.status = OrderStatus.FILLED


def tell_touched(floor: Floor) -> list[tuple[Account, str]]:
    """Tell positions and accounts that traded since the last call; return them in order."""
    touched = [(floor.accounts[account_id], symbol) for account_id, symbol in floor.touched]
    floor.touched.clear()
    for account, symbol in touched:
        tell_position(floor, account, symbol)
    for account in dict.fromkeys(account for account, _ in touched):
        floor.account_changed(account)
    return touched


def tell_position(floor: Floor, account: Account, symbol: str) -> None:
    """Tell how a position stands now."""
    if not floor.is_heard(PositionChanged):
        return
    view = None
    for pool in margin.pools(floor, account):
        for holding in pool.holdings:
            if holding.symbol == symbol:
                view = margin.position_view(floor, account, holding, pool)
    floor.emit(PositionChanged(account.account_id, symbol, view))
