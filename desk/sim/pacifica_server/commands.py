"""Carries a checked operation out on the exchange and returns the `data` of its answer.

No transport here: REST, batches and the WebSocket all come through `Commands.run`. A refusal by the
exchange leaves as `ApiError` in the venue's words.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from desk.core.account import MarginMode
from desk.core.order import Side
from desk.sim.exchange import (
    NewOrder,
    OrderType,
    Refusal,
    RefusalReason,
    TimeInForce,
    TriggerBy,
    TriggerLeg,
)
from desk.sim.pacifica_server import errors
from desk.sim.pacifica_server.auth import Signed
from desk.sim.pacifica_server.context import Context
from desk.sim.pacifica_server.errors import ApiError, malformed
from desk.sim.pacifica_server.operations import (
    AddIsolatedMargin,
    AgentWallet,
    ApiKey,
    BuilderApproval,
    BuilderCode,
    CancelAllOrders,
    CancelOrder,
    CreateMarketOrder,
    CreateOrder,
    CreateStopOrder,
    EditOrder,
    Leg,
    Operation,
    SetPositionTpsl,
    TransferFunds,
    UpdateLeverage,
    UpdateMarginMode,
)
from desk.sim.pacifica_server.registry import API_KEYS_MAX, Member

Data = dict[str, Any] | list[str] | None

SIDES = {"bid": Side.BUY, "ask": Side.SELL}
TIMES_IN_FORCE = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "ALO": TimeInForce.POST_ONLY,
    "TOB": TimeInForce.TOB,
}
CANCEL_MISSES = frozenset({RefusalReason.ORDER_NOT_FOUND})


class Commands:
    """What an account can have done."""

    def __init__(self, context: Context) -> None:
        """Act on one exchange; new orders may meet with mishaps."""
        self._exchange = context.exchange
        self._mishaps = context.mishaps
        self._registry = context.registry
        self._switches = context.switches
        self._table: dict[str, Callable[[Member, Signed], Data]] = {
            "create_order": self._create_order,
            "create_market_order": self._create_market_order,
            "create_stop_order": self._create_stop_order,
            "set_position_tpsl": self._set_position_tpsl,
            "cancel_order": self._cancel,
            "cancel_stop_order": self._cancel,
            "cancel_all_orders": self._cancel_all,
            "cancel_twap_order": lambda member, signed: None,  # a no-op for an unknown id
            "edit_order": self._edit,
            "update_leverage": self._leverage,
            "update_margin_mode": self._margin_mode,
            "add_isolated_margin": self._add_margin,
            "withdraw": self._withdraw,
            "transfer_funds": self._transfer,
            "list_subaccounts": lambda member, signed: {"subaccounts": []},
            "bind_agent_wallet": self._bind,
            "revoke_agent_wallet": self._revoke,
            "revoke_all_agent_wallets": self._revoke_all,
            "list_agent_wallets": lambda member, signed: list(member.agents),
            "list_api_keys": self._list_api_keys,
            "create_api_key": self._create_api_key,
            "revoke_api_key": self._revoke_api_key,
            "approve_builder_code": self._approve_builder,
            "revoke_builder_code": self._revoke_builder,
        }

    def run(self, signed: Signed) -> Data:
        """Do what is asked and return the answer's `data`.

        Raises `ApiError`; then nothing happened.
        """
        member = self._registry.require(signed.account)
        try:
            return self._table[signed.operation.name](member, signed)
        except Refusal as refusal:
            is_cancel = signed.operation.name.startswith("cancel")
            if is_cancel and refusal.reason in CANCEL_MISSES:
                raise errors.cancel_failed(self._switches) from refusal
            raise errors.from_refusal(
                refusal,
                account=signed.account,
                symbol=getattr(signed.payload, "symbol", None) or "",
                switches=self._switches,
            ) from refusal

    # Orders

    def _create_order(self, member: Member, signed: Signed) -> Data:
        ask: CreateOrder = signed.payload
        self._check_steps(ask.symbol, price=ask.price, amount=ask.amount)
        self._check_builder(member, ask.builder_code)
        order = NewOrder(
            symbol=ask.symbol,
            side=SIDES[ask.side],
            size=number(ask.amount, "amount"),
            price=number(ask.price, "price"),
            tif=TIMES_IN_FORCE[ask.tif],
            reduce_only=ask.reduce_only,
            client_id=client_id(ask.client_order_id),
            take_profit=_leg(ask.take_profit),
            stop_loss=_leg(ask.stop_loss),
        )
        return self._submit(member, order, signed.operation)

    def _create_market_order(self, member: Member, signed: Signed) -> Data:
        ask: CreateMarketOrder = signed.payload
        self._check_steps(ask.symbol, amount=ask.amount)
        self._check_builder(member, ask.builder_code)
        slippage = number(ask.slippage_percent, "slippage_percent")
        order = NewOrder(
            symbol=ask.symbol,
            side=SIDES[ask.side],
            size=number(ask.amount, "amount"),
            type=OrderType.MARKET,
            tif=TimeInForce.IOC,
            reduce_only=ask.reduce_only,
            slippage=slippage / 100,
            client_id=client_id(ask.client_order_id),
            take_profit=_leg(ask.take_profit),
            stop_loss=_leg(ask.stop_loss),
        )
        return self._submit(member, order, signed.operation)

    def _create_stop_order(self, member: Member, signed: Signed) -> Data:
        ask: CreateStopOrder = signed.payload
        stop = ask.stop_order
        self._check_steps(
            ask.symbol, price=stop.limit_price, amount=stop.amount, stop_price=stop.stop_price
        )
        self._check_builder(member, ask.builder_code)
        leg = trigger_leg(stop)
        order = NewOrder(
            symbol=ask.symbol,
            side=SIDES[ask.side],
            size=leg.size or Decimal(0),
            price=leg.limit_price,
            type=OrderType.STOP if leg.limit_price is None else OrderType.STOP_LIMIT,
            reduce_only=ask.reduce_only,
            trigger_price=leg.stop_price,
            trigger_by=leg.trigger_by,
            client_id=leg.client_id,
        )
        return self._submit(member, order, signed.operation)

    def _submit(self, member: Member, order: NewOrder, operation: Operation) -> Data:
        name = f"order {operation.name} {operation.path} {order.symbol} {order.side}"
        order_id = self._mishaps.submit(member.account_id, order, operation=name)
        return {"order_id": order_id}

    def _set_position_tpsl(self, member: Member, signed: Signed) -> Data:
        ask: SetPositionTpsl = signed.payload
        self._check_builder(member, ask.builder_code)
        for leg in (ask.take_profit, ask.stop_loss):
            if leg is not None:
                self._check_steps(
                    ask.symbol,
                    price=leg.limit_price,
                    amount=leg.amount,
                    stop_price=leg.stop_price,
                )
        self._exchange.set_position_tpsl(
            member.account_id,
            ask.symbol,
            side=SIDES[ask.side],
            take_profit=_leg(ask.take_profit),
            stop_loss=_leg(ask.stop_loss),
        )
        return None

    def _cancel(self, member: Member, signed: Signed) -> Data:
        ask: CancelOrder = signed.payload
        self._exchange.cancel(
            member.account_id,
            ask.symbol,
            triggers_only=signed.operation.name == "cancel_stop_order",
            **_either_id(ask.order_id, ask.client_order_id),
        )
        return None

    def _cancel_all(self, member: Member, signed: Signed) -> Data:
        ask: CancelAllOrders = signed.payload
        if not ask.all_symbols and ask.symbol is None:
            raise malformed("missing field `symbol`")
        count = self._exchange.cancel_all(
            member.account_id,
            symbol=None if ask.all_symbols else ask.symbol,
            exclude_reduce_only=ask.exclude_reduce_only,
        )
        return {"cancelled_count": count}

    def _edit(self, member: Member, signed: Signed) -> Data:
        ask: EditOrder = signed.payload
        self._check_steps(ask.symbol, price=ask.price, amount=ask.amount)
        order_id = self._exchange.modify(
            member.account_id,
            ask.symbol,
            size=None if ask.amount is None else number(ask.amount, "amount"),
            price=number(ask.price, "price"),
            **_either_id(ask.order_id, ask.client_order_id),
        )
        return {"order_id": order_id}

    def _check_steps(
        self,
        symbol: str,
        *,
        price: str | None = None,
        amount: str | None = None,
        stop_price: str | None = None,
    ) -> None:
        """Refuse what is off the tick or the lot; never rounded (docs: tick and lot size)."""
        spec = self._exchange.markets.get(symbol)
        if spec is None:
            return
        tick, lot = spec.instrument.price_tick, spec.instrument.size_lot
        for name, text, step, what in (
            ("price", price, tick, "tick"),
            ("stop_price", stop_price, tick, "tick"),
            ("amount", amount, lot, "lot"),
        ):
            if text is not None and number(text, name) % step:
                status = self._switches.step_status
                text = f"{name.capitalize()} {text} is not a multiple of {what} size {step}"
                raise ApiError(status, text, status)

    @staticmethod
    def _check_builder(member: Member, code: str | None) -> None:
        if code is not None and code not in member.builder_codes:
            raise ApiError(403, f"Builder code not approved: {code}", 403)

    # Account

    def _leverage(self, member: Member, signed: Signed) -> Data:
        ask: UpdateLeverage = signed.payload
        if ask.leverage < 1:
            raise ApiError(422, f"Invalid leverage: {ask.leverage}", 11)
        self._exchange.set_leverage(
            member.account_id, ask.symbol, initial_margin_fraction=Decimal(1) / ask.leverage
        )
        return None

    def _margin_mode(self, member: Member, signed: Signed) -> Data:
        ask: UpdateMarginMode = signed.payload
        mode = MarginMode.ISOLATED if ask.is_isolated else MarginMode.CROSS
        self._exchange.set_margin_mode(member.account_id, ask.symbol, mode)
        return None

    def _add_margin(self, member: Member, signed: Signed) -> Data:
        ask: AddIsolatedMargin = signed.payload
        amount = number(ask.amount, "amount")
        self._exchange.move_isolated_margin(member.account_id, ask.symbol, amount)
        return None

    def _withdraw(self, member: Member, signed: Signed) -> Data:
        raise ApiError(422, f"Withdrawal blocked: {signed.account}", 32)

    def _transfer(self, member: Member, signed: Signed) -> Data:
        ask: TransferFunds = signed.payload
        text = f"Invalid transfer relationship: {signed.account} -> {ask.to_account}"
        raise ApiError(422, text, 33, error_id="unspecified")

    def _bind(self, member: Member, signed: Signed) -> Data:
        ask: AgentWallet = signed.payload
        self._registry.bind(ask.agent_wallet, signed.account)
        return None

    def _revoke(self, member: Member, signed: Signed) -> Data:
        ask: AgentWallet = signed.payload
        self._registry.revoke(ask.agent_wallet, signed.account)
        return None

    def _revoke_all(self, member: Member, signed: Signed) -> Data:
        self._registry.revoke(None, signed.account)
        return None

    def _list_api_keys(self, member: Member, signed: Signed) -> Data:
        return {"active_api_keys": list(member.api_keys), "api_key_limit": API_KEYS_MAX}

    def _create_api_key(self, member: Member, signed: Signed) -> Data:
        return {"api_key": self._registry.create_api_key(signed.account)}

    def _revoke_api_key(self, member: Member, signed: Signed) -> Data:
        ask: ApiKey = signed.payload
        member.api_keys = [key for key in member.api_keys if key != ask.api_key]
        return None

    def _approve_builder(self, member: Member, signed: Signed) -> Data:
        ask: BuilderApproval = signed.payload
        member.builder_codes[ask.builder_code] = ask.max_fee_rate
        return None

    def _revoke_builder(self, member: Member, signed: Signed) -> Data:
        ask: BuilderCode = signed.payload
        member.builder_codes.pop(ask.builder_code, None)
        return None


def number(text: str, name: str) -> Decimal:
    """Return a decimal string's value, finite and not negative.

    Raises `ApiError` 400 naming the field.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise malformed(f"{name}: invalid decimal") from None
    if not value.is_finite() or value < 0:
        raise malformed(f"{name}: invalid decimal")
    return value


def client_id(text: str | None) -> str | None:
    """Return a client order id as given: a full UUID (docs: create order).

    Raises `ApiError` 400 for anything else.
    """
    if text is None:
        return None
    try:
        UUID(text)
    except ValueError:
        raise malformed("client_order_id: UUID parsing failed") from None
    return text


def trigger_leg(leg: Leg) -> TriggerLeg:
    """Return a trigger; without a trigger price type the venue watches the mid price."""
    size = None if leg.amount is None else number(leg.amount, "amount")
    return TriggerLeg(
        stop_price=number(leg.stop_price, "stop_price"),
        limit_price=None if leg.limit_price is None else number(leg.limit_price, "limit_price"),
        size=size or None,
        client_id=client_id(leg.client_order_id),
        trigger_by=TriggerBy(leg.trigger_price_type or TriggerBy.MID),
    )


def _leg(leg: Leg | None) -> TriggerLeg | None:
    return None if leg is None else trigger_leg(leg)


def _either_id(order_id: int | None, client_order_id: str | None) -> dict[str, Any]:
    if (order_id is None) == (client_order_id is None):
        raise malformed("missing field `order_id`: give either order_id or client_order_id")
    return {"order_id": order_id, "client_id": client_order_id}
