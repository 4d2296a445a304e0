"""Both Lighter signers: alike but for the signature, checked before signing, silent about keys."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from desk.core.errors import ConfigError, InvariantBroken
from desk.core.secret import Secret
from desk.venues.lighter.crypto import library
from desk.venues.lighter.crypto.transactions import TxType, tx_hash, verify_auth_token, verify_tx
from desk.venues.lighter.signer import (
    TX_LIFE_MS,
    InvalidRequest,
    LibrarySigner,
    MalformedKey,
    PythonSigner,
    SignedTx,
    Signer,
    SignerUnavailable,
    generate_key_pair,
)
from test.venues.lighter_vectors import VECTORS

PRIVATE_KEY, PUBLIC_KEY = generate_key_pair(b"signer test")
CHAIN_ID = 304
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
# The library reads the host's clock, so what both sign is dated from there.
NOW_MS = int(time.time() * 1000)
EXPIRY_MS = NOW_MS + DAY_MS

ORDER = {
    "market_index": 0,
    "client_order_index": 42,
    "base_amount": 1000,
    "price": 654321,
    "is_ask": 1,
    "order_type": 0,
    "time_in_force": 1,
    "reduce_only": 0,
    "trigger_price": 0,
    "order_expiry_ms": EXPIRY_MS,
    "nonce": 5,
}
NEVER_RESTS = {"time_in_force": 0, "order_expiry_ms": 0}
STOP = {"order_type": 2, "time_in_force": 0, "reduce_only": 1, "trigger_price": 7}
CANCEL_ALL = {"time_in_force": 0, "time_ms": 0, "market_index": None, "nonce": 5}
MODIFY = {
    "market_index": 3,
    "order_index": 2**48 + 1,
    "base_amount": 20,
    "price": 2**32 - 1,
    "trigger_price": 0,
    "nonce": 2**47 - 1,
}
LEVERAGE = {"market_index": 0, "initial_margin_fraction": 10_000, "margin_mode": 0, "nonce": 0}
MARGIN = {"market_index": 0, "usdc_e6": 2**40 + 1, "direction": 0, "nonce": 5}

ACCEPTED = [
    ("create_order", ORDER),
    ("create_order", {**ORDER, "time_in_force": 2, "price": 2**32 - 1}),
    ("create_order", {**ORDER, **NEVER_RESTS}),
    ("create_order", {**ORDER, **NEVER_RESTS, "order_type": 1, "client_order_index": 0}),
    ("create_order", {**ORDER, **STOP, "base_amount": 0, "is_ask": 0}),
    ("create_order", {**ORDER, **STOP, "order_type": 5, "time_in_force": 1}),
    ("cancel_order", {"market_index": 254, "order_index": 2**60 - 1, "nonce": 5}),
    ("cancel_all", CANCEL_ALL),
    ("cancel_all", {**CANCEL_ALL, "market_index": 0}),
    ("cancel_all", {**CANCEL_ALL, "time_in_force": 1, "time_ms": NOW_MS + 600 * MINUTE_MS}),
    ("cancel_all", {**CANCEL_ALL, "time_in_force": 2}),
    ("modify_order", MODIFY),
    ("update_leverage", LEVERAGE),
    ("update_margin", MARGIN),
]
# Method, arguments, one word of the complaint.
REFUSED = [
    ("create_order", {**ORDER, "market_index": 255}, "MarketIndex"),
    ("create_order", {**ORDER, "market_index": -1}, "MarketIndex"),
    ("create_order", {**ORDER, "client_order_index": 2**48}, "ClientOrderIndex"),
    ("create_order", {**ORDER, "base_amount": 0}, "ReduceOnly"),
    ("create_order", {**ORDER, "base_amount": 2**48}, "BaseAmount"),
    ("create_order", {**ORDER, "base_amount": 1.0}, "BaseAmount"),
    ("create_order", {**ORDER, "price": 0}, "Price"),
    ("create_order", {**ORDER, "price": 2**32}, "Price"),
    ("create_order", {**ORDER, "is_ask": True}, "IsAsk"),
    ("create_order", {**ORDER, "is_ask": 2}, "IsAsk"),
    ("create_order", {**ORDER, "order_type": 6}, "Type"),
    ("create_order", {**ORDER, "time_in_force": 3}, "TimeInForce"),
    ("create_order", {**ORDER, "order_type": 1}, "TimeInForce"),
    ("create_order", {**ORDER, **STOP, "time_in_force": 1}, "TimeInForce"),
    ("create_order", {**ORDER, "trigger_price": 7}, "TriggerPrice"),
    ("create_order", {**ORDER, **STOP, "trigger_price": 0}, "TriggerPrice"),
    ("create_order", {**ORDER, **STOP, "order_expiry_ms": 0}, "OrderExpiry"),
    ("create_order", {**ORDER, "time_in_force": 0}, "OrderExpiry"),
    ("create_order", {**ORDER, "order_expiry_ms": -1}, "OrderExpiry"),
    ("create_order", {**ORDER, "order_expiry_ms": NOW_MS + 5 * MINUTE_MS - 1}, "OrderExpiry"),
    ("create_order", {**ORDER, "order_expiry_ms": NOW_MS + 30 * DAY_MS + 1}, "OrderExpiry"),
    ("create_order", {**ORDER, "nonce": -1}, "Nonce"),
    ("create_order", {**ORDER, "nonce": 2**47}, "Nonce"),
    ("cancel_order", {"market_index": 0, "order_index": 0, "nonce": 5}, "Index"),
    ("cancel_order", {"market_index": 0, "order_index": 2**60, "nonce": 5}, "Index"),
    ("cancel_all", {**CANCEL_ALL, "time_in_force": 3}, "TimeInForce"),
    ("cancel_all", {**CANCEL_ALL, "time_ms": EXPIRY_MS}, "Time"),
    ("cancel_all", {**CANCEL_ALL, "time_in_force": 2, "time_ms": EXPIRY_MS}, "Time"),
    ("cancel_all", {**CANCEL_ALL, "time_in_force": 1}, "Time"),
    ("cancel_all", {**CANCEL_ALL, "time_in_force": 1, "time_ms": NOW_MS + 299_999}, "Time"),
    ("cancel_all", {**CANCEL_ALL, "time_in_force": 1, "time_ms": NOW_MS + 16 * DAY_MS}, "Time"),
    ("cancel_all", {**CANCEL_ALL, "time_in_force": 2, "market_index": 1}, "immediate"),
    ("cancel_all", {**CANCEL_ALL, "market_index": 255}, "market"),
    ("modify_order", {**MODIFY, "base_amount": 0}, "BaseAmount"),
    ("modify_order", {**MODIFY, "trigger_price": 2**32}, "TriggerPrice"),
    ("update_leverage", {**LEVERAGE, "initial_margin_fraction": 0}, "InitialMarginFraction"),
    ("update_leverage", {**LEVERAGE, "initial_margin_fraction": 10_001}, "InitialMarginFraction"),
    ("update_leverage", {**LEVERAGE, "margin_mode": 2}, "MarginMode"),
    ("update_margin", {**MARGIN, "usdc_e6": 0}, "USDCAmount"),
    ("update_margin", {**MARGIN, "direction": 2}, "Direction"),
]


def signer(kind: Callable[..., Signer], *, key: str = PRIVATE_KEY, **changes: Any) -> Signer:
    """Return a signer of one kind whose clock stands still unless told otherwise."""
    terms = {"account_index": 1234, "api_key_index": 7, "chain_id": CHAIN_ID, "now_ms": now}
    return kind(Secret(key), **{**terms, **changes})


def now() -> int:
    """Return the instant at which these tests stand still."""
    return NOW_MS


def sign(made: Signer, method: str, arguments: Any) -> SignedTx:
    """Return what one method signs."""
    signed = getattr(made, method)(**arguments)
    assert isinstance(signed, SignedTx)
    return signed


def holds(signed: SignedTx, key: str = PUBLIC_KEY, chain_id: int = CHAIN_ID) -> bool:
    """Return whether hash and signature of a signed transaction hold."""
    info = json.loads(signed.tx_info)
    same_hash = signed.tx_hash == tx_hash(signed.tx_type, info, chain_id)
    return same_hash and verify_tx(signed.tx_type, info, chain_id, key)


@pytest.fixture(params=[LibrarySigner, PythonSigner])
def kind(request: pytest.FixtureRequest) -> Callable[..., Signer]:
    """Both kinds of signer in turn."""
    made: Callable[..., Signer] = request.param
    return made


@pytest.mark.parametrize(("method", "arguments"), ACCEPTED)
def test_both_signers_sign_the_same_text(method: str, arguments: Any) -> None:
    """At the same instant text and hash are the same to the byte, but for the signature."""
    theirs = sign(signer(LibrarySigner), method, arguments)
    instant_ms = theirs.expired_at_ms - TX_LIFE_MS
    ours = sign(signer(PythonSigner, now_ms=lambda: instant_ms), method, arguments)
    their_sig, our_sig = (json.loads(signed.tx_info)["Sig"] for signed in (theirs, ours))
    assert theirs.tx_info == ours.tx_info.replace(our_sig, their_sig)
    assert theirs.tx_hash == ours.tx_hash
    assert (theirs.tx_type, theirs.nonce) == (ours.tx_type, ours.nonce)
    assert holds(theirs)
    assert holds(ours)


@pytest.mark.parametrize(("method", "arguments", "word"), REFUSED)
def test_nonsense_is_not_signed(
    kind: Callable[..., Signer], method: str, arguments: Any, word: str
) -> None:
    """A value out of range, or one that does not fit the others, is refused by name."""
    with pytest.raises(InvalidRequest, match=word):
        sign(signer(kind), method, arguments)


def test_a_fake_clock_dates_what_python_signs() -> None:
    """The Python signer's expiry comes from its clock alone, ten minutes less a second ahead."""
    signed = sign(signer(PythonSigner, now_ms=lambda: 1_000), "update_margin", MARGIN)
    assert 600_000 == signed.expired_at_ms
    assert 600_000 == json.loads(signed.tx_info)["ExpiredAt"]


def test_python_signs_the_same_bytes_again() -> None:
    """Same key, instant and arguments: same transaction; another nonce: another."""
    made = signer(PythonSigner)
    first, again = (sign(made, "cancel_all", CANCEL_ALL) for _ in range(2))
    assert first == again
    assert first != sign(made, "cancel_all", {**CANCEL_ALL, "nonce": 6})


def test_an_auth_token_verifies(kind: Callable[..., Signer]) -> None:
    """A token names deadline, account and key, verifies, and comes wrapped as a secret."""
    deadline_s = NOW_MS // 1000 + 600
    token = signer(kind).auth_token(deadline_s=deadline_s)
    assert token.reveal().startswith(f"{deadline_s}:1234:7:")
    assert verify_auth_token(token.reveal(), PUBLIC_KEY)
    assert "Secret(****)" == repr(token)


@pytest.mark.parametrize("ahead_s", [0, -5, 8 * 3600 + 1])
def test_an_auth_token_lives_at_most_eight_hours(kind: Callable[..., Signer], ahead_s: int) -> None:
    """A deadline in the past or too far ahead is refused."""
    with pytest.raises(InvalidRequest, match="deadline_s"):
        signer(kind).auth_token(deadline_s=NOW_MS // 1000 + ahead_s)


def test_both_signers_prove_themselves(kind: Callable[..., Signer]) -> None:
    """The self check passes, with nothing to remark on the tested version."""
    assert () == signer(kind).self_check()


def test_the_public_key_is_the_venues(kind: Callable[..., Signer]) -> None:
    """A key the library generated has the public half the library gave it."""
    made = signer(kind, key=VECTORS[0]["private_key"])
    assert VECTORS[0]["public_key"] == made.public_key()


@pytest.mark.parametrize(
    "key", ["0x", "0x12", "zz" * 40, PRIVATE_KEY + "00", "0x" + "00" * 40, "0x" + "ff" * 40]
)
def test_a_malformed_key_is_refused_without_being_repeated(
    kind: Callable[..., Signer], key: str
) -> None:
    """The owner learns what a key looks like, and nothing shows the one given."""
    with pytest.raises(MalformedKey, match="80 hex digits") as raised:
        signer(kind, key=key)
    assert not key[2:] or key[2:] not in str(raised.value)
    assert isinstance(raised.value, ConfigError)


@pytest.mark.parametrize("indices", [{"account_index": 0}, {"api_key_index": 255}])
def test_impossible_indices_are_refused(kind: Callable[..., Signer], indices: Any) -> None:
    """Account 0 cannot sign, and key 255 means all keys."""
    with pytest.raises(InvalidRequest, match="Index"):
        signer(kind, **indices)


def test_neither_key_nor_signature_shows_when_printed(kind: Callable[..., Signer]) -> None:
    """A signer and what it signed may be logged."""
    made = signer(kind)
    signed = sign(made, "update_margin", MARGIN)
    shown = f"{made!r} {signed!r} {made} {signed}"
    assert PRIVATE_KEY[2:20] not in shown
    assert json.loads(signed.tx_info)["Sig"][:12] not in shown


def test_two_keys_of_one_place_do_not_disturb_each_other() -> None:
    """The library keeps one key per account and index; our signers take turns in it."""
    other_private, other_public = generate_key_pair(b"another")
    first, second = signer(LibrarySigner), signer(LibrarySigner, key=other_private, chain_id=300)
    for _ in range(2):
        assert holds(sign(first, "update_margin", MARGIN))
        assert holds(sign(second, "update_margin", MARGIN), other_public, chain_id=300)


def test_signing_from_many_threads_mixes_nothing_up(kind: Callable[..., Signer]) -> None:
    """Each caller gets its own transaction, whichever thread it calls from."""
    made = signer(kind)
    with ThreadPoolExecutor(4) as pool:
        signed = list(
            pool.map(lambda nonce: made.cancel_all(**{**CANCEL_ALL, "nonce": nonce}), range(32))
        )
    assert [*range(32)] == [each.nonce for each in signed]
    assert all(map(holds, signed))


class Swapping:
    """The library's functions, but a modify takes price for size: another version's interface."""

    def __init__(self, functions: Any) -> None:
        """Stand before `functions`."""
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        """Return a function, a swapped one for modify."""
        function = getattr(self._functions, name)
        if name != "SignModifyOrder":
            return function
        return lambda market, index, size, price, *rest: function(market, index, price, size, *rest)


def swapped_library() -> Any:
    """Return the installed library with `Swapping` in front of it."""
    changed: Any = copy.copy(library.load_library())
    changed.functions = Swapping(changed.functions)
    return changed


def test_a_library_that_signs_something_else_is_caught() -> None:
    """What was signed is compared with what was asked for, before anybody can send it."""
    made = signer(LibrarySigner, library=swapped_library())
    with pytest.raises(InvariantBroken, match="MODIFY_ORDER"):
        sign(made, "modify_order", MODIFY)
    with pytest.raises(InvariantBroken, match="MODIFY_ORDER"):
        made.self_check()


class Forging(PythonSigner):
    """A signer whose signatures are another message's."""

    def _signature(self, message: str) -> bytes:
        """Sign the message backwards."""
        return super()._signature(message[::-1])


def test_a_signer_whose_signatures_do_not_hold_fails_its_check() -> None:
    """The proof verifies what was signed."""
    with pytest.raises(SignerUnavailable, match="does not verify"):
        signer(Forging).self_check()


def test_a_refusal_of_the_library_keeps_its_words() -> None:
    """What our checks let through and the library does not is refused, not signed."""
    client = library.ClientSlot(
        library.load_library(),
        lambda: PRIVATE_KEY[2:],
        account_index=1234,
        api_key_index=7,
        chain_id=CHAIN_ID,
    )
    with pytest.raises(InvalidRequest, match="refused: OrderIndex"):
        client.sign(TxType.CANCEL_ORDER, (0, 0), 5)


def test_a_missing_wheel_names_the_command_that_mends_it() -> None:
    """One line says what to install."""
    with pytest.raises(SignerUnavailable, match="pip install lighter-sdk"):
        library.find_package("no_such_package_at_all")


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "lighter-signer-linux-amd64.so"),
        ("Linux", "aarch64", "lighter-signer-linux-arm64.so"),
        ("Darwin", "arm64", "lighter-signer-darwin-arm64.dylib"),
        ("Windows", "AMD64", "lighter-signer-windows-amd64.dll"),
    ],
)
def test_each_platform_has_its_file(system: str, machine: str, name: str) -> None:
    """The wheel names its libraries by system and architecture."""
    assert name == library.library_name(system, machine)


@pytest.mark.parametrize(("system", "machine"), [("Linux", "riscv64"), ("FreeBSD", "amd64")])
def test_a_platform_without_a_library_is_named(system: str, machine: str) -> None:
    """The error says which platform it is."""
    with pytest.raises(SignerUnavailable, match=f"{system} {machine}"):
        library.library_name(system, machine)


def test_a_file_that_is_no_library_does_not_load(tmp_path: Path) -> None:
    """A damaged wheel is one clear line, not a crash."""
    file = tmp_path / "signer.so"
    file.write_text("not a library", "utf-8")
    with pytest.raises(SignerUnavailable, match="does not load"):
        library.SignerLibrary(file)


def test_another_version_is_remarked_on_not_refused() -> None:
    """Closing a position must not depend on a pinned version."""
    assert library.version_remark(library.TESTED_VERSION) is None
    assert "1.2.0" in str(library.version_remark("1.2.0"))


def test_generated_keys_depend_on_their_seed() -> None:
    """The same seed gives the same pair, in the venue's form."""
    assert (PRIVATE_KEY, PUBLIC_KEY) == generate_key_pair(b"signer test")
    assert (PRIVATE_KEY, PUBLIC_KEY) != generate_key_pair(b"signer tess")
    assert [82, 82] == [len(PRIVATE_KEY), len(PUBLIC_KEY)]
