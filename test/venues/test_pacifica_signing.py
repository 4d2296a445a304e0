"""Pacifica's signatures: fixed vectors, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.core.secret import Secret
from desk.venues.pacifica.signing import (
    Signer,
    decode_base58,
    is_address,
    signing_bytes,
    verify,
)

ROOT = Path(__file__).resolve().parent.parent.parent
VECTORS = json.loads((ROOT / "test/vectors/pacifica_signing.json").read_text())
KEYS = VECTORS["keys"]
RECORDED = ROOT.parent / "shared/payloads/pacifica/signing_vectors.json"
TIME_MS = VECTORS["timestamp_ms"]


def signer(name: str) -> Signer:
    """Return the signer of one of the vectors' keys."""
    return Signer(Secret(KEYS[name]["secret"]))


def message_of(case: dict[str, Any]) -> bytes:
    """Return the bytes a case signs."""
    return signing_bytes(
        case["operation"],
        case["payload"],
        timestamp_ms=TIME_MS,
        expiry_window_ms=case["expiry_window_ms"],
    )


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_message_is_canonical(case: dict[str, Any]) -> None:
    """Keys are sorted at every depth, without blanks, header and payload together."""
    assert case["message"] == message_of(case).decode()


@pytest.mark.parametrize("name", ["main", "agent"])
@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_signature_matches_the_vector(case: dict[str, Any], name: str) -> None:
    """Ed25519 is deterministic: one message and one key have one signature."""
    actual = signer(name).sign(
        case["operation"],
        case["payload"],
        timestamp_ms=TIME_MS,
        expiry_window_ms=case["expiry_window_ms"],
    )

    assert case["signatures"][name] == actual


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_signature_is_of_its_key_and_message_only(case: dict[str, Any]) -> None:
    """The agent's signature verifies as the agent's, over this message, and no other way."""
    message, signature = message_of(case), case["signatures"]["agent"]

    assert verify(message, signature=signature, address=KEYS["agent"]["address"])
    assert not verify(message + b" ", signature=signature, address=KEYS["agent"]["address"])
    assert not verify(message, signature=signature, address=KEYS["main"]["address"])


def recorded() -> dict[str, Any]:
    """Return the recorded vectors, or skip."""
    if not RECORDED.exists():
        pytest.skip("the recorded payloads are not beside the repository")
    found: dict[str, Any] = json.loads(RECORDED.read_text())
    return found


def test_recorded_vectors_are_reproduced() -> None:
    """Every recorded vector is met byte for byte, for both keys."""
    data = recorded()
    for vector in data["vectors"]:
        times = {"timestamp_ms": vector["timestamp"], "expiry_window_ms": vector["expiry_window"]}
        message = signing_bytes(vector["type"], vector["data"], **times)
        assert vector["message"] == message.decode()
        for name in ("main", "agent"):
            key = Signer(Secret(data["keys"][name]["secret_base58_64B"]))
            assert data["keys"][name]["pubkey"] == key.address
            assert vector[f"signature_{name}"] == key.sign(vector["type"], vector["data"], **times)


JSON_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON_VALUES))
@settings(max_examples=100)
def test_canonical_form_is_sorted_compact_json(payload: dict[str, Any]) -> None:
    """Our bytes are those of the venue's own examples: sorted, compact, unescaped."""
    actual = json.loads(signing_bytes("x", payload, timestamp_ms=1, expiry_window_ms=2))

    assert {"type": "x", "timestamp": 1, "expiry_window": 2, "data": payload} == actual


def test_nested_keys_are_sorted() -> None:
    """Sorting reaches into nested objects and leaves lists in their order."""
    payload = {"b": {"z": 1, "a": 2}, "a": [3, 1, 2]}
    message = signing_bytes("x", payload, timestamp_ms=1, expiry_window_ms=2)

    assert b'{"data":{"a":[3,1,2],"b":{"a":2,"z":1}},' == message[:40]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("9C6hybhQ6Aycep9jaUnP6uL9ZYvDjUp1aSkFWPUFJtpj", "32 bytes"),
        ("0OIl", "not base58: character 1"),
        (KEYS["main"]["secret"][:-1], "was it cut"),
        (KEYS["main"]["secret"][:-1] + "e", "was a character changed"),
        ("z" * 500, "longer than"),
    ],
)
def test_unusable_keys_are_named(text: str, problem: str) -> None:
    """A key that cannot sign says what is wrong with it."""
    with pytest.raises(ValueError, match=problem):
        Signer(Secret(text))


def test_problem_of_a_key_never_quotes_it() -> None:
    """Neither the message nor the chained error holds a part of the secret."""
    text = KEYS["main"]["secret"][:-2] + "0!"

    with pytest.raises(ValueError, match="base58") as caught:
        Signer(Secret(text))

    assert text[:8] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_signer_prints_its_public_half() -> None:
    """A signer in a log line shows the address."""
    assert f"Signer({KEYS['main']['address']})" == repr(signer("main"))


@pytest.mark.parametrize("signature", ["", "abc", "0", "1" * 64, KEYS["main"]["address"]])
def test_malformed_signature_is_not_valid(signature: str) -> None:
    """Whatever a stranger sends as a signature is refused, not raised."""
    assert not verify(b"x", signature=signature, address=KEYS["main"]["address"])


def test_malformed_address_is_not_valid() -> None:
    """Neither is a signature of an address that is none."""
    case = VECTORS["cases"][0]

    assert not verify(message_of(case), signature=case["signatures"]["main"], address="abc")


def short_signature() -> tuple[bytes, str]:
    """Return a message whose signature begins with a zero byte, and it without its leading one."""
    key = signer("main")
    for number in range(5_000):
        times = {"timestamp_ms": number, "expiry_window_ms": 1}
        text = key.sign("x", {}, **times)
        if text.startswith("1"):
            return signing_bytes("x", {}, **times), text.lstrip("1")
    raise AssertionError("no such signature among 5,000")


def test_dropped_leading_zeros_can_be_restored() -> None:
    """A lenient verifier accepts a signature whose encoder dropped its leading zero bytes."""
    message, text = short_signature()
    address = KEYS["main"]["address"]

    assert not verify(message, signature=text, address=address)
    assert verify(message, signature=text, address=address, pad_short=True)


def test_base58_keeps_leading_zeros() -> None:
    """Each leading "1" is a zero byte."""
    assert b"\0\0\x01" == decode_base58("112")


@pytest.mark.parametrize(
    ("text", "expected"),
    [(KEYS["main"]["address"], True), ("1" * 32, True), ("abc", False), ("0" * 44, False)],
)
def test_address_is_base58_of_32_bytes(text: str, expected: bool) -> None:
    """An address is judged by its length in bytes, not in letters."""
    assert expected is is_address(text)
