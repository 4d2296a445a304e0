"""Orders: the request, the exchange's own record, and the frozen picture others see.

Values and one mutable record; how orders match lives in `matching`, how they are checked in `gate`.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from desk.core.order import Side
from desk.sim.exchange.words import (
    OrderStatus,
    OrderType,
    PacificaEvent,
    PacificaStatus,
    SelfTrade,
    TimeInForce,
    TriggerBy,
    TriggerStatus,
)

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class TriggerLeg:
    """A take-profit or stop-loss attached to an order or a position (Pacifica).

    `limit_price` None executes at market once triggered; `size` None covers the whole position.
    """

    stop_price: Decimal
    limit_price: Decimal | None = None
    size: Decimal | None = None
    client_id: str | None = None
    trigger_by: TriggerBy = TriggerBy.MARK


@dataclass(frozen=True, slots=True)
class NewOrder:
    """One order as an account asks for it.

    `size` base units, > 0, or 0 with `reduce_only` for the whole position (Lighter, and triggers on
    both venues). `price` USD: the limit; for a Lighter market order the worst AVERAGE price; None
    for a Pacifica market order, which has `slippage` instead, a fraction (0.005 = 0.5 %).
    `trigger_price` USD for trigger types. `client_id` is text on both venues (Lighter: the decimal
    integer). `expires_at_ms` None never expires. `tag` comes back in `TxDone`.
    """

    symbol: str
    side: Side
    size: Decimal
    price: Decimal | None = None
    type: OrderType = OrderType.LIMIT
    tif: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    trigger_price: Decimal | None = None
    trigger_by: TriggerBy = TriggerBy.MARK
    slippage: Decimal | None = None
    client_id: str | None = None
    expires_at_ms: int | None = None
    take_profit: TriggerLeg | None = None
    stop_loss: TriggerLeg | None = None
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as it stands: what the wire servers print.

    Sizes are base units, prices and `filled_quote` USD. `price` is None for a market order without
    a limit. `canceled` is the size that will never fill. `event` and `history_id` are those of the
    last change (Pacifica); `nonce` counts changes of the market's book (Lighter).
    """

    account_id: int
    order_id: int
    client_id: str | None
    symbol: str
    side: Side
    type: OrderType
    tif: TimeInForce
    reduce_only: bool
    price: Decimal | None
    size: Decimal
    filled: Decimal
    filled_quote: Decimal
    canceled: Decimal
    trigger_price: Decimal | None
    trigger_by: TriggerBy
    trigger_status: TriggerStatus
    triggered_at_ms: int
    expires_at_ms: int | None
    status: OrderStatus
    event: PacificaEvent
    history_id: int
    parent_id: int | None
    oco_id: int | None
    nonce: int
    created_at_ms: int
    updated_at_ms: int
    last_fill_price: Decimal | None

    @property
    def remaining(self) -> Decimal:
        """Return the size that may still fill."""
        return self.size - self.filled - self.canceled

    @property
    def average_price(self) -> Decimal | None:
        """Return the average fill price in USD, None before the first fill."""
        return self.filled_quote / self.filled if self.filled else None

    @property
    def pacifica_status(self) -> PacificaStatus:
        """Return the `os` word."""
        if not self.status.is_final:
            return PacificaStatus.PARTIALLY_FILLED if self.filled else PacificaStatus.OPEN
        if self.status is OrderStatus.FILLED:
            return PacificaStatus.FILLED
        if self.status in (OrderStatus.CANCELED_POST_ONLY, OrderStatus.CANCELED_SELF_TRADE):
            return PacificaStatus.REJECTED
        return PacificaStatus.CANCELLED

    @property
    def pacifica_reason(self) -> str | None:
        """Return the `reason` word of Pacifica's order history, None unless it was cut short."""
        if not self.status.is_final or self.status is OrderStatus.FILLED:
            return None
        return self.event.value


@dataclass(slots=True, eq=False)
class Order:
    """The exchange's own, mutable record of one order; never leaves the package."""

    account_id: int
    order_id: int
    new: NewOrder
    size: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    seq: int
    created_at_ms: int
    status: OrderStatus = OrderStatus.IN_PROGRESS
    filled: Decimal = ZERO
    filled_quote: Decimal = ZERO
    canceled: Decimal = ZERO
    ahead: Decimal = ZERO
    trigger_status: TriggerStatus = TriggerStatus.NA
    triggered_at_ms: int = 0
    event: PacificaEvent = PacificaEvent.MAKE
    history_id: int = 0
    parent_id: int | None = None
    oco_id: int | None = None
    child_ids: list[int] = field(default_factory=list)
    nonce: int = 0
    updated_at_ms: int = 0
    last_fill_price: Decimal | None = None

    @property
    def remaining(self) -> Decimal:
        """Return the size that may still fill."""
        return self.size - self.filled - self.canceled

    def view(self) -> OrderView:
        """Return the frozen picture of this moment."""
        new = self.new
        return OrderView(
            account_id=self.account_id,
            order_id=self.order_id,
            client_id=new.client_id,
            symbol=new.symbol,
            side=new.side,
            type=new.type,
            tif=new.tif,
            reduce_only=new.reduce_only,
            price=self.price,
            size=self.size,
            filled=self.filled,
            filled_quote=self.filled_quote,
            canceled=self.canceled,
            trigger_price=self.trigger_price,
            trigger_by=new.trigger_by,
            trigger_status=self.trigger_status,
            triggered_at_ms=self.triggered_at_ms,
            expires_at_ms=new.expires_at_ms,
            status=self.status,
            event=self.event,
            history_id=self.history_id,
            parent_id=self.parent_id,
            oco_id=self.oco_id,
            nonce=self.nonce,
            created_at_ms=self.created_at_ms,
            updated_at_ms=self.updated_at_ms,
            last_fill_price=self.last_fill_price,
        )
