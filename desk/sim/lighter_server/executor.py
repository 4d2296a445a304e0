"""Transactions turned into requests to the exchange, each tagged with its hash.

The only place that knows which integer of a transaction means what to the exchange. Self-trade
behaviour and order of checks are those of the venue's API documentation.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from desk.core.account import MarginMode
from desk.core.order import Side
from desk.sim.exchange import (
    Exchange,
    Grouping,
    NewOrder,
    OrderType,
    Refusal,
    SelfTrade,
    TimeInForce,
)
from desk.sim.lighter_server import codes, numbers
from desk.sim.lighter_server.codes import LighterRefusal
from desk.sim.lighter_server.keyring import Keyring
from desk.sim.lighter_server.markets import WireMarket
from desk.sim.lighter_server.refusals import refused
from desk.sim.lighter_server.transactions import Attribute, Fields, Transaction
from desk.sim.mishaps import Mishaps
from desk.venues.lighter.crypto.limits import CancelAllMode
from desk.venues.lighter.crypto.transactions import TxType

EXCHANGE_ID_MIN = 1 << 48  # an order index from here on is the exchange's, below it the client's

_TYPES = (
    OrderType.LIMIT,
    OrderType.MARKET,
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)
_TIMES_IN_FORCE = (TimeInForce.IOC, TimeInForce.GTC, TimeInForce.POST_ONLY)
_SELF_TRADES = (
    SelfTrade.EXPIRE_MAKER,
    SelfTrade.EXPIRE_TAKER,
    SelfTrade.EXPIRE_BOTH,
    SelfTrade.REDUCE,
)
_GROUPINGS = {
    1: Grouping.ONE_TRIGGERS_OTHER,
    2: Grouping.ONE_CANCELS_OTHER,
    3: Grouping.ONE_TRIGGERS_OCO,
}
_MARGIN_MODES = (MarginMode.CROSS, MarginMode.ISOLATED)


class Executor:
    """Hand checked transactions to one exchange; every method raises `LighterRefusal`."""

    def __init__(
        self,
        exchange: Exchange,
        markets: Mapping[int, WireMarket],
        keyring: Keyring,
        mishaps: Mishaps,
    ) -> None:
        """Execute on `exchange`, orders by way of `mishaps`; `markets` by market id."""
        self._exchange = exchange
        self._mishaps = mishaps
        self._markets = markets
        self._keyring = keyring
        self._run: dict[TxType, Callable[[Transaction, str], None]] = {
            TxType.CHANGE_PUB_KEY: self._change_key,
            TxType.CREATE_ORDER: self._create_order,
            TxType.CANCEL_ORDER: self._cancel_order,
            TxType.CANCEL_ALL_ORDERS: self._cancel_all,
            TxType.MODIFY_ORDER: self._modify_order,
            TxType.UPDATE_LEVERAGE: self._update_leverage,
            TxType.CREATE_GROUPED_ORDERS: self._create_group,
            TxType.UPDATE_MARGIN: self._update_margin,
        }

    def market(self, market_id: int) -> WireMarket:
        """Return a market by its id; 21602 where there is none."""
        market = self._markets.get(market_id)
        if market is None:
            raise LighterRefusal(codes.INVALID_MARKET_INDEX)
        return market

    def run(self, transaction: Transaction, tag: str) -> None:
        """Carry out one transaction; `tag` comes back in the exchange's `TxDone`."""
        try:
            self._run[transaction.kind](transaction, tag)
        except Refusal as refusal:
            raise refused(refusal) from refusal

    def new_order(self, order: Fields, *, tag: str | None, self_trade: int = 0) -> NewOrder:
        """Return the exchange's order for an order's wire integers."""
        market = self.market(order["MarketIndex"])
        trigger = order["TriggerPrice"]
        return NewOrder(
            symbol=market.symbol,
            side=Side.SELL if order["IsAsk"] else Side.BUY,
            size=market.size_of(order["BaseAmount"]),
            price=market.price_of(order["Price"]),
            type=_TYPES[order["Type"]],
            tif=_TIMES_IN_FORCE[order["TimeInForce"]],
            reduce_only=order["ReduceOnly"] == 1,
            trigger_price=market.price_of(trigger) if trigger else None,
            client_id=str(order["ClientOrderIndex"]) if order["ClientOrderIndex"] else None,
            expires_at_ms=order["OrderExpiry"] or None,
            self_trade=_SELF_TRADES[self_trade],
            tag=tag,
        )

    def _create_order(self, transaction: Transaction, tag: str) -> None:
        behaviour = transaction.attributes.get(Attribute.SELF_TRADE_BEHAVIOUR, 0)
        if behaviour not in range(len(_SELF_TRADES)):
            raise LighterRefusal(codes.INVALID_TX_INFO, "self trade behaviour")
        order = self.new_order(transaction.body, tag=tag, self_trade=behaviour)
        operation = f"create_order {order.symbol}"
        self._mishaps.submit(transaction.account_index, order, operation=operation)

    def _create_group(self, transaction: Transaction, tag: str) -> None:
        grouping = _GROUPINGS.get(transaction.body["GroupingType"])
        if grouping is None:
            raise LighterRefusal(codes.INVALID_GROUPING_TYPE)
        first, *others = transaction.orders
        orders = [self.new_order(first, tag=tag)]
        orders += [self.new_order(order, tag=None) for order in others]
        self._exchange.submit_group(transaction.account_index, orders, grouping)

    def _cancel_order(self, transaction: Transaction, tag: str) -> None:
        market = self.market(transaction.body["MarketIndex"])
        order_id, client_id = _ids(transaction.body["Index"])
        self._exchange.cancel(
            transaction.account_index,
            market.symbol,
            order_id=order_id,
            client_id=client_id,
            tag=tag,
        )

    def _cancel_all(self, transaction: Transaction, tag: str) -> None:
        mode, at_ms = transaction.body["TimeInForce"], transaction.body["Time"]
        market_id = transaction.cancel_all_market
        if mode not in tuple(CancelAllMode):
            raise LighterRefusal(codes.INVALID_CANCEL_ALL_TIME_IN_FORCE)
        if mode == CancelAllMode.IMMEDIATE:
            symbol = None if market_id is None else self.market(market_id).symbol
            _require(at_ms == 0, codes.INVALID_CANCEL_ALL_TIME)
            self._exchange.cancel_all(transaction.account_index, symbol=symbol, tag=tag)
            return
        _require(market_id is None, codes.INVALID_CANCEL_ALL_TIME_IN_FORCE)
        _require((at_ms > 0) == (mode == CancelAllMode.SCHEDULED), codes.INVALID_CANCEL_ALL_TIME)
        self._exchange.schedule_cancel_all(transaction.account_index, at_ms or None, tag=tag)

    def _modify_order(self, transaction: Transaction, tag: str) -> None:
        body = transaction.body
        market = self.market(body["MarketIndex"])
        order_id, client_id = _ids(body["Index"])
        trigger = body["TriggerPrice"]
        self._exchange.modify(
            transaction.account_index,
            market.symbol,
            order_id=order_id,
            client_id=client_id,
            size=market.size_of(body["BaseAmount"]),
            price=market.price_of(body["Price"]),
            trigger_price=market.price_of(trigger) if trigger else None,
            tag=tag,
        )

    def _update_leverage(self, transaction: Transaction, tag: str) -> None:
        body = transaction.body
        self._exchange.set_leverage(
            transaction.account_index,
            self.market(body["MarketIndex"]).symbol,
            initial_margin_fraction=body["InitialMarginFraction"] * numbers.MARGIN_FRACTION_STEP,
            margin_mode=_MARGIN_MODES[body["MarginMode"]],
            tag=tag,
        )

    def _update_margin(self, transaction: Transaction, tag: str) -> None:
        body = transaction.body
        amount = numbers.unscaled(body["USDCAmount"], numbers.USD_DECIMALS)
        sign = Decimal(1) if body["Direction"] == 1 else Decimal(-1)
        self._exchange.move_isolated_margin(
            transaction.account_index,
            self.market(body["MarketIndex"]).symbol,
            sign * amount,
            tag=tag,
        )

    def _change_key(self, transaction: Transaction, tag: str) -> None:
        """Put the new key in its place; the Ethereum signature that allows it is not verified."""
        public_key = transaction.public_key.hex()
        self._keyring.add_key(transaction.account_index, transaction.api_key_index, public_key)


def _ids(index: int) -> tuple[int | None, str | None]:
    """Return (order id, client id) for an index that may be either."""
    return (index, None) if index >= EXCHANGE_ID_MIN else (None, str(index))


def _require(condition: bool, code: int) -> None:
    if not condition:
        raise LighterRefusal(code)
