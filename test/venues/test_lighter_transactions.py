"""Lighter's transaction hashes and signatures, against what the official client signed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from desk.venues.lighter.crypto import schnorr
from desk.venues.lighter.crypto.transactions import (
    MalformedTx,
    TxType,
    tx_hash,
    verify_auth_token,
    verify_tx,
)
from test.venues.lighter_vectors import VECTORS, scalar, shared

OURS = [
    pytest.param(vectors, tx, id=f"{vectors['chain_id']} {tx['name']}")
    for vectors in VECTORS
    for tx in vectors["transactions"]
]
LIMIT = VECTORS[0]["transactions"][0]
INFO = json.loads(LIMIT["tx_info"])
KEY = VECTORS[0]["public_key"]
CHAIN_ID = VECTORS[0]["chain_id"]


def changed(**fields: object) -> dict[str, object]:
    """Return a signed limit order with some fields replaced."""
    return {**INFO, **fields}


@pytest.mark.parametrize(("vectors", "tx"), OURS)
def test_the_librarys_hash_reproduces(vectors: Any, tx: Any) -> None:
    """Every kind of transaction hashes as the venue's library hashes it."""
    info = json.loads(tx["tx_info"])
    assert tx["tx_hash"] == tx_hash(tx["tx_type"], info, vectors["chain_id"])


@pytest.mark.parametrize(("vectors", "tx"), OURS)
def test_the_librarys_signature_verifies(vectors: Any, tx: Any) -> None:
    """Its signature holds under its key, and not on another chain."""
    info, key = json.loads(tx["tx_info"]), vectors["public_key"]
    assert verify_tx(tx["tx_type"], info, vectors["chain_id"], key)
    assert not verify_tx(tx["tx_type"], info, vectors["chain_id"] + 1, key)


@pytest.mark.parametrize("vectors", VECTORS, ids=lambda vectors: str(vectors["chain_id"]))
def test_the_librarys_key_pairs_and_tokens_hold(vectors: Any) -> None:
    """We derive its public key, and accept its auth token until a digit changes."""
    public, token = vectors["public_key"], vectors["auth_token"]
    assert public == "0x" + schnorr.public_key(scalar(vectors["private_key"])).hex()
    assert verify_auth_token(token, public.removeprefix("0x"))
    assert not verify_auth_token("9" + token[1:], public)
    assert not verify_auth_token(token[:-2], public)
    assert not verify_auth_token("no token", public)


@pytest.mark.parametrize("name", [name for name, value in INFO.items() if type(value) is int])
def test_changing_any_field_breaks_the_signature(name: str) -> None:
    """No field of a signed order can be changed by one."""
    tampered = changed(**{name: INFO[name] + 1})
    assert not verify_tx(LIMIT["tx_type"], tampered, CHAIN_ID, KEY)


def test_an_attribute_cannot_be_added_to_a_signed_order() -> None:
    """Attributes are signed too."""
    tampered = changed(L2TxAttributes={"4": 1})
    assert not verify_tx(LIMIT["tx_type"], tampered, CHAIN_ID, KEY)


def test_another_key_does_not_verify() -> None:
    """A signature belongs to one key."""
    assert not verify_tx(LIMIT["tx_type"], INFO, CHAIN_ID, VECTORS[1]["public_key"])


@pytest.mark.parametrize("at", [0, 39, 40, 79])
def test_a_flipped_bit_breaks_the_signature(at: int) -> None:
    """One bit of either half is enough."""
    signature = bytearray(base64.b64decode(INFO["Sig"]))
    signature[at] ^= 1
    tampered = changed(Sig=base64.b64encode(signature).decode())
    assert not verify_tx(LIMIT["tx_type"], tampered, CHAIN_ID, KEY)


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", None, 7, INFO["Sig"][:-4]])
def test_a_malformed_signature_is_refused_without_an_error(signature: object) -> None:
    """What is no signature verifies as False."""
    assert not verify_tx(LIMIT["tx_type"], changed(Sig=signature), CHAIN_ID, KEY)


@pytest.mark.parametrize("key", ["", "0x", "zz", KEY[:-2], "0x" + "ff" * 40])
def test_a_malformed_public_key_verifies_nothing(key: str) -> None:
    """What is no key verifies as False."""
    assert not verify_tx(LIMIT["tx_type"], INFO, CHAIN_ID, key)


def test_attributes_that_say_nothing_stay_out_of_the_hash() -> None:
    """Zeros, and no market for the market attribute, hash like no attributes at all."""
    said_nothing = changed(L2TxAttributes={"1": 0, "2": 0, "5": 255})
    assert LIMIT["tx_hash"] == tx_hash(LIMIT["tx_type"], said_nothing, CHAIN_ID)


def test_market_zero_is_a_market_attribute() -> None:
    """Cancelling all orders of market 0 is not cancelling all orders."""
    info = {"AccountIndex": 1, "ApiKeyIndex": 2, "TimeInForce": 0, "Time": 0, "ExpiredAt": 3}
    everywhere = {**info, "Nonce": 4, "L2TxAttributes": None}
    market_zero = {**everywhere, "L2TxAttributes": {"5": 0}}
    kind = TxType.CANCEL_ALL_ORDERS
    assert tx_hash(kind, everywhere, CHAIN_ID) != tx_hash(kind, market_zero, CHAIN_ID)


@pytest.mark.parametrize("value", [None, "1", 1.0, True, -1, 2**63])
def test_a_field_that_is_no_whole_number_is_malformed(value: object) -> None:
    """Only plain integers of the wire's range are hashed; the error names the field."""
    with pytest.raises(MalformedTx, match="Price is "):
        tx_hash(TxType.CREATE_ORDER, changed(Price=value), CHAIN_ID)


@pytest.mark.parametrize(
    "attributes",
    [[], "4", {"4": "1"}, {"4": True}, {"x": 1}, {4: 1}, dict.fromkeys("12346", 1), {"4": -1}],
)
def test_malformed_attributes_are_named(attributes: object) -> None:
    """Attributes are an object of at most four numbered integers."""
    with pytest.raises(MalformedTx, match="ttribute"):
        tx_hash(TxType.CREATE_ORDER, changed(L2TxAttributes=attributes), CHAIN_ID)


@pytest.mark.parametrize("orders", [None, [], {}, [1], [INFO] * 4, [{}]])
def test_a_malformed_group_of_orders_is_refused(orders: object) -> None:
    """A group holds one to three orders."""
    with pytest.raises(MalformedTx):
        tx_hash(28, changed(GroupingType=1, Orders=orders), CHAIN_ID)


@pytest.mark.parametrize("key", [None, "", "AAAA", "!!", base64.b64encode(b"\xff" * 40).decode()])
def test_a_malformed_new_public_key_is_refused(key: object) -> None:
    """A change of key needs forty bytes in base64."""
    with pytest.raises(MalformedTx, match="PubKey"):
        tx_hash(TxType.CHANGE_PUB_KEY, changed(PubKey=key), CHAIN_ID)


@pytest.mark.parametrize("tx_type", [0, 12, 13, 99])
def test_a_type_we_have_no_business_with_is_unknown(tx_type: int) -> None:
    """Only the types of this trade are hashed."""
    with pytest.raises(MalformedTx, match="unknown"):
        tx_hash(tx_type, INFO, CHAIN_ID)


def test_recorded_transactions_hold() -> None:
    """Hashes and signatures of an older library and of the tested one hold."""
    known = {int(kind) for kind in TxType}
    for case in shared("signing_tx_oracle.json")["vectors"]:
        if case["tx_type"] in known:
            info, key = json.loads(case["tx_info"]), schnorr.public_key(scalar(case["sk"])).hex()
            assert case["tx_hash"] == tx_hash(case["tx_type"], info, case["chain_id"])
            assert verify_tx(case["tx_type"], info, case["chain_id"], key)
    examples = shared("tx_info_examples.json")
    for case in examples["examples"].values():
        if case["tx_type"] in known:
            info = case["tx_info"]
            assert case["tx_hash"] == tx_hash(case["tx_type"], info, examples["chain_id"])
            assert verify_tx(case["tx_type"], info, examples["chain_id"], examples["public_key"])


def test_recorded_auth_tokens_hold() -> None:
    """Tokens made by the venue's library verify."""
    for case in shared("signing_auth_token_oracle.json")["vectors"]:
        key = schnorr.public_key(scalar(case["sk"])).hex()
        assert verify_auth_token(case["token"], key)
    examples = shared("tx_info_examples.json")
    assert verify_auth_token(examples["auth_token_example"], examples["public_key"])
