"""What Lighter signs: the hash of each transaction we send or check, and the auth token's text.

Only hashing and verifying lives here; building and signing is `desk.venues.lighter.signer`. Field
order follows the venue's public signer (elliottech/lighter-go) and reproduces the hashes of the
library in `lighter-sdk` 1.1.8 bit for bit.

A `tx_info` is the decoded JSON object that travels in `sendTx`: integers throughout, `Sig` in
base64, `L2TxAttributes` null or an object with string keys.
"""

import base64
import binascii
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from desk.venues.lighter.crypto.field import limbs_of
from desk.venues.lighter.crypto.poseidon2 import (
    chain_digests,
    hash_to_digest,
    hash_to_quintic,
)
from desk.venues.lighter.crypto.schnorr import SIGNATURE_BYTES, verify

ATTRIBUTES_MAX: Final = 4
ORDERS_IN_GROUP_MAX: Final = 3
INTEGER_LIMIT: Final = 2**63  # exclusive: the wire's integers are signed 64 bit, ours are never < 0

MARKET_ATTRIBUTE: Final = 5
NIL_MARKET: Final = 255  # "no market": market 0 is a market


class TxType(IntEnum):
    """The transaction types whose hash we know."""

    CHANGE_PUB_KEY = 8
    CREATE_ORDER = 14
    CANCEL_ORDER = 15
    CANCEL_ALL_ORDERS = 16
    MODIFY_ORDER = 17
    UPDATE_LEVERAGE = 20
    CREATE_GROUPED_ORDERS = 28
    UPDATE_MARGIN = 29


class MalformedTx(ValueError):
    """A transaction that cannot be hashed: unknown type, field missing or not a whole number."""


ORDER_FIELDS: Final = (
    "MarketIndex",
    "ClientOrderIndex",
    "BaseAmount",
    "Price",
    "IsAsk",
    "Type",
    "TimeInForce",
    "ReduceOnly",
    "TriggerPrice",
    "OrderExpiry",
)
# What a transaction carries besides account, key, nonce and expiry: in the order of the JSON text,
# which is the order of the hash too (an amount of USDC is split there in two).
BODY_FIELDS: Final[Mapping[TxType, tuple[str, ...]]] = {
    TxType.CREATE_ORDER: ORDER_FIELDS,
    TxType.CANCEL_ORDER: ("MarketIndex", "Index"),
    TxType.CANCEL_ALL_ORDERS: ("TimeInForce", "Time"),
    TxType.MODIFY_ORDER: ("MarketIndex", "Index", "BaseAmount", "Price", "TriggerPrice"),
    TxType.UPDATE_LEVERAGE: ("MarketIndex", "InitialMarginFraction", "MarginMode"),
    TxType.UPDATE_MARGIN: ("MarketIndex", "USDCAmount", "Direction"),
}


def tx_hash(tx_type: int, tx_info: Mapping[str, object], chain_id: int) -> str:
    """Return the transaction's hash, 80 hex digits: what is signed, and what the venue calls it.

    `chain_id` is 304 on mainnet, 300 on testnet. Raises `MalformedTx`.
    """
    try:
        kind = TxType(tx_type)
    except ValueError:
        raise MalformedTx(f"unknown transaction type {tx_type!r}") from None
    head = _integers(tx_info, ("Nonce", "ExpiredAt", "AccountIndex", "ApiKeyIndex"))
    message = hash_to_quintic([chain_id, kind, *head, *_body(kind, tx_info)])
    attributes = _attributes(tx_info)
    if attributes:
        message = hash_to_quintic([*message, *hash_to_quintic(attributes)])
    return _to_hex(message)


def verify_tx(tx_type: int, tx_info: Mapping[str, object], chain_id: int, public_key: str) -> bool:
    """Return whether `tx_info` carries the key's signature. Raises `MalformedTx` like `tx_hash`.

    `public_key` is 80 hex digits, with or without 0x.
    """
    return verify_tx_hash(tx_hash(tx_type, tx_info, chain_id), tx_info.get("Sig"), public_key)


def verify_tx_hash(message: str, signature: object, public_key: str) -> bool:
    """Return whether base64 `signature` is the key's for the hash `tx_hash` gave."""
    if not isinstance(signature, str):
        return False
    try:
        raw = base64.b64decode(signature, validate=True)
        return verify(bytes.fromhex(message), raw, _key_bytes(public_key))
    except (binascii.Error, ValueError):
        return False


def auth_text(deadline_s: int, account_index: int, api_key_index: int) -> str:
    """Return the signed part of an auth token; `deadline_s` is unix seconds."""
    return f"{deadline_s}:{account_index}:{api_key_index}"


def auth_hash(text: str) -> str:
    """Return the hash of an auth text: its ASCII in 8 byte limbs, the last one zero padded."""
    data = text.encode("ascii")
    limbs = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
    return _to_hex(hash_to_quintic(limbs))


def verify_auth_token(token: str, public_key: str) -> bool:
    """Return whether `deadline:account:key:signature` carries the key's signature.

    Says nothing of the deadline: the caller reads it from the text and has the clock.
    """
    text, _, signature = token.rpartition(":")
    try:
        raw = bytes.fromhex(signature)
        message = bytes.fromhex(auth_hash(text))
        return len(raw) == SIGNATURE_BYTES and verify(message, raw, _key_bytes(public_key))
    except ValueError:
        return False


def _body(kind: TxType, tx_info: Mapping[str, object]) -> list[int]:
    """Return the elements a transaction adds to the common head."""
    if kind is TxType.CHANGE_PUB_KEY:
        return _public_key_limbs(tx_info)
    if kind is TxType.UPDATE_MARGIN:
        market, usdc, direction = _integers(tx_info, BODY_FIELDS[kind])
        return [market, usdc & 0xFFFFFFFF, usdc >> 32, direction]
    if kind is TxType.CREATE_GROUPED_ORDERS:
        orders = [hash_to_digest(_integers(order, ORDER_FIELDS)) for order in _orders(tx_info)]
        return [*_integers(tx_info, ("GroupingType",)), *chain_digests(orders)]
    return _integers(tx_info, BODY_FIELDS[kind])


def _integers(tx_info: Mapping[str, object], names: tuple[str, ...]) -> list[int]:
    """Return the named fields, each a whole number in 0 .. 2^63 - 1."""
    values: list[int] = []
    for name in names:
        value = tx_info.get(name)
        if type(value) is not int or not 0 <= value < INTEGER_LIMIT:
            raise MalformedTx(f"{name} is {value!r}, not a whole number in 0 .. 2^63 - 1")
        values.append(value)
    return values


def _orders(tx_info: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the orders of a group."""
    orders = tx_info.get("Orders")
    if not isinstance(orders, list) or not 1 <= len(orders) <= ORDERS_IN_GROUP_MAX:
        raise MalformedTx(f"Orders is not a list of 1 .. {ORDERS_IN_GROUP_MAX}")
    if not all(isinstance(order, Mapping) for order in orders):
        raise MalformedTx("Orders holds something that is no order")
    return orders


def _public_key_limbs(tx_info: Mapping[str, object]) -> list[int]:
    """Return the five limbs of the new key in `PubKey` (base64 of 40 bytes)."""
    text = tx_info.get("PubKey")
    try:
        limbs = limbs_of(base64.b64decode(text if isinstance(text, str) else "", validate=True))
    except (binascii.Error, ValueError):
        limbs = None
    if limbs is None:
        raise MalformedTx("PubKey is not base64 of a 40 byte key")
    return list(limbs)


def _attributes(tx_info: Mapping[str, object]) -> list[int]:
    """Return (type, value) pairs that enter the hash, ascending and zero padded; none: empty.

    A nil value stays out: 0, and for the market attribute 255, where 0 is a market.
    """
    given = tx_info.get("L2TxAttributes")
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise MalformedTx("L2TxAttributes is neither null nor an object")
    pairs = sorted((_attribute_type(key), value) for key, value in given.items())
    flat: list[int] = []
    for kind, value in pairs:
        if type(value) is not int or not 0 <= value < INTEGER_LIMIT:
            raise MalformedTx(f"attribute {kind} is {value!r}, not a whole number")
        if value != (NIL_MARKET if kind == MARKET_ATTRIBUTE else 0):
            flat += (kind, value)
    if len(flat) > 2 * ATTRIBUTES_MAX:
        raise MalformedTx(f"more than {ATTRIBUTES_MAX} attributes")
    return flat + [0] * (2 * ATTRIBUTES_MAX - len(flat)) if flat else []


def _attribute_type(key: object) -> int:
    """Return an attribute's number from its JSON key."""
    if not isinstance(key, str) or not key.isascii() or not key.isdigit():
        raise MalformedTx(f"attribute key {key!r} is not a number")
    return int(key)


def _key_bytes(public_key: str) -> bytes:
    """Return the 40 bytes of a hex key, with or without 0x."""
    return bytes.fromhex(public_key.removeprefix("0x"))


def _to_hex(message: list[int]) -> str:
    """Return five elements as 80 hex digits."""
    return b"".join(limb.to_bytes(8, "little") for limb in message).hex()
