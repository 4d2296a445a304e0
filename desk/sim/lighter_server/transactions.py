"""Lighter transactions as they arrive: parsed from their form and checked for structure.

Only what the text itself tells is checked here. Keys, nonces and signatures belong to `gateway`,
what an order does to the exchange. Field names, their order, ranges and the rules between an
order's type, time in force and expiry are those of the venue's public signer (elliottech/
lighter-go) and of the transactions that lighter-sdk 1.1.8 emits.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import msgspec

from desk.sim.lighter_server import codes
from desk.sim.lighter_server.codes import LighterRefusal
from desk.venues.lighter.crypto.limits import OrderType, TimeInForce
from desk.venues.lighter.crypto.transactions import (
    ATTRIBUTES_MAX,
    BODY_FIELDS,
    NIL_MARKET,
    ORDER_FIELDS,
    ORDERS_IN_GROUP_MAX,
    MalformedTx,
    TxType,
    tx_hash,
)

API_KEY_INDEX_MAX = 254
ACCOUNT_INDEX_MAX = (1 << 48) - 2
BASE_AMOUNT_MAX = (1 << 48) - 1
PRICE_MAX = (1 << 32) - 1
NONCE_MAX = (1 << 47) - 1
ORDER_INDEX_MAX = (1 << 60) - 1
MARGIN_FRACTION_MAX = 10_000
TWAP_ORDER_TYPE = 6
SIGNATURE_BYTES = 80
PUBLIC_KEY_BYTES = 40


class Attribute(IntEnum):
    """Keys of `L2TxAttributes`."""

    INTEGRATOR_ACCOUNT = 1
    INTEGRATOR_TAKER_FEE = 2
    INTEGRATOR_MAKER_FEE = 3
    SKIP_NONCE = 4
    CANCEL_ALL_MARKET = 5
    SELF_TRADE_BEHAVIOUR = 6
    SELF_TRADE_EQUALITY = 7
    ORDER_VERSION = 8


Fields = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Transaction:
    """One parsed transaction.

    `body` holds the integers of its type by the venue's names, `orders` those of a group,
    `public_key` the new key of a change. `fields` is the decoded object, `info` its JSON text as
    it came, which queries give back. Nothing in it has been verified but its structure.
    """

    kind: TxType
    account_index: int
    api_key_index: int
    nonce: int
    expired_at_ms: int
    body: Fields
    orders: tuple[Fields, ...]
    attributes: Mapping[int, int]
    signature: bytes
    public_key: bytes
    fields: Mapping[str, Any]
    info: str

    def hash(self, chain_id: int) -> str:
        """Return the 80 hex digits that are signed and that name the transaction; 21501 where the
        integers cannot be hashed."""
        try:
            return tx_hash(self.kind, self.fields, chain_id)
        except MalformedTx as error:
            raise LighterRefusal(codes.INVALID_TX_INFO, str(error)) from error

    @property
    def skips_nonces(self) -> bool:
        """Return whether any larger nonce will do."""
        return self.attributes.get(Attribute.SKIP_NONCE, 0) == 1

    @property
    def cancel_all_market(self) -> int | None:
        """Return the one market a cancel-all is limited to, None for all."""
        market = self.attributes.get(Attribute.CANCEL_ALL_MARKET, NIL_MARKET)
        return None if market == NIL_MARKET else market


def parse_tx_type(text: object) -> TxType:
    """Return the type; 20001 where it is no integer, 21505 where we do not execute it."""
    try:
        number = int(str(text))
    except ValueError as error:
        raise LighterRefusal(codes.INVALID_PARAM, f"tx_type {text!r}") from error
    try:
        return TxType(number)
    except ValueError as error:
        raise LighterRefusal(codes.UNSUPPORTED_TX_TYPE) from error


def parse_transaction(tx_type: object, tx_info: object) -> Transaction:
    """Return the transaction of one form or frame; raises `LighterRefusal`.

    `tx_info` is JSON text (REST) or the object itself (WebSocket).
    """
    kind = parse_tx_type(tx_type)
    info, fields = _decode_info(tx_info)
    transaction = Transaction(
        kind=kind,
        account_index=_integer(fields, "AccountIndex"),
        api_key_index=_integer(fields, "ApiKeyIndex"),
        nonce=_integer(fields, "Nonce"),
        expired_at_ms=_integer(fields, "ExpiredAt"),
        body={name: _integer(fields, name) for name in _body_names(kind)},
        orders=_orders(fields) if kind is TxType.CREATE_GROUPED_ORDERS else (),
        attributes=_attributes(fields.get("L2TxAttributes")),
        signature=_bytes_of(fields.get("Sig"), SIGNATURE_BYTES, codes.INVALID_SIGNATURE),
        public_key=_new_key(kind, fields),
        fields=fields,
        info=info,
    )
    _check_header(transaction)
    return transaction


def check_body(transaction: Transaction, *, client_order_index_max: int) -> None:
    """Raise `LighterRefusal` where the body's integers break the signer's own rules."""
    body = transaction.body
    if transaction.kind is TxType.CREATE_ORDER:
        check_order(body, client_order_index_max=client_order_index_max)
    elif transaction.kind is TxType.CANCEL_ORDER:
        _require(0 < body["Index"] <= ORDER_INDEX_MAX, codes.INVALID_ORDER_INDEX)
    elif transaction.kind is TxType.MODIFY_ORDER:
        _require(0 < body["Index"] <= ORDER_INDEX_MAX, codes.INVALID_ORDER_INDEX)
        _check_amounts(body, may_be_zero=True)
    elif transaction.kind is TxType.UPDATE_LEVERAGE:
        fraction = body["InitialMarginFraction"]
        _require(1 <= fraction <= MARGIN_FRACTION_MAX, codes.INVALID_INITIAL_MARGIN_FRACTION)
        _require(body["MarginMode"] in (0, 1), codes.INVALID_MARGIN_MODE)
    elif transaction.kind is TxType.UPDATE_MARGIN:
        _require(body["Direction"] in (0, 1), codes.INVALID_MARGIN_DIRECTION)
        _require(body["USDCAmount"] > 0, codes.INVALID_TX_INFO)


def check_order(order: Fields, *, client_order_index_max: int, is_child: bool = False) -> None:
    """Raise `LighterRefusal` where an order's integers contradict each other.

    A child of a group carries no amount of its own (`is_child`).
    """
    in_range = 0 <= order["ClientOrderIndex"] <= client_order_index_max
    _require(in_range, codes.INVALID_CLIENT_ORDER_INDEX)
    _require(order["IsAsk"] in (0, 1), codes.INVALID_IS_ASK)
    _require(order["ReduceOnly"] in (0, 1), codes.INVALID_REDUCE_ONLY_MODE)
    _require(order["Type"] != TWAP_ORDER_TYPE, codes.UNSUPPORTED_ORDER_TYPE)
    _require(order["Type"] in tuple(OrderType), codes.INVALID_ORDER_TYPE)
    _require(order["TimeInForce"] in tuple(TimeInForce), codes.INVALID_TIME_IN_FORCE)
    _check_amounts(order, may_be_zero=is_child or order["ReduceOnly"] == 1)
    _check_life(order)


def _check_amounts(order: Fields, *, may_be_zero: bool) -> None:
    amount = order["BaseAmount"]
    _require(0 <= amount <= BASE_AMOUNT_MAX, codes.INVALID_BASE_AMOUNT)
    _require(amount > 0 or may_be_zero, codes.INVALID_BASE_AMOUNT)
    _require(1 <= order["Price"] <= PRICE_MAX, codes.INVALID_PRICE)
    _require(0 <= order["TriggerPrice"] <= PRICE_MAX, codes.INVALID_TRIGGER_PRICE)


def _check_life(order: Fields) -> None:
    """Check trigger, time in force and expiry against the type, as the signer does."""
    kind, tif, expiry = OrderType(order["Type"]), order["TimeInForce"], order["OrderExpiry"]
    waits = kind not in (OrderType.LIMIT, OrderType.MARKET)
    _require((order["TriggerPrice"] > 0) == waits, codes.INVALID_TRIGGER_PRICE)
    _require(expiry >= 0, codes.INVALID_EXPIRY)
    if kind in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT):
        _require(tif == TimeInForce.IMMEDIATE_OR_CANCEL, codes.INVALID_TIME_IN_FORCE)
    rests = waits or tif != TimeInForce.IMMEDIATE_OR_CANCEL
    _require((expiry > 0) == rests, codes.INVALID_EXPIRY)


def _check_header(transaction: Transaction) -> None:
    account_fits = 0 < transaction.account_index <= ACCOUNT_INDEX_MAX
    _require(account_fits, codes.INVALID_ACCOUNT_INDEX)
    key_fits = 0 <= transaction.api_key_index <= API_KEY_INDEX_MAX
    _require(key_fits, codes.INVALID_API_KEY_INDEX)
    _require(0 <= transaction.nonce <= NONCE_MAX, codes.INVALID_NONCE)


def _decode_info(tx_info: object) -> tuple[str, dict[str, Any]]:
    if isinstance(tx_info, dict):
        return msgspec.json.encode(tx_info).decode(), tx_info
    if not isinstance(tx_info, str):
        raise LighterRefusal(codes.INVALID_TX_INFO)
    try:
        fields = msgspec.json.decode(tx_info)
    except msgspec.DecodeError as error:
        raise LighterRefusal(codes.INVALID_TX_INFO) from error
    if not isinstance(fields, dict):
        raise LighterRefusal(codes.INVALID_TX_INFO)
    return tx_info, fields


def _body_names(kind: TxType) -> tuple[str, ...]:
    if kind is TxType.CREATE_GROUPED_ORDERS:
        return ("GroupingType",)
    return BODY_FIELDS.get(kind, ())


def _integer(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int:  # a bool is an int in Python, not on the wire
        raise LighterRefusal(codes.INVALID_TX_INFO, name)
    return value


def _orders(fields: Mapping[str, Any]) -> tuple[Fields, ...]:
    rows = fields.get("Orders")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise LighterRefusal(codes.INVALID_TX_INFO, "Orders")
    _require(1 <= len(rows) <= ORDERS_IN_GROUP_MAX, codes.INVALID_GROUP_SIZE)
    return tuple({name: _integer(row, name) for name in ORDER_FIELDS} for row in rows)


def _attributes(value: object) -> dict[int, int]:
    """Return the attributes in ascending order of their key."""
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > ATTRIBUTES_MAX:
        raise LighterRefusal(codes.INVALID_TX_INFO, "L2TxAttributes")
    known = {str(key.value): key.value for key in Attribute}
    if not all(key in known and type(number) is int for key, number in value.items()):
        raise LighterRefusal(codes.INVALID_TX_INFO, "L2TxAttributes")
    return {known[key]: value[key] for key in sorted(value, key=int)}


def _new_key(kind: TxType, fields: Mapping[str, Any]) -> bytes:
    if kind is not TxType.CHANGE_PUB_KEY:
        return b""
    return _bytes_of(fields.get("PubKey"), PUBLIC_KEY_BYTES, codes.INVALID_TX_INFO)


def _bytes_of(value: object, length: int, code: int) -> bytes:
    """Return `length` bytes from base64 text, or refuse with `code`."""
    if not isinstance(value, str):
        raise LighterRefusal(code)
    try:
        data = b64decode(value, validate=True)
    except (Base64Error, ValueError) as error:
        raise LighterRefusal(code) from error
    _require(len(data) == length, code)
    return data


def _require(condition: bool, code: int) -> None:
    if not condition:
        raise LighterRefusal(code)
