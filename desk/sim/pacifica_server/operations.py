"""The signed operations: where each lives, what its body must hold, and what is signed of it.

Shapes only. The signed message is rebuilt from these fields and from nothing else, as the venue
does: clients send unsigned extra keys (seen in ccxt's recorded requests).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from desk.sim.pacifica_server.errors import malformed

EXPIRY_WINDOW_MS_DEFAULT = 30_000
BATCH_MAX = 10

SideWord = Literal["bid", "ask"]
TriggerWord = Literal["mark_price", "last_trade_price", "mid_price"]


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed of an operation; fields that are null count as absent."""

    def signed(self) -> dict[str, Any]:
        """Return the `data` of the signed message."""
        return _without_nulls(msgspec.to_builtins(self))


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """A take-profit, a stop-loss or a stand-alone stop."""

    stop_price: str
    limit_price: str | None = None
    amount: str | None = None
    client_order_id: str | None = None
    trigger_price_type: TriggerWord | None = None


class Empty(Payload, frozen=True, kw_only=True):
    """An operation without fields."""


class CreateOrder(Payload, frozen=True, kw_only=True):
    """A limit order."""

    symbol: str
    price: str
    amount: str
    side: SideWord
    tif: Literal["GTC", "IOC", "ALO", "TOB"]
    reduce_only: bool
    client_order_id: str | None = None
    take_profit: Leg | None = None
    stop_loss: Leg | None = None
    builder_code: str | None = None


class CreateMarketOrder(Payload, frozen=True, kw_only=True):
    """A market order; `slippage_percent` "0.5" is half a percent."""

    symbol: str
    amount: str
    side: SideWord
    slippage_percent: str
    reduce_only: bool
    client_order_id: str | None = None
    take_profit: Leg | None = None
    stop_loss: Leg | None = None
    builder_code: str | None = None


class CreateStopOrder(Payload, frozen=True, kw_only=True):
    """A stand-alone stop."""

    symbol: str
    side: SideWord
    reduce_only: bool
    stop_order: Leg
    builder_code: str | None = None


class SetPositionTpsl(Payload, frozen=True, kw_only=True):
    """Triggers on the open position; `side` is the closing side."""

    symbol: str
    side: SideWord
    take_profit: Leg | None = None
    stop_loss: Leg | None = None
    builder_code: str | None = None


class CancelOrder(Payload, frozen=True, kw_only=True):
    """One order, by either id."""

    symbol: str
    order_id: int | None = None
    client_order_id: str | None = None


class CancelAllOrders(Payload, frozen=True, kw_only=True):
    """All orders, or those of one symbol."""

    all_symbols: bool
    exclude_reduce_only: bool
    symbol: str | None = None


class EditOrder(Payload, frozen=True, kw_only=True):
    """A resting order's new price and size."""

    symbol: str
    price: str
    amount: str | None = None
    order_id: int | None = None
    client_order_id: str | None = None


class UpdateLeverage(Payload, frozen=True, kw_only=True):
    """A symbol's leverage."""

    symbol: str
    leverage: int


class UpdateMarginMode(Payload, frozen=True, kw_only=True):
    """A symbol's margin mode."""

    symbol: str
    is_isolated: bool


class AddIsolatedMargin(Payload, frozen=True, kw_only=True):
    """USD moved into an isolated position."""

    symbol: str
    amount: str


class Withdraw(Payload, frozen=True, kw_only=True):
    """Refused here: the embedded venue has no way out."""

    amount: str


class TransferFunds(Payload, frozen=True, kw_only=True):
    """Refused here, as `Withdraw`."""

    to_account: str
    amount: str


class AgentWallet(Payload, frozen=True, kw_only=True):
    """The agent that is bound or revoked."""

    agent_wallet: str


class ApiKey(Payload, frozen=True, kw_only=True):
    """The key that is revoked."""

    api_key: str


class BuilderCode(Payload, frozen=True, kw_only=True):
    """The builder code that is revoked."""

    builder_code: str


class BuilderApproval(Payload, frozen=True, kw_only=True):
    """The builder code that is approved, and the highest fee it may take."""

    builder_code: str
    max_fee_rate: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One signed operation: its name (`type` in the message), path, payload, and who may sign.

    `main_only`: the account's own key must sign. `agent_is_payload`: the body's `agent_wallet` is
    data, not the signer.
    """

    name: str
    path: str
    payload: type[Payload]
    main_only: bool = False
    agent_is_payload: bool = False


OPERATIONS: tuple[Operation, ...] = (
    Operation("create_order", "/orders/create", CreateOrder),
    Operation("create_market_order", "/orders/create_market", CreateMarketOrder),
    Operation("create_stop_order", "/orders/stop/create", CreateStopOrder),
    Operation("set_position_tpsl", "/positions/tpsl", SetPositionTpsl),
    Operation("cancel_order", "/orders/cancel", CancelOrder),
    Operation("cancel_all_orders", "/orders/cancel_all", CancelAllOrders),
    Operation("cancel_stop_order", "/orders/stop/cancel", CancelOrder),
    Operation("cancel_twap_order", "/orders/twap/cancel", CancelOrder),
    Operation("edit_order", "/orders/edit", EditOrder),
    Operation("update_leverage", "/account/leverage", UpdateLeverage),
    Operation("update_margin_mode", "/account/margin", UpdateMarginMode),
    Operation("add_isolated_margin", "/positions/add_isolated_margin", AddIsolatedMargin),
    Operation("withdraw", "/account/withdraw", Withdraw),
    Operation("transfer_funds", "/account/subaccount/transfer", TransferFunds),
    Operation("list_subaccounts", "/account/subaccount/list", Empty),
    Operation(
        "bind_agent_wallet", "/agent/bind", AgentWallet, main_only=True, agent_is_payload=True
    ),
    Operation(
        "revoke_agent_wallet", "/agent/revoke", AgentWallet, main_only=True, agent_is_payload=True
    ),
    Operation("revoke_all_agent_wallets", "/agent/revoke_all", Empty, main_only=True),
    Operation("list_agent_wallets", "/agent/list", Empty),
    Operation("list_api_keys", "/account/api_keys", Empty),
    Operation("create_api_key", "/account/api_keys/create", Empty),
    Operation("revoke_api_key", "/account/api_keys/revoke", ApiKey),
    Operation(
        "approve_builder_code",
        "/account/builder_codes/approve",
        BuilderApproval,
        main_only=True,
    ),
    Operation("revoke_builder_code", "/account/builder_codes/revoke", BuilderCode, main_only=True),
)
BY_TYPE: Mapping[str, Operation] = {operation.name: operation for operation in OPERATIONS}
BATCH_ACTIONS: Mapping[str, Operation] = {
    "Create": BY_TYPE["create_order"],
    "CreateMarket": BY_TYPE["create_market_order"],
    "Cancel": BY_TYPE["cancel_order"],
    "Edit": BY_TYPE["edit_order"],
    "SetPositionTpsl": BY_TYPE["set_position_tpsl"],
    "CancelStopOrder": BY_TYPE["cancel_stop_order"],
}
STREAM_OPERATIONS = frozenset(
    {
        "create_order",
        "create_market_order",
        "edit_order",
        "cancel_order",
        "cancel_all_orders",
        "batch_orders",
    }
)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The keys around the payload.

    A `signature` may be an object for hardware wallets, which are refused here.
    """

    account: str
    signature: str | dict[str, Any]
    timestamp: int
    expiry_window: int = EXPIRY_WINDOW_MS_DEFAULT
    agent_wallet: str | None = None


class Action(msgspec.Struct, frozen=True):
    """One action of a batch."""

    type: str
    data: dict[str, Any]


class Batch(msgspec.Struct, frozen=True):
    """The body of a batch; every action carries its own signature."""

    actions: list[Action]


def read(body: object, shape: type[msgspec.Struct]) -> Any:
    """Return `body` as `shape`; unknown keys are ignored.

    Raises `ApiError` 400 in the words of the venue: "missing field `x`".
    """
    try:
        return msgspec.convert(body, shape, strict=True)
    except msgspec.ValidationError as error:
        text = str(error)
        prefix = "Object missing required field "
        if text.startswith(prefix):
            text = "missing field " + text.removeprefix(prefix).split(" - ")[0]
        raise malformed(text) from error


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(item) if isinstance(item, dict) else item
        for key, item in value.items()
        if item is not None
    }
